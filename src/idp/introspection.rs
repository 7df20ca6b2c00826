//! Asking an issuer about a token (RFC 7662): opaque tokens, and lightweight ones that leave out
//! what the issuer says when it is asked.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use moka::{Expiry, future::Cache};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use super::http::Http;
use crate::{
    code::Code,
    config::{IntrospectedTokens, IntrospectionSettings, IssuerSettings},
    names::IssuerName,
    strict_json,
};

/// Answers that are remembered: enough for a herd that comes back at once.
const REMEMBERED: u64 = 10_000;

/// Asks one issuer.
pub(super) struct Introspector {
    issuer: IssuerName,
    settings: IntrospectionSettings,
    ca_file: Option<std::path::PathBuf>,
    allow_http_loopback: bool,
    /// By the SHA-256 of the token. What it says is shared by all who ask at once.
    answers: Cache<[u8; 32], Arc<Answer>>,
    room: Semaphore,
}

/// What an issuer said, and when that is no longer good.
struct Answer {
    said: Map<String, Value>,
    good_for: Duration,
}

impl Introspector {
    /// Whoever answers for this issuer, if it is configured to be asked. At most `max_waiting`
    /// logins wait for it.
    pub(super) fn of(issuer: &IssuerSettings, max_waiting: usize) -> Option<Self> {
        let settings = issuer.introspection.clone()?;
        Some(Self {
            issuer: issuer.name.clone(),
            settings,
            ca_file: issuer.ca_file.clone(),
            allow_http_loopback: issuer.allow_http_loopback,
            answers: Cache::builder().max_capacity(REMEMBERED).expire_after(AsLongAsGood).build(),
            room: Semaphore::new(max_waiting),
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

    /// What the issuer says of a token; it may have said so a moment ago.
    ///
    /// # Errors
    /// It could not be asked, or its answer is none.
    pub(super) async fn ask(&self, token: &str) -> Result<Map<String, Value>, Code> {
        let name: [u8; 32] = Sha256::digest(token).into();
        let answer = self.answers.try_get_with(name, self.fetch(token)).await;
        answer.map(|answer| answer.said.clone()).map_err(|code| *code)
    }

    async fn fetch(&self, token: &str) -> Result<Arc<Answer>, Code> {
        let unavailable = Code::IntrospectionUnavailable;
        let _waiting = self.room.try_acquire().map_err(|_| unavailable)?;
        let asked_at = jiff::Timestamp::now();
        let told = async {
            let http = Http::new(self.ca_file.as_deref(), self.allow_http_loopback)?;
            http.introspect(&self.settings, token).await
        };
        let body = told.await.map_err(|error| {
            tracing::warn!(issuer = %self.issuer, %error, "the issuer could not be asked about a token");
            unavailable
        })?;
        let said = strict_json::object(&body).map_err(|error| {
            tracing::warn!(issuer = %self.issuer, %error, "the issuer's answer about a token cannot be read");
            unavailable
        })?;
        // Never past `exp`, whatever the setting.
        let left = said.get("exp").and_then(Value::as_i64).map(|exp| {
            let left = exp.saturating_sub(asked_at.as_second());
            Duration::from_secs(u64::try_from(left).unwrap_or(0))
        });
        let good_for = self.settings.max_age.min(left.unwrap_or(Duration::MAX));
        Ok(Arc::new(Answer { said, good_for }))
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
    let introspector = Introspector::of(&issuer, 1).ok_or(Code::IntrospectionUnavailable)?;
    introspector.ask(token).await
}

/// By its prefix, where the issuer's have one; otherwise whatever is no JWT.
fn is_opaque_of(settings: &IntrospectionSettings, text: &str) -> bool {
    settings.tokens == IntrospectedTokens::Opaque
        && is_bearer_token(text)
        && match &settings.opaque_prefix {
            Some(prefix) => text.starts_with(prefix.as_str()),
            None => text.bytes().filter(|byte| *byte == b'.').count() != 2,
        }
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
