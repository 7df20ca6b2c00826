//! Clients that stay: each connects once, and says what happens to it.

use std::sync::{Arc, Mutex};

use async_nats::{Client, ConnectOptions, Event};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{Process, World, client, eventually};

/// What they listen to.
pub(super) const SUBJECT: &str = "orders.acme.>";

/// Which client, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// async-nats, without a word: it never gives up.
    Rust,
    /// nats-py without a word, and with all that keeps it from giving up.
    Python { keeps_trying: bool },
    /// The npm client, likewise.
    Node { keeps_trying: bool },
}

/// With what `docs/when-parts-fail.md` says to set.
pub(super) const AS_ADVISED: [Kind; 3] =
    [Kind::Rust, Kind::Python { keeps_trying: true }, Kind::Node { keeps_trying: true }];

enum Running {
    Client { _client: Client, said: Arc<Mutex<Vec<Value>>> },
    Process(Process),
}

/// A client that stays.
pub(super) struct Staying {
    pub(super) kind: Kind,
    running: Running,
}

impl Staying {
    /// Connects with a token.
    pub(super) async fn start(kind: Kind, url: &str, token: &str) -> Self {
        let running = match kind {
            Kind::Rust => in_rust(url, token).await,
            Kind::Python { keeps_trying } => process("staying.py", url, token, keeps_trying).await,
            Kind::Node { keeps_trying } => process("staying.mjs", url, token, keeps_trying).await,
        };
        Self { kind, running }
    }

    /// What it has said so far.
    pub(super) fn said(&self) -> Vec<Value> {
        match &self.running {
            Running::Client { said, .. } => said.lock().unwrap().clone(),
            Running::Process(process) => {
                process.said().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
            }
        }
    }

    /// How often this happened to it.
    pub(super) fn count(&self, event: &str) -> usize {
        self.said().iter().filter(|it| it["event"] == event).count()
    }

    /// Waits until this has happened to it so often.
    pub(super) async fn says(&self, event: &str, times: usize) {
        let what = format!("{:?} says `{event}` {times} times", self.kind);
        eventually(&what, || async { (self.count(event) >= times).then_some(()) }).await;
    }

    /// Errors that say why the server did not let it in.
    pub(super) fn refusals(&self) -> usize {
        let is_refusal = |it: &&Value| {
            let text = it["error"].as_str().unwrap_or_default().to_lowercase();
            text.contains("authorization violation")
        };
        self.said().iter().filter(is_refusal).count()
    }

    /// Waits until a message that somebody publishes gets to it.
    pub(super) async fn is_reached(&self, world: &World) {
        let everything = world.as_key("break-glass", "_INBOX").await;
        let text = format!("{}", fastrand::u64(..));
        eventually(&format!("a message to {:?}: {:?}", self.kind, self.said().last()), || async {
            everything.publish("orders.acme.created", text.clone().into()).await.unwrap();
            everything.flush().await.unwrap();
            let has_come = self.said().iter().any(|it| it["data"] == text.as_str());
            has_come.then_some(())
        })
        .await;
    }
}

async fn process(file: &str, url: &str, token: &str, keeps_trying: bool) -> Running {
    let mut command = client(file);
    command.env("NATS_TOKEN", token).args(["--url", url, "--subscribe", SUBJECT]);
    if keeps_trying {
        command.arg("--keep-trying");
    }
    let process = Process::start(command);
    process.says("that it is connected", |line| line.contains("\"connected\"")).await;
    Running::Process(process)
}

async fn in_rust(url: &str, token: &str) -> Running {
    let said = Arc::new(Mutex::new(vec![json!({ "event": "connected" })]));
    let tell = Arc::clone(&said);
    let client = ConnectOptions::with_token(token.to_owned())
        .event_callback(move |event| {
            let told = match &event {
                Event::Connected => json!({ "event": "reconnected" }),
                Event::Disconnected => json!({ "event": "disconnected" }),
                Event::Closed => json!({ "event": "closed" }),
                other => json!({ "event": "error", "error": other.to_string() }),
            };
            tell.lock().unwrap().push(told);
            std::future::ready(())
        })
        .connect(url)
        .await
        .unwrap();
    let mut heard = client.subscribe(SUBJECT).await.unwrap();
    client.flush().await.unwrap();
    // The first is none of them.
    said.lock().unwrap().retain(|it| it["event"] != "reconnected");
    let tell = Arc::clone(&said);
    tokio::spawn(async move {
        while let Some(message) = heard.next().await {
            let data = String::from_utf8_lossy(&message.payload).into_owned();
            tell.lock().unwrap().push(json!({ "event": "message", "data": data }));
        }
    });
    Running::Client { _client: client, said }
}
