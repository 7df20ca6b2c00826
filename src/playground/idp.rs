//! An IdP on loopback: discovery, JWKS and a token endpoint (client credentials, RFC 6749,
//! section 4.4). It gives every persona a token for the asking, so it vouches for nobody, and
//! `serve` refuses its keys by the first part of their `kid`.
//!
//! It lies on purpose: asked for `expired`, `foreign` or `tampered` it hands out a token as such
//! a client would show it, so that a refusal can be had without forging anything oneself.

use std::sync::Arc;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{
    Form, Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Persona, PlaygroundError};
use crate::idp::PLAYGROUND_KID_PREFIX;

/// Whose tokens the persona `foreign` shows: somewhere else, and nobody asks it for its keys.
const FOREIGN_ISSUER: &str = "https://idp.elsewhere.example";

/// The audience of the playground's tokens.
pub const AUDIENCE: &str = "nats";

/// What kind of IdP this is.
#[derive(Debug, Clone)]
pub struct IdpOptions {
    /// What the `kid` of its key begins with.
    pub kid_prefix: String,
    /// How long its tokens are valid.
    pub lifetime: jiff::SignedDuration,
}

impl IdpOptions {
    /// The playground's: its keys are marked.
    #[must_use]
    pub fn playground() -> Self {
        Self {
            kid_prefix: PLAYGROUND_KID_PREFIX.to_owned(),
            lifetime: jiff::SignedDuration::from_mins(15),
        }
    }
}

/// A running IdP.
#[derive(Debug)]
pub struct Idp {
    signers: Arc<Signers>,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<()>,
}

/// The IdP's own key, and that of the issuer that it plays for `foreign`.
#[derive(Debug)]
struct Signers {
    own: Signer,
    foreign: Signer,
}

/// Who signs tokens.
pub(super) struct Signer {
    issuer: String,
    key_id: String,
    key: EncodingKey,
    jwk: Jwk,
    options: IdpOptions,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Idp {
    /// Starts an IdP with a fresh key on a free loopback port.
    ///
    /// # Errors
    /// Where there is no port or no key to be had.
    pub async fn start(options: IdpOptions) -> Result<Self, PlaygroundError> {
        let port = || PlaygroundError::io("a port for the IdP");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(port())?;
        let issuer = format!("http://{}", listener.local_addr().map_err(port())?);
        let foreign = Signer::new(FOREIGN_ISSUER.to_owned(), options.clone())?;
        let signers = Arc::new(Signers { own: Signer::new(issuer, options)?, foreign });
        let stop = CancellationToken::new();
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .with_state(Arc::clone(&signers));
        let ending = stop.clone().cancelled_owned();
        let server = tokio::spawn(async move {
            // It ends with the process or when told to; an error has nobody to hear it.
            let _ = axum::serve(listener, app).with_graceful_shutdown(ending).await;
        });
        Ok(Self { signers, stop, server })
    }

    /// The `iss` of its tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.signers.own.issuer
    }

    /// Where tokens are.
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        format!("{}/token", self.signers.own.issuer)
    }

    /// The claims of an ordinary token for somebody with these roles.
    #[must_use]
    pub fn claims(&self, subject: &str, roles: &[&str]) -> Value {
        self.signers.own.claims(subject, roles)
    }

    /// Signs claims, whatever they say.
    ///
    /// # Errors
    /// Where they cannot be signed.
    pub fn sign(&self, claims: &Value) -> Result<String, PlaygroundError> {
        self.signers.own.sign(claims)
    }

    /// The token that a persona shows.
    ///
    /// # Errors
    /// Where it cannot be signed.
    pub fn token(&self, persona: Persona) -> Result<String, PlaygroundError> {
        persona.token(&self.signers.own, &self.signers.foreign)
    }

    /// Its public key.
    #[must_use]
    pub fn jwk(&self) -> &Jwk {
        &self.signers.own.jwk
    }

    /// Stops it.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.server.await;
    }
}

impl Signer {
    fn new(issuer: String, options: IdpOptions) -> Result<Self, PlaygroundError> {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map_err(|_| PlaygroundError::Key)?;
        let key = EncodingKey::from_ec_der(document.as_ref());
        let key_id = format!("{}{}", options.kid_prefix, uuid::Uuid::now_v7());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256)?;
        jwk.common.key_id = Some(key_id.clone());
        Ok(Self { issuer, key_id, key, jwk, options })
    }

    pub(super) fn claims(&self, subject: &str, roles: &[&str]) -> Value {
        let now = Timestamp::now().as_second();
        json!({
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": subject,
            "jti": uuid::Uuid::now_v7().to_string(),
            "iat": now,
            "exp": now + self.options.lifetime.as_secs(),
            "tenant_id": "acme",
            "realm_access": { "roles": roles },
        })
    }

    pub(super) fn sign(&self, claims: &Value) -> Result<String, PlaygroundError> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(self.key_id.clone());
        Ok(jsonwebtoken::encode(&header, claims, &self.key)?)
    }
}

async fn discovery(State(signers): State<Arc<Signers>>) -> Json<Value> {
    let issuer = &signers.own.issuer;
    Json(json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/jwks"),
        "token_endpoint": format!("{issuer}/token"),
        "authorization_endpoint": format!("{issuer}/no-sign-in-here"),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    }))
}

async fn jwks(State(signers): State<Arc<Signers>>) -> Json<Value> {
    Json(json!({ "keys": [signers.own.jwk] }))
}

#[derive(serde::Deserialize)]
struct TokenRequest {
    grant_type: String,
    client_id: String,
}

/// Any secret will do: whoever is on this machine may be any persona.
async fn token(State(signers): State<Arc<Signers>>, Form(request): Form<TokenRequest>) -> Response {
    let refuse =
        |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    if request.grant_type != "client_credentials" {
        return refuse("unsupported_grant_type");
    }
    let Some(persona) = Persona::by_name(&request.client_id) else {
        return refuse("invalid_client");
    };
    match persona.token(&signers.own, &signers.foreign) {
        Ok(token) => Json(json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": signers.own.options.lifetime.as_secs(),
        }))
        .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
