//! Replicas that go and come, servers that do, and an operator.

use hallpass::playground::NatsServer;

use super::*;
use crate::{clients::listener, support::Cable};

/// Has been there for the whole time, and works.
async fn is_in(visitor: &hallpass::playground::client::Visitor) {
    visitor.client.flush().await.unwrap();
    assert_eq!(visitor.client.connection_state(), async_nats::connection::State::Connected);
    assert_eq!(visitor.client.statistics().connects.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_is_there_as_long_as_one_replica_is_ready_and_then_drains() {
    let mut world = World::builder().replicas(0).start().await;
    world.add_hallpass(&AGENT).await;
    world.add_hallpass(&AGENT).await;
    // Each replica's agent is asked about the same server.
    let (first, second) = (agent(&world.hallpass[0]).await, agent(&world.hallpass[1]).await);
    let address = host_and_port(world.nats.url());
    let backend = |name, agent| Backend { name, address: &address, agent, asks: "nats-1" };
    let haproxy = haproxy(&world, &[backend("a", &first), backend("b", &second)]).await;
    let is_there = |server: &'static str| weighs(&haproxy, server, 50..=100);
    is_there("a").await;
    is_there("b").await;
    let token = world.token("x", &["orders:read"]);
    let through = format!("nats://{}", haproxy.address("NATS"));
    let visitor = hallpass::playground::client::Visitor::log_in(&through, "in", &token);
    let visitor = visitor.await.unwrap();

    // One is stopped: it says itself that the other is there, and then nothing.
    assert!(world.hallpass.remove(1).terminate().await.success());
    is_there("a").await;
    haproxy.thinks("nats", "b", "has a closed port", |state| state.agent == "L4CON").await;
    assert!(haproxy.server("nats", "b").await.status.starts_with("UP"), "that is no news");

    // Somebody who is not ready stays to tell: nobody can log in.
    let nowhere = ["--set", "issuers.idp.jwks_uri=http://127.0.0.1:1/keys"];
    let listen = format!("agent.listen={second}");
    world.add_hallpass(&[&["--set", &listen], &nowhere[..]].concat()).await;
    is_there("b").await;
    world.hallpass[0].signal("-KILL").await;
    world.hallpass[0].ended().await;
    haproxy.thinks("nats", "b", "drains", |state| state.status.starts_with("DRAIN")).await;
    assert!(
        haproxy.server("nats", "a").await.status.starts_with("UP"),
        "a killed agent is no news"
    );
    is_in(&visitor).await;

    let listen = format!("agent.listen={first}");
    world.add_hallpass(&["--set", &listen]).await;
    is_there("a").await;
    is_there("b").await;
    is_in(&visitor).await;
}

/// Of one server and one replica nobody else says that it is gone: HAProxy's own check does.
#[tokio::test]
async fn a_server_that_is_gone_is_down_by_haproxy_s_own_check_until_it_is_back() {
    let mut world = World::builder().replicas(0).start().await;
    world.add_hallpass(&AGENT).await;
    let haproxy = before(&world).await;
    weighs(&haproxy, "nats-1", 50..=100).await;
    world.nats.stop().await;
    let is_down = |state: &ServerState| {
        state.status.starts_with("DOWN") && state.check == "L4CON" && state.agent == "L7RSP"
    };
    haproxy.thinks("nats", "nats-1", "is down, and its agent knows nothing", is_down).await;
    world.restart_nats().await;
    weighs(&haproxy, "nats-1", 50..=100).await;
}

#[tokio::test]
async fn an_operator_says_so_before_the_agent_is_not_heard() {
    let mut world = World::builder().replicas(0).start().await;
    world.add_hallpass(&AGENT).await;
    let (at, address) = (agent(&world.hallpass[0]).await, host_and_port(world.nats.url()));
    let backend = |name| Backend { name, address: &address, agent: &at, asks: "nats-1" };
    let haproxy = haproxy(&world, &[backend("kept"), backend("heard")]).await;
    weighs(&haproxy, "kept", 50..=100).await;
    weighs(&haproxy, "heard", 50..=100).await;
    let drains = |state: &ServerState| state.status.starts_with("DRAIN");
    haproxy.ask("disable agent nats/kept").await;
    haproxy.ask("set server nats/kept state drain").await;
    haproxy.thinks("nats", "kept", "drains", drains).await;
    for _ in 0..5 {
        // `ready` undoes what an operator said, where the agent is heard: so it did answer meanwhile.
        haproxy.ask("set server nats/heard state drain").await;
        weighs(&haproxy, "heard", 50..=100).await;
        assert!(drains(&haproxy.server("nats", "kept").await));
    }
    haproxy.ask("enable agent nats/kept").await;
    weighs(&haproxy, "kept", 50..=100).await;
}

/// The world with another server in its cluster.
async fn cluster() -> (World, NatsServer) {
    // A server with JetStream wants to know of its cluster before; this one is called upon.
    let clustered = |routes: &str| {
        format!(
            "cluster {{ name: hall, listen: \"127.0.0.1:-1\", no_advertise: true, routes: \
             [\"nats-route://{routes}\"] }}\n"
        )
    };
    let world = World::builder()
        .replicas(0)
        .server_conf(|conf| format!("{conf}\n{}", clustered("127.0.0.1:1")))
        .start()
        .await;
    let route = listener(&world, "Listening for route connections on").await;
    let join = |conf: &str| conf.replace("127.0.0.1:1\"", &format!("{route}\""));
    let other = world.another_server("nats-2", join).await;
    (world, other)
}

/// Who cannot reach a server may be the one who is cut off, while others serve there.
#[tokio::test]
async fn a_replica_that_is_cut_off_takes_no_server_from_the_others() {
    let mut world = World::builder().replicas(0).start().await;
    let cable = Cable::to(host_and_port(world.nats.url())).await;
    let urls = format!("nats.urls={}", cable.url());
    world.add_hallpass(&[&AGENT[..], &["--set", &urls]].concat()).await;
    let haproxy = before(&world).await;
    weighs(&haproxy, "nats-1", 50..=100).await;
    world.add_hallpass(&[]).await;
    cable.cut();
    let no_news = |state: &ServerState| state.agent == "L7RSP" && state.status.starts_with("UP");
    haproxy.thinks("nats", "nats-1", "hears no news", no_news).await;
    let token = world.token("x", &["orders:read"]);
    let through = format!("nats://{}", haproxy.address("NATS"));
    hallpass::playground::client::Visitor::log_in(&through, "in", &token).await.unwrap();
    cable.mend();
    weighs(&haproxy, "nats-1", 50..=100).await;
}

#[tokio::test]
async fn a_server_that_one_replica_does_not_reach_and_another_does_is_there() {
    let (mut world, other) = cluster().await;
    let cable = Cable::to(host_and_port(other.url())).await;
    for two in [cable.url(), other.url().to_owned()] {
        let urls = format!("nats.urls={},{two}", world.nats.url());
        world.add_hallpass(&[&AGENT[..], &["--set", &urls]].concat()).await;
    }
    let at = agent(&world.hallpass[0]).await;
    let two = host_and_port(other.url());
    let backend = Backend { name: "two", address: &two, agent: &at, asks: "nats-2" };
    let haproxy = haproxy(&world, &[backend]).await;
    weighs(&haproxy, "two", 50..=100).await;
    cable.cut();
    weighs(&haproxy, "two", 10..=10).await;
    // Nobody else is there who would know whether it is the server or the way to it.
    assert!(world.hallpass.remove(1).terminate().await.success());
    let no_news = |state: &ServerState| state.agent == "L7RSP" && state.status.starts_with("UP");
    haproxy.thinks("nats", "two", "hears no news", no_news).await;
    cable.mend();
    weighs(&haproxy, "two", 50..=100).await;
}

#[tokio::test]
async fn of_a_cluster_each_server_has_its_own_answer() {
    let (mut world, other) = cluster().await;
    let urls = format!("nats.urls={},{}", world.nats.url(), other.url());
    for _ in 0..2 {
        world.add_hallpass(&[&AGENT[..], &["--set", &urls]].concat()).await;
    }
    let at = agent(&world.hallpass[0]).await;
    let (one, two) = (host_and_port(world.nats.url()), host_and_port(other.url()));
    let haproxy = haproxy(
        &world,
        &[
            Backend { name: "one", address: &one, agent: &at, asks: "nats-1" },
            Backend { name: "two", address: &two, agent: &at, asks: "nats-2" },
        ],
    )
    .await;
    weighs(&haproxy, "one", 50..=100).await;
    weighs(&haproxy, "two", 50..=100).await;
    drop(other);
    is_down(&haproxy, "two").await;
    weighs(&haproxy, "one", 10..=100).await;
}
