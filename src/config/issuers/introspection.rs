//! `[issuers.NAME.introspection]`: asking an issuer about tokens (RFC 7662).

use std::{path::Path, str::FromStr, time::Duration};

use secrecy::SecretString;
use url::Url;

use super::fetchable;
use crate::{
    config::SecretSource,
    document::{Fields, Problem, Problems},
};

/// How an issuer is asked about tokens.
#[derive(Debug, Clone)]
pub struct IntrospectionSettings {
    /// Where.
    pub endpoint: Url,
    /// Who asks.
    pub client_id: String,
    /// Where the secret of who asks is.
    pub secret_source: SecretSource,
    /// That secret, where it was got: what does not ask does not need it.
    pub client_secret: Option<SecretString>,
    /// How the secret is sent.
    pub client_auth: ClientAuth,
    /// About which tokens.
    pub tokens: IntrospectedTokens,
    /// What opaque tokens of this issuer begin with; absent: it is the only issuer of such.
    pub opaque_prefix: Option<String>,
    /// How long an answer is good for, though never past `exp`.
    pub max_age: Duration,
}

/// How a client's secret is sent (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// `client_secret_basic`
    Basic,
    /// `client_secret_post`
    Post,
}

/// About which tokens an issuer is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntrospectedTokens {
    /// Those that are no JWTs.
    Opaque,
    /// JWTs too, once their signature holds: they may be lightweight, or revoked.
    All,
}

impl FromStr for ClientAuth {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "client_secret_basic" => Ok(Self::Basic),
            "client_secret_post" => Ok(Self::Post),
            _ => Err("is no way to send a client's secret"),
        }
    }
}

impl FromStr for IntrospectedTokens {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "opaque" => Ok(Self::Opaque),
            "jwt" => Ok(Self::All),
            _ => Err("is no kind of tokens"),
        }
    }
}

const DEFAULT_MAX_AGE: Duration = Duration::from_secs(30);
const LONGEST_MAX_AGE: Duration = Duration::from_secs(300);

pub(super) fn introspection(
    fields: &mut Fields<'_>,
    allow_http_loopback: bool,
    directory: &Path,
    problems: &mut Problems,
) -> Option<IntrospectionSettings> {
    let node = fields.node("introspection")?;
    let mut fields = Fields::of(node, "`introspection`", problems);
    fields.required("endpoint", "`endpoint = \"https://idp.example.com/introspect\"`", problems);
    let endpoint = fields.string("endpoint", problems).and_then(|(text, place)| {
        fetchable(text, "endpoint", allow_http_loopback, place, problems)
    });
    fields.required("client_id", "`client_id = \"hallpass\"`: who asks", problems);
    let client_id = fields.string("client_id", problems).and_then(|(text, place)| {
        if text.trim().is_empty() {
            let help = "write what the issuer calls hallpass";
            problems.add(Problem::error(place, "`client_id` is empty", help));
            return None;
        }
        Some(text.to_owned())
    });
    let example = "`client_secret = { file = \"…\" }`, or `env` or `command` in place of `file`";
    let secret_source = fields
        .required("client_secret", example, problems)
        .and_then(|node| SecretSource::of(node, "`client_secret`", directory, problems));
    let example = "`client_auth = \"client_secret_basic\"` or `\"client_secret_post\"`";
    let client_auth = fields.parsed("client_auth", example, problems).unwrap_or(ClientAuth::Basic);
    let example = "`tokens = \"opaque\"` or `\"jwt\"`";
    let tokens = fields.parsed("tokens", example, problems).unwrap_or(IntrospectedTokens::Opaque);
    let opaque_prefix = fields.string("opaque_prefix", problems).and_then(|(text, place)| {
        if text.is_empty() || tokens == IntrospectedTokens::All {
            let message = "`opaque_prefix` tells nothing apart";
            let help = "write what the issuer's opaque tokens begin with, or leave it out";
            problems.add(Problem::error(place, message, help));
            return None;
        }
        // Every JWT begins with `eyJ`: other issuers' tokens would be shown to this one.
        if "eyJ".starts_with(text) || text.starts_with("eyJ") {
            let message = "`opaque_prefix` is what JWTs begin with";
            let help = "write what the issuer's opaque tokens begin with, or leave it out";
            problems.add(Problem::error(place, message, help));
            return None;
        }
        Some(text.to_owned())
    });
    let max_age = fields.duration("max_age", Duration::ZERO..=LONGEST_MAX_AGE, problems);
    fields.finish(problems);
    Some(IntrospectionSettings {
        endpoint: endpoint?,
        client_id: client_id?,
        secret_source: secret_source?,
        client_secret: None,
        client_auth,
        tokens,
        opaque_prefix,
        max_age: max_age.unwrap_or(DEFAULT_MAX_AGE),
    })
}
