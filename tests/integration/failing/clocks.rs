//! A clock is off by minutes: hallpass's, and that of whoever it deals with.
//!
//! No clock is moved here. What carries a time is made as whoever has the other clock would make it:
//! the IdP's tokens, the server's requests, the proxy's word. hallpass being late is the other being
//! ahead.

use std::time::{Duration, Instant};

use async_nats::ConnectOptions;
use hallpass::nats_jwt;
use serde_json::{Value, json};

use crate::support::{AskingServer, Heard, Spoken, World, eventually};

const MINUTES: i64 = 3 * 60;
/// Seconds that are left of a token of which an IdP that is late believes that it has minutes.
const LEFT: i64 = 4;

/// A token as an IdP with this clock makes it now, good for this long.
fn token(world: &World, ahead: i64, lives: i64) -> String {
    let now = jiff::Timestamp::now().as_second();
    world.token_with("alice", &["orders:read"], |claims| {
        claims["iat"] = json!(now + ahead);
        claims["exp"] = json!(now + ahead + lives);
    })
}

#[tokio::test]
async fn of_the_idp() {
    let mut world = World::start().await;
    let late = |lives| token(&world, -MINUTES, lives);
    // For the IdP it is good for minutes, for everybody else for what is left of them.
    let mut late_one = world.wire("late", &late(MINUTES + LEFT)).await;
    let began = Instant::now();
    assert_eq!(
        late_one.until_the_end().await,
        [Heard::Complaint("User Authentication Expired".to_owned())]
    );
    assert!(began.elapsed() < Duration::from_secs(LEFT as u64 + 10), "{:?}", began.elapsed());
    assert_eq!(world.refusal("late-and-short", &late(MINUTES - 1)).await, "token_expired");
    let ahead = token(&world, MINUTES, MINUTES);
    assert_eq!(world.refusal("ahead", &ahead).await, "token_issued_in_future");
    assert_eq!(world.event_of("ahead").await.outcome(), "refused");
    world.log_in("a-little", &token(&world, 20, MINUTES)).await.expect("within the leeway");
    // Until the clocks are right again, more of a leeway helps.
    world.hallpass.clear();
    world.add_hallpass(&["--set", "issuers.idp.leeway=5m"]).await;
    world.log_in("lenient", &ahead).await.unwrap();
}

#[tokio::test]
async fn of_the_server() {
    let world = AskingServer::world().start().await;
    let mut asking = AskingServer::start(&world).await;
    let good = token(&world, 0, 2 * MINUTES);
    let at = |asking: &AskingServer, ahead: i64| {
        let mut claims = asking.keys.claims(&good);
        for name in ["iat", "exp"] {
            claims[name] = json!(claims[name].as_i64().unwrap() + ahead);
        }
        claims
    };
    let claims = at(&asking, MINUTES);
    // The session ends with the token, whatever the server's clock says: by that clock half of the
    // token's time is over, and so the server ends it early.
    let jwt = asking.ask(&claims).await.nats.jwt.unwrap();
    let ends_at = nats_jwt::decode::<Value>(jwt.as_bytes()).unwrap().exp.unwrap();
    let left = ends_at - claims["iat"].as_i64().unwrap();
    assert!((MINUTES - 10..=MINUTES).contains(&left), "{left} s of {} s", 2 * MINUTES);
    world.hallpass[0].says("the server's clock and ours disagree").await;
    let claims = at(&asking, -MINUTES);
    let header = asking.keys.xkey.public_key();
    asking.send(asking.keys.request(&claims), Some(&header)).await;
    let event = eventually("an event about the request", || async {
        world.audit().await.into_iter().find(|it| it.text("/type") == "hallpass.request")
    })
    .await;
    assert_eq!(
        (event.text("/data/code"), event.outcome()),
        ("request_expired".into(), "dropped".into())
    );
    world.hallpass[0].says("request_expired").await;
    // The next answer is that to what comes next: the one before got none.
    let claims = at(&asking, 0);
    assert!(asking.ask(&claims).await.nats.jwt.is_some());
}

#[tokio::test]
async fn of_the_proxy() {
    let mut world = World::builder().replicas(0).start().await;
    world.add_hallpass(&["--set", "edge.addresses=127.0.0.1"]).await;
    let token = world.token("alice", &["orders:read"]);
    let through = |ahead: i64| {
        let key = world.directory().join("keys/edge.key");
        let spoken = Spoken::about(&token).later(ahead).sealed(&key);
        ConnectOptions::with_user_and_password(spoken, token.clone())
    };
    assert_eq!(world.refusal_of(through(-MINUTES), "late").await, "edge_expired");
    assert_eq!(world.refusal_of(through(MINUTES), "ahead").await, "edge_not_yet_valid");
    world.connect(through(0)).await.unwrap();
    // Who needs no proxy is not concerned.
    world.log_in("direct", &token).await.unwrap();
}
