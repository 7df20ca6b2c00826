//! What HAProxy's `agent-check` connects to, where `[agent]` says so: one line comes, the name of
//! a server, and one line goes back, see [`weight`](super::weight).
//!
//! Whoever reaches the address is answered, without authentication: names of servers that they
//! know already, and how those do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{paths::Ways, weight::Answer};
use crate::{
    config::{AgentSettings, NatsSettings},
    health::Vitals,
    http::ListenError,
    names::InstanceId,
    printable,
};

/// How long the line may take. HAProxy sends it with its first packet, or none at all.
const LINE: Duration = Duration::from_millis(300);
/// How long whoever asks may take to read the answer.
const READING: Duration = Duration::from_secs(1);
/// The longest line, in bytes.
const LONGEST: usize = 256;
/// How many may ask at once; more are not answered, which is no news to them.
const MOST: usize = 64;
/// The pause after a connection that could not be taken.
const PAUSE: Duration = Duration::from_millis(100);
/// The seconds between two complaints in the log.
const QUIET: i64 = 60;

/// Answers what `agent-check` asks.
#[derive(Debug)]
pub struct Agent {
    ways: Arc<Ways>,
    vitals: Arc<Vitals>,
    /// When the log was last told of a name that is nobody's, in seconds since 1970.
    complained: AtomicI64,
}

/// Takes the address.
///
/// # Errors
/// Where the address is not this machine's, or is taken, or may not be had.
pub async fn listen(settings: AgentSettings) -> Result<TcpListener, ListenError> {
    let address = settings.listen;
    let failed = |error| ListenError { setting: "agent.listen", address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, "HAProxy's agent-check is answered");
    Ok(listener)
}

impl Agent {
    /// An agent for the servers of `nats.urls`, which it watches until `stop`.
    #[must_use]
    pub fn start(
        nats: &NatsSettings,
        instance: InstanceId,
        vitals: Arc<Vitals>,
        stop: &CancellationToken,
    ) -> Self {
        let ways = Ways::new(&nats.urls, instance, Arc::clone(&vitals.notes));
        tokio::spawn(Arc::clone(&ways).watch(nats.clone(), stop.clone()));
        let seen = Arc::clone(&ways);
        vitals.sees(Box::new(move || seen.servers()));
        Self { ways, vitals, complained: AtomicI64::new(i64::MIN) }
    }

    /// Answers until `stop`. Who asks afterwards finds the port closed, which HAProxy takes as no
    /// news.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let agent = Arc::new(self);
        let (room, answering) = (Arc::new(Semaphore::new(MOST)), TaskTracker::new());
        loop {
            let stream = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // No file descriptors are left, for one.
                        tracing::debug!(%error, "a connection could not be taken");
                        sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
            let agent = Arc::clone(&agent);
            answering.spawn(async move {
                let _ = timeout(LINE + READING, agent.converse(stream)).await;
                drop(permit);
            });
        }
    }

    async fn converse(&self, mut stream: TcpStream) {
        let Some(line) = read_line(&mut stream).await else { return };
        let answer = self.answer(&line).to_string();
        // Nothing at all is an answer too: HAProxy leaves everything as it is.
        if stream.write_all(answer.as_bytes()).await.is_ok() {
            let _ = stream.shutdown().await;
        }
    }

    /// What is told of the server that a line names.
    fn answer(&self, line: &str) -> Answer {
        if line.is_empty() {
            return self.own();
        }
        let named = self.ways.iter().filter(|way| way.server().as_deref() == Some(line));
        // Two URLs may lead to one server.
        if let Some(answer) =
            named.map(|way| self.ways.path(way, Some(line)).answer()).max_by_key(rank)
        {
            return answer;
        }
        let unreached = self.ways.iter().find(|way| way.server().is_none());
        // It may be the one that is named.
        if let Some(way) = unreached {
            return self.ways.path(way, Some(line)).answer();
        }
        self.complain(line);
        // Another instance may know the name, whose configuration is a newer one.
        Answer::NoNews
    }

    /// What is told where no server is named: of the one that hallpass itself works over.
    fn own(&self) -> Answer {
        let own = self.vitals.server();
        let mut ways = self.ways.iter();
        let way = match (ways.next(), ways.next()) {
            (Some(only), None) => Some(only),
            _ => self.ways.iter().find(|way| own.is_some() && way.server() == own),
        };
        // Without a connection, or over a server that others named, hallpass knows of nobody who
        // could log in.
        way.map_or(Answer::Drain, |way| self.ways.path(way, own.as_deref()).answer())
    }

    fn complain(&self, name: &str) {
        let now = Timestamp::now().as_second();
        let last = self.complained.load(Ordering::Relaxed);
        if last.saturating_add(QUIET) > now {
            return;
        }
        self.complained.store(now, Ordering::Relaxed);
        let known: Vec<_> = self.ways.iter().filter_map(|way| way.server()).collect();
        let name = printable::shortened(name, LONGEST);
        tracing::warn!(name, ?known, "`agent-send` names no server of `nats.urls`");
    }
}

/// The best answer is the greatest.
fn rank(answer: &Answer) -> u8 {
    match answer {
        Answer::Down(_) => 0,
        Answer::Drain => 1,
        Answer::NoNews => 2,
        Answer::Ready(percent) => percent.saturating_add(2),
    }
}

/// What stands before the first line break, or before a pause; nothing where it is too long or no
/// text.
async fn read_line(stream: &mut TcpStream) -> Option<String> {
    let mut line = Vec::with_capacity(LONGEST);
    let reading = async {
        let mut piece = [0; LONGEST];
        while line.len() <= LONGEST && !line.contains(&b'\n') {
            match stream.read(&mut piece).await {
                Ok(length @ 1..) => line.extend(piece.iter().take(length)),
                _ => return,
            }
        }
    };
    let _ = timeout(LINE, reading).await;
    let line = line.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    if line.len() > LONGEST {
        return None;
    }
    Some(std::str::from_utf8(line).ok()?.trim().to_owned())
}
