//! HAProxy before nats-server, with the files of `examples/haproxy` as they are.

use std::path::{Path, PathBuf};

use async_nats::ConnectOptions;
use hallpass::playground::client::Visitor;

use crate::support::{Authority, Certified, Haproxy, ROOT, World, WorldBuilder, host_and_port};

mod agents;
mod browser;
mod forged;
mod gossip;
mod one_id;
mod over_websocket;
mod pages;
mod patience;
mod rotation;
mod running;
mod tcp;
mod websocket;

/// A file of the examples.
fn example(name: &str) -> PathBuf {
    Path::new(ROOT).join("examples/haproxy").join(name)
}

/// A server's configuration that is nothing but a file of the examples.
fn including(name: &str) -> String {
    // The server takes no absolute path there; above the root is the root.
    format!("include \"{}{}\"\n", "../".repeat(16), example(name).display())
}

/// Certificates for loopback, as HAProxy and as nats-server want them.
struct Certificates {
    directory: tempfile::TempDir,
    server: Certified,
}

impl Certificates {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new("root");
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("ca.pem"), authority.pem()).unwrap();
        let server = authority.server(directory.path());
        let text = |path: &Path| std::fs::read_to_string(path).unwrap();
        std::fs::write(path("edge.pem"), text(&server.certificate) + &text(&server.key)).unwrap();
        Self { directory, server }
    }

    /// A server with them.
    fn announced(&self, builder: WorldBuilder) -> WorldBuilder {
        self.variables().into_iter().fold(builder, |all, (name, value)| all.variable(name, value))
    }

    /// Where a server finds them.
    fn variables(&self) -> [(&'static str, String); 2] {
        let [certificate, key] = [&self.server.certificate, &self.server.key];
        [
            ("HALLPASS_TLS_CERTIFICATE", certificate.display().to_string()),
            ("HALLPASS_TLS_KEY", key.display().to_string()),
        ]
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
}

/// Where nobody listens.
const NOWHERE: &str = "127.0.0.1:1";

/// Clients over TCP, HAProxy, nats-server, and hallpass.
struct OverTcp {
    world: World,
    haproxy: Haproxy,
    certificates: Certificates,
}

/// What the TCP example asks for, before these servers.
fn over_tcp(servers: [&str; 2], certificates: &Certificates) -> Vec<(&'static str, String)> {
    vec![
        ("HALLPASS_EDGE_CERTIFICATE", certificates.path("edge.pem")),
        ("HALLPASS_NATS_1", servers[0].to_owned()),
        ("HALLPASS_NATS_2", servers[1].to_owned()),
    ]
}

/// Both frontends of the TCP example.
async fn haproxy_over_tcp(environment: &[(&str, String)]) -> Haproxy {
    let listeners = ["HALLPASS_EDGE_TLS_LISTEN", "HALLPASS_EDGE_THROUGH_LISTEN"];
    Haproxy::start(&example("tcp/haproxy.cfg"), &listeners, environment).await
}

impl OverTcp {
    async fn start(change: impl FnOnce(WorldBuilder) -> WorldBuilder) -> Self {
        let certificates = Certificates::new();
        let builder = World::builder().server_conf(|_| including("tcp/nats-server.conf"));
        let mut world = change(certificates.announced(builder)).replicas(0).start().await;
        world.add_hallpass(&["--set", "edge.addresses=127.0.0.1"]).await;
        let server = host_and_port(world.nats.url());
        let haproxy = haproxy_over_tcp(&over_tcp([&server, NOWHERE], &certificates)).await;
        Self { world, haproxy, certificates }
    }

    /// A client of this name, from another address than the proxy's.
    fn visitor(&self, name: &str, token: &str) -> ConnectOptions {
        ConnectOptions::with_token(token.to_owned())
            .name(name)
            .local_address("127.0.0.2:0".parse().unwrap())
            .add_root_certificates(self.certificates.path("ca.pem").into())
    }

    /// Through the frontend where TLS ends.
    async fn to_the_edge(
        &self,
        options: ConnectOptions,
    ) -> Result<Visitor, async_nats::ConnectError> {
        let url = format!("tls://{}", self.haproxy.address("HALLPASS_EDGE_TLS_LISTEN"));
        Visitor::connect(&url, options.require_tls(true).tls_first()).await
    }

    /// Through the frontend that leaves TLS to the server.
    async fn through_the_edge(
        &self,
        options: ConnectOptions,
    ) -> Result<Visitor, async_nats::ConnectError> {
        let url = format!("tls://{}", self.haproxy.address("HALLPASS_EDGE_THROUGH_LISTEN"));
        Visitor::connect(&url, options.require_tls(true)).await
    }
}
