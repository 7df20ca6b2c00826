//! NATS JWT v2: the claims that hallpass reads and writes, and their encoding.
//!
//! Source: the Go package `github.com/nats-io/jwt/v2`, which the server itself uses.

mod claims;
mod codec;

pub use claims::{
    AuthorizationRequest, AuthorizationResponse, Claims, ClientInfo, ClientTls, ConnectOpts,
    PermissionSide, ResponsePermission, ServerInfo, UserClaims,
};
pub use codec::{DecodeError, SignError, decode, sign};
