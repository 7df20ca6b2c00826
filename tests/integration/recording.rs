//! A grant goes out only once its event is safe; what was decided and then withheld is told too.

use async_nats::jetstream::{self, stream::Config};
use hallpass::audit::reader::Record;

use crate::support::{World, eventually};

/// A world in which another stream holds the audit stream's subjects, so that the audit stream
/// cannot be, and somebody who can take the other one away.
async fn occupied() -> (World, jetstream::Context) {
    let admin = nkeys::KeyPair::new_user();
    let nkey = admin.public_key();
    let mut world = World::builder()
        .without_system()
        .server_conf(|conf| {
            conf.replace(
                "# hallpass itself: creates the stream",
                &format!("{{ nkey: {nkey} }}\n      # hallpass itself: creates the stream"),
            )
            .replace("auth_users: [", &format!("auth_users: [{nkey}, "))
        })
        .replicas(0)
        .start()
        .await;
    let options = async_nats::ConnectOptions::with_nkey(admin.seed().unwrap());
    let context = jetstream::new(options.connect(world.nats.url()).await.unwrap());
    let other = Config {
        name: "OTHER".to_owned(),
        subjects: vec!["hallpass.audit.>".to_owned()],
        ..Config::default()
    };
    context.create_stream(other).await.unwrap();
    world.add_hallpass(&[]).await;
    (world, context)
}

fn of(events: &[Record], name: &str) -> Vec<(String, String, String)> {
    events
        .iter()
        .filter(|event| event.text("/data/client/name") == name)
        .map(|event| (event.text("/data/decision"), event.outcome(), event.text("/data/code")))
        .collect()
}

#[tokio::test]
async fn what_was_granted_and_then_withheld_is_recorded_as_both() {
    let (world, admin) = occupied().await;
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
    let (mut world, _admin) = occupied().await;
    world.log_in("late", &world.token("x", &["orders:read"])).await.unwrap_err();
    world.hallpass[0].says("code=audit_unavailable").await;
    let status = world.hallpass[0].terminate().await;
    assert_eq!(status.code(), Some(1), "{}", world.hallpass[0].log());
    // The grant, its withdrawal, and the issuer's first keys.
    world.hallpass[0].says("3 audit events were not acknowledged by JetStream").await;
}

#[tokio::test]
async fn an_event_carries_its_id_so_that_jetstream_drops_it_when_it_comes_twice() {
    let (world, admin) = occupied().await;
    admin.delete_stream("OTHER").await.unwrap();
    world.log_in("once", &world.token("x", &["orders:read"])).await.unwrap();
    let event = world.event_of("once").await;
    let stream = admin.get_stream("HALLPASS_AUDIT").await.unwrap();
    // What waited for the stream comes in any order.
    let mut sequence = 0;
    let message = loop {
        sequence += 1;
        let message = stream.get_raw_message(sequence).await.expect("one of them has the id");
        let id = message.headers.get(async_nats::header::NATS_MESSAGE_ID).unwrap().as_str();
        if id == event.text("/id") {
            break message;
        }
    };
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
    world.hallpass[0].says("an audit event was lost").await;
    world.log_in("short", &world.token("x", &["short"])).await.unwrap();
    assert_eq!(of(&world.audit().await, "short").len(), 1);
    let status = world.hallpass[0].terminate().await;
    assert_eq!(status.code(), Some(0), "{}", world.hallpass[0].log());
}
