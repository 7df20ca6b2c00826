//! Conditions on roles: what nats-server ignores for users of a callout, hallpass keeps itself.

use serde_json::json;

use crate::{
    clients::{names, probe},
    support::{World, run, text},
};

const MAP: &str = r#"
account = "APP"
[claims]
department = "department"

[roles.here]
publish = ["here.>"]
[roles.here.when]
sources = ["127.0.0.0/8", "::1"]

[roles.elsewhere]
publish = ["elsewhere.>"]
when = { sources = ["192.0.2.0/24"] }

[roles.page]
subscribe = ["page.>"]
when = { connection_types = ["WEBSOCKET"] }

[roles.native]
subscribe = ["native.>"]
when = { connection_types = ["STANDARD"] }

[roles.sales]
publish = ["sales.>"]
when = { claims = { department = ["sales", "pre-sales"] } }

[roles.mutual]
publish = ["mutual.>"]
when = { certificate = true }

[roles.fronted]
publish = ["fronted.>"]
when = { edge = true }
"#;

async fn detail(world: &World, name: &str) -> String {
    world.event_of(name).await.text("/data/detail")
}

#[tokio::test]
async fn where_a_client_comes_from_and_what_it_speaks() {
    let world = World::builder().map("app.toml", MAP).start().await;
    let here = world.token("alice", &["here", "elsewhere", "native", "page"]);
    world.log_in("here", &here).await.unwrap();
    let event = world.event_of("here").await;
    let list = |pointer: &str| event.json().pointer(pointer).unwrap().clone();
    let published = list("/data/grant/publish/allow");
    assert_eq!(published, json!(["here.>"]), "elsewhere is not held");
    assert_eq!(list("/data/grant/subscribe/allow"), json!(["native.>"]));

    for (role, why) in [
        ("elsewhere", "the client's address is in none of the networks"),
        ("page", "another connection type is asked for"),
        ("mutual", "a certificate is asked for"),
        ("sales", "the claim `department` is absent"),
    ] {
        let token = world.token("bob", &[role]);
        assert_eq!(world.refusal(role, &token).await, "condition_unmet");
        let detail = detail(&world, role).await;
        assert!(detail.contains(why) && detail.contains("subject-maps/app.toml:"), "{detail}");
    }

    let fronted = world.token("bob", &["fronted"]);
    assert_eq!(world.refusal("fronted", &fronted).await, "edge_missing");
    assert!(detail(&world, "fronted").await.contains("no edge attested the connection"));

    let ours = ["--cookie", "nats_token", "--origin", "http://localhost:3000"];
    let url = world.nats.websocket_url().unwrap();
    for (role, outcome) in [("page", "connected"), ("native", "refused")] {
        let token = world.token("carol", &[role]);
        let ending = probe("websocket-client.mjs", url, &token, &ours).await;
        assert_eq!(names(&ending.events())[0], outcome, "{role}");
    }
}

#[tokio::test]
async fn claims_decide_which_roles_count() {
    let world = World::builder().map("app.toml", MAP).start().await;
    let token = |department| {
        world.token_with("alice", &["sales"], |claims| claims["department"] = json!(department))
    };
    world.log_in("sales", &token("pre-sales")).await.unwrap();
    assert_eq!(world.refusal("hr", &token("hr")).await, "condition_unmet");
    let unreadable =
        world.token_with("alice", &["sales"], |claims| claims["department"] = json!({}));
    assert_eq!(world.refusal("odd", &unreadable).await, "claim_unusable");
    assert!(!detail(&world, "hr").await.contains("hr,"), "no claim value is told");
}

/// Behind a proxy the address is the proxy's: a condition on it holds for nobody.
#[tokio::test]
async fn the_address_of_an_edge_is_nobody_s_own() {
    let mut world = World::builder().map("app.toml", MAP).replicas(0).start().await;
    world.add_hallpass(&["--set", "edge.addresses=10.0.0.0/8,127.0.0.1"]).await;
    let token = world.token("alice", &["here"]);
    assert_eq!(world.refusal("through-the-edge", &token).await, "condition_unmet");
    let told = detail(&world, "through-the-edge").await;
    assert!(told.contains("the client's own address is not known"), "{told}");
}

/// What `explain` says, the server does.
#[tokio::test]
async fn explain_says_the_same() {
    let world = World::builder().map("app.toml", MAP).start().await;
    let explain = |arguments: &'static [&'static str]| {
        let path = world.directory().to_owned();
        async move { run(&path, &[&["explain", "--role", "here"], arguments].concat()).await }
    };
    let known = explain(&["--from", "127.0.0.1", "--can", "publish here.x"]).await;
    assert_eq!(known.status.code(), Some(0), "{}", text(&known.stderr));
    let unknown = explain(&[]).await;
    assert_eq!(unknown.status.code(), Some(2));
    let told = text(&unknown.stdout);
    assert!(told.contains("refused   condition_unmet"), "{told}");
    assert!(told.contains("only from 127.0.0.0/8, ::1/128"), "{told}");
}
