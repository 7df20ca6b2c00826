//! What a window knows of one event.

use bytes::Bytes;
use tokio::{sync::oneshot, time::Instant};

use crate::audit::chain::{Hash, Sealed};

/// Where on the disk an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::audit) struct Place {
    /// The file, by the number that it has in its directory.
    pub(in crate::audit) segment: u64,
    /// From where in it, in bytes.
    pub(in crate::audit) offset: u64,
    /// How many bytes.
    pub(in crate::audit) length: usize,
}

/// An event to be sent, or where to read it.
#[derive(Debug, Clone)]
pub(in crate::audit) enum Outgoing {
    /// It is in memory.
    Ready(Sealed),
    /// It is on the disk only.
    Stored(u64, Hash, Place),
}

/// Whether an event can be sent under its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    /// As far as is known.
    Free,
    /// The stream knows the id; whether what has it is the event is being looked up.
    Taken,
    /// Something else has it.
    Lost,
}

/// An event of the chain, and what has it.
pub(super) struct Slot {
    /// Its place in the chain.
    pub(super) sequence: u64,
    pub(super) subject: String,
    pub(super) hash: Hash,
    /// Somebody else's message may have its id.
    pub(super) id: Id,
    pub(super) body: Option<Bytes>,
    pub(super) place: Option<Place>,
    pub(super) delivered: bool,
    pub(super) safe: Option<oneshot::Sender<()>>,
    pub(super) since: Instant,
    /// A sequence of the stream after which it stands, if it is there; known once it was sent.
    pub(super) floor: Option<u64>,
}

impl Slot {
    /// An event that nothing has yet, and that nobody waits for.
    pub(super) fn new(sequence: u64, subject: String, hash: Hash, since: Instant) -> Self {
        Self {
            sequence,
            subject,
            hash,
            id: Id::Free,
            body: None,
            place: None,
            delivered: false,
            safe: None,
            since,
            floor: None,
        }
    }
}
