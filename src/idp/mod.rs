//! Identity providers: tokens (pure), and where the keys come from.

mod discovery;
mod http;
mod jwks;
mod jwks_file;
mod keys;
pub mod token;

pub use discovery::FetchError;
pub use jwks::{JwksError, KeySet, PLAYGROUND_KID_PREFIX, VerificationKey};
pub use jwks_file::judge_files;
pub use keys::{IssuerKeys, KeyStatus, KeysState, KeysStatus};
