//! The server has no JetStream any more, and later has it again. What becomes of events where
//! JetStream is there and the stream is not is in `spooling.rs` and `recording.rs`.

use async_nats::ConnectErrorKind;

use crate::support::{World, eventually};

/// A world in which one login is recorded, and JetStream is gone after that.
async fn gone(mode: &str) -> World {
    let mut world = World::builder().replicas(0).start().await;
    let mode = format!("audit.mode={mode}");
    world.add_hallpass(&["--set", "http.listen=127.0.0.1:0", "--set", &mode]).await;
    let token = world.token("alice", &["orders:read"]);
    eventually("a login that is recorded", || async { world.log_in("before", &token).await.ok() })
        .await;
    world.event_of("before").await;
    world
        .restart_nats_with(|conf| {
            let (before, rest) = conf.split_once("\njetstream {\n").unwrap();
            let (_, after) = rest.split_once("\n}\n").unwrap();
            format!("{before}\n{after}").replace("    jetstream: enabled\n", "")
        })
        .await;
    let service = world.as_key("break-glass", "_INBOX").await;
    let info = async_nats::jetstream::new(service).query_account().await;
    info.expect_err("there is no JetStream");
    world
}

/// What a metric says.
async fn metric(world: &World, name: &str) -> f64 {
    let line = world.hallpass[0].says("metrics are served over HTTP").await;
    let address = line.rsplit_once("address=").unwrap().1.split(' ').next().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let told = client.get(format!("http://{address}/metrics")).send().await.unwrap();
    let told = told.text().await.unwrap();
    let value = told.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    value.unwrap_or_else(|| panic!("no {name}: {told}")).parse().unwrap()
}

/// The clients whose decisions are on the stream, in its order.
async fn recorded(world: &World) -> Vec<(String, String)> {
    let events = world.audit().await.into_iter();
    let decisions = events.filter(|event| event.text("/type") == "hallpass.decision");
    decisions.map(|it| (it.text("/data/client/name"), it.outcome())).collect()
}

#[tokio::test]
async fn where_the_disk_will_do_logins_go_on_and_the_stream_gets_the_events_in_order() {
    let mut world = gone("spool").await;
    let token = world.token("alice", &["orders:read"]);
    // hallpass may not be back at the server yet.
    eventually("the first login", || async { world.log_in("first", &token).await.ok() }).await;
    world.log_in("second", &token).await.unwrap();
    eventually("events that wait for a second", || async {
        let waits = metric(&world, "hallpass_audit_oldest_undelivered_seconds").await > 1.0;
        let (all, on_the_disk) = (
            metric(&world, "hallpass_audit_undelivered").await,
            metric(&world, "hallpass_audit_spooled").await,
        );
        (waits && all >= 2.0 && on_the_disk >= 2.0).then_some(())
    })
    .await;
    world.restart_nats().await;
    eventually("all of them on the stream", || async {
        let told = recorded(&world).await;
        let expected = ["before", "first", "second"];
        let expected = expected.map(|name| (name.to_owned(), "granted".to_owned()));
        (told == expected).then_some(())
    })
    .await;
    eventually("nothing that waits", || async {
        (metric(&world, "hallpass_audit_undelivered").await == 0.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn where_the_stream_must_have_it_nobody_gets_in_until_it_does() {
    let mut world = gone("strict").await;
    let token = world.token("alice", &["orders:read"]);
    eventually("a refusal by hallpass", || async {
        let error = world.log_in("out", &token).await.expect_err("nothing acknowledges this");
        assert_eq!(error.kind(), ConnectErrorKind::AuthorizationViolation, "{error}");
        world.hallpass[0].log().contains("code=audit_unavailable").then_some(())
    })
    .await;
    world.restart_nats().await;
    eventually("a login", || async { world.log_in("in", &token).await.ok() }).await;
    let told = recorded(&world).await;
    let is_told = |name: &str, outcome: &str| {
        told.iter().any(|it| (it.0.as_str(), it.1.as_str()) == (name, outcome))
    };
    assert!(is_told("before", "granted") && is_told("out", "undecided"), "{told:?}");
    assert!(is_told("in", "granted"), "{told:?}");
}
