//! A grant goes out only once its event is safe; what was decided and then withheld is told too.

use hallpass::audit::{chain::Link, reader::Record};

use crate::support::{World, eventually, occupied};

fn of(events: &[Record], name: &str) -> Vec<(String, String, String)> {
    events
        .iter()
        .filter(|event| event.text("/data/client/name") == name)
        .map(|event| (event.text("/data/decision"), event.outcome(), event.text("/data/code")))
        .collect()
}

#[tokio::test]
async fn what_was_granted_and_then_withheld_is_recorded_as_both() {
    let (world, admin) = occupied(&["--set", "audit.mode=strict"]).await;
    world.hallpass[0].says("the audit stream is not available yet").await;
    let error = world.log_in("late", &world.token("x", &["orders:read"])).await.unwrap_err();
    assert_eq!(error.kind(), async_nats::ConnectErrorKind::AuthorizationViolation);
    world.hallpass[0].says("code=audit_unavailable").await;

    admin.delete_stream("OTHER").await.unwrap();
    let told = eventually("both events", || async {
        let told = of(&world.audit().await, "late");
        (told.len() >= 2).then_some(told)
    })
    .await;
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].0, told[1].0, "one decision");
    let mut outcomes: Vec<_> =
        told.iter().map(|(_, outcome, code)| (outcome.as_str(), code.as_str())).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, [("granted", "-"), ("undecided", "audit_unavailable")]);

    world.log_in("after", &world.token("x", &["orders:read"])).await.unwrap();
    assert_eq!(of(&world.audit().await, "after").len(), 1);
}

#[tokio::test]
async fn events_that_nobody_took_are_an_error_exit() {
    let (mut world, _admin) = occupied(&["--set", "audit.mode=strict"]).await;
    world.log_in("late", &world.token("x", &["orders:read"])).await.unwrap_err();
    world.hallpass[0].says("code=audit_unavailable").await;
    let status = world.hallpass[0].terminate().await;
    assert_eq!(status.code(), Some(1), "{}", world.hallpass[0].log());
    // The start, the first keys, the grant, its correction, the stop, the last checkpoint.
    world.hallpass[0].says("6 audit events are lost: JetStream did not acknowledge them").await;
}

#[tokio::test]
async fn an_event_carries_its_id_so_that_jetstream_drops_it_when_it_comes_twice() {
    let (world, admin) = occupied(&["--set", "audit.mode=strict"]).await;
    admin.delete_stream("OTHER").await.unwrap();
    world.log_in("once", &world.token("x", &["orders:read"])).await.unwrap();
    let event = world.event_of("once").await;
    let instance = event.text("/data/hallpass/instance");
    let subject = format!("hallpass.audit.decision.APP.granted.{instance}");
    let stream = admin.get_stream("HALLPASS_AUDIT").await.unwrap();
    let message = stream.get_last_raw_message_by_subject(&subject).await.unwrap();
    let id = message.headers.get(async_nats::header::NATS_MESSAGE_ID).unwrap().as_str();
    assert_eq!(id, event.text("/id"));
    let again = admin
        .publish_with_headers(
            message.subject.clone(),
            message.headers.clone(),
            message.payload.clone(),
        )
        .await
        .unwrap()
        .await
        .unwrap();
    assert!(again.duplicate);
    let config = &stream.cached_info().config;
    assert!(config.deny_delete && config.deny_purge);
    assert_eq!(config.subjects, ["hallpass.audit.>"]);
}

/// Nobody invents an instance, and one that is killed at once is vouched for.
#[tokio::test]
async fn the_first_event_of_an_instance_is_its_start_and_is_signed() {
    let world = World::start().await;
    let start = eventually("the start", || async {
        let events = world.events().await;
        events.into_iter().find(|event| event.text("/sequence").ends_with("00001"))
    })
    .await;
    assert_eq!([start.kind(), start.outcome()], ["instance", "started"]);
    let (link, _) = Link::read(start.payload()).unwrap();
    assert!(link.is_signed_by(&start.text("/data/key")));
}

/// It will never be acknowledged, and trying for ever would take a place from others.
#[tokio::test]
async fn an_event_that_no_message_can_hold_withholds_its_own_grant_and_no_other() {
    let subjects: Vec<_> = (0..200).map(|n| format!("\"s{n}.{}y\"", "x.".repeat(100))).collect();
    let map = format!(
        "account = \"APP\"\n[roles.long]\npublish = [{}]\n[roles.short]\npublish = [\"a\"]\n",
        subjects.join(", ")
    );
    let small = |conf: &str| format!("{conf}\nmax_payload: 32KB\n");
    let mut world = World::builder().server_conf(small).map("app.toml", &map).start().await;
    for _ in 0..3 {
        world.log_in("long", &world.token("x", &["long"])).await.unwrap_err();
    }
    world.hallpass[0]
        .says("an audit event is not recorded: no message may be as large as this event")
        .await;
    world.log_in("short", &world.token("x", &["short"])).await.unwrap();
    assert_eq!(of(&world.audit().await, "short").len(), 1);
    let status = world.hallpass[0].terminate().await;
    assert_eq!(status.code(), Some(0), "{}", world.hallpass[0].log());
}
