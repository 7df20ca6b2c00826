//! Verifying an IdP token in three visible steps, all pure:
//!
//! 1. [`UnverifiedToken::parse`]: its form only; it tells which issuer and key to look for.
//! 2. [`UnverifiedToken::verify_signature`], by `jsonwebtoken`, with that issuer's key.
//! 3. [`AuthenticToken::judge`]: the claims, by [`CHECKS`], with `now` passed in (the library
//!    reads the clock itself, rounds float times, and lets absent `aud` and `iss` pass unless
//!    told).
//!
//! Standards: RFC 7515 (JWS), RFC 7519 (JWT), RFC 8725 (JWT best practices), RFC 9068 (JWT
//! access tokens).

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::VerificationKey;
use crate::{
    code::{Code, Refusal},
    config::IssuerSettings,
    names::IssuerName,
    strict_json::{self, JsonError},
};

mod checks;
mod facts;
mod header;

pub(super) use checks::begins_with;
pub use checks::{CHECKS, CertificateHash, Check, Judged};
pub use facts::TokenFacts;
use header::Header;
pub(crate) use header::media_type;

/// Larger than any real token: IdPs that put hundreds of groups into one reach 8 KiB.
pub const MAX_BYTES: usize = 16 * 1024;

/// A token whose form was read and of which nothing else is known.
pub struct UnverifiedToken<'a> {
    signed: &'a str,
    signature: &'a str,
    header: Header,
    claims: Map<String, Value>,
}

/// A token whose claims are its issuer's: it signed them, or said them when it was asked.
/// Whether they let anybody in is not judged yet.
///
/// Only `AuthenticToken::vouched` makes one.
#[derive(Clone)]
pub struct AuthenticToken {
    issuer: IssuerName,
    proof: Proof,
    claims: Arc<Map<String, Value>>,
}

/// How an issuer vouched for claims.
#[derive(Clone)]
enum Proof {
    /// It signed them.
    Signature {
        algorithm: Algorithm,
        key_id: Option<String>,
        token_type: Option<String>,
        /// Whether it also said what they leave out (RFC 7662).
        completed: bool,
    },
    /// It said them (RFC 7662).
    Introspection,
}

/// A token of its issuer, meant for us and valid now.
///
/// Only [`AuthenticToken::judge`] makes one.
pub struct VerifiedToken {
    issuer: IssuerName,
    subject: String,
    expires_at: Timestamp,
    claims: Arc<Map<String, Value>>,
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
opaque_debug!(AuthenticToken);
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
    pub fn claims(&self) -> &Arc<Map<String, Value>> {
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
        // RFC 7516, section 9: a JWE has five parts, a JWS three.
        let dots = text.bytes().filter(|byte| *byte == b'.').count();
        if dots == 4 && text.starts_with("eyJ") {
            return Err(Code::TokenEncrypted);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Code::TokenMalformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Code::TokenMalformed)?;
        if dots != 2 || header.is_empty() || payload.is_empty() {
            return Err(Code::TokenMalformed);
        }
        let header = Header::read(&decoded(header)?)?;
        if decoded(signature)?.iter().all(|byte| *byte == 0) {
            return Err(Code::SignatureMissing);
        }
        let payload = decoded(payload)?;
        if payload.starts_with(b"eyJ") {
            return Err(Code::TokenNested);
        }
        let claims = strict_json::object(&payload).map_err(|error| match error {
            JsonError::Duplicate => Code::TokenClaimsDuplicate,
            JsonError::Invalid | JsonError::NotAnObject => Code::TokenClaimsInvalid,
        })?;
        Ok(Self { signed, signature, header, claims })
    }

    /// The `iss` that it claims to have: good for finding the issuer's settings only.
    #[must_use]
    pub fn unverified_issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// The `kid` that it claims to be signed with.
    #[must_use]
    pub fn unverified_key_id(&self) -> Option<&str> {
        self.header.key_id.as_deref()
    }

    /// The algorithm that it claims to be signed with.
    #[must_use]
    pub fn unverified_algorithm(&self) -> Algorithm {
        self.header.algorithm
    }

    /// The `typ` that it claims to have.
    #[must_use]
    pub fn unverified_type(&self) -> Option<&str> {
        self.header.token_type.as_deref()
    }

    /// The algorithm that it claims to be signed with, if the issuer may use it.
    ///
    /// Asked before a key is looked for, so that a forbidden algorithm costs no key fetch.
    ///
    /// # Errors
    /// Where it is not in the allow-list.
    pub fn allowed_algorithm(&self, issuer: &IssuerSettings) -> Result<Algorithm, Code> {
        if issuer.algorithms.contains(&self.header.algorithm) {
            Ok(self.header.algorithm)
        } else {
            Err(Code::AlgorithmNotAllowed)
        }
    }

    /// Whether the issuer's tokens may be of the type that this one says it is of: an access
    /// token is not a logout token (RFC 8725, section 3.11).
    ///
    /// # Errors
    /// Where they may not.
    pub fn accepted_type(&self, issuer: &IssuerSettings) -> Result<(), Refusal> {
        let said = self.header.token_type.as_deref().map(media_type).unwrap_or_default();
        // An empty `typ` is not an absent one.
        let empty = self.header.token_type.is_some() && said.is_empty();
        if !empty && issuer.token_types.contains(&said) {
            return Ok(());
        }
        let types: Vec<_> = issuer.token_types.iter().map(String::as_str).collect();
        let (types, name) = (types.join("`, `"), &issuer.name);
        let detail = Some(format!("`typ` must be one of `{types}` (issuers.{name}.typ)"));
        Err(Refusal { code: Code::TokenTypeUnsupported, detail })
    }

    /// Verifies algorithm, type and signature.
    ///
    /// # Errors
    /// The first of them that does not hold.
    pub fn verify_signature(
        self,
        issuer: &IssuerSettings,
        key: &VerificationKey,
    ) -> Result<AuthenticToken, Refusal> {
        let algorithm = self.allowed_algorithm(issuer)?;
        self.accepted_type(issuer)?;
        if !key.verify(self.signature, self.signed.as_bytes(), algorithm) {
            return Err(Code::SignatureInvalid.into());
        }
        let Header { key_id, token_type, .. } = self.header;
        let proof = Proof::Signature { algorithm, key_id, token_type, completed: false };
        Ok(AuthenticToken::vouched(issuer, proof, self.claims))
    }

    /// The claims, for people who want to see why a token does not hold: nobody is let in by
    /// them.
    #[must_use]
    pub fn unverified_claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

/// The bytes of a part: base64url without padding, and every bit in its place (RFC 7515, section
/// 2), so that no two texts are one token.
fn decoded(part: &str) -> Result<Vec<u8>, Code> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Code::TokenEncodingInvalid)
}

/// `active` must be there and be `true`; that an answer is a success says nothing.
fn is_active(answer: &Map<String, Value>) -> Result<(), Code> {
    match answer.get("active") {
        Some(Value::Bool(true)) => Ok(()),
        Some(Value::Bool(false)) => Err(Code::TokenInactive),
        _ => Err(Code::IntrospectionUnavailable),
    }
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl AuthenticToken {
    fn vouched(issuer: &IssuerSettings, proof: Proof, claims: Map<String, Value>) -> Self {
        AuthenticToken { issuer: issuer.name.clone(), proof, claims: Arc::new(claims) }
    }

    /// What an issuer said of a token when it was asked (RFC 7662, section 2.2).
    ///
    /// # Errors
    /// It is not active, or the answer does not say.
    pub fn introspected(issuer: &IssuerSettings, answer: Map<String, Value>) -> Result<Self, Code> {
        is_active(&answer)?;
        Ok(Self::vouched(issuer, Proof::Introspection, answer))
    }

    /// A signed token, and what its issuer said of it when it was asked: how IdPs with
    /// lightweight tokens mean them to be read. What is signed counts; the answer adds what the
    /// token leaves out, and its `exp` may come first.
    ///
    /// # Errors
    /// It is not active, the answer does not say, or speaks of another token. Or what is signed is
    /// no access token, which no answer can make it.
    pub fn completed_by(
        self,
        issuer: &IssuerSettings,
        answer: Map<String, Value>,
    ) -> Result<Self, Code> {
        is_active(&answer)?;
        checks::kind(&self.claims, issuer)?;
        let differs = |name| matches!((self.claims.get(name), answer.get(name)), (Some(ours), Some(said)) if ours != said);
        if ["iss", "sub", "jti", "cnf"].into_iter().any(differs) {
            return Err(Code::IntrospectionUnavailable);
        }
        let ends = [checks::date(&self.claims, "exp")?, checks::date(&answer, "exp")?];
        let mut claims = answer;
        claims.extend(self.claims.iter().map(|(name, value)| (name.clone(), value.clone())));
        if let Some(end) = ends.into_iter().flatten().min() {
            claims.insert("exp".to_owned(), end.as_second().into());
        }
        let proof = match self.proof {
            Proof::Signature { algorithm, key_id, token_type, .. } => {
                Proof::Signature { algorithm, key_id, token_type, completed: true }
            }
            Proof::Introspection => Proof::Introspection,
        };
        Ok(Self { issuer: self.issuer, proof, claims: Arc::new(claims) })
    }

    /// The issuer, by our name for it.
    #[must_use]
    pub fn issuer(&self) -> &IssuerName {
        &self.issuer
    }

    /// What an audit event says of it.
    #[must_use]
    pub fn facts(&self) -> TokenFacts {
        let cut = |text: &str| text.chars().take(255).collect();
        let text = |name: &str| Some(cut(self.claims.get(name)?.as_str()?));
        let (algorithm, key_id, token_type, introspected) = match &self.proof {
            Proof::Introspection => (None, None, None, true),
            Proof::Signature { algorithm, key_id, token_type, completed } => {
                let [key_id, token_type] = [key_id, token_type].map(|it| it.as_deref().map(cut));
                (Some(*algorithm), key_id, token_type, *completed)
            }
        };
        let date = |name| checks::date(&self.claims, name).ok().flatten();
        TokenFacts {
            issuer: self.issuer.clone(),
            subject: text("sub"),
            id: text("jti"),
            algorithm,
            key_id,
            token_type,
            issued_at: date("iat"),
            not_before: date("nbf"),
            expires_at: date("exp"),
            introspected,
        }
    }

    /// All that the [`CHECKS`] look at.
    #[must_use]
    pub fn judged<'a>(
        &'a self,
        issuer: &'a IssuerSettings,
        now: Timestamp,
        certificate: Option<&'a CertificateHash>,
    ) -> Judged<'a> {
        let introspected = matches!(self.proof, Proof::Introspection);
        Judged { claims: &self.claims, issuer, introspected, now, certificate }
    }

    /// Judges the claims by all [`CHECKS`].
    ///
    /// `certificate` is the one that the client proved to have and the server verified.
    ///
    /// # Errors
    /// The first of them that does not hold.
    pub fn judge(
        &self,
        issuer: &IssuerSettings,
        now: Timestamp,
        certificate: Option<&CertificateHash>,
    ) -> Result<VerifiedToken, Refusal> {
        let judged = self.judged(issuer, now, certificate);
        for check in CHECKS {
            (check.run)(&judged)?;
        }
        let subject = checks::subject_of(&self.claims)?.to_owned();
        let expires_at = checks::expires_at(&self.claims)?;
        let claims = Arc::clone(&self.claims);
        Ok(VerifiedToken { issuer: self.issuer.clone(), subject, expires_at, claims })
    }
}

#[cfg(test)]
mod tests;
