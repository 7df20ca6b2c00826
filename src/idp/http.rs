//! Fetching JSON documents from an IdP: bounded in size and time, no redirects.

use std::{path::Path, time::Duration};

use reqwest::header::LOCATION;
use url::Url;

use super::discovery::FetchError;

/// Key sets and discovery documents are a few KiB.
pub(super) const MAX_BYTES: usize = 512 * 1024;
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// A client for one issuer.
#[derive(Debug, Clone)]
pub(super) struct Http(reqwest::Client);

impl Http {
    /// A client that believes the system's certificates and those in `ca_file`.
    ///
    /// # Errors
    /// Where `ca_file` cannot be read.
    ///
    /// With `loopback`, an IdP on this machine is meant: no proxy stands between, whatever the
    /// environment says, and what is sent in the clear does not leave the machine.
    pub(super) fn new(ca_file: Option<&Path>, loopback: bool) -> Result<Self, FetchError> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .user_agent(concat!("hallpass/", env!("CARGO_PKG_VERSION")));
        if loopback {
            builder = builder.no_proxy();
        }
        if let Some(path) = ca_file {
            let pem = std::fs::read(path).map_err(|error| FetchError::CaFile(error.to_string()))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|error| FetchError::CaFile(error.to_string()))?;
            builder = builder.tls_certs_merge(certificates);
        }
        builder.build().map(Self).map_err(|error| FetchError::Http(chain(&error)))
    }

    /// The body of a document.
    pub(super) async fn get(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let http = |error: reqwest::Error| FetchError::Http(chain(&error.without_url()));
        let mut response = self.0.get(url.clone()).send().await.map_err(http)?;
        if let Some(to) = response.headers().get(LOCATION)
            && response.status().is_redirection()
        {
            let to = to.to_str().ok().and_then(|to| url.join(to).ok());
            let to = to.map(|to| to.origin().ascii_serialization());
            return Err(FetchError::Redirect { status: response.status().as_u16(), to });
        }
        if !response.status().is_success() {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(http)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// An error with its causes: `reqwest` says "error sending request" and keeps the reason below.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
