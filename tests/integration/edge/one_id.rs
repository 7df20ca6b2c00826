//! One login, found by one id in every log.

use serde_json::Value;

use super::over_websocket::{OverWebSocket, issuer};
use crate::support::{code, eventually, run, text};

/// What identifies a connection in every event of the server's.
fn connection(data: &Value) -> (Value, Value) {
    (data["client"]["server_id"].clone(), data["client"]["client_id"].clone())
}

#[tokio::test]
async fn the_proxy_s_id_joins_its_log_the_audit_stream_and_the_server_s_log() {
    let issuer = issuer().await;
    let scene = OverWebSocket::with(&issuer).await;
    let world = &scene.world;
    let token = |roles: &[&str]| issuer.sign(&issuer.claims("alice", roles)).unwrap();

    // Somebody who gets in: the proxy's line, the decision, the session's beginning and its end.
    let ending = scene.knock("", &token(&["orders:write"]), &["--bearer", "--name", "in"]).await;
    assert!(ending.status.success());
    let id = scene.newest_line()[0].clone();
    let decision = world.event_of("in").await;
    assert_eq!(decision.text("/data/edge/request"), id);
    let joined = eventually("the session's events", || async {
        let events = world.events().await;
        let mut told: Vec<_> = events
            .iter()
            .filter(|it| connection(&it.json()["data"]) == connection(&decision.json()["data"]))
            .map(|it| (it.text("/type"), it.outcome()))
            .collect();
        told.sort();
        (told.len() >= 3).then_some(told)
    })
    .await;
    let expected = [
        ("hallpass.decision", "granted"),
        ("hallpass.session", "ended"),
        ("hallpass.session", "started"),
    ];
    assert_eq!(joined, expected.map(|(kind, outcome)| (kind.to_owned(), outcome.to_owned())));

    // Who has the proxy's id in hand asks for the whole story.
    let why = run(world.directory(), &["audit", "why", "--request", &id]).await;
    let story = text(&why.stdout);
    assert_eq!(code(&why), 0, "{story}{}", text(&why.stderr));
    assert!(story.contains(&id) && story.contains("127.0.0.2"), "{story}");

    // Somebody who does not: the server's log has the id as well.
    let ending = scene.knock("", &token(&[]), &["--bearer", "--name", "out"]).await;
    assert!(!ending.status.success());
    let id = scene.newest_line()[0].clone();
    let decision = world.event_of("out").await;
    assert_eq!(decision.text("/data/edge/request"), id);
    let log = world.directory().join("nats-server.log");
    // Twice: in the user name, which is the envelope, and in the reason, which is hallpass's.
    for with in [format!("&id={id}&"), format!("request {id}")] {
        let line = eventually("the refusal in the server's log", || async {
            let log = std::fs::read_to_string(&log).unwrap();
            log.lines().find(|line| line.contains(&with)).map(str::to_owned)
        })
        .await;
        let reason = format!("(decision {}, request {id})", decision.text("/data/decision"));
        assert!(line.contains("User \"hallpass-edge:") || line.contains(&reason), "{line}");
    }
}
