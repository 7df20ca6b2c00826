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

    /// A world whose hallpass believes it, and takes nobody else's word for a role.
    pub fn world(&self) -> WorldBuilder {
        let issuers = format!("issuers = [\"{NAME}\"]\nidp_roles =");
        World::builder()
            .issuer(IssuerText {
                name: NAME.to_owned(),
                issuer: self.issuer().to_owned(),
                audience: self.audience().to_owned(),
                roles_claim: "realm_access.roles".to_owned(),
                allow_http_loopback: true,
            })
            .map("orders.toml", &EXAMPLE_MAP.replace("idp_roles =", &issuers))
    }

    /// Gets an access token for one of its clients.
    pub async fn token(&self, client: &str) -> String {
        let endpoint = self.description["token_endpoint"].as_str().unwrap();
        let answer = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .post(endpoint)
            .basic_auth(client, Some(secret(client)))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials")
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }
}

/// The secret of one of its clients.
pub fn secret(client: &str) -> String {
    format!("{client}-secret")
}
