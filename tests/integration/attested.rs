//! What an edge attests counts, and nothing that somebody else says in its name.

use std::path::PathBuf;

use async_nats::ConnectOptions;
use serde_json::json;

use crate::support::{Spoken, World, run, text};

const MAP: &str = r#"
account = "APP"

[roles.anywhere]
publish = ["anywhere.>"]

[roles.fronted]
publish = ["fronted.>"]
when = { edge = true }

[roles.office]
publish = ["office.>"]
when = { sources = ["192.0.2.0/24"] }
"#;

/// The test itself is the proxy.
const BEHIND: [&str; 2] = ["--set", "edge.addresses=127.0.0.1"];

async fn world(arguments: &[&str]) -> World {
    let mut world = World::builder().map("app.toml", MAP).replicas(0).start().await;
    world.add_hallpass(&[&BEHIND, arguments].concat()).await;
    world
}

/// The key that `hallpass init` makes, or one that a test makes.
fn key(world: &World, name: &str) -> PathBuf {
    world.directory().join("keys").join(name)
}

/// Another key, as somebody else may have it.
fn another_key(world: &World, name: &str, text: &str) -> PathBuf {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let path = key(world, name);
    std::fs::write(&path, STANDARD.encode(format!("{text:-<32}"))).unwrap();
    path
}

fn through_edge(spoken: &str, token: &str) -> ConnectOptions {
    ConnectOptions::with_user_and_password(spoken.to_owned(), token.to_owned())
}

#[tokio::test]
async fn what_an_edge_attests_is_what_conditions_and_the_audit_stream_see() {
    let world = world(&[]).await;
    let token = world.token("alice", &["anywhere", "fronted", "office"]);
    let spoken = Spoken::about(&token).with("cipher", "TLS_AES_128_GCM_SHA256");
    let spoken = spoken.sealed(&key(&world, "edge.key"));
    world.connect(through_edge(&spoken, &token).name("edged")).await.unwrap();
    let event = world.event_of("edged").await;
    let told = |pointer: &str| event.json().pointer(pointer).cloned().unwrap_or_default();
    let allowed = told("/data/grant/publish/allow");
    assert_eq!(allowed, json!(["anywhere.>", "fronted.>", "office.>"]));
    assert_eq!(told("/data/connection/attested"), true);
    assert_eq!(told("/data/connection/source"), "192.0.2.7");
    assert_eq!(told("/data/client/host"), "127.0.0.1", "what the server sees is the proxy");
    let mut edge = told("/data/edge");
    assert!(edge["at"].take().as_str().unwrap().ends_with('Z'));
    assert_eq!(
        edge,
        json!({
            "at": null, "key": "edge-1", "request": "3b382054-7d0b", "source": "192.0.2.7",
            "tls": "TLSv1.3", "cipher": "TLS_AES_128_GCM_SHA256",
        })
    );
    assert_eq!(told("/data/wish"), json!(null));

    // Without an edge's word nothing is lost but what it is needed for.
    world.log_in("bare", &token).await.unwrap();
    let event = world.event_of("bare").await;
    assert_eq!(event.json()["data"]["grant"]["publish"]["allow"], json!(["anywhere.>"]));
    assert_eq!(event.json()["data"]["connection"]["attested"], false);

    let why = run(world.directory(), &["audit", "why", "--request", "3b382054-7d0b"]).await;
    let why = text(&why.stdout);
    let event = world.event_of("edged").await;
    assert!(why.contains(&event.text("/id")) && why.contains("192.0.2.7"), "{why}");

    // The wish is inside.
    let wishing = Spoken::about(&token).with("want", "account=APP&role=office");
    let wishing = wishing.sealed(&key(&world, "edge.key"));
    world.connect(through_edge(&wishing, &token).name("wishing")).await.unwrap();
    let event = world.event_of("wishing").await;
    assert_eq!(event.json()["data"]["grant"]["publish"]["allow"], json!(["office.>"]));
    assert_eq!(event.json()["data"]["wish"], json!({ "account": "APP", "roles": ["office"] }));
}

#[tokio::test]
async fn each_word_that_does_not_hold_is_refused_for_its_own_reason() {
    let world = world(&[]).await;
    let token = world.token("alice", &["anywhere", "fronted"]);
    let other = world.token("bob", &["anywhere", "fronted"]);
    let good = key(&world, "edge.key");
    let bad = another_key(&world, "stranger.key", "a stranger's");
    let about = || Spoken::about(&token);
    let honest = about().sealed(&good);
    for (code, name, spoken, token) in [
        ("edge_forged", "forged", about().sealed(&bad), &token),
        ("edge_forged", "changed", honest.replace("192.0.2.7", "192.0.2.8"), &token),
        ("edge_token_mismatch", "replayed", honest.clone(), &other),
        ("edge_expired", "expired", about().later(-31).sealed(&good), &token),
        ("edge_not_yet_valid", "early", about().later(20).sealed(&good), &token),
        ("edge_key_unknown", "unknown", about().with("key", "edge-2").sealed(&good), &token),
        ("edge_malformed", "cut", honest[..honest.len() - 50].to_owned(), &token),
        ("edge_malformed", "no-mac", honest.split_once("&mac").unwrap().0.to_owned(), &token),
        ("wish_malformed", "wish", about().with("want", "rolle=x").sealed(&good), &token),
        ("role_not_held", "more", about().with("want", "role=office").sealed(&good), &token),
        ("wish_malformed", "other-form", honest.replace("-edge:", "-Edge:"), &token),
    ] {
        assert_eq!(world.refusal_of(through_edge(&spoken, token), name).await, code, "{name}");
    }
    // What held of it is told: the edge's log has that request.
    for (name, is_known) in
        [("expired", true), ("replayed", true), ("early", true), ("wish", true), ("forged", false)]
    {
        let event = world.event_of(name).await;
        let request = event.json()["data"]["edge"]["request"].as_str();
        assert_eq!(request, is_known.then_some("3b382054-7d0b"), "{name}");
        assert_eq!(event.json()["data"].get("identity"), None, "{name}");
        let stage = if name == "wish" { "credential" } else { "edge" };
        assert_eq!(event.json()["data"]["stage"], stage);
    }
    // So does the server's log.
    let log = std::fs::read_to_string(world.directory().join("nats-server.log")).unwrap();
    let decision = world.event_of("expired").await.text("/data/decision");
    let said = format!("hallpass: edge_expired (decision {decision}, request 3b382054-7d0b)");
    assert!(log.contains(&said), "{log}");
    let decision = world.event_of("forged").await.text("/data/decision");
    assert!(log.contains(&format!("hallpass: edge_forged (decision {decision})")), "{log}");
    // And by the edge's own id it is found.
    let found = run(world.directory(), &["audit", "query", "--request", "3b382054-7d0b", "--json"]);
    let found = text(&found.await.stdout);
    assert_eq!(found.lines().count(), 5, "{found}");
    assert!(found.contains("edge_expired") && !found.contains("edge_forged"), "{found}");
    // The one that is good still is: nobody used it up.
    world.connect(through_edge(&honest, &token)).await.unwrap();
    // No piece of the key, and none of a token, is in a log.
    let hidden = std::fs::read_to_string(&good).unwrap();
    let ours = world.hallpass[0].log();
    for log in [&log, &ours] {
        assert!(!log.contains(hidden.trim()));
        assert!(token.split('.').chain(other.split('.')).all(|part| !log.contains(part)));
    }
}

/// Whoever came by the token and what the edge said of it: it is of no use past the edge.
#[tokio::test]
async fn an_edge_is_where_it_is() {
    let world = world(&[]).await;
    let token = world.token("alice", &["anywhere", "fronted"]);
    let spoken = Spoken::about(&token).sealed(&key(&world, "edge.key"));
    let from = |address: &str| {
        through_edge(&spoken, &token).local_address(format!("{address}:0").parse().unwrap())
    };
    let past_it = world.refusal_of(from("127.0.0.2"), "past-it").await;
    assert_eq!(past_it, "edge_address_unknown");
    let told = world.event_of("past-it").await;
    assert_eq!(told.text("/data/client/host"), "127.0.0.2");
    assert_eq!(told.text("/data/edge/request"), "3b382054-7d0b");
    world.connect(from("127.0.0.1")).await.unwrap();
}

#[tokio::test]
async fn an_issuer_or_a_role_may_ask_for_an_edge() {
    let mut world = world(&[]).await;
    let fronted = world.token("alice", &["fronted"]);
    assert_eq!(world.refusal("by-role", &fronted).await, "edge_missing");
    let event = world.event_of("by-role").await;
    assert!(event.text("/data/detail").starts_with("role `fronted` at "), "{event:?}");
    assert_eq!(event.json()["data"]["stage"], "edge");

    world.hallpass.clear();
    world.add_hallpass(&[&BEHIND[..], &["--set", "issuers.idp.require_edge=true"]].concat()).await;
    let anywhere = world.token("alice", &["anywhere"]);
    assert_eq!(world.refusal("by-issuer", &anywhere).await, "edge_missing");
    let wishing = through_edge("hallpass-want:role=anywhere", &anywhere);
    assert_eq!(world.refusal_of(wishing, "by-wish").await, "edge_missing", "overridden");
    let spoken = Spoken::about(&anywhere).sealed(&key(&world, "edge.key"));
    world.connect(through_edge(&spoken, &anywhere)).await.unwrap();
    // A token that is not good is refused for that: who has none learns nothing of edges.
    let expired = world.token_with("alice", &["anywhere"], |claims| claims["exp"] = json!(5));
    assert_eq!(world.refusal("expired", &expired).await, "token_expired");
}

/// Two keys are good at once; then the old one is taken away.
#[tokio::test]
async fn a_key_is_rotated_and_nobody_stays_outside() {
    let mut world = world(&[]).await;
    let token = world.token("alice", &["fronted"]);
    let (old, new) = (key(&world, "edge.key"), another_key(&world, "new.key", "the next one"));
    let by_old = || Spoken::about(&token).sealed(&old);
    let by_new = || Spoken::about(&token).with("key", "edge-2").sealed(&new);
    let early = world.refusal_of(through_edge(&by_new(), &token), "early").await;
    assert_eq!(early, "edge_key_unknown");

    world.hallpass.clear();
    let both = ["--set", "edge.keys.edge-2.file=keys/new.key"];
    world.add_hallpass(&[&BEHIND[..], &both].concat()).await;
    world.connect(through_edge(&by_old(), &token).name("old")).await.unwrap();
    world.connect(through_edge(&by_new(), &token).name("new")).await.unwrap();
    assert_eq!(world.event_of("new").await.text("/data/edge/key"), "edge-2");

    world.hallpass.clear();
    let path = world.directory().join("hallpass.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.starts_with("edge-1 = ")).unwrap();
    let text = text.replace(line, "edge-2 = { file = \"keys/new.key\" }");
    std::fs::write(&path, text).unwrap();
    world.add_hallpass(&BEHIND).await;
    let late = world.refusal_of(through_edge(&by_old(), &token), "late").await;
    assert_eq!(late, "edge_key_unknown");
    world.connect(through_edge(&by_new(), &token)).await.unwrap();
}
