//! Verifying an IdP token in three visible steps, all pure:
//!
//! 1. [`UnverifiedToken::parse`]: its form only; it tells which issuer and key to look for.
//! 2. [`UnverifiedToken::verify_signature`], by `jsonwebtoken`, with that issuer's key.
//! 3. [`SignedToken::judge`]: the claims, by the code below, with `now` passed in (the library
//!    reads the clock itself, rounds float times, and lets absent `aud` and `iss` pass unless
//!    told).
//!
//! Standards: RFC 7515 (JWS), RFC 7519 (JWT), RFC 8725 (JWT best practices), RFC 9068 (JWT
//! access tokens).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::VerificationKey;
use crate::{code::Code, config::IssuerSettings, names::IssuerName, strict_json};

/// Larger than any real token: IdPs that put hundreds of groups into one reach 8 KiB.
const MAX_BYTES: usize = 16 * 1024;

/// A token whose form was read and of which nothing else is known.
pub struct UnverifiedToken<'a> {
    signed: &'a str,
    signature: &'a str,
    algorithm: Algorithm,
    key_id: Option<String>,
    token_type: Option<String>,
    claims: Map<String, Value>,
}

/// A token whose signature is its issuer's. Its claims are authentic; whether they let
/// anybody in is not judged yet.
///
/// Only [`UnverifiedToken::verify_signature`] makes one.
pub struct SignedToken {
    issuer: IssuerName,
    algorithm: Algorithm,
    key_id: Option<String>,
    token_type: Option<String>,
    claims: Map<String, Value>,
}

/// A token that its issuer signed, meant for us and valid now.
///
/// Only [`SignedToken::judge`] makes one.
pub struct VerifiedToken {
    issuer: IssuerName,
    subject: String,
    expires_at: Timestamp,
    claims: Map<String, Value>,
}

/// What an audit event says of a signed token, valid or not.
#[derive(Clone, serde::Serialize)]
pub struct TokenFacts {
    /// The issuer, by our name for it.
    pub issuer: IssuerName,
    /// `sub`, cut to 255 characters.
    pub subject: Option<String>,
    /// `jti`, cut to 255 characters.
    pub id: Option<String>,
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`, cut to 255 characters.
    pub key_id: Option<String>,
    /// `typ`, cut to 255 characters.
    pub token_type: Option<String>,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
    /// `exp`.
    pub expires_at: Option<Timestamp>,
}

/// No claim value is printed.
macro_rules! opaque_debug {
    ($type:ident) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type))
                    .field("issuer", &self.issuer)
                    .finish_non_exhaustive()
            }
        }
    };
}
opaque_debug!(TokenFacts);
opaque_debug!(SignedToken);
opaque_debug!(VerifiedToken);

impl VerifiedToken {
    /// The issuer, by our name for it.
    #[must_use]
    pub fn issuer(&self) -> &IssuerName {
        &self.issuer
    }

    /// `sub`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `exp`.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// All claims.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

impl<'a> UnverifiedToken<'a> {
    /// Reads the form of a token. Believes nothing of it.
    ///
    /// # Errors
    /// Where it is no signed JWT in compact form.
    pub fn parse(text: &'a str) -> Result<Self, Code> {
        if text.len() > MAX_BYTES {
            return Err(Code::TokenTooLarge);
        }
        let malformed = Code::TokenMalformed;
        let (signed, signature) = text.rsplit_once('.').ok_or(malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(malformed)?;
        let bytes = |part: &str| match part {
            "" => Err(malformed),
            part => URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed),
        };
        bytes(signature)?;
        let header = strict_json::object(&bytes(header)?).map_err(|_| Code::TokenHeaderInvalid)?;
        let claims = strict_json::object(&bytes(payload)?).map_err(|_| Code::TokenClaimsInvalid)?;
        if header.contains_key("crit") {
            return Err(Code::TokenCritical);
        }
        let text_of = |name: &str| text_member(&header, name, Code::TokenHeaderInvalid);
        let algorithm = text_of("alg")?.ok_or(Code::TokenHeaderInvalid)?;
        let algorithm = algorithm.parse().map_err(|_| Code::AlgorithmNotAllowed)?;
        let (key_id, token_type) = (text_of("kid")?, text_of("typ")?);
        Ok(Self { signed, signature, algorithm, key_id, token_type, claims })
    }

    /// The `iss` that it claims to have: good for finding the issuer's settings only.
    #[must_use]
    pub fn unverified_issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// The `kid` that it claims to be signed with.
    #[must_use]
    pub fn unverified_key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The algorithm that it claims to be signed with, if the issuer may use it.
    ///
    /// Asked before a key is looked for, so that a forbidden algorithm costs no key fetch.
    ///
    /// # Errors
    /// Where it is not in the allow-list.
    pub fn allowed_algorithm(&self, issuer: &IssuerSettings) -> Result<Algorithm, Code> {
        if issuer.algorithms.contains(&self.algorithm) {
            Ok(self.algorithm)
        } else {
            Err(Code::AlgorithmNotAllowed)
        }
    }

    /// Verifies algorithm, type and signature.
    ///
    /// # Errors
    /// The first of them that does not hold.
    pub fn verify_signature(
        self,
        issuer: &IssuerSettings,
        key: &VerificationKey,
    ) -> Result<SignedToken, Code> {
        let algorithm = self.allowed_algorithm(issuer)?;
        check_type(self.token_type.as_deref())?;
        if !key.verify(self.signature, self.signed.as_bytes(), algorithm) {
            return Err(Code::SignatureInvalid);
        }
        Ok(SignedToken {
            issuer: issuer.name.clone(),
            algorithm,
            key_id: self.key_id,
            token_type: self.token_type,
            claims: self.claims,
        })
    }
}

impl SignedToken {
    /// What an audit event says of it.
    #[must_use]
    pub fn facts(&self) -> TokenFacts {
        let cut = |text: &str| text.chars().take(255).collect();
        let text = |name: &str| Some(cut(self.claims.get(name)?.as_str()?));
        TokenFacts {
            issuer: self.issuer.clone(),
            subject: text("sub"),
            id: text("jti"),
            algorithm: self.algorithm,
            key_id: self.key_id.as_deref().map(cut),
            token_type: self.token_type.as_deref().map(cut),
            issued_at: date(&self.claims, "iat").ok().flatten(),
            expires_at: date(&self.claims, "exp").ok().flatten(),
        }
    }

    /// Judges the claims: `iss`, `exp`, `nbf`, `iat`, `aud`, `sub`.
    ///
    /// # Errors
    /// The first of them that does not hold.
    pub fn judge(self, issuer: &IssuerSettings, now: Timestamp) -> Result<VerifiedToken, Code> {
        if self.claims.get("iss").and_then(Value::as_str) != Some(issuer.issuer.as_str()) {
            return Err(Code::IssuerUnknown);
        }
        let expires_at = check_times(&self.claims, issuer, now)?;
        check_audience(&self.claims, issuer)?;
        let subject = text_member(&self.claims, "sub", Code::TokenClaimsInvalid)?
            .ok_or(Code::TokenClaimsInvalid)?;
        Ok(VerifiedToken { issuer: self.issuer, subject, expires_at, claims: self.claims })
    }
}

/// RFC 9068 says `at+jwt`, most IdPs say `JWT` or nothing; media types ignore case, and
/// `application/` may stand before them (RFC 7515, section 4.1.9).
fn check_type(token_type: Option<&str>) -> Result<(), Code> {
    let Some(text) = token_type else { return Ok(()) };
    let lower = text.to_ascii_lowercase();
    match lower.strip_prefix("application/").unwrap_or(&lower) {
        "jwt" | "at+jwt" => Ok(()),
        _ => Err(Code::TokenTypeUnsupported),
    }
}

/// `aud` is a string or a list of strings (RFC 7519, section 4.1.3); one of them must be ours.
fn check_audience(claims: &Map<String, Value>, issuer: &IssuerSettings) -> Result<(), Code> {
    let ours = |audience: &str| issuer.audiences.contains(audience);
    let matches = match claims.get("aud") {
        None => false,
        Some(Value::String(audience)) => ours(audience),
        Some(Value::Array(audiences)) => {
            if !audiences.iter().all(Value::is_string) {
                return Err(Code::TokenClaimsInvalid);
            }
            audiences.iter().filter_map(Value::as_str).any(ours)
        }
        Some(_) => return Err(Code::TokenClaimsInvalid),
    };
    if matches { Ok(()) } else { Err(Code::AudienceMismatch) }
}

/// `exp`, `nbf` and `iat`. `exp` must be there and has no leeway: the session that is granted
/// ends with it, so a token past it could only buy a session that is already over.
fn check_times(
    claims: &Map<String, Value>,
    issuer: &IssuerSettings,
    now: Timestamp,
) -> Result<Timestamp, Code> {
    let expires_at = date(claims, "exp")?.ok_or(Code::TokenClaimsInvalid)?;
    let begins = [date(claims, "nbf")?, date(claims, "iat")?];
    if expires_at <= now {
        return Err(Code::TokenExpired);
    }
    let latest = now.saturating_add(issuer.leeway).unwrap_or(Timestamp::MAX);
    if begins.into_iter().flatten().any(|begin| begin > latest) {
        return Err(Code::TokenNotYetValid);
    }
    Ok(expires_at)
}

/// A NumericDate as whole seconds; floats and strings are refused, negative ones too.
fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Code> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_i64().filter(|seconds| *seconds >= 0);
    seconds
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map(Some)
        .ok_or(Code::TokenClaimsInvalid)
}

/// A member that is a string or absent.
fn text_member(map: &Map<String, Value>, name: &str, code: Code) -> Result<Option<String>, Code> {
    match map.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(code),
    }
}

#[cfg(test)]
mod tests;
