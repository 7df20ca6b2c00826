//! `hallpass.toml`: as written, layered, validated.
//!
//! Three layers, the later wins: the file, environment variables
//! (`HALLPASS__NATS__URLS=…`), flags (`--set nats.urls=…`). Secrets never stand in any of
//! them: a setting names where a secret is (`{ file = … }`, `{ env = … }`,
//! `{ command = […] }`).

mod layers;
mod secret;
mod sections;
pub(crate) use sections::{claim_path, is_loopback};
mod settings;

pub use layers::{ENV_PREFIX, Layers};
pub use secret::SecretSource;
pub use settings::{
    AuditSettings, CalloutSettings, IssuerSettings, NatsSettings, ReaderSettings, Settings,
};
