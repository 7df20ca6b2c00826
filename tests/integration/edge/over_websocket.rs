//! Clients over WebSocket, HAProxy, nats-server, and hallpass.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hallpass::{
    playground::idp::{AUDIENCE, Idp, IdpOptions},
    setup::{EXAMPLE_MAP, IssuerText},
};

use super::{Certificates, NOWHERE, example, host_and_port};
use crate::{
    clients::probe,
    support::{Ending, Haproxy, ServerState, World, WorldBuilder, code, install_provider, run},
};

/// The origin of the pages that may connect.
pub(super) const ORIGIN: &str = "https://app.example.com";

/// The name of the issuer.
pub(super) const ISSUER: &str = "corp";

/// What hallpass knows as `edge-2`, beside what the edge has at first.
pub(super) const ANOTHER_KEY: [u8; 32] = [8; 32];

/// The WebSocket example, with an issuer whose key the edge knows.
pub(super) struct OverWebSocket {
    pub(super) world: World,
    pub(super) haproxy: Haproxy,
    pub(super) certificates: Certificates,
}

/// The public key of an issuer, as hallpass prints it for the edge.
pub(super) async fn pem(issuer: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let text = format!(
        "[issuers.{ISSUER}]\nissuer = {issuer:?}\naudiences = [\"x\"]\nroles_claim = \"x\"\n\
         allow_http_loopback = true\n"
    );
    std::fs::write(directory.path().join("hallpass.toml"), text).unwrap();
    let output = run(directory.path(), &["issuers", "pem", ISSUER]).await;
    assert_eq!(code(&output), 0, "{}", crate::support::text(&output.stderr));
    crate::support::text(&output.stdout)
}

/// An issuer of tokens, of which a test has the key.
pub(super) async fn issuer() -> Idp {
    install_provider();
    let options = IdpOptions { kid_prefix: "test-".to_owned(), ..IdpOptions::playground() };
    Idp::start(options).await.unwrap()
}

/// What the WebSocket example asks for: the key that it shares with hallpass, that of the issuer, and
/// where the page is. It is told later where nats-server is.
pub(super) fn environment(
    certificates: &Certificates,
    shared: &str,
    (algorithm, key): (&str, &str),
    app: &str,
) -> [(&'static str, String); 8] {
    std::fs::write(certificates.path("issuer.pem"), key).unwrap();
    [
        ("HALLPASS_EDGE_CERTIFICATE", certificates.path("edge.pem")),
        ("HALLPASS_EDGE_SOCKET", certificates.path("edge.sock")),
        ("HALLPASS_EDGE_ISSUER_KEY", certificates.path("issuer.pem")),
        ("HALLPASS_EDGE_ALGORITHM", algorithm.to_owned()),
        ("HALLPASS_EDGE_ORIGIN", ORIGIN.to_owned()),
        ("HALLPASS_EDGE_KEY", shared.to_owned()),
        ("HALLPASS_APP", app.to_owned()),
        ("HALLPASS_NATS_WEBSOCKET_1", NOWHERE.to_owned()),
    ]
}

impl OverWebSocket {
    /// With this issuer.
    pub(super) async fn with(issuer: &Idp) -> Self {
        Self::configured(issuer, &example("websocket/haproxy.cfg")).await
    }

    /// With this issuer, and the proxy's configuration in this file, or in the files of this
    /// directory in their order.
    pub(super) async fn configured(issuer: &Idp, configuration: &Path) -> Self {
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
        Self::start(configuration, builder, ISSUER, ("ES256", &key), NOWHERE).await
    }

    /// With what this world believes; the edge believes this key. The page is at `app`.
    pub(super) async fn start(
        configuration: &Path,
        builder: WorldBuilder,
        issuer: &str,
        (algorithm, key): (&str, &str),
        app: &str,
    ) -> Self {
        let certificates = Certificates::new();
        let shared = STANDARD.encode([7; 32]);
        let environment = environment(&certificates, &shared, (algorithm, key), app);
        let listeners = ["HALLPASS_EDGE_LISTEN"];
        let haproxy = Haproxy::start(configuration, &listeners, &environment).await;

        let builder = builder.variable("HALLPASS_WEBSOCKET_ORIGIN", ORIGIN).replicas(0);
        let mut world = builder.start().await;
        std::fs::write(world.directory().join("keys/edge.key"), shared).unwrap();
        let another = world.directory().join("keys/edge-2.key");
        std::fs::write(another, STANDARD.encode(ANOTHER_KEY)).unwrap();
        let path = world.directory().join("hallpass.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let keys = "[edge.keys]\nedge-2 = { file = \"keys/edge-2.key\" }\n";
        std::fs::write(&path, text.replace("[edge.keys]\n", keys)).unwrap();
        let require = format!("issuers.{issuer}.require_edge=true");
        world.add_hallpass(&["--set", "edge.addresses=127.0.0.1", "--set", &require]).await;
        let scene = Self { world, haproxy, certificates };
        scene.introduce().await;
        scene
    }

    /// Tells the proxy where the server is, whose port nobody knew when the proxy started.
    pub(super) async fn introduce(&self) {
        let server = host_and_port(self.world.nats.websocket_url().unwrap());
        let (host, port) = server.split_once(':').unwrap();
        self.haproxy.ask(&format!("set server nats/nats-1 addr {host} port {port}")).await;
        let up = |state: &ServerState| state.check == "L7OK" && state.status == "UP";
        self.haproxy.thinks("nats", "nats-1", "is up", up).await;
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
