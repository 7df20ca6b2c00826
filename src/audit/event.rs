//! What an audit event says. Pure.
//!
//! The envelope is CloudEvents 1.0 in its structured JSON form. An event says what was
//! *decided*, or what happened; it never holds a token or a piece of one. Its place in the
//! [chain](super::chain) is added where it is recorded.

use std::fmt;

use jiff::Timestamp;
use nkeys::KeyPair;
use serde::Serialize;

mod alarm;
mod answer;
mod checkpoint;
mod decision;
mod instance;
mod keys;
mod maps;
mod peer;
mod session;

pub use alarm::{AlarmEvent, alarm};
pub use answer::{AnswerEvent, AnswerFate, answer};
pub use checkpoint::{Checkpoint, Gap, checkpoint, gap};
pub use decision::{Attempt, Findings, Latency, Step, decision, dropped};
pub use instance::{Started, started, stopped};
pub use keys::{KeysEvent, KeysSource, keys};
pub use maps::{MapProblem, MapsEvent, MapsOutcome, maps};
pub use session::{SessionEvent, session};

use super::chain::{Chain, Sealed};
use crate::{names::InstanceId, policy::PolicySet};

/// What the data of events is written by; a change that a reader could stumble over has another
/// number.
pub const SCHEMA: &str = "urn:hallpass:audit:1";

/// What most events take, in bytes.
const USUAL_SIZE: usize = 4096;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A login was decided.
    Decision,
    /// A message was no request to us.
    Request,
    /// The subject maps changed, or a change was rejected.
    Maps,
    /// An issuer's keys changed.
    Keys,
    /// A connection came up or ended, as the server tells it.
    Session,
    /// What became of an answer, as the server tells it.
    Answer,
    /// A user logged in whose login is worth an alarm.
    Alarm,
    /// An instance started or stopped.
    Instance,
    /// An instance vouches for its chain.
    Checkpoint,
    /// Events that were not recorded one by one.
    Gap,
}

impl Kind {
    /// The word in subjects; `type` has `hallpass.` before it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Request => "request",
            Self::Maps => "maps",
            Self::Keys => "keys",
            Self::Session => "session",
            Self::Answer => "answer",
            Self::Alarm => "alarm",
            Self::Instance => "instance",
            Self::Checkpoint => "checkpoint",
            Self::Gap => "gap",
        }
    }
}

/// An event that has no place in a chain yet.
#[derive(Clone)]
pub struct Event {
    kind: Kind,
    topic: String,
    /// A JSON object.
    text: String,
}

impl fmt::Debug for Event {
    /// Not what it says: claims are in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("topic", &self.topic).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Members<'a, D> {
    #[serde(rename = "type")]
    kind: String,
    time: Timestamp,
    subject: &'a str,
    dataschema: &'static str,
    datacontenttype: &'static str,
    data: &'a D,
}

impl Event {
    /// An event. `outcome` is one word; `account` is for filtering, where the event has one;
    /// `subject` is the CloudEvents attribute: the id of what it is about.
    ///
    /// # Errors
    /// Where the data cannot be written as JSON, which no known value causes.
    pub fn new(
        kind: Kind,
        outcome: &str,
        account: Option<&str>,
        subject: &str,
        time: Timestamp,
        data: &impl Serialize,
    ) -> Result<Self, serde_json::Error> {
        let mut text = Vec::with_capacity(USUAL_SIZE);
        let members = Members {
            kind: format!("hallpass.{}", kind.word()),
            time,
            subject,
            dataschema: SCHEMA,
            datacontenttype: "application/json",
            data,
        };
        serde_json::to_writer(&mut text, &members)?;
        let account = subject_token(account.unwrap_or("_"));
        Ok(Self {
            kind,
            topic: format!("{}.{account}.{outcome}", kind.word()),
            text: String::from_utf8(text).map_err(serde::ser::Error::custom)?,
        })
    }

    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// `<type>.<account>.<outcome>`, the part of its subject that says what it is.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// About how many bytes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len()
    }

    /// Gives it the next place in a chain. With a `signer`, it is signed.
    ///
    /// # Errors
    /// Where the signer has no seed; the chain is as it was then.
    pub fn seal(
        &self,
        chain: &mut Chain,
        signer: Option<&KeyPair>,
    ) -> Result<Sealed, nkeys::error::Error> {
        // The members without the braces: the chain's go around them.
        let members = self.text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        chain.seal(&self.topic, members.unwrap_or_default(), signer)
    }

    /// The whole event as JSON, without a chain: for tests of what events say.
    #[cfg(test)]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// Who records, and by which version of the maps.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Recorded<'a> {
    version: &'static str,
    instance: InstanceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    maps: Option<&'a str>,
}

impl<'a> Recorded<'a> {
    /// This hallpass, the instance that it is, and the maps that decided; where nothing was
    /// decided, those that are in force.
    #[must_use]
    pub fn new(instance: InstanceId, maps: &'a PolicySet) -> Self {
        Self { maps: Some(maps.digest()), ..Self::itself(instance) }
    }

    /// This hallpass, for what has nothing to do with maps.
    #[must_use]
    pub fn itself(instance: InstanceId) -> Self {
        Self { version: env!("CARGO_PKG_VERSION"), instance, maps: None }
    }
}

/// A name as one subject token: what is not legal there becomes `_`. For filtering only; the
/// event holds the name itself.
#[must_use]
pub fn subject_token(name: &str) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    name.chars().map(|c| if legal(c) { c } else { '_' }).collect()
}
