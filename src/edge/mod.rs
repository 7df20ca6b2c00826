//! The proxy before the servers: what it attests of a connection.

mod envelope;

pub use envelope::{Attested, Envelope};
