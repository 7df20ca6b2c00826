//! nats-server is away.

use super::staying::{AS_ADVISED, Staying};
use crate::support::{World, soon};

#[tokio::test]
async fn clients_and_hallpass_come_back_to_a_server_that_was_away() {
    let mut world = World::builder().without_system().start().await;
    let token = world.token("alice", &["orders:read"]);
    let mut clients = Vec::new();
    for kind in AS_ADVISED {
        let client = Staying::start(kind, world.nats.url(), &token).await;
        client.is_reached(&world).await;
        clients.push(client);
    }
    world.nats.stop().await;
    for client in &clients {
        client.says("disconnected", 1).await;
    }
    world.hallpass[0].says("NATS connection lost; it comes back by itself").await;
    world.restart_nats().await;
    for client in &clients {
        client.is_reached(&world).await;
        assert_eq!(client.count("closed"), 0, "{:?}", client.said());
    }
    assert!(world.hallpass[0].terminate().await.success());
}

/// The wait for an answer may outlast the server's first PING, where it is longer than it is by
/// default: async-nats takes any answer for the end of the login.
#[tokio::test]
async fn a_client_may_believe_for_a_moment_that_it_is_in() {
    let patient = |conf: &str| conf.replace("authorization {\n", "authorization {\n  timeout: 4\n");
    let world = World::builder().replicas(0).server_conf(patient).start().await;
    let token = world.token("alice", &["orders:read"]);
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let _client = async_nats::ConnectOptions::with_token(token)
        .event_callback(move |event| {
            let _ = told.send(event.to_string());
            std::future::ready(())
        })
        .connect(world.nats.url())
        .await
        .expect("nobody answers, and it believes to be in");
    for expected in ["connected", "server error: nats: authorization violation"] {
        let event = soon(expected, heard.recv()).await.unwrap();
        assert_eq!(event, expected);
    }
}
