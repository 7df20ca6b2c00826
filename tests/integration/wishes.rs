//! Asking for less: in the user name, at every listener.

use async_nats::ConnectOptions;
use hallpass::playground::client::Operation;
use serde_json::{Value, json};

use crate::{
    clients::{REFUSED, leaf, listener, names, probe},
    support::{Heard, Wire, World, eventually},
};

const APP: &str = r#"
account = "APP"

[roles.orders-writer]
publish = ["orders.>"]
subscribe = ["orders.>"]

[roles.orders-reader]
subscribe = ["orders.>"]

[roles.orders-limits]
deny_publish = ["orders.secret.>"]
deny_subscribe = ["orders.secret.>"]
session = "10m"
"#;

const WEB: &str = r#"
account = "WEB"

[roles.page-viewer]
subscribe = ["pages.>"]
"#;

/// Holds roles of both accounts.
const BOTH: [&str; 2] = ["orders-reader", "page-viewer"];

/// A world with two accounts to get into.
async fn world() -> World {
    world_with("").await
}

async fn world_with(more: &str) -> World {
    let change = |conf: &str| {
        let conf = conf.replace("  SYS {\n", "  WEB { jetstream: enabled }\n  SYS {\n");
        format!("{conf}\n{more}\n")
    };
    let builder = World::builder().server_conf(change).map("app.toml", APP).map("web.toml", WEB);
    let mut world = builder.replicas(0).start().await;
    world.add_hallpass(&["--set", "accounts.targets=APP,WEB"]).await;
    world
}

fn asking(wish: &str, token: &str) -> ConnectOptions {
    ConnectOptions::with_user_and_password(wish.to_owned(), token.to_owned())
}

async fn account(world: &World, name: &str) -> String {
    world.event_of(name).await.text("/data/grant/account")
}

#[tokio::test]
async fn of_two_accounts_one_is_asked_for() {
    let world = world().await;
    let token = world.token("alice", &BOTH);
    assert_eq!(world.refusal("no-wish", &token).await, "account_ambiguous");
    let detail = world.event_of("no-wish").await.text("/data/detail");
    assert!(detail.contains("APP, WEB") && detail.contains("hallpass-want:account="), "{detail}");
    let any_name = asking("alice", &token);
    assert_eq!(world.refusal_of(any_name, "any-name").await, "account_ambiguous");

    for (name, wish, expected) in [
        ("app", "hallpass-want:account=APP", "APP"),
        ("web", "hallpass-want:account=WEB", "WEB"),
        ("by-role", "hallpass-want:role=page-viewer", "WEB"),
        ("by-both", "hallpass-want:account=APP&role=orders-reader", "APP"),
    ] {
        world.connect(asking(wish, &token).name(name)).await.unwrap();
        assert_eq!(account(&world, name).await, expected, "{wish}");
    }
    // And with the token as token.
    let connect = json!({ "user": "hallpass-want:account=WEB", "auth_token": token });
    Wire::connect(world.nats.url(), "as-token", connect).await.unwrap();
    assert_eq!(account(&world, "as-token").await, "WEB");
    // The accounts are really two.
    let mut app = wire(&world, "orders", "hallpass-want:account=APP", &token).await;
    let mut web = wire(&world, "pages", "hallpass-want:account=WEB", &token).await;
    app.subscribe("orders.>").await;
    web.subscribe("orders.>").await;
    let violation = "Permissions Violation for Subscription to \"orders.>\"".to_owned();
    assert_eq!(web.settle().await, [Heard::Complaint(violation)]);
    assert_eq!(app.settle().await, []);
}

async fn wire(world: &World, name: &str, wish: &str, token: &str) -> Wire {
    let connect = json!({ "user": wish, "pass": token });
    Wire::connect(world.nats.url(), name, connect).await.unwrap()
}

#[tokio::test]
async fn what_is_not_held_cannot_be_asked_for() {
    let world = world().await;
    let token = world.token("alice", &["orders-reader"]);
    for (name, code, wish) in [
        ("role", "role_not_held", "hallpass-want:role=orders-writer"),
        ("one-of-two", "role_not_held", "hallpass-want:role=orders-reader&role=orders-writer"),
        ("no-such-role", "role_not_held", "hallpass-want:role=nothing"),
        ("account", "account_not_held", "hallpass-want:account=WEB"),
        ("no-such-account", "account_not_held", "hallpass-want:account=NOWHERE"),
        ("callout-account", "account_not_held", "hallpass-want:account=AUTH"),
        ("empty", "wish_malformed", "hallpass-want:"),
        ("other-word", "wish_malformed", "hallpass-want:accounts=APP"),
        ("other-case", "wish_malformed", "Hallpass-Want:account=APP"),
        ("reserved", "wish_malformed", "hallpass-anything"),
    ] {
        assert_eq!(world.refusal_of(asking(wish, &token), name).await, code, "{wish}");
    }
    // A wish is no proof of anything.
    let wish = "hallpass-want:role=orders-reader";
    let code = world.refusal_of(asking(wish, ""), "no-token").await;
    assert_eq!(code, "credential_missing");
    let code = world.refusal_of(asking(wish, "not-a-token"), "no-token-at-all").await;
    assert_eq!(code, "token_malformed");

    // The server's log has the user name of who was refused, and nothing of the token.
    let log = std::fs::read_to_string(world.directory().join("nats-server.log")).unwrap();
    assert!(log.contains("hallpass-want:role=orders-writer"), "{log}");
    for part in token.split('.') {
        assert!(!log.contains(part), "a part of the token is in the server's log");
    }
}

/// A role that denies cannot be left at home.
#[tokio::test]
async fn less_is_never_more_on_the_server() {
    let world = world().await;
    let token = world.token("alice", &["orders-writer", "orders-reader", "orders-limits"]);
    let wish = "hallpass-want:role=orders-writer";
    let writer = world.connect(asking(wish, &token).name("writer")).await.unwrap();
    let mut heard = writer.client.subscribe("orders.>").await.unwrap();
    for subject in ["orders.secret.x", "orders.created"] {
        writer.client.publish(subject, "probe".into()).await.unwrap();
    }
    assert!(writer.was_refused(Operation::Publish, "orders.secret.x").await);
    let first = futures_util::StreamExt::next(&mut heard).await.unwrap();
    assert_eq!(first.subject.as_str(), "orders.created");
    let _secret = writer.client.subscribe("orders.secret.x").await.unwrap();
    assert!(writer.was_refused(Operation::Subscribe, "orders.secret.x").await);
    let event = world.event_of("writer").await;
    assert_eq!(event.json()["data"]["roles"], json!(["orders-writer"]));
    let ends_at: jiff::Timestamp = event.text("/data/grant/ends_at").parse().unwrap();
    let most = jiff::SignedDuration::from_mins(10);
    assert!(ends_at.duration_since(jiff::Timestamp::now()) <= most, "the session of the limits");

    let wish = "hallpass-want:role=orders-reader";
    let reader = world.connect(asking(wish, &token).name("reader")).await.unwrap();
    reader.client.publish("orders.created", "probe".into()).await.unwrap();
    assert!(reader.was_refused(Operation::Publish, "orders.created").await, "not asked for");
    let event = world.event_of("reader").await;
    let grant = &event.json()["data"]["grant"];
    assert_eq!(grant["publish"], Value::Null);
    assert_eq!(grant["subscribe"], json!({ "allow": ["orders.>"], "deny": ["orders.secret.>"] }));
}

/// In the URL it is written as a URL has it.
#[tokio::test]
async fn a_leaf_node_asks_in_its_url() {
    let leaf_nodes = "leafnodes { listen: \"127.0.0.1:-1\" }";
    let world = world_with(leaf_nodes).await;
    let hub = listener(&world, "Listening for leafnode connections on").await;
    let token = world.token("alice", &BOTH);
    for (index, (wish, what)) in [
        ("hallpass-want%3Aaccount%3DWEB", "WEB"),
        ("hallpass-want%3Arole%3Dorders-reader%26account%3DAPP", "APP"),
    ]
    .into_iter()
    .enumerate()
    {
        let directory = tempfile::tempdir().unwrap();
        let _leaf = leaf(&hub, directory.path(), &format!("{wish}:{token}")).await;
        assert_eq!(outcomes(&world, index + 1).await[index], what);
    }
}

/// One login after the other, as the audit stream tells of them: an account or a code.
async fn outcomes(world: &World, count: usize) -> Vec<String> {
    let events = eventually("all events", || async {
        let events = world.audit().await;
        (events.len() >= count).then_some(events)
    })
    .await;
    events.iter().map(hallpass::audit::reader::Record::what).collect()
}

#[tokio::test]
async fn an_mqtt_client_asks_in_its_user_name() {
    let world = world_with("mqtt { listen: \"127.0.0.1:-1\" }").await;
    let url = format!("mqtt://{}", listener(&world, "Listening for MQTT clients on").await);
    let token = world.token("alice", &BOTH);
    let wishes = [
        ("device-7", "refused", "account_ambiguous"),
        ("hallpass-want:account=WEB", "connected", "WEB"),
        ("hallpass-want:role=orders-reader", "connected", "APP"),
        ("hallpass-want:role=orders-writer", "refused", "role_not_held"),
        ("hallpass-want:", "refused", "wish_malformed"),
    ];
    for (index, (user, outcome, what)) in wishes.into_iter().enumerate() {
        let ending = probe("mqtt-client.mjs", &url, &token, &["--user", user]).await;
        assert_eq!(names(&ending.events())[0], outcome, "{user}");
        assert_eq!(outcomes(&world, index + 1).await[index], what, "{user}");
    }
}

#[tokio::test]
async fn a_browser_asks_in_a_cookie() {
    let world = world().await;
    let url = world.nats.websocket_url().unwrap();
    let token = world.token("alice", &BOTH);
    let page = ["--cookie", "nats_token", "--origin", "http://localhost:3000"];
    let wishes = [
        (None, false, "account_ambiguous"),
        (Some("hallpass-want:account=APP"), true, "APP"),
        (Some("hallpass-want:account=WEB&role=page-viewer"), true, "WEB"),
        (Some("hallpass-want:account=NOWHERE"), false, "account_not_held"),
        (Some("hallpass-want:account"), false, "wish_malformed"),
    ];
    for (index, (wish, is_in, what)) in wishes.into_iter().enumerate() {
        let cookie = wish.map(|wish| format!("nats_user={wish}"));
        let cookie = cookie.iter().flat_map(|cookie| ["--user-cookie", cookie]);
        let arguments: Vec<_> = page.into_iter().chain(cookie).collect();
        let ending = probe("websocket-client.mjs", url, &token, &arguments).await;
        assert_eq!(ending.status.code(), Some(if is_in { 0 } else { REFUSED }), "{wish:?}");
        assert_eq!(outcomes(&world, index + 1).await[index], what, "{wish:?}");
    }
}
