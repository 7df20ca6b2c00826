//! Speaking with an IdP: bounded in size and time, no redirects.

use std::{path::Path, time::Duration};

use openidconnect::{HttpRequest, HttpResponse};
use reqwest::header::LOCATION;
use secrecy::ExposeSecret;
use url::Url;

use super::discovery::FetchError;
use crate::config::{ClientAuth, IntrospectionSettings, is_loopback};

/// Key sets and discovery documents are a few KiB.
pub(super) const MAX_BYTES: usize = 512 * 1024;
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// A client for one issuer.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    loopback: bool,
}

impl Http {
    /// A client that believes the system's certificates and those in `ca_file`.
    ///
    /// # Errors
    /// Where `ca_file` cannot be read.
    ///
    /// With `loopback`, an IdP on this machine is meant: no proxy stands between, whatever the
    /// environment says, and what is sent in the clear does not leave the machine.
    pub(crate) fn new(ca_file: Option<&Path>, loopback: bool) -> Result<Self, FetchError> {
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
        let client = builder.build().map_err(|error| FetchError::Http(chain(&error)))?;
        Ok(Self { client, loopback })
    }

    /// The body of a document.
    pub(super) async fn get(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        Self::body_of(self.client.get(url.clone())).await
    }

    /// The answer to a question about a token (RFC 7662, section 2.1).
    pub(super) async fn introspect(
        &self,
        settings: &IntrospectionSettings,
        token: &str,
    ) -> Result<Vec<u8>, FetchError> {
        Self::body_of(question(self.client.post(settings.endpoint.clone()), settings, token)).await
    }

    async fn body_of(request: reqwest::RequestBuilder) -> Result<Vec<u8>, FetchError> {
        let response = request.send().await.map_err(failed)?;
        if let Some(to) = response.headers().get(LOCATION)
            && response.status().is_redirection()
        {
            let to = to.to_str().ok().and_then(|to| response.url().join(to).ok());
            let to = to.map(|to| to.origin().ascii_serialization());
            return Err(FetchError::Redirect { status: response.status().as_u16(), to });
        }
        if !response.status().is_success() {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        body(response).await
    }

    /// What `openidconnect` asks and is answered, whatever the status.
    pub(crate) async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let request: reqwest::Request = request.try_into().map_err(failed)?;
        self.protects(request.url())?;
        let mut response = self.client.execute(request).await.map_err(failed)?;
        let mut answer = HttpResponse::new(Vec::new());
        *answer.status_mut() = response.status();
        std::mem::swap(answer.headers_mut(), response.headers_mut());
        *answer.body_mut() = body(response).await?;
        Ok(answer)
    }

    /// Whether what is sent there is sent by https, or stays on this machine where that is
    /// allowed by name. Addresses come from discovery documents, and secrets go there.
    ///
    /// # Errors
    /// Where it is not.
    pub(crate) fn protects(&self, url: &Url) -> Result<(), FetchError> {
        match url.scheme() {
            "https" => Ok(()),
            "http" if self.loopback && is_loopback(url) => Ok(()),
            _ => {
                // Neither query nor path: they are not what is wrong, and may say too much.
                let host = url.host_str().unwrap_or_default();
                Err(FetchError::Insecure(format!("{}://{host}", url.scheme())))
            }
        }
    }
}

async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn failed(error: reqwest::Error) -> FetchError {
    FetchError::Http(chain(&error.without_url()))
}

/// The question, with who asks it.
fn question(
    request: reqwest::RequestBuilder,
    settings: &IntrospectionSettings,
    token: &str,
) -> reqwest::RequestBuilder {
    let secret = settings.client_secret.as_ref().map_or("", ExposeSecret::expose_secret);
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", token).append_pair("token_type_hint", "access_token");
    let request = match settings.client_auth {
        // RFC 6749, section 2.3.1: encoded before they are put together.
        ClientAuth::Basic => {
            let encoded = |text: &str| -> String {
                url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
            };
            request.basic_auth(encoded(&settings.client_id), Some(encoded(secret)))
        }
        ClientAuth::Post => {
            form.append_pair("client_id", &settings.client_id);
            form.append_pair("client_secret", secret);
            request
        }
    };
    request
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json")
        .body(form.finish())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_goes_by_https_or_stays_on_this_machine() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let protects = |loopback, url: &str| {
            let http = Http::new(None, loopback).unwrap();
            http.protects(&Url::parse(url).unwrap()).map_err(|error| error.to_string())
        };
        for loopback in [true, false] {
            assert_eq!(protects(loopback, "https://idp.example.com/token"), Ok(()));
            for (url, said) in [
                ("http://idp.example.com/token?code=SECRET", "http://idp.example.com"),
                ("http://localhost.example.com/", "http://localhost.example.com"),
                ("file:///etc/passwd", "file://"),
                ("javascript:alert(1)", "javascript://"),
            ] {
                let told = format!("`{said}` is not an https URL");
                assert_eq!(protects(loopback, url), Err(told));
            }
        }
        assert_eq!(protects(true, "http://127.0.0.1:9000/token"), Ok(()));
        assert!(protects(false, "http://127.0.0.1:9000/token").is_err());
    }
}
