//! hallpass: an authorization callout and subject-level access broker for NATS.
//!
//! nats-server asks, hallpass answers: it takes the IdP token that a client presents, verifies
//! it, maps the identity's IdP roles to publish and subscribe permissions written in subject
//! maps, and returns a NATS user JWT that is valid for exactly that and no longer than the
//! token. Every decision leaves an event on a JetStream stream.
//!
//! # The flow
//!
//! ```text
//! bytes → callout::request  → VerifiedRequest    a server asks us
//!       → credential        → Credential         where in CONNECT the proof is
//!       → edge              → Attested           what a proxy says of the connection
//!       → idp::issuers      → AuthenticToken     whose it is; form, key, signature, or asked
//!       → idp::token        → VerifiedToken      the claims; what it is bound to
//!        (idp::certificate  → VerifiedCertificate   where a certificate is all there is)
//!       → identity          → Identity           who it is, and the IdP's roles
//!       → policy::decide    → Decision           grant or denial, with the rules that decided
//!       → audit             → safe on the stream, or on the disk
//!       → callout::response → bytes              signed, sealed
//! ```
//!
//! All of it but `audit` and what an issuer is asked for is pure and synchronous: the time is
//! passed in. [`broker`] is the only place that runs the whole of it. Evidence is a type:
//! [`callout::request::VerifiedRequest`], [`idp::token::AuthenticToken`],
//! [`idp::token::VerifiedToken`], [`idp::certificate::VerifiedCertificate`],
//! [`identity::Identity`] and [`policy::Decision`] have private fields, and each is made in one
//! place.
//!
//! # The rooms
//!
//! A room imports earlier rooms only; a test reads the imports and holds that.
//!
//! | layer | rooms |
//! |---|---|
//! | base | [`names`], [`name_pattern`], [`code`], [`printable`], [`subject`], [`claim_path`], [`strict_json`], [`document`], [`config`], [`nats_jwt`], [`connection`], [`table`], [`nats_conf`], [`import`] |
//! | pipeline | [`callout`] (request, response, advisory), [`credential`], [`edge`], [`idp`] (token, jwks, certificate), [`identity`], [`policy`], [`audit`] (blind, privacy, chain, event, window, verify, story, replay) |
//! | shells | [`idp`] (keys, introspection, issuers, inspection), [`measures`], [`private_files`], [`audit`] (recorder, ledger, stream, spool, delivery, sink, meter, heads, trail, reader), [`callout`] (responder), [`broker`], [`nats`], [`witness`], [`reload`], [`health`] (judge: pure), [`status`], [`http`], [`edge`] (weight: pure; paths, agent), [`service`], [`login`], [`setup`], `playground`, [`cli`] |

pub mod audit;
pub mod broker;
pub mod callout;
pub mod claim_path;
pub mod cli;
pub mod code;
pub mod config;
pub mod connection;
pub mod credential;
pub mod document;
pub mod edge;
pub mod health;
pub mod http;
pub mod identity;
pub mod idp;
pub mod import;
pub mod login;
pub mod measures;
pub mod name_pattern;
pub mod names;
pub mod nats;
pub mod nats_conf;
pub mod nats_jwt;
#[cfg(feature = "playground")]
pub mod playground;
pub mod policy;
pub mod printable;
pub mod private_files;
pub mod reload;
pub mod service;
pub mod setup;
pub mod status;
pub mod strict_json;
pub mod subject;
pub mod table;
#[cfg(test)]
mod testkit;
pub mod witness;
