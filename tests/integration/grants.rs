//! Grants, with the official clients doing what each is for, against a real server: what it
//! gives works, and what lies beside it and has a subject of its own is stopped.

mod buckets;
mod elsewhere;
mod notes;
mod objects;
mod services;
mod streams;

use async_nats::Client;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{Process, World, client, eventually, soon};

const PY: &str = "grants.py";
const JS: &str = "grants.mjs";

/// What the server's permissions stopped.
const DENIED: &str = "denied";

/// A world, and somebody who may do everything in the account.
struct Hall {
    world: World,
    admin: Client,
}

impl Hall {
    /// With these roles: each a name and the lines of its grants.
    async fn with(roles: &[(&str, &str)]) -> Self {
        Self::in_world(World::builder(), roles).await
    }

    async fn in_world(builder: crate::support::WorldBuilder, roles: &[(&str, &str)]) -> Self {
        let world = builder.map("grants.toml", &map(roles)).start().await;
        let admin = world.as_key("break-glass", "_INBOX").await;
        Self { world, admin }
    }

    /// Calls the JetStream API and returns the answer, which must not be an error.
    async fn api(&self, call: &str, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.admin.request(format!("$JS.API.{call}"), body.into()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert!(answer["error"].is_null(), "{call}: {answer}");
        answer
    }

    async fn stream(&self, name: &str, subject: &str) {
        self.stream_with(name, subject, json!({})).await;
    }

    async fn stream_with(&self, name: &str, subject: &str, more: Value) {
        let mut config = json!({ "name": name, "subjects": [subject], "allow_direct": true, "storage": "memory" });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.api(&format!("STREAM.CREATE.{name}"), config).await;
    }

    /// A bucket as clients create it.
    async fn bucket(&self, name: &str) {
        let config =
            json!({ "allow_rollup_hdrs": true, "max_msgs_per_subject": 5, "deny_delete": true });
        self.stream_with(&format!("KV_{name}"), &format!("$KV.{name}.>"), config).await;
    }

    async fn object_store(&self, name: &str) {
        let subjects = json!({ "subjects": [format!("$O.{name}.C.>"), format!("$O.{name}.M.>")], "allow_rollup_hdrs": true });
        self.stream_with(&format!("OBJ_{name}"), "", subjects).await;
    }

    async fn consumer(&self, stream: &str, name: &str, more: Value) {
        let mut config = json!({ "durable_name": name, "ack_policy": "explicit" });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body = json!({ "stream_name": stream, "config": config });
        self.api(&format!("CONSUMER.DURABLE.CREATE.{stream}.{name}"), body).await;
    }

    /// Hears what arrives on a subject, from now on.
    async fn ear(&self, subject: &str) -> async_nats::Subscriber {
        let ear = self.admin.subscribe(subject.to_owned()).await.unwrap();
        self.admin.flush().await.unwrap();
        ear
    }

    /// Waits until a stream has this many messages.
    async fn comes_to(&self, stream: &str, count: u64) {
        let what = format!("{count} messages in {stream}");
        eventually(&what, || async { (self.messages(stream).await == count).then_some(()) }).await;
    }

    /// Publishes what a stream stores.
    async fn stored(&self, subject: &str, data: &str) {
        let answer = self.admin.request(subject.to_owned(), data.to_owned().into()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert!(answer["error"].is_null(), "{subject}: {answer}");
    }

    async fn messages(&self, stream: &str) -> u64 {
        let info = self.api(&format!("STREAM.INFO.{stream}"), Value::Null).await;
        info["state"]["messages"].as_u64().unwrap()
    }

    /// A client at work, as the holder of the role of this name.
    fn client(&self, file: &str, role: &str, options: &[&str], operations: &[&str]) -> Process {
        let mut command = client(file);
        command.env("NATS_TOKEN", self.world.token(role, &[role]));
        command.args(["--url", self.world.nats.url(), "--inbox", &format!("_INBOX.{role}")]);
        command.args(options).arg("--").args(operations);
        Process::start(command)
    }

    /// How each of these operations ended: its value, `done`, `denied`, or `failed: …`.
    async fn does(&self, file: &str, role: &str, operations: &[&str]) -> Vec<String> {
        self.does_with(file, role, &[], operations).await
    }

    async fn does_with(
        &self,
        file: &str,
        role: &str,
        options: &[&str],
        operations: &[&str],
    ) -> Vec<String> {
        let ending = self.client(file, role, options, operations).ended().await;
        assert!(ending.status.success(), "{file} {role}: {:?}", ending.said);
        ending.events().iter().map(outcome).collect()
    }

    /// As [`Self::does`], for operations with what each must come to, in the words above.
    async fn expect(&self, file: &str, role: &str, expected: &[(&str, &str)]) {
        self.expect_with(file, role, &[], expected).await;
    }

    async fn expect_with(
        &self,
        file: &str,
        role: &str,
        options: &[&str],
        expected: &[(&str, &str)],
    ) {
        let operations: Vec<_> = expected.iter().map(|(operation, _)| *operation).collect();
        let outcomes = self.does_with(file, role, options, &operations).await;
        let outcomes: Vec<_> =
            operations.into_iter().zip(outcomes.iter().map(String::as_str)).collect();
        assert_eq!(outcomes, expected, "{file} as {role}");
    }
}

fn map(roles: &[(&str, &str)]) -> String {
    let mut map = "account = \"APP\"\n".to_owned();
    for (name, grants) in roles {
        map += &format!("[roles.{name}]\ninbox = \"_INBOX.{{subject}}\"\n{grants}\n");
        map = map.replace("[[grant]]", &format!("[[roles.{name}.grant]]"));
    }
    map
}

fn outcome(event: &Value) -> String {
    let text = |key: &str| event[key].as_str().unwrap();
    match (text("outcome"), text("value")) {
        ("done", "") => "done".to_owned(),
        ("done", value) => value.to_owned(),
        (DENIED, _) => DENIED.to_owned(),
        (other, why) => format!("{other}: {why}"),
    }
}

/// What arrives next.
async fn next(ear: &mut async_nats::Subscriber) -> String {
    let message = soon("a message", ear.next()).await.unwrap();
    format!("{} {}", message.subject, String::from_utf8_lossy(&message.payload))
}
