//! The events by which an instance vouches for its chain, and for what is not in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Event, Kind, Recorded};
use crate::{audit::chain::Head, names::InstanceId};

/// What an instance signs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The public nkey that signs.
    pub key: String,
    /// How far the instance's own chain went before this event.
    pub head: Head,
    /// How many of the events since the last checkpoint are no checkpoints.
    pub new: u64,
    /// The last that was heard of other instances' chains: their checkpoints.
    pub others: Vec<Head>,
    /// Whether it is the last event of the chain: the instance stops.
    #[serde(rename = "final", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
}

/// Writes the event of a checkpoint, to be signed as it is sealed.
///
/// # Errors
/// Where it cannot be written as JSON, which no known value causes.
pub fn checkpoint(checkpoint: &Checkpoint, at: Timestamp) -> Result<Event, serde_json::Error> {
    #[derive(Serialize)]
    struct Data<'a> {
        outcome: &'static str,
        #[serde(flatten)]
        checkpoint: &'a Checkpoint,
        hallpass: Recorded<'a>,
    }
    let instance = checkpoint.head.instance;
    let hallpass = Recorded::itself(instance);
    let data = Data { outcome: "signed", checkpoint, hallpass };
    Event::new(Kind::Checkpoint, "signed", None, &instance.to_string(), at, &data)
}

/// Events that there was no room for, or that the stream does not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When the first of them happened.
    pub since: Timestamp,
    /// When the last.
    pub until: Timestamp,
    /// Logins that were granted all the same (`when_full = "go-on"`).
    pub granted: u64,
    /// Logins that were refused, for whatever reason.
    pub refused: u64,
    /// Events of other types.
    pub other: u64,
    /// Events that have their place in a chain, and that the stream never takes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub parked: u64,
    /// The ids of the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parked_ids: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Gap {
    /// A gap that begins, in which nothing is yet.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            until: now,
            granted: 0,
            refused: 0,
            other: 0,
            parked: 0,
            parked_ids: Vec::new(),
        }
    }
}

/// Writes the event of a gap.
///
/// # Errors
/// Where it cannot be written as JSON, which no known value causes.
pub fn gap(gap: &Gap, instance: InstanceId) -> Result<Event, serde_json::Error> {
    #[derive(Serialize)]
    struct Data<'a> {
        outcome: &'static str,
        #[serde(flatten)]
        gap: &'a Gap,
        hallpass: Recorded<'a>,
    }
    let data = Data { outcome: "recorded", gap, hallpass: Recorded::itself(instance) };
    Event::new(Kind::Gap, "recorded", None, &instance.to_string(), gap.until, &data)
}
