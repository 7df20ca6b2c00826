//! Identity providers: tokens (pure), and where the keys come from.

mod discovery;
mod http;
mod jwks;
mod keys;
pub mod token;

pub use discovery::FetchError;
pub(crate) use http::Http;
pub use jwks::{JwksError, KeySet, PLAYGROUND_KID_PREFIX, VerificationKey};
pub use keys::IssuerKeys;
