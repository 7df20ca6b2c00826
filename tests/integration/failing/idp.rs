//! The IdP is slow, or has wrong keys. That it is away is in `keys.rs`.

use std::time::Duration;

use hallpass::playground::idp::{Idp, IdpOptions};
use serde_json::json;

use crate::support::{Cable, OIDC_PROVIDER, OidcProvider, World, eventually};

/// Three seconds to each answer: twice as long as a login may take.
#[tokio::test]
async fn one_that_is_slow_keeps_nobody_out_whose_key_is_known_and_the_others_not_for_long() {
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let slow = Cable::late(format!("127.0.0.1:{}", idp.port()), Duration::from_secs(3)).await;
    let uri = slow.url().replace("nats://", "http://") + "/jwks";
    let mut world = idp.world().replicas(0).start().await;
    world.add_hallpass(&["--set", &format!("issuers.{OIDC_PROVIDER}.jwks_uri={uri}")]).await;
    let known = idp.token("clerk").await;
    eventually("the first keys", || async { world.log_in("first", &known).await.ok() }).await;

    idp.obeys("rotate").await;
    let new = idp.token("clerk").await;
    assert_eq!(world.refusal("new", &new).await, "deadline_exceeded");
    let event = world.event_of("new").await;
    assert_eq!(event.outcome(), "undecided");
    let took: u64 = event.text("/data/latency/total").parse().unwrap();
    assert!(took < 1_900_000, "answered before the server gives up: {took} µs");
    world.log_in("known", &known).await.unwrap();
    let event = world.event_of("known").await;
    let took: u64 = event.text("/data/latency/token").parse().unwrap();
    assert!(took < 1_000_000, "it waits for nobody: {took} µs");
    // What the first waited for in vain comes all the same, and the next has it.
    eventually("a login by the new key", || async { world.log_in("again", &new).await.ok() }).await;
}

/// Whoever runs the IdP published keys that it does not sign with.
#[tokio::test]
async fn one_with_wrong_keys_lets_nobody_in_until_they_are_right() {
    let mut world = World::builder().replicas(0).start().await;
    let options = IdpOptions { kid_prefix: "test-".to_owned(), ..IdpOptions::playground() };
    let other = Idp::start(options).await.unwrap();
    let (right, mut wrong) = (json!(world.idp.jwk()), json!(other.jwk()));
    wrong["kid"] = right["kid"].clone();
    let path = world.directory().join("jwks.json");
    let publish = |key: &serde_json::Value| {
        let new = path.with_extension("new");
        std::fs::write(&new, json!({ "keys": [key] }).to_string()).unwrap();
        std::fs::rename(new, &path).unwrap();
    };
    publish(&wrong);
    let flags = ["--set", "issuers.idp.jwks_file=jwks.json", "--set", "issuers.idp.refresh=10s"];
    world.add_hallpass(&flags).await;
    let token = world.token("alice", &["orders:read"]);
    assert_eq!(world.refusal("same-name", &token).await, "signature_invalid");
    // A key of another name: that it is not there is looked up at once.
    wrong["kid"] = json!("another");
    publish(&wrong);
    eventually("the wrong key's other name", || async {
        let _ = world.log_in("other-name", &token).await.err()?;
        (world.event_of("other-name").await.text("/data/code") == "key_unknown").then_some(())
    })
    .await;
    publish(&right);
    eventually("a login", || async { world.log_in("right", &token).await.ok() }).await;
}
