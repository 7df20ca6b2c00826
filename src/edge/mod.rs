//! The proxies before the servers: what one attests of a connection, and what it is told of the
//! servers.

pub mod agent;
mod envelope;
pub mod paths;
pub mod weight;

pub use envelope::{Attested, Envelope};
