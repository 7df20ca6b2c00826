//! From a token's text to claims that its issuer vouches for: by signature, or by asking.
//!
//! The token's exact `iss` picks one issuer; an opaque token, which has none, belongs to the one
//! issuer that is configured for its kind. No token is ever tried against several.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use moka::{Expiry, sync::Cache};
use sha2::{Digest as _, Sha256};

use super::{
    IssuerKeys,
    introspection::Introspector,
    token::{self, AuthenticToken, UnverifiedToken},
};
use crate::{
    code::{Code, Refusal},
    config::{CertificateIssuer, IntrospectedTokens, IssuerSettings},
};

/// How many bytes of token texts the cache stands for; parsed they take a few times as much.
const CACHED_BYTES: u64 = 16 * 1024 * 1024;

/// Everybody whose word counts.
///
/// Built once from the settings: where they change, it is built anew, and nothing that was
/// verified under the old ones is left.
pub struct Issuers {
    /// By the exact `iss`.
    by_iss: HashMap<String, Arc<Issuer>>,
    /// Those who may be asked about opaque tokens.
    opaque: Vec<Arc<Issuer>>,
    certificates: Vec<CertificateIssuer>,
    /// Tokens whose signature held, by the SHA-256 of their text.
    verified: Cache<[u8; 32], Arc<Signed>>,
}

struct Issuer {
    keys: Arc<IssuerKeys>,
    introspector: Option<Introspector>,
}

/// A token whose signature was verified, and by which key.
struct Signed {
    token: AuthenticToken,
    issuer: Arc<Issuer>,
    thumbprint: String,
    /// Of the token's text, in bytes.
    size: u32,
}

/// An authentic token and its issuer's settings.
pub struct Authentic {
    /// The token.
    pub token: AuthenticToken,
    issuer: Arc<Issuer>,
}

impl Authentic {
    /// The settings of its issuer.
    #[must_use]
    pub fn issuer(&self) -> &IssuerSettings {
        self.issuer.keys.settings()
    }
}

impl Issuers {
    /// Those who are believed.
    #[must_use]
    pub fn new(
        keys: impl IntoIterator<Item = Arc<IssuerKeys>>,
        certificates: Vec<CertificateIssuer>,
    ) -> Self {
        Self::remembering(CACHED_BYTES, keys, certificates)
    }

    /// As [`Self::new`]; what is remembered stands for at most this many bytes of token texts.
    fn remembering(
        cached_bytes: u64,
        keys: impl IntoIterator<Item = Arc<IssuerKeys>>,
        certificates: Vec<CertificateIssuer>,
    ) -> Self {
        let issuers: Vec<_> = keys
            .into_iter()
            .map(|keys| {
                let introspector = Introspector::of(keys.settings());
                Arc::new(Issuer { keys, introspector })
            })
            .collect();
        let by_iss = issuers.iter().flat_map(|issuer| {
            let iss = |iss: &str| (iss.to_owned(), Arc::clone(issuer));
            issuer.keys.settings().spellings().map(iss).collect::<Vec<_>>()
        });
        let opaque = issuers.iter().filter(|issuer| issuer.introspector.is_some());
        Self {
            by_iss: by_iss.collect(),
            opaque: opaque.cloned().collect(),
            certificates,
            verified: Cache::builder()
                .max_capacity(cached_bytes)
                .weigher(|_, signed: &Arc<Signed>| signed.size)
                .expire_after(UntilExpiry)
                .build(),
        }
    }

    /// Those whose certificates are believed.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateIssuer] {
        &self.certificates
    }

    /// What the issuer of a token vouches for. Waits where its keys are not known yet, or where
    /// it must be asked; the caller bounds the waiting.
    ///
    /// # Errors
    /// The token is of nobody who is believed, or not authentic, or nobody could be asked.
    pub async fn authentic(&self, text: &str) -> Result<Authentic, Refusal> {
        if text.len() > token::MAX_BYTES {
            return Err(Code::TokenTooLarge.into());
        }
        if let Some((issuer, introspector)) = self.opaque_issuer(text) {
            let answer = introspector.ask(text, issuer.keys.room()).await?;
            let token = AuthenticToken::introspected(issuer.keys.settings(), answer)?;
            return Ok(Authentic { token, issuer: Arc::clone(issuer) });
        }
        let signed = self.signed(text).await?;
        let issuer = Arc::clone(&signed.issuer);
        let token = signed.token.clone();
        let token = match &issuer.introspector {
            Some(introspector) if introspector.asks_about(IntrospectedTokens::All) => {
                let answer = introspector.ask(text, issuer.keys.room()).await?;
                token.completed_by(issuer.keys.settings(), answer)?
            }
            _ => token,
        };
        Ok(Authentic { token, issuer })
    }

    /// The issuer of a token that is not a JWT: the one whose prefix it has, or the one that has
    /// none. (The settings allow no two that could both be meant.)
    fn opaque_issuer(&self, text: &str) -> Option<(&Arc<Issuer>, &Introspector)> {
        self.opaque
            .iter()
            .filter_map(|issuer| Some((issuer, issuer.introspector.as_ref()?)))
            .find(|(_, introspector)| introspector.knows(text))
    }

    /// A token whose signature holds: verified once, and remembered until its key or itself is
    /// gone. What is remembered is its signature and its claims; all that is judged of them is
    /// judged each time.
    async fn signed(&self, text: &str) -> Result<Arc<Signed>, Refusal> {
        let name: [u8; 32] = Sha256::digest(text).into();
        if let Some(signed) = self.verified.get(&name) {
            if signed.issuer.keys.holds(&signed.thumbprint) {
                return Ok(signed);
            }
            self.verified.invalidate(&name);
        }
        let token = UnverifiedToken::parse(text)?;
        let issuer = token
            .unverified_issuer()
            .and_then(|iss| self.by_iss.get(iss))
            .ok_or_else(|| self.issuer_unknown(&token))?;
        let settings = issuer.keys.settings();
        let algorithm = token.allowed_algorithm(settings)?;
        token.accepted_type(settings)?;
        let key = issuer.keys.find(token.unverified_key_id(), algorithm).await?;
        let token = token.verify_signature(settings, &key)?;
        let signed = Arc::new(Signed {
            token,
            issuer: Arc::clone(issuer),
            thumbprint: key.thumbprint().to_owned(),
            size: u32::try_from(text.len()).unwrap_or(u32::MAX),
        });
        self.verified.insert(name, Arc::clone(&signed));
        Ok(signed)
    }

    /// The refusal of a token of an unknown issuer, with the mistake that is made most often.
    fn issuer_unknown(&self, token: &UnverifiedToken<'_>) -> Refusal {
        let bare = |iss: &str| iss.trim_end_matches('/').to_owned();
        let near = token.unverified_issuer().map(bare).and_then(|iss| {
            self.by_iss.values().find(|it| it.keys.settings().spellings().any(|s| bare(s) == iss))
        });
        let detail = near.map(|issuer| {
            let name = &issuer.keys.settings().name;
            format!("`iss` differs from that of `[issuers.{name}]` by a trailing slash only")
        });
        Refusal { code: Code::IssuerUnknown, detail }
    }
}

/// Nothing is remembered past its `exp`, which would be refused anyway.
struct UntilExpiry;

impl Expiry<[u8; 32], Arc<Signed>> for UntilExpiry {
    fn expire_after_create(
        &self,
        _: &[u8; 32],
        signed: &Arc<Signed>,
        _: std::time::Instant,
    ) -> Option<Duration> {
        let expires_at = signed.token.facts().expires_at?;
        let left = Timestamp::now().duration_until(expires_at);
        Some(Duration::try_from(left).unwrap_or(Duration::ZERO))
    }
}

#[cfg(test)]
mod tests;
