//! What hallpass hears of and records without having decided it: what servers tell of
//! connections and of its answers, and changes of the issuers' keys.
//!
//! Each replica records the keys that it has. What a server tells is recorded once: all replicas
//! subscribe as one queue group, so the server hands each message to one of them.

mod glass;
mod keys;
mod server;

use std::sync::Arc;

use jiff::Timestamp;

pub use glass::Glass;
pub use server::{System, answers, sessions};

use crate::{
    audit::{
        Class, Event, Privacy, Recorder,
        event::{self, AlarmEvent, AnswerEvent, KeysEvent, Recorded, SessionEvent},
    },
    names::InstanceId,
    policy::InForce,
};

/// Where all of it goes.
#[derive(Clone)]
pub struct Witness {
    recorder: Arc<dyn Recorder>,
    in_force: Arc<InForce>,
    privacy: Arc<Privacy>,
    instance: InstanceId,
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Witness").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl Witness {
    /// A witness that has events recorded in the name of this instance.
    #[must_use]
    pub fn new(
        recorder: Arc<dyn Recorder>,
        in_force: Arc<InForce>,
        privacy: Arc<Privacy>,
        instance: InstanceId,
    ) -> Self {
        Self { recorder, in_force, privacy, instance }
    }

    fn keys(&self, event: KeysEvent<'_>) {
        self.record(Class::Own, |recorded| event::keys(event, recorded));
    }

    fn answer(&self, event: AnswerEvent<'_>) {
        self.record(Class::Other, |recorded| event::answer(event, recorded, &self.privacy));
    }

    fn session(&self, event: SessionEvent<'_>) {
        self.record(Class::Other, |recorded| event::session(event, recorded, &self.privacy));
    }

    /// Whoever raises one has the key of a user that only operators have, so there is room for it.
    fn alarm(&self, event: AlarmEvent<'_>) {
        self.record(Class::Own, |recorded| event::alarm(event, recorded, &self.privacy));
    }

    /// Nobody waits for these events: what they tell of has happened.
    fn record(
        &self,
        class: Class,
        write: impl FnOnce(Recorded<'_>) -> Result<Event, serde_json::Error>,
    ) {
        let policy = self.in_force.snapshot();
        match write(Recorded::new(self.instance, &policy)) {
            Ok(event) => {
                let _ = self.recorder.record(event, class);
            }
            Err(error) => tracing::error!(%error, "an audit event could not be written"),
        }
    }
}

/// The time of an event that is heard of now.
fn now() -> Timestamp {
    Timestamp::now()
}
