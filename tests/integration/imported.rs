//! The promise of `hallpass import` on real servers: what a static user may do on a server without
//! hallpass is what the holder of the drafted role may do on one with it.

use hallpass::playground::NatsServer;
use serde_json::json;

use crate::support::{Heard, Wire, World, code, nats_server, run, text};

/// Each way to say something, and each to say nothing.
const CONFIGURATION: &str = r#"
listen: 127.0.0.1:-1
accounts { APP {
  default_permissions: { publish: "a.>", subscribe: { deny: "b" } }
  users: [
    { user: boss, password: x, permissions: {} }
    { user: default, password: x }
    { user: emptied, password: x, permissions: { publish: [], subscribe: { allow: [] } } }
    { user: deny-nothing, password: x, permissions: { publish: { allow: [], deny: [] } } }
    { user: publish-only, password: x, permissions: { publish: a } }
    { user: publish-deny, password: x, permissions: { publish: { deny: ["a.>"] } } }
    { user: publish-never, password: x, permissions: { publish: { deny: ">", allow: "a" } } }
    { user: both, password: x
      permissions: { publish: { allow: ["a.>", b], deny: a.b }, subscribe: { allow: ">", deny: "a.*" } } }
    { user: answers, password: x, permissions: { subscribe: ask, allow_responses: true } }
    { user: answers-more, password: x
      permissions: { publish: a, subscribe: ask, allow_responses: { max: 2, expires: "1h" } } }
    { user: answers-ever, password: x
      permissions: { publish: [], subscribe: ask, allow_responses: { max: -1, expires: "-1s" } } }
    { user: answers-denied, password: x
      permissions: { publish: { deny: ["reply.>"] }, subscribe: ask, allow_responses: true } }
    { user: never-answers, password: x
      permissions: { publish: a, subscribe: ask, allow_responses: no } }
  ]
} }
"#;

/// What a connection may not do of all that is tried, as the server complains, and how much of a
/// request and of three answers got through.
async fn refused(wire: &mut Wire, boss: &mut Wire) -> Vec<String> {
    for subject in ["a", "a.b", "a.c", "a.b.c", "b", "reply.x", "$JS.API.INFO"] {
        wire.publish(subject, "").await;
    }
    for pattern in ["a", "a.*", "a.b", "a.>", "b", "_INBOX.x.>", ">"] {
        let subscription = wire.subscribe(pattern).await;
        wire.unsubscribe(subscription).await;
    }
    wire.subscribe("ask").await;
    let mut refused = complaints(&wire.settle().await);
    boss.request("ask", "reply.1", "?").await;
    boss.settle().await;
    let asked = wire.settle().await.iter().filter(|heard| heard.message().is_some()).count();
    for _ in 0..3 {
        wire.publish("reply.1", "!").await;
    }
    let answers = 3 - complaints(&wire.settle().await).len();
    refused.push(format!("asked {asked}, answered {answers}"));
    refused
}

fn complaints(heard: &[Heard]) -> Vec<String> {
    let complaint = |heard: &Heard| match heard {
        Heard::Complaint(text) => Some(text.clone()),
        _ => None,
    };
    heard.iter().filter_map(complaint).collect()
}

#[tokio::test]
async fn a_drafted_role_may_do_what_the_static_user_may() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let server = NatsServer::start(&nats_server(), path, CONFIGURATION, &[]).await.unwrap();
    let import = run(path, &["import", "nats-server.conf", "--out", "maps"]).await;
    assert_eq!(code(&import), 0, "{}", text(&import.stderr));
    let map = std::fs::read_to_string(path.join("maps/APP.toml")).unwrap();
    let world = World::builder().map("APP.toml", &map).start().await;

    // Which role is whose stands in the draft.
    let mut whose = Vec::new();
    for section in map.split("# The server's users: ").skip(1) {
        let (users, rest) = section.split_once('\n').unwrap();
        let role = rest.strip_prefix("[roles.").unwrap().split_once(']').unwrap().0;
        whose.extend(users.split(", ").map(|user| (user, role)));
    }
    assert_eq!(whose.len(), 13);

    let with_password = |user: &str| json!({ "user": user, "pass": "x" });
    let with_token = |role: &str| json!({ "auth_token": world.token("ann", &[role]) });
    let url = world.nats.url();
    let mut boss = Wire::connect(server.url(), "boss", with_password("boss")).await.unwrap();
    let mut imported_boss = Wire::connect(url, "boss", with_token("boss")).await.unwrap();
    let mut differ = 0;
    for (user, role) in whose {
        let mut wire = Wire::connect(server.url(), user, with_password(user)).await.unwrap();
        let before = refused(&mut wire, &mut boss).await;
        let mut wire = Wire::connect(url, user, with_token(role)).await.unwrap();
        let after = refused(&mut wire, &mut imported_boss).await;
        assert_eq!(before, after, "{user}\n{map}");
        differ += usize::from(before.len() > 1);
    }
    assert_eq!(differ, 10, "all but those who may do everything are refused something");
    server.stop().await;
}
