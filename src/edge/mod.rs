//! The edge: the proxies before the servers.

pub mod agent;
pub mod paths;
pub mod weight;
