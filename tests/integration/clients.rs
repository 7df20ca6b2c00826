//! Clients that nobody here wrote, with tokens of an IdP that nobody here wrote.

use std::{path::Path, time::Duration};

use futures_util::StreamExt as _;
use hallpass::playground::NatsServer;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{
    Ending, OIDC_PROVIDER, OidcProvider, Process, World, client, eventually, nats_server, soon,
};

pub(crate) const REFUSED: i32 = 2;

/// Runs one of the probes of `tests/clients` to its end.
pub(crate) async fn probe(file: &str, url: &str, token: &str, arguments: &[&str]) -> Ending {
    let mut command = client(file);
    // On a busy machine nothing is slow enough to be wrong.
    command.env("NATS_TOKEN", token).args(["--url", url, "--timeout", "20"]).args(arguments);
    Process::start(command).ended().await
}

pub(crate) fn names(events: &[Value]) -> Vec<&str> {
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
    assert_eq!(event["data"]["credential"]["carrier"], "auth_token");

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
    assert_eq!(decision_about(&world, "nobody").await["data"]["code"], "roles_claim_empty");

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

/// The address of a listener whose port only the server's log tells.
pub(crate) async fn listener(world: &World, says: &str) -> String {
    let path = world.directory().join("nats-server.log");
    eventually(says, || async {
        let log = std::fs::read_to_string(&path).ok()?;
        let line = log.lines().find(|line| line.contains(says))?;
        Some(line.rsplit([' ', '/']).next()?.to_owned())
    })
    .await
}

async fn world_with_mqtt(idp: &OidcProvider) -> (World, String) {
    let mqtt = "server_name: hub\nmqtt { listen: \"127.0.0.1:-1\" }\n";
    let world = idp.world().server_conf(|conf| format!("{conf}\n{mqtt}")).start().await;
    let address = listener(&world, "Listening for MQTT clients on").await;
    (world, format!("mqtt://{address}"))
}

/// `$MQTT.…`, where the server keeps what belongs to sessions, needs no permission of the user.
#[tokio::test]
async fn an_mqtt_client_logs_in_with_the_token_as_password() {
    let idp = OidcProvider::start(&[]).await;
    let (world, url) = world_with_mqtt(&idp).await;
    let clerk = idp.token("clerk").await;
    for qos in ["0", "1"] {
        let arguments = [
            ["--subscribe", "orders/acme/created"],
            ["--publish", "orders/acme/created=hello"],
            ["--expect", "1"],
            ["--qos", qos],
        ];
        let ending = probe("mqtt-client.mjs", &url, &clerk, arguments.as_flattened()).await;
        assert_eq!(names(&ending.events()), ["connected", "ready", "message", "done"], "{qos}");
        assert_eq!(ending.status.code(), Some(0));
    }
    let event = decision_about(&world, "clerk").await;
    assert_eq!(event["data"]["client"]["connection_type"], "mqtt");
    // The server hands MQTT's only field on as both.
    assert_eq!(event["data"]["credential"]["carrier"], "auth_token");
    assert_eq!(event["data"]["grant"]["account"], "APP");
}

#[tokio::test]
async fn an_mqtt_client_is_kept_out_and_kept_within_its_subjects() {
    let idp = OidcProvider::start(&[]).await;
    let (world, url) = world_with_mqtt(&idp).await;
    let nobody = idp.token("nobody").await;
    let ending = probe("mqtt-client.mjs", &url, &nobody, &[]).await;
    assert_eq!(names(&ending.events()), ["refused"]);
    assert_eq!(ending.status.code(), Some(REFUSED));
    assert_eq!(decision_about(&world, "nobody").await["data"]["code"], "roles_claim_empty");

    let everything = world.as_key("break-glass", "_INBOX").await;
    let mut orders = everything.subscribe("orders.>").await.unwrap();
    everything.flush().await.unwrap();
    for (client, message) in [("reader", "acme/created=no"), ("clerk", "acme/created=yes")] {
        let publish = format!("orders/{message}");
        let arguments = [["--subscribe", "orders/globex/created"], ["--publish", &publish]];
        let token = idp.token(client).await;
        let ending = probe("mqtt-client.mjs", &url, &token, arguments.as_flattened()).await;
        assert_eq!(
            names(&ending.events()),
            ["connected", "permission_violation", "ready", "done"],
            "{client} may not subscribe to what is another tenant's"
        );
    }
    let heard = soon("what the clerk published", orders.next()).await.unwrap();
    assert_eq!(heard.payload, "yes", "the reader may not publish");
}

#[tokio::test]
async fn a_browser_logs_in_with_a_cookie_from_its_own_pages_only() {
    let idp = OidcProvider::start(&[]).await;
    let world = idp.world().start().await;
    let url = world.nats.websocket_url().unwrap();
    let ours = ["--cookie", "nats_token", "--origin", "http://localhost:3000"];
    let foreign = ["--cookie", "nats_token", "--origin", "http://elsewhere.example"];
    let browser = "websocket-client.mjs";

    let reader = idp.token("reader").await;
    let ending = probe(browser, url, &reader, &ours).await;
    assert_eq!(names(&ending.events()), ["connected"]);
    let event = decision_about(&world, "reader").await;
    assert_eq!(event["data"]["client"]["connection_type"], "websocket");
    assert_eq!(event["data"]["credential"]["carrier"], "auth_token");

    let clerk = idp.token("clerk").await;
    let ending = probe(browser, url, &clerk, &foreign).await;
    assert_eq!(ending.events()[0]["status"], 403, "the server asks nobody about a foreign page");
    let ending = probe(browser, url, "no-token", &ours).await;
    assert_eq!(names(&ending.events()), ["refused"]);
    let ending = probe(browser, url, "", &["--origin", "http://localhost:3000"]).await;
    assert_eq!(names(&ending.events()), ["refused"]);

    let audit = eventually("the last event", || async {
        let audit = world.audit().await;
        audit.iter().any(|event| event.what() == "credential_missing").then_some(audit)
    })
    .await;
    let what: Vec<_> = audit.iter().map(|event| event.what()).collect();
    assert_eq!(what, ["APP", "token_malformed", "credential_missing"]);
}

/// The server fills in from the cookie only what CONNECT leaves empty: what the client says
/// itself wins, for good and for bad.
#[tokio::test]
async fn what_connect_says_wins_over_the_cookie() {
    let idp = OidcProvider::start(&[]).await;
    let world = idp.world().start().await;
    let tokens = [idp.token("clerk").await, idp.token("nobody").await];
    for [cookie, connect] in [[0, 1], [1, 0]] {
        let mut command = client("websocket-client.mjs");
        command
            .args(["--url", world.nats.websocket_url().unwrap(), "--cookie", "nats_token"])
            .args(["--origin", "http://localhost:3000"])
            .env("NATS_TOKEN", &tokens[cookie])
            .env("NATS_CONNECT_TOKEN", &tokens[connect]);
        let ending = Process::start(command).ended().await;
        let expected = if connect == 0 { "connected" } else { "refused" };
        assert_eq!(names(&ending.events()), [expected]);
    }
}

/// A server that joins the world's as a leaf node, with these credentials in its URL.
pub(crate) async fn leaf(hub: &str, directory: &Path, credentials: &str) -> NatsServer {
    let at = if credentials.is_empty() { "" } else { "@" };
    let url = format!("nats-leaf://{credentials}{at}{hub}");
    let configuration =
        format!("listen: \"127.0.0.1:-1\"\nleafnodes {{ remotes: [{{ url: {url:?} }}] }}\n");
    NatsServer::start(&nats_server(), directory, &configuration, &[]).await.unwrap()
}

async fn world_with_leaf_nodes(idp: &OidcProvider) -> (World, String) {
    let leaf_nodes = "leafnodes { listen: \"127.0.0.1:-1\" }";
    let world = idp.world().server_conf(|conf| format!("{conf}\n{leaf_nodes}\n")).start().await;
    let address = listener(&world, "Listening for leafnode connections on").await;
    (world, address)
}

#[tokio::test]
async fn a_leaf_node_brings_over_what_its_token_allows() {
    let idp = OidcProvider::start(&[]).await;
    let (world, hub) = world_with_leaf_nodes(&idp).await;
    let everything = world.as_key("break-glass", "_INBOX").await;
    let mut orders = everything.subscribe("orders.>").await.unwrap();
    everything.flush().await.unwrap();

    let clerk = idp.token("clerk").await;
    // As a token it is the user name of the URL, and the leaf node sends it as user name too.
    for (form, credentials) in [("password", format!("edge:{clerk}")), ("token", clerk)] {
        let directory = tempfile::tempdir().unwrap();
        let leaf = leaf(&hub, directory.path(), &credentials).await;
        let client = async_nats::connect(leaf.url()).await.unwrap();
        let publish = async |subject: &'static str, text: String| {
            client.publish(subject, text.into()).await.unwrap();
        };
        // Until the two servers have told each other who listens, what is published is lost.
        let crossing = async {
            loop {
                publish("orders.acme.created", format!("first by {form}")).await;
                client.flush().await.unwrap();
                let heard = timeout(Duration::from_millis(20), orders.next()).await;
                if heard.is_ok_and(|heard| heard.unwrap().payload == format!("first by {form}")) {
                    return;
                }
            }
        };
        soon("a message from the leaf node", crossing).await;
        publish("orders.globex.created", "of another tenant".to_owned()).await;
        publish("orders.acme.created", format!("last by {form}")).await;
        let rest = async {
            while let Some(heard) = orders.next().await {
                assert_eq!(heard.subject.as_str(), "orders.acme.created");
                if heard.payload == format!("last by {form}") {
                    return;
                }
            }
        };
        soon("the last message from the leaf node", rest).await;
    }
    let event = decision_about(&world, "clerk").await;
    assert_eq!(event["data"]["client"]["kind"], "Leafnode");
    assert_eq!(event["data"]["credential"]["carrier"], "password");
}

#[tokio::test]
async fn a_leaf_node_without_a_role_or_a_token_stays_outside() {
    let idp = OidcProvider::start(&[]).await;
    let (world, hub) = world_with_leaf_nodes(&idp).await;
    let nobody = idp.token("nobody").await;
    // Not as a token: that form puts it into the user name too, which the server logs.
    let cases = [
        ("roles_claim_empty", format!("edge:{nobody}")),
        ("token_malformed", "edge:no-token".to_owned()),
        ("credential_missing", String::new()),
    ];
    for (code, credentials) in cases {
        let directory = tempfile::tempdir().unwrap();
        let _leaf = leaf(&hub, directory.path(), &credentials).await;
        eventually("the refusal in the leaf node's log", || async {
            let log = std::fs::read_to_string(directory.path().join("nats-server.log")).ok()?;
            log.contains("Authorization Violation").then_some(())
        })
        .await;
        eventually(code, || async {
            world.audit().await.iter().any(|event| event.what() == code).then_some(())
        })
        .await;
    }
    assert!(world.audit().await.iter().all(|event| event.outcome() == "refused"));
    let log = std::fs::read_to_string(world.directory().join("nats-server.log")).unwrap();
    assert!(!log.contains(&nobody), "a token is in the server's log");
}
