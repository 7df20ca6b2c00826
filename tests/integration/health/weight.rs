//! What the real HAProxy makes of the answers: its weights and states, read from its stats socket.

mod replicas;
mod slow;
mod words;

use std::path::PathBuf;

use super::*;
use crate::support::{Haproxy, PLAIN, ServerState, World, host_and_port, packaged};

/// A server of HAProxy's backend: its name, where it is, and who is asked about it.
struct Backend<'a> {
    name: &'a str,
    address: &'a str,
    agent: &'a str,
    /// What HAProxy sends there.
    asks: &'a str,
}

/// A HAProxy before these, which looks itself whether they are there, as it does anywhere.
async fn haproxy(world: &World, servers: &[Backend<'_>]) -> Haproxy {
    let server = |Backend { name, address, agent, asks }: &Backend<'_>| {
        let (agent, port) = agent.rsplit_once(':').unwrap();
        format!(
            "  server {name} {address} weight 100 check inter 200ms agent-check \
             agent-addr {agent} agent-port {port} agent-send \"{asks}\\n\" agent-inter 100ms\n"
        )
    };
    let servers: String = servers.iter().map(server).collect();
    let text = format!(
        r#"{PLAIN}
frontend nats
  bind "$NATS"
  default_backend nats
backend nats
{servers}"#
    );
    let path: PathBuf = world.directory().join("haproxy.cfg");
    std::fs::write(&path, text).unwrap();
    Haproxy::start(&path, &["NATS"], &[]).await
}

/// A HAProxy before the world's server, which asks the newest replica about it.
async fn before(world: &World) -> Haproxy {
    let at = agent(world.hallpass.last().unwrap()).await;
    let address = host_and_port(world.nats.url());
    haproxy(world, &[Backend { name: "nats-1", address: &address, agent: &at, asks: "nats-1" }])
        .await
}

/// Waits until a server is up with a weight like this.
async fn weighs(haproxy: &Haproxy, server: &str, weight: std::ops::RangeInclusive<u32>) {
    let what = format!("weighs {weight:?}");
    haproxy
        .thinks("nats", server, &what, |state| {
            state.status.starts_with("UP")
                && state.agent == "L7OK"
                && weight.contains(&state.weight)
        })
        .await;
}

/// Waits until the agent has said that a server is down.
async fn is_down(haproxy: &Haproxy, server: &str) {
    let is_down = |state: &ServerState| state.status.starts_with("DOWN") && state.agent == "L7STS";
    haproxy.thinks("nats", server, "is down, by its agent too", is_down).await;
}

/// HAProxy takes what the page about health shows.
#[tokio::test]
async fn the_page_shows_a_backend_that_haproxy_takes() {
    let page = include_str!("../../../docs/health.md");
    let (_, block) = page.split_once("```\nbackend nats\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    assert_eq!(block.matches("agent-check").count(), 2, "{block}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("haproxy.cfg");
    let before = "defaults\n  mode tcp\n  timeout connect 1s\n  timeout client 1m\n  \
                  timeout server 1m\nfrontend nats\n  bind 127.0.0.1:4222\n  \
                  default_backend nats\n";
    std::fs::write(&path, format!("{before}backend nats\n{block}")).unwrap();
    let mut check = tokio::process::Command::new(packaged("haproxy"));
    let output = check.arg("-c").arg("-f").arg(path).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
