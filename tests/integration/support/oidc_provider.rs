//! An IdP that nobody here wrote: `oidc-provider` from npm.

use hallpass::setup::{EXAMPLE_MAP, IssuerText};
use serde_json::Value;
use tokio::sync::Mutex;

use super::{
    World, WorldBuilder,
    process::{Process, client},
};

/// What hallpass calls it.
pub const NAME: &str = "oidc-provider";

/// A running IdP, with the clients `clerk`, `reader` and `nobody`. Dropping it kills it.
pub struct OidcProvider {
    process: Mutex<(Process, u64)>,
    description: Value,
}

impl OidcProvider {
    /// Starts it, with the options of `tests/clients/oidc-provider.mjs`.
    pub async fn start(options: &[&str]) -> Self {
        let mut command = client("oidc-provider.mjs");
        command.args(options);
        let process = Process::start(command);
        let line = process.says("its addresses", |line| line.starts_with('{')).await;
        let description = serde_json::from_str(&line).unwrap();
        Self { process: Mutex::new((process, 0)), description }
    }

    /// Has it obey a command of `tests/clients/oidc-provider.mjs`, and returns its answer.
    pub async fn obeys(&self, command: &str) -> Value {
        let mut guard = self.process.lock().await;
        let (process, commanded) = &mut *guard;
        *commanded += 1;
        process.hears(command).await;
        let begin = format!("{{\"command\":{commanded},");
        let line = process.says(command, |line| line.starts_with(&begin)).await;
        serde_json::from_str(&line).unwrap()
    }

    /// How often its keys were asked for.
    pub async fn jwks_requests(&self) -> u64 {
        self.obeys("count").await["jwks"].as_u64().unwrap()
    }

    /// How often it was asked about a token.
    pub async fn questions(&self) -> u64 {
        self.obeys("count").await["introspection"].as_u64().unwrap()
    }

    /// Kills it, and returns when it is gone.
    pub async fn kill(self) {
        self.process.into_inner().0.signal("-KILL").await;
    }

    /// Where it listens.
    pub fn port(&self) -> &str {
        self.issuer().rsplit_once(':').unwrap().1
    }

    /// The `iss` of its tokens.
    pub fn issuer(&self) -> &str {
        self.description["issuer"].as_str().unwrap()
    }

    /// The audience of its tokens.
    pub fn audience(&self) -> &str {
        self.description["audience"].as_str().unwrap()
    }

    /// Where it is asked about tokens (RFC 7662).
    pub fn introspection_endpoint(&self) -> &str {
        self.description["introspection_endpoint"].as_str().unwrap()
    }

    /// A world whose hallpass believes it, and takes nobody else's word for a role.
    pub fn world(&self) -> WorldBuilder {
        let issuers = format!("issuers = [\"{NAME}\"]\n");
        World::builder()
            .issuer(IssuerText {
                name: NAME.to_owned(),
                issuer: self.issuer().to_owned(),
                audience: self.audience().to_owned(),
                roles_claim: "realm_access.roles".to_owned(),
                allow_http_loopback: true,
            })
            .map("orders.toml", &(issuers + EXAMPLE_MAP))
    }

    /// Gets an access token for one of its clients.
    pub async fn token(&self, client: &str) -> String {
        let answer = self.post("token_endpoint", client, "grant_type=client_credentials").await;
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Has a client revoke its token (RFC 7009).
    pub async fn revoke(&self, client: &str, token: &str) {
        self.post("revocation_endpoint", client, &format!("token={token}")).await;
    }

    /// What it says of a token, asked by the client `hallpass`.
    pub async fn says_of(&self, token: &str) -> Value {
        let form = format!("token={token}&token_type_hint=access_token");
        serde_json::from_slice(&self.post("introspection_endpoint", "hallpass", &form).await)
            .unwrap()
    }

    async fn post(&self, endpoint: &str, client: &str, form: &str) -> Vec<u8> {
        // RFC 6749, section 2.3.1.
        let secret = secret(client);
        let secret: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let answer = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .post(self.description[endpoint].as_str().unwrap())
            .basic_auth(client, Some(secret))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.to_owned())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.bytes().await.unwrap().to_vec()
    }
}

/// The secret of one of its clients. That of who asks about tokens has in it what must be encoded
/// on the way.
pub fn secret(client: &str) -> String {
    if client.starts_with("hallpass") {
        format!("{client}: 100% + a & b")
    } else {
        format!("{client}-secret")
    }
}
