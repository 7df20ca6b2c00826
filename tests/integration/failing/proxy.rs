//! The proxy is restarted, or reads its configuration again.

use super::staying::{AS_ADVISED, Staying};
use crate::support::{Haproxy, PLAIN, World, eventually, host_and_port};

const SECTIONS: &str = r#"
frontend nats
  bind "$EDGE"
  default_backend nats
backend nats
  server nats-1 "$NATS" check inter 50ms
"#;

/// A HAProxy before the world's server, and the URL to reach it by.
pub(super) async fn proxy(world: &World) -> (Haproxy, String) {
    let configuration = world.directory().join("haproxy.cfg");
    std::fs::write(&configuration, format!("{PLAIN}{SECTIONS}")).unwrap();
    let server = host_and_port(world.nats.url());
    let proxy = Haproxy::start(&configuration, &["EDGE"], &[("NATS", server)]).await;
    let url = format!("nats://{}", proxy.address("EDGE"));
    (proxy, url)
}

async fn behind_a_proxy() -> (World, Haproxy, Vec<Staying>) {
    let world = World::builder().without_system().start().await;
    let (proxy, url) = proxy(&world).await;
    let token = world.token("alice", &["orders:read"]);
    let mut clients = Vec::new();
    for kind in AS_ADVISED {
        let client = Staying::start(kind, &url, &token).await;
        client.is_reached(&world).await;
        clients.push(client);
    }
    (world, proxy, clients)
}

/// How many logins were decided.
async fn decisions(world: &World) -> usize {
    let events = world.audit().await;
    events.iter().filter(|it| it.text("/type") == "hallpass.decision").count()
}

#[tokio::test]
async fn a_proxy_that_is_restarted_ends_sessions_and_clients_come_back() {
    let (world, mut proxy, clients) = behind_a_proxy().await;
    assert_eq!(decisions(&world).await, clients.len());
    proxy.stop().await;
    for client in &clients {
        client.says("disconnected", 1).await;
    }
    proxy.start_again().await;
    for client in &clients {
        client.is_reached(&world).await;
        assert_eq!((client.count("closed"), client.refusals()), (0, 0), "{:?}", client.said());
    }
    eventually("each has logged in anew", || async {
        (decisions(&world).await >= 2 * clients.len()).then_some(())
    })
    .await;
    assert!(world.audit().await.iter().all(|event| event.outcome() == "granted"));
}

#[tokio::test]
async fn a_proxy_that_reads_its_configuration_again_ends_no_session() {
    let (world, proxy, clients) = behind_a_proxy().await;
    proxy.reload().await;
    for client in &clients {
        client.is_reached(&world).await;
        assert_eq!(client.count("disconnected"), 0, "{:?}", client.said());
    }
    let url = format!("nats://{}", proxy.address("EDGE"));
    let token = world.token("bob", &["orders:read"]);
    Staying::start(AS_ADVISED[0], &url, &token).await.is_reached(&world).await;
    assert_eq!(decisions(&world).await, clients.len() + 1);
}
