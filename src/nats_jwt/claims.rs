//! The claims of the three JWTs of an auth callout.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::subject::Permission;

/// The registered claims around a NATS-specific part `N`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims<N> {
    /// The audience; for a user JWT in server-configuration mode the *name* of its account.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub aud: String,
    /// Seconds since 1970 at which it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// Seconds since 1970 at which it was made.
    #[serde(default)]
    pub iat: i64,
    /// The public nkey that signed it.
    pub iss: String,
    /// Its id.
    #[serde(default)]
    pub jti: String,
    /// A name; the server takes the one of a user JWT as the connection's user name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The public nkey that it is about.
    pub sub: String,
    /// What is particular to NATS.
    pub nats: N,
}

/// `nats` of an authorization request. What is not used is not read.
#[derive(Debug, Clone, Deserialize)]
pub struct AuthorizationRequest {
    /// Always `authorization_request`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The server that asks.
    pub server_id: ServerInfo,
    /// The nkey that the server made for this login attempt.
    pub user_nkey: String,
    /// What the server knows about the client.
    pub client_info: ClientInfo,
    /// What the client said in CONNECT.
    pub connect_opts: ConnectOpts,
    /// What TLS says about the client, where it is used.
    #[serde(default)]
    pub client_tls: Option<ClientTls>,
}

/// The server that asks.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ServerInfo {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its public nkey (`N…`), which also signs the request.
    pub id: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Its cluster's name.
    #[serde(default)]
    pub cluster: String,
    /// Its public curve key (`X…`), where requests are sealed.
    #[serde(default)]
    pub xkey: String,
}

/// What the server knows about the client.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ClientInfo {
    /// The TCP peer's address: behind a proxy, the proxy's.
    #[serde(default)]
    pub host: String,
    /// The client id, unique on its server.
    #[serde(default)]
    pub id: u64,
    /// `Client` or `Leafnode`.
    #[serde(default)]
    pub kind: String,
    /// `nats`, `mqtt` or `websocket`.
    #[serde(default, rename = "type")]
    pub connection_type: String,
}

/// What the client said in CONNECT. Secrets print as `[REDACTED]`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ConnectOpts {
    /// `auth_token`, or the cookie `token_cookie`.
    #[serde(default)]
    pub auth_token: Option<SecretString>,
    /// `pass`.
    #[serde(default)]
    pub pass: Option<SecretString>,
    /// `user`, or the cookie `user_cookie`. The server logs it: nothing in it is secret.
    #[serde(default)]
    pub user: String,
    /// `name`: what the client calls itself. Nobody vouches for it.
    #[serde(default)]
    pub name: String,
    /// `lang`: the client library's language.
    #[serde(default)]
    pub lang: String,
    /// `version`: the client library's version.
    #[serde(default)]
    pub version: String,
}

/// What TLS says about the client.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ClientTls {
    /// TLS version.
    #[serde(default)]
    pub version: String,
    /// Cipher suite.
    #[serde(default)]
    pub cipher: String,
    /// Chains from the client's certificate to an authority that the server trusts, in PEM, leaf
    /// first. What the client showed and the server did not verify is elsewhere, and not read.
    #[serde(default)]
    pub verified_chains: Vec<Vec<String>>,
}

/// `nats` of an authorization response: exactly one of `jwt` and `error`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuthorizationResponse {
    /// Always `authorization_response`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Always 2.
    pub version: u8,
    /// The user JWT of a grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<String>,
    /// The reason of a refusal: shown to the server's operator, never to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `nats` of a user JWT.
#[derive(Debug, Clone, Serialize)]
pub struct UserClaims {
    /// Always `user`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Always 2.
    pub version: u8,
    /// What may be published.
    #[serde(rename = "pub")]
    pub publish: PermissionSide,
    /// What may be subscribed to.
    #[serde(rename = "sub")]
    pub subscribe: PermissionSide,
    /// Replies to requests, beyond `publish`.
    #[serde(rename = "resp", skip_serializing_if = "Option::is_none")]
    pub responses: Option<ResponsePermission>,
    /// -1: no limit but the account's and the server's. Others the server ignores here.
    pub subs: i64,
    /// -1, as `subs`.
    pub data: i64,
    /// -1, as `subs`.
    pub payload: i64,
}

/// One side of a user's permissions. **Both lists empty means everything.**
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PermissionSide {
    /// Allowed patterns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Permission>,
    /// Denied patterns, which win.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<Permission>,
}

/// Permission to publish to the reply subject of a received message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ResponsePermission {
    /// How many messages for each request; -1 for any number.
    pub max: i64,
    /// For how long, in nanoseconds; -1 for ever.
    pub ttl: i64,
}
