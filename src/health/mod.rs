//! How well this instance does its work: whether it is ready, why not, and how much of its usual
//! share of the logins it should have.
//!
//! What is measured is judged in one place (pure): who asks over HTTP, who asks over NATS and the
//! agent for HAProxy hear the same.

pub mod judge;
mod probes;
mod vitals;

pub use judge::{Health, Reason};
pub use probes::{round_trip, watch_event_loop, watch_jetstream, watch_nats};
pub use vitals::{Meter, Servers, Sight, Vitals};
