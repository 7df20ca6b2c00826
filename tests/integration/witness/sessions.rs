//! Connections that come up and end.

use std::collections::BTreeMap;

use async_nats::ConnectOptions;

use super::*;
use crate::support::Wire;

/// Where the connection of an event is: what tells connections apart.
fn place(event: &Value) -> (String, u64) {
    let client = &event["data"]["client"];
    (client["server_id"].as_str().unwrap().to_owned(), client["client_id"].as_u64().unwrap())
}

#[tokio::test]
async fn a_login_is_followed_to_the_end_of_its_connection() {
    let world = World::start().await;
    let token = world.token("alice", &["orders:read"]);
    let mut wire = world.wire("a-clerk", &token).await;
    let decision = world.event_of("a-clerk").await.json().clone();
    let started = told(&world, "session", "a-clerk", 1).await.remove(0);
    assert_eq!(place(&decision), place(&started));
    let (server, client) = place(&started);
    assert_eq!(started["subject"], format!("{server}/{client}"));
    let data = &started["data"];
    assert_eq!(data["outcome"], "started");
    assert_eq!(data["account"], "APP");
    assert_eq!(data["user_name"], decision["data"]["identity"]["user_name"]);
    assert_eq!(data["user_name"], "idp:alice");
    for same in ["host", "kind", "connection_type", "lang", "version", "server_name", "cluster"] {
        assert_eq!(data["client"][same], decision["data"]["client"][same], "{same}");
    }
    assert!(data.get("own").is_none() && data.get("reason").is_none());

    // Not allowed, and sent all the same.
    wire.publish("elsewhere", "1234567").await;
    wire.settle().await;
    drop(wire);
    let ended = told(&world, "session", "a-clerk", 2).await.remove(1);
    assert_eq!(place(&ended), place(&started));
    let data = &ended["data"];
    assert_eq!(data["outcome"], "ended");
    assert_eq!(data["account"], "APP");
    assert_eq!(data["reason"], "Client Closed");
    assert_eq!(data["sent"], json!({ "msgs": 1, "bytes": 7 }));
    assert_eq!(data["received"], json!({ "msgs": 0, "bytes": 0 }));
    assert_eq!(data["started_at"], started["data"]["started_at"]);
    assert!(data["ended_at"].as_str() > data["started_at"].as_str());
    let all: String = world.events().await.iter().map(|event| event.json().to_string()).collect();
    assert!(!all.contains(&token) && !all.contains(token.rsplit('.').next().unwrap()));
}

#[tokio::test]
async fn of_two_replicas_one_records_each_event() {
    let world = World::builder().replicas(2).start().await;
    // Those that started before both listened are told once, if at all.
    let token = world.token("alice", &["orders:read"]);
    world.hallpass[0].says("connections are recorded").await;
    world.hallpass[1].says("connections are recorded").await;
    for _ in 0..20 {
        drop(world.wire("many", &token).await);
    }
    told(&world, "session", "many", 40).await;
    let marker = world.wire("marker", &token).await;
    told(&world, "session", "marker", 1).await;
    drop(marker);
    let events = world.events().await;
    let mut found: BTreeMap<_, usize> = BTreeMap::new();
    for event in of(&events, "session") {
        *found.entry((place(&event), event["data"]["outcome"].to_string())).or_default() += 1;
    }
    assert!(found.len() >= 41);
    assert!(found.values().all(|count| *count == 1), "{found:?}");
    let many = about(&events, "session", "many");
    let mut writers: Vec<_> = many.iter().map(|event| event["source"].to_string()).collect();
    writers.sort();
    writers.dedup();
    assert_eq!(writers.len(), 2, "both take their part");
}

#[tokio::test]
async fn hallpass_s_own_connections_and_break_glass_are_told_too() {
    let mut world = World::start().await;
    world.hallpass[0].says("connections are recorded").await;
    world.add_hallpass(&[]).await;
    for (name, account, key) in [
        ("hallpass", "AUTH", &world.keys.service),
        ("hallpass-audit", "AUDIT", &world.keys.audit_writer),
        ("hallpass-system", "SYS", &world.keys.system),
    ] {
        let told = told(&world, "session", name, 1).await;
        let data = &told.last().unwrap()["data"];
        assert_eq!((&data["own"], &data["account"]), (&json!(true), &json!(account)), "{name}");
        assert_eq!(data["user_name"], **key);
    }
    let seed = std::fs::read_to_string(world.directory().join("keys/break-glass.nk")).unwrap();
    let options = ConnectOptions::with_nkey(seed.trim().to_owned()).name("glass");
    let _broken = world.connect(options).await.unwrap();
    let told = told(&world, "session", "glass", 1).await.remove(0);
    assert_eq!(told["data"]["user_name"], world.keys.break_glass);
    assert!(told["data"].get("own").is_none());
    assert_eq!(about(&world.events().await, "decision", "glass"), [] as [Value; 0]);
}

/// What CONNECT says is a claim until the server has judged it; a connection that is gone by then
/// ends under the name that it claimed.
#[tokio::test]
async fn a_name_that_nobody_verified_is_in_no_event() {
    let world = World::start().await;
    let url = world.nats.url();
    assert_eq!(world.refusal("refused", "no-token").await, "token_malformed");
    let secret = "pasted-into-the-wrong-field";
    let wrong = json!({ "user": secret, "pass": "x" });
    Wire::connect(url, "pasted", wrong.clone()).await.err().unwrap();
    let token = world.token("alice", &["orders:read"]);
    for _ in 0..5 {
        let mut wire = world.wire("claims", &token).await;
        wire.publish("elsewhere", "x").await;
        wire.settle().await;
        wire.leaves_with(wrong.clone()).await;
    }
    let claims = told(&world, "session", "claims", 10).await;
    let ends = claims.iter().filter(|event| event["data"]["outcome"] == "ended");
    let accounts: Vec<_> = ends.map(|event| &event["data"]["account"]).collect();
    assert_eq!(accounts, ["$G"; 5], "where the server judges who says CONNECT again");
    // What is no CONNECT is taken as far as it is one, and ends the connection where it was.
    let forged = json!({ "user": secret, "echo": "no truth value" });
    world.wire("forges", &token).await.leaves_with(forged).await;
    assert_eq!(told(&world, "session", "forges", 2).await[1]["data"]["account"], "APP");
    let _marker = world.wire("marker", &token).await;
    told(&world, "session", "marker", 1).await;
    let events = world.events().await;
    for event in &events {
        assert!(!event.json().to_string().contains(secret), "{}", event.json());
    }
    for name in ["refused", "pasted"] {
        assert_eq!(about(&events, "session", name), [] as [Value; 0], "it came in nowhere");
        assert_eq!(about(&events, "answer", name), [] as [Value; 0], "the decision has its event");
        assert_eq!(about(&events, "decision", name).len(), 1);
    }
}

#[tokio::test]
async fn without_a_user_of_the_system_account_everything_else_works() {
    let mut world = World::builder().without_system().start().await;
    let token = world.token("alice", &["orders:read"]);
    drop(world.wire("a-clerk", &token).await);
    told(&world, "decision", "a-clerk", 1).await;
    assert!(!world.hallpass[0].log().contains("hallpass-system"));
    world.hallpass[0].terminate().await;
    assert_eq!(of(&world.events().await, "session"), [] as [Value; 0]);
}

/// As where `hallpass.toml` is newer than the server's configuration.
#[tokio::test]
async fn a_user_that_the_server_does_not_know_keeps_nobody_out() {
    let mut world = World::builder().replicas(0).start().await;
    let other = nkeys::KeyPair::new_user();
    std::fs::write(world.directory().join("keys/system.nk"), other.seed().unwrap()).unwrap();
    world.add_hallpass(&[]).await;
    let line = world.hallpass[0].says("connections are not recorded").await;
    assert!(line.contains(&other.public_key()), "{line}");
    world.log_in("a-clerk", &world.token("alice", &["orders:read"])).await.unwrap();
    assert!(world.hallpass[0].terminate().await.success());
}
