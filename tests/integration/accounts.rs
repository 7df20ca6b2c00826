//! What the installation's own keys may do, and who stays out of which account.

use async_nats::{ConnectOptions, jetstream};
use hallpass::{
    callout::advisory::{AUTH_ERRORS, CONNECTS, DISCONNECTS},
    nats::AUDIT_READER_INBOX,
    playground::client::{Operation, Visitor},
};

use crate::support::World;

async fn visitor(world: &World, key: &str, inbox: &str) -> Visitor {
    let seed = std::fs::read_to_string(world.directory().join(format!("keys/{key}.nk"))).unwrap();
    let options = ConnectOptions::with_nkey(seed.trim().to_owned()).custom_inbox_prefix(inbox);
    Visitor::connect(world.nats.url(), options).await.unwrap()
}

async fn is_refused_publish(visitor: &Visitor, subject: &str) -> bool {
    visitor.client.publish(subject.to_owned(), "{}".into()).await.unwrap();
    visitor.was_refused(Operation::Publish, subject).await
}

async fn is_refused_subscribe(visitor: &Visitor, subject: &str) -> bool {
    let _subscription = visitor.client.subscribe(subject.to_owned()).await.unwrap();
    visitor.was_refused(Operation::Subscribe, subject).await
}

#[tokio::test]
async fn the_audit_writer_can_only_publish_and_nothing_it_has_written_can_be_undone() {
    let world = World::start().await;
    world.log_in("first", &world.token("x", &["orders:read"])).await.unwrap();
    let writer = visitor(&world, "audit-writer", "_INBOX.hallpass-audit").await;
    for subject in [
        "$JS.API.STREAM.PURGE.HALLPASS_AUDIT",
        "$JS.API.STREAM.DELETE.HALLPASS_AUDIT",
        "$JS.API.STREAM.UPDATE.HALLPASS_AUDIT",
        "$JS.API.STREAM.MSG.DELETE.HALLPASS_AUDIT",
        "$JS.API.CONSUMER.CREATE.HALLPASS_AUDIT.x",
        "elsewhere",
    ] {
        assert!(is_refused_publish(&writer, subject).await, "{subject}");
    }
    assert!(is_refused_subscribe(&writer, "hallpass.audit.>").await);
    // Creating the stream again, as another one, changes nothing.
    let context = jetstream::new(writer.client.clone());
    let other = jetstream::stream::Config {
        name: "HALLPASS_AUDIT".to_owned(),
        subjects: vec!["hallpass.audit.>".to_owned()],
        max_messages: 1,
        ..jetstream::stream::Config::default()
    };
    context.create_stream(other).await.unwrap_err();
    assert_eq!(world.event_of("first").await.outcome(), "granted");
}

#[tokio::test]
async fn the_audit_reader_writes_nothing() {
    let world = World::start().await;
    world.log_in("first", &world.token("x", &["orders:read"])).await.unwrap();
    let reader = visitor(&world, "audit-reader", AUDIT_READER_INBOX).await;
    for subject in [
        "hallpass.audit.decision.APP.granted",
        "$JS.API.STREAM.PURGE.HALLPASS_AUDIT",
        "$JS.API.STREAM.DELETE.HALLPASS_AUDIT",
        "$JS.API.STREAM.UPDATE.HALLPASS_AUDIT",
        "$JS.API.STREAM.CREATE.OTHER",
    ] {
        assert!(is_refused_publish(&reader, subject).await, "{subject}");
    }
}

#[tokio::test]
async fn the_service_user_takes_requests_as_a_member_of_its_group_and_answers_only() {
    let world = World::start().await;
    let service = visitor(&world, "service", "_INBOX.hallpass").await;
    assert!(is_refused_subscribe(&service, "$SYS.REQ.USER.AUTH").await, "outside the group");
    assert!(is_refused_subscribe(&service, "$SYS._INBOX.>").await);
    assert!(is_refused_publish(&service, "anything").await);
    // And it asks the instances how they are, which answer: at these subjects and no others.
    for subject in
        ["hallpass.status.>", "hallpass.status.*", "hallpass.status.issuers.x", "_INBOX.>"]
    {
        assert!(is_refused_subscribe(&service, subject).await, "{subject}");
    }
    assert!(is_refused_subscribe(&service, AUTH_ERRORS).await, "outside the group");
    for subject in
        ["hallpass.status.other", "_INBOX.hallpass.x", "_INBOX.x", "hallpass.audit.x", AUTH_ERRORS]
    {
        assert!(is_refused_publish(&service, subject).await, "{subject}");
    }
    world.log_in("still", &world.token("x", &["orders:read"])).await.unwrap();
}

#[tokio::test]
async fn the_system_user_hears_of_connections_as_a_member_of_its_group_and_does_nothing_else() {
    let world = World::start().await;
    let system = visitor(&world, "system", "_INBOX.hallpass-system").await;
    for subject in [
        "$SYS.>",
        CONNECTS,
        DISCONNECTS,
        "$SYS.ACCOUNT.*.SERVER.CONNS",
        "$SYS.SERVER.*.CLIENT.AUTH.ERR",
        "_INBOX.>",
    ] {
        assert!(is_refused_subscribe(&system, subject).await, "{subject}");
    }
    for subject in [
        "$SYS.REQ.SERVER.PING",
        "$SYS.REQ.SERVER.PING.VARZ",
        "$SYS.REQ.SERVER.X.CONNZ",
        "$SYS.REQ.SERVER.X.KICK",
        "$SYS.ACCOUNT.APP.CONNECT",
        "_INBOX.hallpass-system.x",
        "x",
    ] {
        assert!(is_refused_publish(&system, subject).await, "{subject}");
    }
}

#[tokio::test]
async fn break_glass_gets_in_when_hallpass_does_not_run_and_nobody_else_does() {
    let world = World::builder().replicas(0).start().await;
    let operator = visitor(&world, "break-glass", "_INBOX").await;
    let mut subscription = operator.client.subscribe("orders.>").await.unwrap();
    operator.client.publish("orders.acme.created", "by hand".into()).await.unwrap();
    let message = futures_util::StreamExt::next(&mut subscription).await.unwrap();
    assert_eq!(message.payload, "by hand");
    let error = world.log_in("x", &world.token("x", &["orders:read"])).await.unwrap_err();
    assert_eq!(error.kind(), async_nats::ConnectErrorKind::AuthorizationViolation);
}

#[tokio::test]
async fn who_is_audited_does_not_reach_the_audit_stream() {
    let map = "account = \"APP\"\n[roles.all]\npublish = [\">\"]\nsubscribe = [\">\"]\n";
    let world = World::builder().map("m.toml", map).start().await;
    let user = world.log_in("all", &world.token("x", &["all"])).await.unwrap();
    let mut heard = user.client.subscribe("hallpass.audit.>").await.unwrap();
    let context = jetstream::new(user.client.clone());
    context.get_stream("HALLPASS_AUDIT").await.map(drop).unwrap_err();
    world.log_in("another", &world.token("y", &["all"])).await.unwrap();
    user.client.publish("hallpass.audit.decision.APP.granted", "{}".into()).await.unwrap();
    user.client.flush().await.unwrap();
    // The first thing heard is the own forgery, in the own account; the stream has none of it.
    let first = futures_util::StreamExt::next(&mut heard).await.unwrap();
    assert_eq!(first.payload, "{}");
    let events = world.audit().await;
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.text("/type") == "hallpass.decision"));
}
