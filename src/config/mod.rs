//! `hallpass.toml`: as written, layered, validated.
//!
//! Three layers, the later wins: the file, environment variables
//! (`HALLPASS__NATS__URLS=…`), flags (`--set nats.urls=…`). Secrets never stand in any of
//! them: a setting names where a secret is (`{ file = … }`, `{ env = … }`,
//! `{ command = […] }`).

mod accounts;
mod audit;
mod certificates;
mod edge;
mod http;
mod issuers;
mod layers;
mod login;
mod maps;
mod presets;
mod purposes;
mod secret;
mod sections;
mod seeds;
mod settings;
mod system;

pub use audit::{AuditMode, AuditSettings, PersonalData, PersonalField, Treatment, WhenFull};
pub use certificates::ClientCertificate;
pub use edge::{EdgeKey, EdgeSettings};
pub(crate) use edge::{among, network};
pub use http::{AgentSettings, HttpSettings};
pub(crate) use issuers::is_loopback;
pub use issuers::{
    CertificateIssuer, CertificateName, ClientAuth, IntrospectedTokens, IntrospectionSettings,
    Preset, Requirement, RolesClaim, RolesForm,
};
pub use layers::{ENV_PREFIX, Layers};
pub use login::{LoginFlow, ShownToken};
pub use maps::MapBounds;
pub use secret::{NoSecret, SecretSource};
pub use settings::{
    CalloutSettings, IssuerSettings, LoginSettings, NatsAddress, NatsSettings, ReaderSettings,
    Settings, read_audit_key, read_signers,
};
pub use system::SystemSettings;
