//! The words that tests are written in: `a_token().with_role("clerk").expired()`.
//!
//! Signatures are made with `aws-lc-rs` and JSON is put together here, so that what is tested
//! is not also what makes the fixtures.

mod audit;
mod keys;
mod maps;
mod request;
mod schema;
mod token;

pub(crate) use audit::on_the_stream;
pub(crate) use keys::{Key, ed25519, es256, other_es256, rsa};
pub(crate) use maps::{Maps, identity, maps};
pub(crate) use request::{Asked, RequestBuilder, a_request};
pub(crate) use schema::refused_by_the_schema;
pub(crate) use token::{
    NOW, TokenBuilder, a_token, an_issuer, base64url, bearer, key_set, now, verify, verify_bound,
    verify_with,
};
