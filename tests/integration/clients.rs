//! Clients that nobody here wrote, with tokens of an IdP that nobody here wrote.

use serde_json::{Value, json};

use crate::support::{Ending, OIDC_PROVIDER, OidcProvider, Process, World, client, eventually};

const REFUSED: i32 = 2;

/// Runs one of the probes of `tests/clients` to its end.
async fn probe(file: &str, url: &str, token: &str, arguments: &[&str]) -> Ending {
    let mut command = client(file);
    command.env("NATS_TOKEN", token).args(["--url", url]).args(arguments);
    Process::start(command).ended().await
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

/// The audit event of somebody's only login.
async fn decision_about(world: &World, subject: &str) -> Value {
    eventually(&format!("an audit event about {subject}"), || async {
        let events = world.audit().await;
        let about = |event: &&Value| event["data"]["token"]["subject"] == subject;
        events.iter().map(|record| record.json()).find(about).cloned()
    })
    .await
}

/// What every client can do with a token, in either field.
async fn is_let_in_and_kept_out(file: &str, algorithm: &str) {
    let idp = OidcProvider::start(&["--alg", algorithm]).await;
    let world = idp.world().start().await;
    let url = world.nats.url();

    let clerk = idp.token("clerk").await;
    for credential in ["token", "password"] {
        let arguments = [
            ["--as", credential],
            ["--subscribe", "orders.acme.>"],
            ["--publish", "orders.acme.created=hello"],
            ["--expect", "1"],
        ];
        let ending = probe(file, url, &clerk, arguments.as_flattened()).await;
        assert_eq!(ending.status.code(), Some(0), "{credential}");
        let events = ending.events();
        assert_eq!(names(&events), ["connected", "ready", "message", "done"], "{credential}");
        assert_eq!(events[2]["subject"], "orders.acme.created");
        assert_eq!(events[2]["data"], "hello");
    }
    let event = decision_about(&world, "clerk").await;
    assert_eq!(event["data"]["identity"]["user_name"], format!("{OIDC_PROVIDER}:clerk"));
    assert_eq!(event["data"]["token"]["algorithm"], algorithm);
    assert_eq!(event["data"]["carrier"], "auth_token");

    let arguments = [
        ["--subscribe", "orders.acme.>"],
        ["--subscribe", "orders.globex.>"],
        ["--publish", "orders.acme.created=hello"],
    ];
    let reader = idp.token("reader").await;
    let ending = probe(file, url, &reader, arguments.as_flattened()).await;
    assert_eq!(ending.status.code(), Some(0));
    let violation = |operation, subject| json!({ "event": "permission_violation", "operation": operation, "subject": subject });
    assert_eq!(
        ending.events(),
        [
            json!({ "event": "connected" }),
            violation("subscribe", "orders.globex.>"),
            json!({ "event": "ready" }),
            violation("publish", "orders.acme.created"),
            json!({ "event": "done" }),
        ]
    );

    let ending = probe(file, url, &idp.token("nobody").await, &[]).await;
    assert_eq!(ending.status.code(), Some(REFUSED));
    assert_eq!(names(&ending.events()), ["refused"]);
    assert_eq!(decision_about(&world, "nobody").await["data"]["code"], "no_role");

    let ending = probe(file, url, "", &["--as", "none"]).await;
    assert_eq!(ending.status.code(), Some(REFUSED), "no credential at all");
}

#[tokio::test]
async fn nats_py_with_rs256() {
    is_let_in_and_kept_out("nats-py-client.py", "RS256").await;
}

#[tokio::test]
async fn nats_py_with_es256() {
    is_let_in_and_kept_out("nats-py-client.py", "ES256").await;
}

#[tokio::test]
async fn nats_js_with_rs256() {
    is_let_in_and_kept_out("nats-js-client.mjs", "RS256").await;
}

#[tokio::test]
async fn nats_js_with_es256() {
    is_let_in_and_kept_out("nats-js-client.mjs", "ES256").await;
}
