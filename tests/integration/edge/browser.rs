//! A page with the npm client in a real browser, and pages of other origins that try the same.

use serde_json::{Value, json};

use super::{
    example, host_and_port,
    over_websocket::{OverWebSocket, pem},
};
use crate::support::{Haproxy, OIDC_PROVIDER, OidcProvider, Process, client, eventually, packaged};

/// The application behind the edge, with the tokens of who signs in there.
async fn site(idp: &OidcProvider) -> (Process, String) {
    let tokens = json!({ "clerk": idp.token("clerk").await, "nobody": idp.token("nobody").await });
    let mut command = client("site.mjs");
    command.env("TOKENS", tokens.to_string());
    let process = Process::start(command);
    let line = process.says("its port", |line| line.starts_with('{')).await;
    let told: Value = serde_json::from_str(&line).unwrap();
    (process, format!("127.0.0.1:{}", told["port"]))
}

fn lines(haproxy: &Haproxy) -> Vec<String> {
    haproxy.log().into_iter().filter(|line| line.contains(" GET /nats ")).collect()
}

#[tokio::test]
async fn a_page_publishes_what_it_may_and_a_foreign_page_stays_outside() {
    let idp = OidcProvider::start(&[]).await;
    let (_site, site) = site(&idp).await;
    let key = pem(idp.issuer()).await;
    let configuration = example("websocket/haproxy.cfg");
    let scene =
        OverWebSocket::start(&configuration, idp.world(), OIDC_PROVIDER, ("RS256", &key), &site)
            .await;
    let profile = tempfile::tempdir().unwrap();
    let server = host_and_port(scene.world.nats.websocket_url().unwrap());
    let mut command = client("page.mjs");
    command.arg("--chromium").arg(packaged("chromium"));
    command.arg("--profile").arg(profile.path());
    command.args(["--edge", &scene.haproxy.address("HALLPASS_EDGE_LISTEN")]);
    command.args(["--site", &site, "--nats", &server]);
    let mut process = Process::start(command);
    let mut ending = process.ends_within(std::time::Duration::from_secs(90)).await;
    assert!(ending.status.success(), "{:?}\n{}", ending.said, process.complaints());
    let events: Vec<Value> =
        ending.said.drain(..).map(|line| serde_json::from_str(&line).unwrap()).collect();
    let told = |step: &str| {
        let found = events.iter().find(|event| event["step"] == step);
        found.unwrap_or_else(|| panic!("no step {step} in {events:?}")).clone()
    };
    let outside = |state: Value| state.as_str().unwrap().starts_with("not connected: ");

    // The page of the application.
    assert!(outside(told("nobody")["state"].clone()), "{events:?}");
    assert!(outside(told("no-role")["state"].clone()), "{events:?}");
    assert_eq!(told("clerk"), json!({ "step": "clerk", "state": "connected", "readable": "" }));
    assert_eq!(told("allowed")["line"], "received orders.acme.created: hello");
    let refused = told("refused")["line"].as_str().unwrap().to_lowercase();
    assert!(refused.contains("permissions violation for publish"), "{refused}");
    assert!(refused.contains("orders.globex.created"), "{refused}");

    // Of all who try, the page of the application hears something, and nobody else does.
    for own in ["own", "own-again"] {
        assert_eq!(told(own), json!({ "step": own, "opened": true, "heard": "INFO" }));
    }
    for foreign in ["foreign", "sibling", "foreign-direct"] {
        assert_eq!(told(foreign), json!({ "step": foreign, "opened": false, "heard": null }));
    }
    // The browser sends no cookie for a stranger's page; where it does, for a neighbour's, the edge
    // asks for the origin; and where the edge is left out, the server does.
    let refused = lines(&scene.haproxy).into_iter().filter(|line| line.ends_with("=origin"));
    let by: Vec<_> = refused.map(|line| line.split(' ').nth(7).unwrap().to_owned()).collect();
    assert_eq!(by, ["by=-", "by=cookie"]);
    let log = scene.world.directory().join("nats-server.log");
    eventually("a foreign origin in the server's log", || async {
        let log = std::fs::read_to_string(&log).unwrap();
        log.contains("origin not allowed: not in the allowed list").then_some(())
    })
    .await;

    // Two logins came as far as hallpass, both with the edge's word.
    let audit = scene.world.audit().await;
    let told: Vec<_> = audit
        .iter()
        .filter(|event| event.text("/type") == "hallpass.decision")
        .map(|event| (event.what().to_owned(), event.json()["data"]["edge"]["key"].clone()))
        .collect();
    let key = json!("edge-1");
    assert_eq!(told, [("roles_claim_empty".to_owned(), key.clone()), ("APP".to_owned(), key)]);
}
