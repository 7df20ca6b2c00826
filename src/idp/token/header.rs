//! The first part of a token: what it says about how it was signed.

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde_json::{Map, Value};

use crate::{
    code::Code,
    strict_json::{self, JsonError},
};

/// Longer than any `kid` that is published: thumbprints of SHA-512 have 86 characters.
const MAX_KEY_ID: usize = 256;

/// What a header says. Nothing of it is believed: it tells which of the issuer's keys to try.
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    pub(super) token_type: Option<String>,
}

impl Header {
    /// Reads a header (RFC 7515, section 4).
    pub(super) fn read(json: &[u8]) -> Result<Self, Code> {
        let header = strict_json::object(json).map_err(|error| match error {
            JsonError::Duplicate => Code::TokenHeaderDuplicate,
            JsonError::Invalid | JsonError::NotAnObject => Code::TokenHeaderInvalid,
        })?;
        let text = |name: &str| text(&header, name);
        let algorithm = signature_algorithm(text("alg")?.ok_or(Code::TokenHeaderInvalid)?)?;
        if header.contains_key("crit") {
            return Err(Code::TokenCritical);
        }
        // RFC 8725, section 3.10. A key that the token brings would be the sender's own.
        if ["jwk", "jku", "x5u", "x5c"].iter().any(|name| header.contains_key(*name)) {
            return Err(Code::HeaderKeyForbidden);
        }
        if text("cty")?.is_some_and(names_jwt) {
            return Err(Code::TokenNested);
        }
        let key_id = text("kid")?;
        if key_id.is_some_and(|id| !is_key_id(id)) {
            return Err(Code::KeyIdInvalid);
        }
        let (key_id, token_type) = (key_id.map(str::to_owned), text("typ")?.map(str::to_owned));
        Ok(Self { algorithm, key_id, token_type })
    }
}

/// A media type without `application/`, in lower case: they ignore case, and the prefix may be
/// left out (RFC 7515, section 4.1.9).
pub(crate) fn media_type(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    lower.strip_prefix("application/").unwrap_or(&lower).to_owned()
}

fn names_jwt(content: &str) -> bool {
    media_type(content) == "jwt"
}

/// An algorithm by its JOSE name; `Ed25519` is what RFC 9864 calls the only EdDSA we have.
fn signature_algorithm(text: &str) -> Result<Algorithm, Code> {
    if text.trim().is_empty() || text.trim().eq_ignore_ascii_case("none") {
        return Err(Code::AlgorithmNone);
    }
    let algorithm = if text == "Ed25519" { Ok(Algorithm::EdDSA) } else { text.parse() };
    match algorithm {
        Ok(algorithm) if algorithm.family() == AlgorithmFamily::Hmac => {
            Err(Code::AlgorithmSymmetric)
        }
        Ok(algorithm) => Ok(algorithm),
        Err(_) => Err(Code::AlgorithmUnknown),
    }
}

/// Whether a text can be a key's name: base64 of either kind, hex, UUIDs, URNs and URLs can; what
/// a file system, a database or a shell would read as more than a name cannot. hallpass only
/// compares it, so this keeps such texts out of audit events and from whoever reads them.
fn is_key_id(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.~+/=:@|".contains(c);
    !text.is_empty() && text.len() <= MAX_KEY_ID && text.chars().all(legal) && !text.contains("..")
}

/// A member that is a string or absent.
fn text<'a>(header: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Code> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Code::TokenHeaderInvalid),
    }
}
