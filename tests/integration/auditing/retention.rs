//! What the stream removes by itself, and what somebody removes from it.

use async_nats::jetstream::{Context, stream::Config};

use super::*;
use crate::support::with_admin;

fn audit_stream(max_messages: i64) -> Config {
    Config {
        name: "HALLPASS_AUDIT".to_owned(),
        subjects: vec!["hallpass.audit.>".to_owned()],
        allow_direct: true,
        max_messages,
        ..Config::default()
    }
}

/// A world in which somebody may do anything to the stream, with ten logins.
async fn ten_logins() -> (World, Context) {
    let (mut world, admin) = with_admin().await;
    admin.create_stream(audit_stream(-1)).await.unwrap();
    world.add_hallpass(&["--set", "audit.checkpoint_every=1s"]).await;
    for number in 0..10 {
        let name = format!("x{number}");
        world.log_in(&name, &world.token("alice", &["orders:read"])).await.unwrap();
        world.event_of(&name).await;
    }
    assert!(world.hallpass[0].terminate().await.success());
    (world, admin)
}

#[tokio::test]
async fn what_a_limit_of_the_stream_removes_is_not_missing() {
    let (world, admin) = ten_logins().await;
    said(&world, 0, &["verify", "--complete"]).await;
    admin.update_stream(audit_stream(5)).await.unwrap();
    let left = eventually("only five are left", || async {
        let events = world.events().await;
        (events.len() == 5).then_some(events)
    })
    .await;
    let first: u64 = left[0].text("/sequence").parse().unwrap();
    let told = said(&world, 0, &["verify"]).await;
    assert!(told.starts_with("intact: 5 events"), "{told}");
    assert!(told.contains(&format!("begins at {first}: what came before was removed")), "{told}");
    let told = said(&world, 2, &["verify", "--complete"]).await;
    assert!(told.contains("the beginning of its chain"), "{told}");
    // With more room, the limit explains nothing any more.
    admin.update_stream(audit_stream(100)).await.unwrap();
    let told = said(&world, 2, &["verify"]).await;
    assert!(told.contains("were removed, and not by age or size"), "{told}");
}

#[tokio::test]
async fn what_somebody_purges_is_missing_whatever_limit_there_is() {
    let (world, admin) = ten_logins().await;
    admin.update_stream(audit_stream(100)).await.unwrap();
    let before = world.events().await;
    let stream = admin.get_stream("HALLPASS_AUDIT").await.unwrap();
    let purged = stream.purge().sequence(before[6].sequence).await.unwrap();
    assert_eq!(purged.purged, 6);
    let told = said(&world, 2, &["verify"]).await;
    assert!(told.contains("is missing: at stream sequence 7"), "{told}");
    assert!(told.contains("6 messages before it were removed, and not by age or size"), "{told}");
}

#[tokio::test]
async fn messages_deleted_from_the_end_of_the_stream_are_missed() {
    let (mut world, admin) = with_admin().await;
    admin.create_stream(audit_stream(-1)).await.unwrap();
    world.add_hallpass(&["--set", "audit.checkpoint_every=1h"]).await;
    world.log_in("in", &world.token("alice", &["orders:read"])).await.unwrap();
    world.event_of("in").await;
    let mut hallpass = world.hallpass.pop().unwrap();
    // Nobody has signed for the login.
    hallpass.signal("-KILL").await;
    hallpass.ended().await;
    said(&world, 0, &["verify"]).await;
    let last = world.events().await.last().unwrap().sequence;
    let stream = admin.get_stream("HALLPASS_AUDIT").await.unwrap();
    stream.delete_message(last).await.unwrap();
    let told = said(&world, 2, &["verify"]).await;
    assert!(told.contains(&format!("message {last} of the stream is gone")), "{told}");
}
