//! Everything that needs real parts: nats-server, clients, an IdP. One binary, every part on a
//! port of its own choice and in a directory of its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test that cannot go on should stop, loudly; and no other crate reaches in here"
)]

mod support;

mod accounts;
mod attested;
mod auditing;
mod certificates;
mod cli;
mod clients;
mod conditions;
mod diff;
mod difftest;
mod documents;
mod edge;
mod examples;
mod explain;
mod failing;
mod faults;
mod forgeries;
mod fuzzing;
mod grants;
mod health;
mod house;
mod import;
mod imported;
mod introspection;
mod keys;
mod lifecycle;
mod login;
mod logins;
mod metrics;
mod permissions;
mod playground;
mod recording;
mod reload;
mod replaying;
mod schema;
mod spooling;
mod tail;
mod tls;
mod token;
mod told;
mod tools;
mod wishes;
mod witness;
