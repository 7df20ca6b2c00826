//! The two ways in.

use std::{borrow::Cow, time::Duration};

use jiff::Timestamp;
use openidconnect::{
    CsrfToken, DeviceCodeErrorResponseType, Nonce, PkceCodeChallenge, RequestTokenError,
    TokenResponse as _,
    core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreDeviceAuthorizationResponse},
};
use tokio::time::timeout;

use super::{
    LoginError, Prompt,
    callback::{Callback, Expected},
    error::printable,
    provider::Provider,
    store::Tokens,
};

/// How long a browser may take to come back.
const PATIENCE: Duration = Duration::from_secs(600);

/// Authorization code with PKCE. The browser comes back to a port of this machine.
pub(super) async fn code(
    provider: &Provider<'_>,
    tell: impl Fn(Prompt<'_>),
) -> Result<Tokens, LoginError> {
    let callback = Callback::bind(provider.login.redirect_port).await?;
    let redirect = callback.redirect_url()?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let mut request = provider
        .client
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .set_pkce_challenge(challenge)
        .set_redirect_uri(Cow::Borrowed(&redirect))
        .add_scopes(provider.scopes());
    if let Some(prompt) = &provider.login.prompt {
        request = request.add_prompt(CoreAuthPrompt::Extension(prompt.clone()));
    }
    for (name, value) in whom_it_is_for(provider) {
        request = request.add_extra_param(name, value);
    }
    let (url, state, nonce) = request.url();
    tell(Prompt::Browser(&url));
    let expected = Expected {
        state,
        issuer: provider.issuer.issuer.clone(),
        names_issuer: provider.names_itself,
    };
    let code = timeout(PATIENCE, callback.wait(expected, || tell(Prompt::ForeignAnswer)))
        .await
        .map_err(|_| LoginError::NobodyCame(PATIENCE.as_secs() / 60))??;
    let asked_at = Timestamp::now();
    let mut request = provider
        .client
        .exchange_code(code)
        .set_pkce_verifier(verifier)
        .set_redirect_uri(Cow::Borrowed(&redirect));
    if let Some(resource) = &provider.login.resource {
        request = request.add_extra_param("resource", resource);
    }
    let answer = request
        .request_async(&|request| provider.ask(request))
        .await
        .map_err(|error| LoginError::asking("a token for the code", error))?;
    if provider.wants_id_token() && answer.id_token().is_none() {
        // The nonce in it is what ties the answer to this sign-in.
        return Err(LoginError::NoIdToken);
    }
    provider.tokens(&answer, Some(&nonce), asked_at)
}

/// Device authorization. The browser may be anywhere.
pub(super) async fn device(
    provider: &Provider<'_>,
    tell: impl Fn(Prompt<'_>),
) -> Result<Tokens, LoginError> {
    let endpoint = provider.device.clone().ok_or(LoginError::NotOffered(
        "device_authorization_endpoint",
        "sign in with `--flow code`",
    ))?;
    let client = provider.client.clone().set_device_authorization_url(endpoint);
    let mut request = client.exchange_device_code().add_scopes(provider.scopes());
    for (name, value) in whom_it_is_for(provider) {
        request = request.add_extra_param(name, value);
    }
    let device: CoreDeviceAuthorizationResponse = request
        .request_async(&|request| provider.ask(request))
        .await
        .map_err(|error| LoginError::asking("a device code", error))?;
    let page = device.verification_uri().url();
    let complete = device
        .verification_uri_complete()
        .map(|complete| url::Url::parse(complete.secret()))
        .transpose()
        .map_err(|_| LoginError::Unreadable("a device code"))?;
    provider.protects(page)?;
    complete.as_ref().map_or(Ok(()), |page| provider.protects(page))?;
    let code = printable(device.user_code().secret());
    tell(Prompt::Device { page, code: &code, complete: complete.as_ref() });
    let mut request = client.exchange_device_access_token(&device);
    if let Some(resource) = &provider.login.resource {
        request = request.add_extra_param("resource", resource);
    }
    let asked_at = Timestamp::now();
    let answer = request
        .request_async(&|request| provider.ask(request), tokio::time::sleep, None)
        .await
        .map_err(|error| match error {
            RequestTokenError::ServerResponse(told) => match told.error() {
                DeviceCodeErrorResponseType::AccessDenied => LoginError::Denied,
                DeviceCodeErrorResponseType::ExpiredToken => LoginError::CodeExpired,
                _ => LoginError::asking("a token", RequestTokenError::ServerResponse(told)),
            },
            error => LoginError::asking("a token", error),
        })?;
    provider.tokens(&answer, None, asked_at)
}

/// Whom the access token is for, in the words of RFC 8707 or in those of Auth0.
fn whom_it_is_for<'a>(provider: &'a Provider<'_>) -> impl Iterator<Item = (&'static str, &'a str)> {
    let login = provider.login;
    let audience = login.audience.as_deref().map(|audience| ("audience", audience));
    let resource = login.resource.as_deref().map(|resource| ("resource", resource));
    audience.into_iter().chain(resource)
}
