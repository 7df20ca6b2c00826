//! The audit trail: what is recorded (pure), and getting it onto the stream.

pub mod blind;
pub mod chain;
mod delivery;
pub mod event;
mod floor;
mod heads;
mod ledger;
mod meter;
mod parked;
pub mod privacy;
pub mod reader;
mod recorder;
pub mod replay;
mod shared;
mod sink;
mod spool;
pub mod story;
mod stream;
mod trail;
pub mod verify;
mod window;

pub use event::Event;
pub use meter::{Acknowledged, OnItsWay};
pub use privacy::Privacy;
pub use recorder::{Class, Receipt, Recorder};
pub use sink::{Sink, Undelivered};
pub use spool::{SpoolError, leaves_nothing, try_out};
pub use stream::AlarmsTold;
pub use trail::Trail;

/// What the subjects of all events begin with.
pub const SUBJECT_PREFIX: &str = "hallpass.audit";
