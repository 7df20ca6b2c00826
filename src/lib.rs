//! hallpass.
pub mod audit;
pub mod broker;
pub mod callout;
pub mod claim_path;
pub mod cli;
pub mod code;
pub mod config;
pub mod credential;
pub mod document;
pub mod identity;
pub mod idp;
pub mod names;
pub mod nats;
pub mod nats_jwt;
#[cfg(feature = "playground")]
pub mod playground;
pub mod policy;
pub mod service;
pub mod setup;
pub mod strict_json;
pub mod subject;
#[cfg(test)]
mod testkit;
