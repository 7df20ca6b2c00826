//! The audit trail: what is recorded (pure), and getting it onto the stream.

pub mod blind;
pub mod chain;
pub mod event;
pub mod privacy;
pub mod reader;
mod sink;

pub use event::Event;
pub use privacy::Privacy;
pub use sink::{Lane, Receipt, Recorder, Sink, ensure_stream};

/// What the subjects of all events begin with.
pub const SUBJECT_PREFIX: &str = "hallpass.audit";
