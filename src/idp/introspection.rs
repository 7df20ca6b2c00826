//! Asking an issuer about a token (RFC 7662): opaque tokens, and lightweight ones that leave out
//! what the issuer says when it is asked.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use moka::{Expiry, future::Cache};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use self::budget::{Budget, Leave};
use super::http::Http;
use crate::{
    code::Code,
    config::{IntrospectedTokens, IntrospectionSettings, IssuerSettings},
    names::IssuerName,
    strict_json,
};

mod budget;

/// Bytes of answers that are remembered: enough for a herd that comes back at once.
const REMEMBERED: u64 = 16 * 1024 * 1024;
/// Shorter than any opaque token that cannot be guessed: 96 bits in base64. What is shorter may
/// be somebody's password, and is nobody's business at the IdP.
const SHORTEST: usize = 16;

/// Asks one issuer.
pub(super) struct Introspector {
    issuer: IssuerName,
    settings: IntrospectionSettings,
    /// One for all questions: connections are used again. `None`: it could not be made.
    http: Option<Http>,
    /// By the SHA-256 of the token. What it says is shared by all who ask at once.
    answers: Cache<[u8; 32], Arc<Answer>>,
    budget: Mutex<Budget>,
}

/// What an issuer said, and when that is no longer good.
struct Answer {
    said: Map<String, Value>,
    /// Of what it said, in bytes.
    size: u32,
    good_for: Duration,
}

impl Introspector {
    /// Whoever answers for this issuer, if it is configured to be asked.
    pub(super) fn of(issuer: &IssuerSettings) -> Option<Self> {
        let settings = issuer.introspection.clone()?;
        let http = Http::new(issuer.ca_file.as_deref(), issuer.allow_http_loopback);
        let http = http.inspect_err(|error| {
            tracing::error!(issuer = %issuer.name, %error, "the issuer cannot be asked about tokens");
        });
        Some(Self {
            issuer: issuer.name.clone(),
            settings,
            http: http.ok(),
            answers: Cache::builder()
                .max_capacity(REMEMBERED)
                .weigher(|_, answer: &Arc<Answer>| answer.size)
                .expire_after(AsLongAsGood)
                .build(),
            budget: Mutex::new(Budget::new(tokio::time::Instant::now())),
        })
    }

    /// Whether it is asked about tokens of this kind.
    pub(super) fn asks_about(&self, tokens: IntrospectedTokens) -> bool {
        self.settings.tokens == tokens
    }

    /// Whether a token is one of this issuer's opaque ones, by what can be seen of it.
    pub(super) fn knows(&self, text: &str) -> bool {
        is_opaque_of(&self.settings, text)
    }

    /// What the issuer says of a token; it may have said so a moment ago. Who waits for it takes
    /// a place in `room`: an issuer that is silent must not use up the room of all others.
    ///
    /// # Errors
    /// It could not be asked, or its answer is none.
    pub(super) async fn ask(
        &self,
        token: &str,
        room: &Semaphore,
    ) -> Result<Map<String, Value>, Code> {
        let name: [u8; 32] = Sha256::digest(token).into();
        if let Some(answer) = self.answers.get(&name).await {
            return Ok(answer.said.clone());
        }
        let _waiting = room.try_acquire().map_err(|_| Code::IntrospectionUnavailable)?;
        let answer = self.answers.try_get_with(name, self.fetch(token)).await;
        answer.map(|answer| answer.said.clone()).map_err(|code| *code)
    }

    async fn fetch(&self, token: &str) -> Result<Arc<Answer>, Code> {
        let unavailable = Code::IntrospectionUnavailable;
        match self.budget().pay(tokio::time::Instant::now()) {
            Leave::Given => {}
            Leave::Refused => return Err(unavailable),
            Leave::RefusedFirst => {
                tracing::warn!(
                    issuer = %self.issuer,
                    "many tokens are unknown to the issuer: for a while it is asked about few of them"
                );
                return Err(unavailable);
            }
        }
        let http = self.http.as_ref().ok_or(unavailable)?;
        let asked_at = jiff::Timestamp::now();
        let body = http.introspect(&self.settings, token).await.map_err(|error| {
            tracing::warn!(issuer = %self.issuer, %error, "the issuer could not be asked about a token");
            unavailable
        })?;
        let said = strict_json::object(&body).map_err(|error| {
            tracing::warn!(issuer = %self.issuer, %error, "the issuer's answer about a token cannot be read");
            unavailable
        })?;
        if said.get("active") == Some(&Value::Bool(true)) {
            self.budget().earn_back();
        }
        // Never past `exp`, whatever the setting.
        let left = said.get("exp").and_then(Value::as_i64).map(|exp| {
            let left = exp.saturating_sub(asked_at.as_second());
            Duration::from_secs(u64::try_from(left).unwrap_or(0))
        });
        let good_for = self.settings.max_age.min(left.unwrap_or(Duration::MAX));
        let size = u32::try_from(body.len()).unwrap_or(u32::MAX);
        Ok(Arc::new(Answer { said, size, good_for }))
    }

    fn budget(&self) -> std::sync::MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a token is one of an issuer's opaque ones, by what can be seen of it.
pub(super) fn knows(issuer: &IssuerSettings, text: &str) -> bool {
    issuer.introspection.as_ref().is_some_and(|settings| is_opaque_of(settings, text))
}

/// What an issuer says of a token, asked by somebody who asks once. The secret is got for it.
///
/// # Errors
/// It could not be asked, or its answer is none.
pub(super) async fn ask_once(
    issuer: &IssuerSettings,
    token: &str,
) -> Result<Map<String, Value>, Code> {
    let mut issuer = issuer.clone();
    if let Some(settings) = &mut issuer.introspection
        && settings.client_secret.is_none()
    {
        let secret = settings.secret_source.get();
        settings.client_secret = Some(secret.map_err(|error| {
            tracing::warn!(issuer = %issuer.name, %error, "the secret for asking about tokens");
            Code::IntrospectionUnavailable
        })?);
    }
    let introspector = Introspector::of(&issuer).ok_or(Code::IntrospectionUnavailable)?;
    introspector.ask(token, &Semaphore::new(1)).await
}

/// By its prefix, where the issuer's have one; otherwise whatever can be an opaque token and can
/// be nothing else: no JWS, no JWE, no seed of an nkey, no password that a person would type.
fn is_opaque_of(settings: &IntrospectionSettings, text: &str) -> bool {
    settings.tokens == IntrospectedTokens::Opaque
        && text.len() >= SHORTEST
        && is_bearer_token(text)
        && !is_jose(text)
        && match &settings.opaque_prefix {
            Some(prefix) => text.starts_with(prefix.as_str()),
            None => !is_seed(text),
        }
}

/// Three or five parts, or the beginning of a JSON object in base64url: of which issuer it is
/// stands in it, and it is shown to no other.
fn is_jose(text: &str) -> bool {
    let dots = text.bytes().filter(|byte| *byte == b'.').count();
    text.starts_with("eyJ") || dots == 2 || dots == 4
}

/// The seed of an nkey: `S`, the kind, base32.
fn is_seed(text: &str) -> bool {
    text.len() == 58 && nkeys::decode_seed(text).is_ok()
}

/// RFC 6750, section 2.1: `b64token`.
fn is_bearer_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c))
}

struct AsLongAsGood;

impl Expiry<[u8; 32], Arc<Answer>> for AsLongAsGood {
    fn expire_after_create(
        &self,
        _: &[u8; 32],
        answer: &Arc<Answer>,
        _: Instant,
    ) -> Option<Duration> {
        Some(answer.good_for)
    }
}

#[cfg(test)]
mod tests;
