//! Where the readings come from.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{Client, connection::State};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::judge::{Health, Promise, Readings};
use crate::{
    audit::OnItsWay,
    config::{AuditMode, IntrospectedTokens, Settings, WhenFull},
    idp::{IssuerKeys, KeysState, KeysStatus},
    measures::Measures,
    nats::Notes,
};

/// An acknowledgement that is no older tells how JetStream is; else its leader is asked.
pub(super) const FRESH: Duration = Duration::from_secs(1);
/// By then the leader was asked, and an answer is due.
const ANSWERED: Duration = Duration::from_millis(2500);

/// Tells how the delivery of audit events stands.
pub type Meter = Box<dyn Fn() -> OnItsWay + Send + Sync>;

/// Tells which servers are reached.
pub type Sight = Box<dyn Fn() -> Servers + Send + Sync>;

/// nats-servers by name, as an instance sees them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Servers {
    /// Those that it reaches.
    pub reached: Vec<String>,
    /// Those that it reached and lost; told where it looks for each server, see [`Vitals::sees`].
    pub missed: Vec<String>,
}

/// Everything that tells how this instance does, as far as its start has come.
pub struct Vitals {
    /// What is measured.
    pub measures: Arc<Measures>,
    /// What the server says on the connection that logins come by.
    pub notes: Arc<Notes>,
    /// The connection that logins come by.
    client: OnceLock<Client>,
    trail: OnceLock<Meter>,
    sight: OnceLock<Sight>,
    issuers: OnceLock<Vec<Arc<IssuerKeys>>>,
    serving: AtomicBool,
    stop: CancellationToken,
    promise: Promise,
    deadline: Duration,
    /// Whether somebody could be let in without the keys of any issuer.
    needs_no_keys: bool,
}

impl fmt::Debug for Vitals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vitals").field("health", &self.health()).finish_non_exhaustive()
    }
}

impl Vitals {
    /// Of an instance that begins to start, and stops when `stop` says so.
    #[must_use]
    pub fn new(settings: &Settings, stop: CancellationToken) -> Arc<Self> {
        let (callout, audit) = (&settings.callout, &settings.audit);
        let is_asked = settings.issuers.iter().any(|issuer| {
            let tokens = issuer.introspection.as_ref().map(|it| it.tokens);
            tokens == Some(IntrospectedTokens::Opaque)
        });
        Arc::new(Self {
            measures: Measures::new(callout.deadline, callout.max_in_flight),
            notes: Arc::default(),
            client: OnceLock::new(),
            trail: OnceLock::new(),
            sight: OnceLock::new(),
            issuers: OnceLock::new(),
            serving: AtomicBool::new(false),
            stop,
            promise: match &audit.mode {
                AuditMode::Strict { .. } => Promise::OnTheStream,
                AuditMode::Spool { when_full: WhenFull::Refuse, .. } => Promise::OnTheDisk,
                AuditMode::Spool { when_full: WhenFull::GoOn, .. } => Promise::None,
            },
            deadline: callout.deadline,
            needs_no_keys: is_asked || !settings.certificate_issuers.is_empty(),
        })
    }

    // What a start has, it has once: a second one would change nothing.

    /// There is a connection.
    pub fn connected(&self, client: &Client) {
        let _ = self.client.set(client.clone());
    }

    /// There is an audit trail.
    pub fn records(&self, meter: Meter) {
        let _ = self.trail.set(meter);
    }

    /// Each server of the configuration is looked for.
    pub fn sees(&self, sight: Sight) {
        let _ = self.sight.set(sight);
    }

    /// There are issuers, whose keys may not be there yet.
    pub fn believes(&self, issuers: &[Arc<IssuerKeys>]) {
        let _ = self.issuers.set(issuers.to_vec());
    }

    /// Logins are answered from now on.
    pub fn serves(&self) {
        self.serving.store(true, Ordering::Relaxed);
    }

    /// The name of the server that the connection is with, while there is one.
    #[must_use]
    pub fn server(&self) -> Option<String> {
        let client = self.client.get().filter(|_| self.is_connected())?;
        Some(client.server_info().server_name)
    }

    /// The servers that are reached, and those that were lost; where nobody looks for each of them,
    /// the one that the connection is with.
    #[must_use]
    pub fn servers(&self) -> Servers {
        match self.sight.get() {
            Some(sight) => sight(),
            None => Servers { reached: self.server().into_iter().collect(), missed: Vec::new() },
        }
    }

    /// Whether there is a connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        let state = self.client.get().map(Client::connection_state);
        state == Some(State::Connected)
    }

    /// How the delivery of audit events stands; nothing is on its way before there is a trail.
    #[must_use]
    pub fn trail(&self) -> OnItsWay {
        self.trail.get().map(|meter| meter()).unwrap_or_default()
    }

    /// How it stands with the keys of each issuer.
    #[must_use]
    pub fn keys(&self) -> Vec<KeysStatus> {
        self.issuers.get().into_iter().flatten().map(|keys| keys.status()).collect()
    }

    /// How this instance does.
    #[must_use]
    pub fn health(&self) -> Health {
        self.readings().judge()
    }

    fn readings(&self) -> Readings {
        let (measures, trail) = (&self.measures, self.trail());
        let believed =
            |status: &KeysStatus| matches!(status.state, KeysState::Fresh | KeysState::Failing);
        let newest = trail.acknowledged;
        let asked = match newest {
            Some(newest) if newest.ago <= ANSWERED => Some(newest.took),
            _ => measures.jetstream.took(),
        };
        let waiting = Some(trail.own_oldest).filter(|waiting| !waiting.is_zero());
        let heard = [newest.map(|it| it.ago), measures.jetstream.answered()];
        Readings {
            serving: self.serving.load(Ordering::Relaxed),
            stopping: self.stop.is_cancelled(),
            connected: self.is_connected(),
            denied: self.notes.denied.load(Ordering::Relaxed),
            round_trip: measures.nats.took(),
            any_keys: self.needs_no_keys || self.keys().iter().any(believed),
            promise: self.promise,
            jetstream: asked.max(waiting),
            jetstream_silent: heard.into_iter().flatten().min(),
            unsafe_for: trail.unsafe_for,
            deadline: self.deadline,
            time_to_decide: measures.time_to_decide(),
            lag: measures.lag(),
        }
    }
}
