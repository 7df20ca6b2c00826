//! Identity providers: tokens (pure), and where the keys come from.

pub mod certificate;
mod discovery;
mod http;
pub mod inspection;
mod introspection;
mod issuers;
mod jwks;
mod jwks_file;
mod keys;
pub mod token;

pub use discovery::{FetchError, published};
pub(crate) use http::Http;
pub use issuers::{Authentic, Issuers};
pub use jwks::{Accepted, JwksError, KeySet, PLAYGROUND_KID_PREFIX, VerificationKey};
pub use jwks_file::judge_files;
pub use keys::{IssuerKeys, KeyStatus, KeysChange, KeysChanges, KeysState, KeysStatus};
