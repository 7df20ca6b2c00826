//! What the IdP offers, and the tokens that it gives: `openidconnect` asks and verifies.

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::Algorithm;
use openidconnect::{
    AccessTokenHash, AdditionalProviderMetadata, ClaimsVerificationError, ClientId,
    DeviceAuthorizationUrl, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _, ProviderMetadata, RefreshToken,
    RequestTokenError, Scope, TokenResponse as _,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
        CoreErrorResponseType, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
        CoreSubjectIdentifierType, CoreTokenResponse,
    },
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{LoginError, store::Tokens};
use crate::{
    config::{IssuerSettings, LoginSettings, ShownToken},
    idp::{FetchError, Http},
};

/// What discovery says beside what every OpenID Provider says.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct More {
    device_authorization_endpoint: Option<DeviceAuthorizationUrl>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

pub(super) type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointMaybeSet,
>;

/// An IdP, asked in the name of one client.
pub(super) struct Provider<'a> {
    pub(super) issuer: &'a IssuerSettings,
    pub(super) login: &'a LoginSettings,
    pub(super) client: Client,
    /// Where a device code is had.
    pub(super) device: Option<DeviceAuthorizationUrl>,
    /// Whether it says with each answer whose it is (RFC 9207).
    pub(super) names_itself: bool,
    http: Http,
}

/// What became of a refresh token.
pub(super) enum Renewal {
    Renewed(Tokens),
    /// It is worth nothing any more.
    Spent,
}

impl<'a> Provider<'a> {
    pub(super) async fn discover(
        issuer: &'a IssuerSettings,
        login: &'a LoginSettings,
    ) -> Result<Self, LoginError> {
        let http = Http::new(issuer.ca_file.as_deref(), issuer.allow_http_loopback)?;
        let url = IssuerUrl::new(issuer.issuer.clone()).map_err(|_| {
            LoginError::NotOffered("issuer", "the configured one is not a URL to ask at")
        })?;
        let ask = |request| ask(&http, request);
        let metadata = Metadata::discover_async(url, &ask).await?;
        Self::of(issuer, login, metadata, http)
    }

    fn of(
        issuer: &'a IssuerSettings,
        login: &'a LoginSettings,
        metadata: Metadata,
        http: Http,
    ) -> Result<Self, LoginError> {
        let More {
            device_authorization_endpoint: device,
            authorization_response_iss_parameter_supported: names_itself,
        } = metadata.additional_metadata().clone();
        let token = metadata
            .token_endpoint()
            .cloned()
            .ok_or(LoginError::NotOffered("token_endpoint", "nobody can sign in"))?;
        // The one where the browser is sent, too: it is asked for the person's password.
        http.protects(metadata.authorization_endpoint().url())?;
        http.protects(token.url())?;
        let client = ClientId::new(login.client_id.clone());
        let client = CoreClient::from_provider_metadata(metadata, client, None)
            .set_token_uri(token)
            .disable_openid_scope(); // it stands among the scopes, or is not wanted
        Ok(Self { issuer, login, client, device, names_itself, http })
    }

    pub(super) async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        ask(&self.http, request).await
    }

    /// Whether a page may be shown to a person to sign in on.
    pub(super) fn protects(&self, url: &url::Url) -> Result<(), LoginError> {
        Ok(self.http.protects(url)?)
    }

    pub(super) fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.login.scopes.iter().cloned().map(Scope::new)
    }

    pub(super) fn wants_id_token(&self) -> bool {
        self.login.scopes.iter().any(|scope| scope == "openid")
    }

    /// New tokens for a refresh token; the refresh token stays good unless a new one came. They
    /// must be about `subject`, who signed in.
    pub(super) async fn renew(
        &self,
        refresh_token: SecretString,
        subject: Option<SecretString>,
    ) -> Result<Renewal, LoginError> {
        let asked_at = Timestamp::now();
        let shown = RefreshToken::new(refresh_token.expose_secret().to_owned());
        let mut request = self.client.exchange_refresh_token(&shown);
        if let Some(resource) = &self.login.resource {
            request = request.add_extra_param("resource", resource);
        }
        let answer = match request.request_async(&|request| self.ask(request)).await {
            Ok(answer) => answer,
            Err(RequestTokenError::ServerResponse(told))
                if *told.error() == CoreErrorResponseType::InvalidGrant =>
            {
                return Ok(Renewal::Spent);
            }
            Err(error) => return Err(LoginError::asking("a renewed token", error)),
        };
        if self.login.shown == ShownToken::IdToken && answer.id_token().is_none() {
            // An IdP need not give one again (OpenID Connect Core, section 12.2).
            return Ok(Renewal::Spent);
        }
        let mut tokens = self.tokens(&answer, None, asked_at)?.about(subject)?;
        tokens.refresh_token.get_or_insert(refresh_token);
        Ok(Renewal::Renewed(tokens))
    }

    /// The tokens of an answer. An ID token is verified, with `nonce` where the question had one.
    pub(super) fn tokens(
        &self,
        answer: &CoreTokenResponse,
        nonce: Option<&Nonce>,
        asked_at: Timestamp, // before the question: rather too early than too late
    ) -> Result<Tokens, LoginError> {
        let (subject, id_token_ends) = self.verify(answer, nonce)?.unzip();
        let lifetime = answer.expires_in().and_then(|span| SignedDuration::try_from(span).ok());
        let (shown, expires_at) = match (self.login.shown, answer.id_token()) {
            (ShownToken::AccessToken, _) => (
                answer.access_token().secret().as_str().into(),
                lifetime.and_then(|lifetime| asked_at.checked_add(lifetime).ok()),
            ),
            (ShownToken::IdToken, Some(id_token)) => {
                (id_token.to_string().into(), id_token_ends.flatten())
            }
            (ShownToken::IdToken, None) => return Err(LoginError::NoIdToken),
        };
        let refresh_token = answer.refresh_token().map(|token| token.secret().as_str().into());
        Ok(Tokens { shown, refresh_token, expires_at, subject })
    }

    /// Verifies the ID token, if there is one; whom it is about, and when it ends.
    fn verify(
        &self,
        answer: &CoreTokenResponse,
        nonce: Option<&Nonce>,
    ) -> Result<Option<(SecretString, Option<Timestamp>)>, LoginError> {
        let Some(id_token) = answer.id_token() else { return Ok(None) };
        let algorithms = self.issuer.algorithms.iter().filter_map(known);
        let verifier = self.client.id_token_verifier().set_allowed_algs(algorithms);
        let claims = match nonce {
            Some(nonce) => id_token.claims(&verifier, nonce),
            None => id_token.claims(&verifier, |_: Option<&Nonce>| Ok(())),
        };
        let claims = claims.map_err(|error| LoginError::IdToken(why(&error)))?;
        if let Some(hash) = claims.access_token_hash() {
            let signed = id_token.signing_alg().ok().zip(id_token.signing_key(&verifier).ok());
            let own = signed.and_then(|(algorithm, key)| {
                AccessTokenHash::from_token(answer.access_token(), algorithm, key).ok()
            });
            if own.as_ref() != Some(hash) {
                return Err(LoginError::IdToken("belongs to another access token"));
            }
        }
        let end = Timestamp::from_second(claims.expiration().timestamp()).ok();
        Ok(Some((claims.subject().as_str().into(), end)))
    }
}

impl Tokens {
    /// The same, if they are about this person (OpenID Connect Core, section 12.2: `sub` must be
    /// that of the sign-in; `iss` and `aud` are held against the settings each time). Where one
    /// of the two answers had no ID token, the other says who it is.
    fn about(mut self, subject: Option<SecretString>) -> Result<Self, LoginError> {
        let Some(signed_in) = subject else { return Ok(self) };
        match &self.subject {
            Some(subject) if subject.expose_secret() != signed_in.expose_secret() => {
                Err(LoginError::IdToken(
                    "is about somebody else than the one who signed in; nothing is renewed \
                     (`--forget` makes room for a new sign-in)",
                ))
            }
            _ => {
                self.subject = Some(signed_in);
                Ok(self)
            }
        }
    }
}

async fn ask(http: &Http, request: HttpRequest) -> Result<HttpResponse, FetchError> {
    http.exchange(request).await
}

/// What is wrong with an ID token, without what stands in it.
fn why(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "has expired already; is the clock right?",
        ClaimsVerificationError::InvalidAudience(_) => "is not for this client alone",
        ClaimsVerificationError::InvalidIssuer(_) => "is another issuer's",
        ClaimsVerificationError::InvalidNonce(_) => "is not of this sign-in: its `nonce` differs",
        ClaimsVerificationError::SignatureVerification(_) => {
            "is not signed with a key of the issuer, or with an algorithm that is not allowed"
        }
        _ => "does not hold",
    }
}

/// The library's name for an algorithm, where it knows it.
fn known(algorithm: &Algorithm) -> Option<CoreJwsSigningAlgorithm> {
    Some(match algorithm {
        Algorithm::RS256 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        Algorithm::RS384 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
        Algorithm::RS512 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
        Algorithm::PS256 => CoreJwsSigningAlgorithm::RsaSsaPssSha256,
        Algorithm::PS384 => CoreJwsSigningAlgorithm::RsaSsaPssSha384,
        Algorithm::PS512 => CoreJwsSigningAlgorithm::RsaSsaPssSha512,
        Algorithm::ES256 => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        Algorithm::ES384 => CoreJwsSigningAlgorithm::EcdsaP384Sha384,
        Algorithm::EdDSA => CoreJwsSigningAlgorithm::EdDsa,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
