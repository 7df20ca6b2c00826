//! hallpass is away.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_nats::ConnectErrorKind;
use futures_util::future::join_all;
use serde_json::json;

use super::staying::{AS_ADVISED, Kind, Staying};
use crate::support::{Cable, Heard, Wire, World, eventually};

async fn cable(world: &World) -> Cable {
    Cable::to(world.nats.url().split_once("://").unwrap().1.to_owned()).await
}

/// Starts them, takes hallpass away, and then the connections.
async fn stranded(kinds: &[Kind]) -> (World, Cable, Vec<Staying>) {
    let mut world = World::builder().without_system().start().await;
    let cable = cable(&world).await;
    let token = world.token("alice", &["orders:read"]);
    let mut clients = Vec::new();
    for kind in kinds {
        clients.push(Staying::start(*kind, &cable.url(), &token).await);
    }
    assert!(world.hallpass[0].terminate().await.success());
    for client in &clients {
        client.is_reached(&world).await;
        assert_eq!(client.count("disconnected"), 0, "a session needs no hallpass");
    }
    cable.cut();
    for client in &clients {
        client.says("disconnected", 1).await;
    }
    cable.mend();
    (world, cable, clients)
}

#[tokio::test]
async fn who_is_in_stays_and_who_keeps_trying_is_back_with_it() {
    let (mut world, _cable, clients) = stranded(&AS_ADVISED).await;
    for client in &clients {
        eventually(&format!("three refusals of {:?}", client.kind), || async {
            (client.refusals() >= 3).then_some(())
        })
        .await;
    }
    world.add_hallpass(&[]).await;
    for client in &clients {
        client.is_reached(&world).await;
        assert_eq!(client.count("closed"), 0, "{:?}", client.said());
    }
}

/// The npm client gives up after two authorization errors in a row unless told otherwise; the
/// others go on.
#[tokio::test]
async fn a_client_that_gives_up_after_two_refusals_is_lost_for_good() {
    let kinds = [Kind::Node { keeps_trying: false }, Kind::Python { keeps_trying: false }];
    let (mut world, _cable, clients) = stranded(&kinds).await;
    clients[0].says("closed", 1).await;
    assert_eq!(clients[0].refusals(), 2, "{:?}", clients[0].said());
    world.add_hallpass(&[]).await;
    clients[1].is_reached(&world).await;
    assert_eq!((clients[0].count("reconnected"), clients[1].count("closed")), (0, 0));
}

/// How many log in at once.
const STORM: usize = 80;
/// How many of them are in when the other replica is killed: by then it has about as many in hand.
const FIRST: usize = 20;

/// A replica that is killed takes the logins along that it has in hand: these are tried again.
#[tokio::test]
async fn a_replica_that_is_killed_costs_nobody_more_than_another_attempt() {
    let mut world = World::builder().without_system().replicas(2).start().await;
    let token = world.token("alice", &["orders:read"]);
    let are_in = AtomicUsize::new(0);
    let storm = |count: usize| {
        let (world, token, are_in) = (&world, &token, &are_in);
        join_all((0..count).map(move |_| async move {
            let mut attempts = 1;
            while let Err(error) = world.log_in("x", token).await {
                let kind = error.kind();
                assert_eq!(kind, ConnectErrorKind::AuthorizationViolation, "{error}");
                attempts += 1;
                assert!(attempts <= 2, "the second attempt is one too many");
            }
            are_in.fetch_add(1, Ordering::SeqCst);
            attempts
        }))
    };
    assert_eq!(storm(20).await, [1; 20]);
    are_in.store(0, Ordering::SeqCst);
    // It takes logins, as the server sees it, and answers none.
    world.hallpass[0].signal("-STOP").await;
    let kill = async {
        eventually("some logins", || async {
            (are_in.load(Ordering::SeqCst) >= FIRST).then_some(())
        })
        .await;
        world.hallpass[0].signal("-KILL").await;
    };
    let (attempts, ()) = tokio::join!(storm(STORM), kill);
    let again = attempts.iter().filter(|&&attempts| attempts == 2).count();
    assert!(again > 0, "nobody was in its hands: {attempts:?}");
    assert!(again <= STORM - FIRST, "{attempts:?}");
    world.hallpass[0].ended().await;
    assert_eq!(decided_by_one(&world, &token).await, 1);
}

/// How many instances decide logins now.
async fn decided_by_one(world: &World, token: &str) -> usize {
    for _ in 0..20 {
        world.log_in("after", token).await.unwrap();
    }
    let events = world.audit().await;
    let after = events.iter().filter(|event| event.text("/data/client/name") == "after");
    let mut instances: Vec<_> = after.map(|it| it.text("/data/hallpass/instance")).collect();
    assert_eq!(instances.len(), 20);
    instances.sort();
    instances.dedup();
    instances.len()
}

/// What is said of a login that nobody answers.
#[tokio::test]
async fn a_login_that_nobody_answers_is_in_the_server_s_log_alone() {
    let mut world = World::builder().replicas(0).start().await;
    let token = world.token("alice", &["orders:read"]);
    let began = std::time::Instant::now();
    let said = Wire::connect(world.nats.url(), "alone", json!({ "auth_token": token })).await;
    assert_eq!(said.err(), Some(Heard::Complaint("Authorization Violation".to_owned())));
    assert!(began.elapsed().as_secs_f64() > 1.9, "it waited for an answer");
    let log = std::fs::read_to_string(world.directory().join("nats-server.log")).unwrap();
    let (line, reason) = ("authentication error - Token \"[REDACTED]\"", "hallpass: ");
    assert!(log.lines().any(|it| it.ends_with(line)) && !log.contains(reason), "{log}");
    world.add_hallpass(&[]).await;
    // That instance's own login and its keys, and nothing about who came before it.
    drop(world.wire("after", &token).await);
    world.event_of("after").await;
    let events = world.events().await;
    assert!(!events.iter().any(|it| it.text("/data/client/name") == "alone"));
}
