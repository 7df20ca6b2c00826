//! Over TCP: TLS that ends at the proxy or goes through, the client's own address, health, time.

use std::time::Duration;

use async_nats::ConnectErrorKind;
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    process::Command,
};

use super::{Certificates, NOWHERE, OverTcp, haproxy_over_tcp, host_and_port, over_tcp};
use crate::support::{Process, nats_cli, soon};

/// Roles that the client's own address decides about.
const MAP: &str = r#"
account = "APP"

[roles.branch]
publish = ["branch.>"]
subscribe = ["branch.>"]
when = { sources = ["127.0.0.2/32"] }
"#;

/// Many times as long as a server takes to say INFO through a proxy.
const SILENCE: Duration = Duration::from_millis(300);

async fn scene() -> OverTcp {
    OverTcp::start(|builder| builder.map("app.toml", MAP)).await
}

#[tokio::test]
async fn the_client_s_own_address_decides_where_tls_ends_at_the_edge() {
    let scene = scene().await;
    let token = scene.world.token("alice", &["branch"]);
    let alice = scene.to_the_edge(scene.visitor("alice", &token)).await.unwrap();
    let event = scene.world.event_of("alice").await;
    assert_eq!(event.text("/data/client/host"), "127.0.0.2");
    assert_eq!(event.text("/data/connection/source"), "127.0.0.2");
    assert_eq!(event.json().pointer("/data/client/tls"), None, "not between proxy and server");

    let mut heard = alice.client.subscribe("branch.x").await.unwrap();
    alice.client.publish("branch.x", "hello".into()).await.unwrap();
    assert_eq!(soon("a message", heard.next()).await.unwrap().payload, "hello");

    drop((heard, alice));
    let is_alice = |line: &str| line.starts_with("127.0.0.2:");
    let line = scene.haproxy.says("alice's line", is_alice).await;
    assert!(
        line.contains(" nats_tls nats-1 as=127.0.0.1:") && line.contains(" tls=TLSv1.3 "),
        "{line}"
    );

    // Through the proxy, but from its own host: nobody knows whose address that is.
    let near = scene.visitor("near", &token).local_address("127.0.0.1:0".parse().unwrap());
    let refused = scene.to_the_edge(near).await.expect_err("a role of elsewhere");
    assert_eq!(refused.kind(), ConnectErrorKind::AuthorizationViolation, "{refused}");
    let event = scene.world.event_of("near").await;
    assert_eq!(event.text("/data/code"), "condition_unmet");
    assert_eq!(event.json().pointer("/data/connection/source"), None);

    // The proxy's line leads to the server's about who was refused, and that to the event.
    let is_near = |line: &str| line.starts_with("127.0.0.1:") && line.contains(" nats_tls ");
    let line = scene.haproxy.says("the line of who was refused", is_near).await;
    let source = line.split_once(" as=").unwrap().1.split(' ').next().unwrap();
    let log = std::fs::read_to_string(scene.world.directory().join("nats-server.log")).unwrap();
    let number = event.json()["data"]["client"]["client_id"].to_string();
    let begin = format!("{source} - cid:{number} - authentication error");
    assert!(log.contains(&begin), "{begin}\n{log}");

    // Who does not do TLS first waits for INFO, and the proxy for TLS; where TLS goes through, the
    // server's INFO comes at once.
    let begins = async |listener: &str| {
        let mut stream = TcpStream::connect(scene.haproxy.address(listener)).await.unwrap();
        let mut begin = [0; 5];
        stream.read_exact(&mut begin).await.unwrap();
        begin
    };
    let through = soon("INFO", begins("HALLPASS_EDGE_THROUGH_LISTEN")).await;
    assert_eq!(&through, b"INFO ");
    let ended = begins("HALLPASS_EDGE_TLS_LISTEN");
    let silent = tokio::time::timeout(SILENCE, ended).await;
    assert!(silent.is_err(), "{silent:?}");
}

#[tokio::test]
async fn the_client_s_own_address_decides_where_tls_goes_through() {
    let scene = scene().await;
    let token = scene.world.token("alice", &["branch"]);
    let alice = scene.through_the_edge(scene.visitor("alice", &token)).await.unwrap();
    let event = scene.world.event_of("alice").await;
    assert_eq!(event.text("/data/connection/source"), "127.0.0.2");
    assert_eq!(event.text("/data/client/tls/version"), "1.3", "the server did TLS itself");
    drop(alice);
    scene
        .haproxy
        .says("her line", |line| line.contains(" nats_through nats-1 ") && line.contains(" tls=- "))
        .await;
}

/// The Go client, as people have it.
#[tokio::test]
async fn the_nats_cli_comes_in_with_tls_first() {
    let scene = OverTcp::start(|builder| builder).await;
    let home = tempfile::tempdir().unwrap();
    let nats = async |first: &str| {
        let mut command = Command::new(nats_cli());
        let server = format!("tls://{}", scene.haproxy.address("HALLPASS_EDGE_TLS_LISTEN"));
        let ca = scene.certificates.path("ca.pem");
        let token = scene.world.token("cli", &["orders:write"]);
        command.env("HOME", home.path()).env("XDG_CONFIG_HOME", home.path());
        command.args(["--server", &server, "--tlsca", &ca, "--token", &token, "--timeout", "1s"]);
        command.args([first, "pub", "orders.acme.created", "hello"]);
        let mut process = Process::start(command);
        let success = process.ended().await.status.success();
        (success, process.complaints())
    };
    let (success, told) = nats("--tlsfirst").await;
    assert!(success, "{told}");
    let (success, told) = nats("--no-tlsfirst").await;
    assert!(!success, "TLS after INFO cannot be ended by a proxy: {told}");
}

/// Why the listener must be reachable from the proxy only.
#[tokio::test]
async fn a_proxy_header_of_anybody_is_believed() {
    let scene = scene().await;
    let server = host_and_port(scene.world.nats.url());
    let says = async |header: &str, name: &str| {
        let connect = json!({
            "verbose": false, "pedantic": false, "lang": "wire", "version": "1", "name": name,
            "auth_token": scene.world.token("mallory", &["branch"]),
        });
        let mut stream = BufReader::new(TcpStream::connect(&server).await.unwrap());
        let said = format!("{header}CONNECT {connect}\r\nPING\r\n");
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut lines = stream.lines();
        loop {
            let line = soon("an answer", lines.next_line()).await.unwrap().unwrap();
            if line.starts_with("PONG") || line.starts_with("-ERR") {
                return line;
            }
        }
    };
    assert_eq!(says("", "honest").await, "-ERR 'Authorization Violation'");
    let forged = "PROXY TCP4 127.0.0.2 127.0.0.1 56324 4222\r\n";
    assert_eq!(says(forged, "forged").await, "PONG");
    let event = scene.world.event_of("forged").await;
    assert_eq!(event.text("/data/connection/source"), "127.0.0.2");
}

#[tokio::test]
async fn a_server_in_lame_duck_mode_gets_no_new_client_and_keeps_those_it_has() {
    let scene = OverTcp::start(|builder| {
        // It says good-bye to nobody for a while.
        let slowly = "lame_duck_grace_period: \"60s\"\nlame_duck_duration: \"90s\"\n";
        builder.server_conf(|conf| format!("{conf}{slowly}"))
    })
    .await;
    scene.haproxy.thinks("nats", "nats-1", "is up", |state| state.check == "L7OK").await;
    scene.haproxy.thinks("nats", "nats-2", "is down", |state| state.status == "DOWN").await;
    let token = scene.world.token("alice", &["orders:write"]);
    let alice = scene.to_the_edge(scene.visitor("alice", &token)).await.unwrap();

    let log = scene.world.directory().join("nats-server.log");
    let log = std::fs::read_to_string(log).unwrap();
    // Each line begins with `[PID]`.
    let pid = &log[1..log.find(']').unwrap()];
    let sent = Command::new("kill").args(["-USR2", pid]).status().await.unwrap();
    assert!(sent.success());
    scene.haproxy.thinks("nats", "nats-1", "is down", |state| state.status == "DOWN").await;
    scene.to_the_edge(scene.visitor("late", &token)).await.expect_err("no server is left");
    alice.client.flush().await.expect("who is in stays in");
    assert_eq!(scene.haproxy.server("nats", "nats-1").await.sessions, 1);
}

/// A listener that takes connections is no nats-server yet, and an open port is none either.
#[tokio::test]
async fn what_does_not_say_info_is_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"220 mail.example.com ESMTP\r\n").await;
        }
    });
    let certificates = Certificates::new();
    let haproxy = haproxy_over_tcp(&over_tcp([&address, NOWHERE], &certificates)).await;
    let state = haproxy.thinks("nats", "nats-1", "is down", |it| it.status == "DOWN").await;
    assert!(state.check.starts_with("L7"), "{state:?}");
    let state = haproxy.thinks("nats", "nats-2", "is down", |it| it.status == "DOWN").await;
    assert_eq!(state.check, "L4CON");
}
