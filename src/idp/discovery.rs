//! From an issuer to its keys: discovery (OpenID Connect Discovery 1.0, section 4) and JWKS.
//!
//! Only `issuer` and `jwks_uri` of the document are read: token-only issuers such as GitHub
//! Actions have no `authorization_endpoint`, which the `openidconnect` crate would demand.

use url::Url;

use super::{
    Accepted, JwksError, KeySet,
    http::{self, Http},
    jwks_file,
};
use crate::config::{IssuerSettings, is_loopback};

/// Why keys could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The file of certificates cannot be used.
    #[error("`ca_file`: {0}")]
    CaFile(String),
    /// No answer.
    #[error("{0}")]
    Http(String),
    /// A request that would travel unprotected.
    #[error("`{0}` is not an https URL")]
    Insecure(String),
    /// An answer that is not a success.
    #[error("HTTP status {0}")]
    Status(u16),
    /// The answer is elsewhere.
    #[error(
        "HTTP status {status}: redirects{} are not followed; set `jwks_uri` (or `issuer`) to the \
         new place",
        to.as_ref().map(|to| format!(" (here to {to})")).unwrap_or_default()
    )]
    Redirect {
        /// The status.
        status: u16,
        /// Where to, without path and query, which may hold a secret.
        to: Option<String>,
    },
    /// The file cannot be read.
    #[error("{0}")]
    File(String),
    /// Larger than any real document.
    #[error("the document is larger than 512 KiB")]
    TooLarge,
    /// The discovery document is not one.
    #[error("the discovery document has no `issuer` and `jwks_uri`")]
    Discovery,
    /// The document speaks for another issuer (section 4.3 demands the comparison).
    #[error(
        "the discovery document is for issuer {said:?}, the configuration for {configured:?}: they must be equal to the letter"
    )]
    OtherIssuer {
        /// What it says.
        said: String,
        /// What is configured.
        configured: String,
    },
    /// Keys that would travel unprotected.
    #[error("`jwks_uri` of the discovery document is not an https URL")]
    InsecureJwksUri,
    /// The keys are not usable.
    #[error("the key set: {0}")]
    Jwks(#[from] JwksError),
}

/// The keys that an issuer publishes now. Those of a playground are an error.
///
/// # Errors
/// See [`FetchError`].
pub async fn published(issuer: &IssuerSettings) -> Result<KeySet, FetchError> {
    fetch(issuer, false).await
}

/// Fetches the keys of an issuer, or reads them where they are in a file.
pub(super) async fn fetch(
    issuer: &IssuerSettings,
    allow_playground: bool,
) -> Result<KeySet, FetchError> {
    if let Some(path) = issuer.jwks_file.clone() {
        // A network file system may hang; a thread that hangs holds up nobody else.
        let key_use = issuer.key_use.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let accepted = Accepted { key_use: &key_use, playground: allow_playground };
            jwks_file::read(&path, accepted)
        });
        return match tokio::time::timeout(http::TIMEOUT, reading).await {
            Ok(Ok(outcome)) => outcome,
            _ => Err(FetchError::File("reading it takes too long".to_owned())),
        };
    }
    let http = &Http::new(issuer.ca_file.as_deref(), issuer.allow_http_loopback)?;
    let jwks_uri = match &issuer.jwks_uri {
        Some(uri) => uri.clone(),
        None => discover(issuer, http).await?,
    };
    let body = http.get(&jwks_uri).await?;
    let accepted = Accepted { key_use: &issuer.key_use, playground: allow_playground };
    Ok(KeySet::from_json(&body, accepted)?)
}

async fn discover(issuer: &IssuerSettings, http: &Http) -> Result<Url, FetchError> {
    #[derive(serde::Deserialize)]
    struct Document {
        issuer: String,
        jwks_uri: Url,
    }
    let base = issuer.issuer.trim_end_matches('/');
    let url = Url::parse(&format!("{base}/.well-known/openid-configuration"))
        .map_err(|_| FetchError::Discovery)?;
    let body = http.get(&url).await?;
    let document: Document = serde_json::from_slice(&body).map_err(|_| FetchError::Discovery)?;
    if document.issuer != issuer.issuer {
        let (said, configured) = (document.issuer, issuer.issuer.clone());
        return Err(FetchError::OtherIssuer { said, configured });
    }
    let loopback = issuer.allow_http_loopback && is_loopback(&document.jwks_uri);
    match document.jwks_uri.scheme() {
        "https" => Ok(document.jwks_uri),
        "http" if loopback => Ok(document.jwks_uri),
        _ => Err(FetchError::InsecureJwksUri),
    }
}
