//! Clients over WebSocket, HAProxy, nats-server, and hallpass.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hallpass::{
    playground::idp::{AUDIENCE, Idp, IdpOptions},
    setup::{EXAMPLE_MAP, IssuerText},
};
use serde_json::Value;
use tokio::process::Command;

use super::{Certificates, NOWHERE, example, host_and_port};
use crate::{
    clients::probe,
    support::{Ending, Haproxy, World, WorldBuilder, install_provider, soon},
};

/// The origin of the pages that may connect.
pub(super) const ORIGIN: &str = "https://app.example.com";

/// The name of the issuer.
pub(super) const ISSUER: &str = "corp";

/// The WebSocket example, with an issuer whose key the edge knows.
pub(super) struct OverWebSocket {
    pub(super) world: World,
    pub(super) haproxy: Haproxy,
    pub(super) certificates: Certificates,
}

/// The public key of an issuer, fetched as the example's README says.
pub(super) async fn pem(issuer: &str) -> String {
    let discovery = format!("{issuer}/.well-known/openid-configuration");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(discovery).send().await.unwrap().bytes().await.unwrap();
    let discovered: Value = serde_json::from_slice(&answer).unwrap();
    let readme = std::fs::read_to_string(example("README.md")).unwrap();
    let line = readme.lines().find(|line| line.starts_with("node -e ")).expect("the line is there");
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("JWKS_URI", discovered["jwks_uri"].as_str().unwrap());
    let status = soon("a key in PEM", command.current_dir(directory.path()).status()).await;
    assert!(status.unwrap().success());
    let text = std::fs::read_to_string(directory.path().join("issuer.pem")).unwrap();
    assert!(text.starts_with("-----BEGIN PUBLIC KEY-----"), "{text}");
    text
}

/// An issuer of tokens, of which a test has the key.
pub(super) async fn issuer() -> Idp {
    install_provider();
    let options = IdpOptions { kid_prefix: "test-".to_owned(), ..IdpOptions::playground() };
    Idp::start(options).await.unwrap()
}

impl OverWebSocket {
    /// With this issuer.
    pub(super) async fn with(issuer: &Idp) -> Self {
        let text = IssuerText {
            name: ISSUER.to_owned(),
            issuer: issuer.issuer().to_owned(),
            audience: AUDIENCE.to_owned(),
            roles_claim: "realm_access.roles".to_owned(),
            allow_http_loopback: true,
        };
        let map = format!("issuers = [\"{ISSUER}\"]\n{EXAMPLE_MAP}");
        let builder = World::builder().issuer(text).map("orders.toml", &map);
        let key = pem(issuer.issuer()).await;
        Self::start(builder, ISSUER, ("ES256", &key), NOWHERE).await
    }

    /// With what this world believes; the edge believes this key. The page is at `app`.
    pub(super) async fn start(
        builder: WorldBuilder,
        issuer: &str,
        (algorithm, key): (&str, &str),
        app: &str,
    ) -> Self {
        let certificates = Certificates::new();
        std::fs::write(certificates.path("issuer.pem"), key).unwrap();
        let shared = STANDARD.encode([7; 32]);
        let environment = [
            ("HALLPASS_EDGE_CERTIFICATE", certificates.path("edge.pem")),
            ("HALLPASS_EDGE_ISSUER_KEY", certificates.path("issuer.pem")),
            ("HALLPASS_EDGE_ALGORITHM", algorithm.to_owned()),
            ("HALLPASS_EDGE_ORIGIN", ORIGIN.to_owned()),
            ("HALLPASS_EDGE_KEY", shared.clone()),
            ("HALLPASS_APP", app.to_owned()),
            ("HALLPASS_NATS_WEBSOCKET_1", NOWHERE.to_owned()),
        ];
        let listeners = ["HALLPASS_EDGE_LISTEN"];
        let configuration = example("websocket/haproxy.cfg");
        let haproxy = Haproxy::start(&configuration, &listeners, &environment).await;

        let builder = builder.variable("HALLPASS_WEBSOCKET_ORIGIN", ORIGIN).replicas(0);
        let mut world = builder.start().await;
        std::fs::write(world.directory().join("keys/edge.key"), shared).unwrap();
        let require = format!("issuers.{issuer}.require_edge=true");
        world.add_hallpass(&["--set", "edge.addresses=127.0.0.1", "--set", &require]).await;
        let server = host_and_port(world.nats.websocket_url().unwrap());
        let (host, port) = server.split_once(':').unwrap();
        haproxy.ask(&format!("set server nats/nats-1 addr {host} port {port}")).await;
        let up =
            |state: &crate::support::ServerState| state.check == "L7OK" && state.status == "UP";
        haproxy.thinks("nats", "nats-1", "is up", up).await;
        Self { world, haproxy, certificates }
    }

    /// Knocks at the edge, with what follows of `?` in the path; the token is in the environment.
    pub(super) async fn knock(&self, query: &str, token: &str, arguments: &[&str]) -> Ending {
        let address = self.haproxy.address("HALLPASS_EDGE_LISTEN");
        let url = format!("wss://{address}/nats{query}");
        let ca = self.certificates.path("ca.pem");
        let usual = ["--ca", &ca, "--from", "127.0.0.2"];
        probe("websocket-client.mjs", &url, token, &[&usual, arguments].concat()).await
    }

    /// The newest line about a WebSocket in the proxy's log, split at the spaces.
    pub(super) fn newest_line(&self) -> Vec<String> {
        let log = self.haproxy.log();
        let line = log.iter().rfind(|line| line.contains(" GET /nats ")).expect("a line");
        line.split(' ').map(str::to_owned).collect()
    }
}
