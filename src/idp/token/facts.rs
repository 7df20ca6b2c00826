//! What is told of a token.

use jiff::Timestamp;
use jsonwebtoken::Algorithm;

use crate::names::IssuerName;

/// What an audit event says of an authentic token, valid or not.
#[derive(Clone)]
pub struct TokenFacts {
    /// The issuer, by our name for it.
    pub issuer: IssuerName,
    /// `sub`, cut to 255 characters.
    pub subject: Option<String>,
    /// `jti`, cut to 255 characters.
    pub id: Option<String>,
    /// `alg`; none where the issuer was asked.
    pub algorithm: Option<Algorithm>,
    /// `kid`, cut to 255 characters.
    pub key_id: Option<String>,
    /// `typ`, cut to 255 characters.
    pub token_type: Option<String>,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
    /// `nbf`.
    pub not_before: Option<Timestamp>,
    /// `exp`.
    pub expires_at: Option<Timestamp>,
    /// Whether the issuer was asked about it (RFC 7662).
    pub introspected: bool,
}
