//! The ways into NATS: each server of `nats.urls`, over a connection of its own that goes nowhere
//! else, asked once a second how far it is and which replicas of hallpass answer through it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use async_nats::{Client, Subscriber, connection::State};
use futures_util::StreamExt as _;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::weight::{Answer, Elsewhere, IN_VAIN, LOST, Path, Reach};
use crate::{
    config::NatsSettings,
    health::{Servers, round_trip},
    measures::Probe,
    names::InstanceId,
    nats::{Connection, Notes, STATUS_SUBJECT},
    status::{HEALTH, InstanceHealth},
};

/// Between two questions.
const EVERY: Duration = Duration::from_secs(1);
/// Between two attempts to connect for the first time.
const PAUSE: Duration = Duration::from_millis(500);
/// For so long after the start nothing is known of a server that was not reached.
const PATIENCE: Duration = Duration::from_secs(3);
/// A replica that left so many questions unanswered is gone. Counted in questions, not in time: who
/// was asleep has missed nothing.
const UNANSWERED: u64 = 3;
/// How many replicas are remembered; more than anybody runs.
const MOST: usize = 256;

/// All ways into NATS.
#[derive(Debug)]
pub struct Ways {
    ways: Vec<Way>,
    /// This instance, which hears itself as well.
    instance: String,
    /// Of the connection by which it is asked.
    own: Arc<Notes>,
}

impl Ways {
    /// Ways that nothing is known of. It is found out once [`Self::watch`] runs. `own` has what the
    /// server says on the connection by which this instance itself is asked.
    #[must_use]
    pub fn new(urls: &[String], instance: InstanceId, own: Arc<Notes>) -> Arc<Self> {
        let ways = urls.iter().map(|url| Way::new(url)).collect();
        Arc::new(Self { ways, instance: instance.to_string(), own })
    }

    /// Finds out how they are, until `stop`.
    pub async fn watch(self: Arc<Self>, settings: NatsSettings, stop: CancellationToken) {
        let watching = self.ways.iter().map(|way| way.watch(&self, &settings, &stop));
        futures_util::future::join_all(watching).await;
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Way> {
        self.ways.iter()
    }

    /// The servers that are reached, and those that were lost.
    #[must_use]
    pub fn servers(&self) -> Servers {
        let names = |fits: fn(&Way) -> bool| {
            let names: BTreeSet<_> =
                self.iter().filter(|way| fits(way)).filter_map(Way::server).collect();
            names.into_iter().collect()
        };
        Servers { reached: names(Way::is_there), missed: names(Way::is_lost) }
    }

    /// What is known of one of them, which leads to the server of this name.
    #[must_use]
    pub fn path(&self, way: &Way, server: Option<&str>) -> Path {
        let path = way.path();
        // Nobody can be heard who is not allowed to answer.
        if self.own.unheard.load(Ordering::Relaxed) {
            return Path { reach: Reach::Unknown, ..path };
        }
        let mut elsewhere = Elsewhere::default();
        let others = self.iter().filter(|other| !std::ptr::eq(*other, way) && other.is_there());
        for told in others.filter_map(|other| Some(other.told_of(server?, &self.instance))) {
            elsewhere.best = elsewhere.best.max(told.best);
            elsewhere.missed |= told.missed;
        }
        Path { elsewhere, ..path }
    }
}

/// One way into NATS.
#[derive(Debug)]
pub struct Way {
    url: String,
    begun: Instant,
    probe: Probe,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The name that the server has in its configuration.
    server: Option<String>,
    /// Since when there is no connection; nothing where there is one or never was one.
    lost: Option<Instant>,
    in_vain: u32,
    /// Whether the newest question to the server had an answer.
    answered: bool,
    /// Whether the server does not let this instance hear the others.
    denied: bool,
    /// Whether it said that it is about to stop.
    leaving: bool,
    /// What HAProxy would be told; the log has heard of it.
    told: Option<Answer>,
    /// How often the replicas were asked.
    asked: u64,
    /// How each of them does, and after which question it said so.
    heard: BTreeMap<String, (u64, InstanceHealth)>,
}

impl Way {
    fn new(url: &str) -> Self {
        let known = Mutex::new(Known::default());
        Self { url: url.to_owned(), begun: Instant::now(), probe: Probe::default(), known }
    }

    /// The name of its server, once that was reached.
    #[must_use]
    pub fn server(&self) -> Option<String> {
        self.known().server.clone()
    }

    /// Whether its server answers.
    fn is_there(&self) -> bool {
        let known = self.known();
        known.server.is_some() && known.lost.is_none() && known.in_vain < IN_VAIN
    }

    /// Whether its server was there, and is not any more.
    fn is_lost(&self) -> bool {
        let known = self.known();
        let is_lost = known.lost.is_some_and(|since| since.elapsed() >= LOST);
        known.server.is_some() && (is_lost || known.in_vain >= IN_VAIN)
    }

    /// What those say of a server who are heard by this way and ready, but for one of them.
    fn told_of(&self, server: &str, but: &str) -> Elsewhere {
        let known = self.known();
        let mut told = Elsewhere::default();
        let others = known.heard.iter().filter(|(instance, _)| *instance != but);
        for (_, (_, InstanceHealth { health, servers, .. })) in others {
            let has = |names: &[String]| health.ready && names.iter().any(|name| name == server);
            told.best = told.best.max(has(&servers.reached).then_some(health.percent));
            told.missed |= has(&servers.missed);
        }
        told
    }

    /// What is known of it by itself.
    fn path(&self) -> Path {
        let known = self.known();
        let reach = match (&known.server, known.lost) {
            _ if known.denied => Reach::Unknown,
            (None, _) if self.begun.elapsed() < PATIENCE => Reach::Unknown,
            (None, _) => Reach::Lost(self.begun.elapsed()),
            (Some(_), Some(since)) => Reach::Lost(since.elapsed()),
            (Some(_), None) => Reach::There { in_vain: known.in_vain },
        };
        let answering = known.heard.values().filter(|(at, _)| at + UNANSWERED > known.asked);
        Path {
            reach,
            round_trip: self.probe.took(),
            replicas: answering.map(|(_, told)| told.health.clone()).collect(),
            elsewhere: Elsewhere::default(),
            leaving: known.leaving,
            // What comes back shows that answers do.
            settled: known.asked > 1 && known.answered,
        }
    }

    async fn watch(&self, ways: &Ways, settings: &NatsSettings, stop: &CancellationToken) {
        let notes = Arc::new(Notes::default());
        let connection = Connection {
            notes: Some(&notes),
            urls: std::slice::from_ref(&self.url),
            ..Connection::status("hallpass-path", settings)
        };
        let watching = async {
            let client = loop {
                match connection.connect_alone(stop).await {
                    Ok(client) => break client,
                    Err(error) => tracing::debug!(%error, url = self.url, "not yet"),
                }
                sleep(PAUSE).await;
            };
            let inbox = client.new_inbox();
            let answers = match client.subscribe(inbox.clone()).await {
                Ok(answers) => answers,
                Err(error) => {
                    tracing::error!(%error, url = self.url, "a server is not watched");
                    return;
                }
            };
            tokio::join!(
                self.ask(ways, &client, &inbox, &notes),
                self.hear(answers),
                self.notice(&client)
            );
        };
        tokio::select! {
            () = watching => {}
            () = stop.cancelled() => {}
        }
    }

    /// Asks the replicas and the server, again and again.
    async fn ask(&self, ways: &Ways, client: &Client, inbox: &str, notes: &Notes) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.tell(ways);
            if client.connection_state() != State::Connected {
                continue;
            }
            let name = client.server_info().server_name;
            {
                let mut known = self.known();
                known.server = Some(name);
                known.leaving = notes.leaving.load(Ordering::Relaxed);
                known.denied = notes.unheard.load(Ordering::Relaxed);
                known.asked += 1;
                let asked = known.asked;
                known.heard.retain(|_, (at, _)| *at + UNANSWERED > asked);
            }
            let question = HEALTH.into();
            if client.publish_with_reply(STATUS_SUBJECT, inbox.to_owned(), question).await.is_err()
            {
                continue;
            }
            let is_there = round_trip(client, &self.probe).await;
            let mut known = self.known();
            known.answered = is_there;
            known.in_vain = if is_there { 0 } else { known.in_vain.saturating_add(1) };
        }
    }

    /// Tells the log where another word is due, though not each percentage.
    fn tell(&self, ways: &Ways) {
        let server = self.server();
        let answer = ways.path(self, server.as_deref()).answer();
        let kind = |answer: Answer| std::mem::discriminant(&answer);
        {
            let told = &mut self.known().told;
            if answer == Answer::NoNews || told.map(kind) == Some(kind(answer)) {
                return;
            }
            *told = Some(answer);
        }
        let server = server.unwrap_or_else(|| self.url.clone());
        let text = answer.to_string();
        let text = text.trim_end();
        if matches!(answer, Answer::Ready(_)) {
            tracing::info!(server, answer = text, "what HAProxy hears of a server");
        } else {
            tracing::warn!(server, answer = text, "what HAProxy hears of a server");
        }
    }

    /// Takes note of what replicas answer.
    async fn hear(&self, mut answers: Subscriber) {
        while let Some(answer) = answers.next().await {
            // That nobody is there to answer, for one.
            let Ok(told) = serde_json::from_slice::<InstanceHealth>(&answer.payload) else {
                continue;
            };
            let mut known = self.known();
            let asked = known.asked;
            if known.heard.len() < MOST || known.heard.contains_key(&told.instance) {
                known.heard.insert(told.instance.clone(), (asked, told));
            }
        }
    }

    /// Takes note of when the connection is lost, and when it is back.
    async fn notice(&self, client: &Client) {
        loop {
            let is_lost = client.connection_state() != State::Connected;
            {
                let mut known = self.known();
                if !is_lost {
                    known.lost = None;
                } else if known.lost.is_none() {
                    known.lost = Some(Instant::now());
                    known.in_vain = 0;
                }
            }
            sleep(PAUSE / 5).await;
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
