//! What `strict` promises, and what becomes of refusals while JetStream is away.

use super::{kill, only_spool, sequences};
use crate::support::{World, eventually, occupied};

/// Waits for the refusal of this name on the stream.
async fn refused(world: &World, name: &str) {
    let event = world.event_of(name).await;
    assert_eq!(
        (event.outcome().as_str(), event.text("/data/code").as_str()),
        ("refused", "token_malformed")
    );
}

#[tokio::test]
async fn what_a_spool_had_is_delivered_although_the_mode_is_strict_now() {
    let (mut world, admin) = occupied(&[]).await;
    world.log_in("in", &world.token("x", &["orders:read"])).await.unwrap();
    let spool = only_spool(&world);
    let source = format!("hallpass/{}", spool.file_name().unwrap().display());
    kill(&mut world).await;
    admin.delete_stream("OTHER").await.unwrap();
    world.add_hallpass(&["--set", "audit.mode=strict"]).await;
    eventually("the end of the spool", || async { (!spool.exists()).then_some(()) }).await;
    let events = world.events().await;
    let told = sequences(&events, &source);
    assert_eq!(told, (1..=told.len() as u64).collect::<Vec<_>>());
    assert!(events.iter().any(|event| event.text("/data/client/name") == "in"));
    let is_own = |event: &&hallpass::audit::reader::Record| {
        event.outcome() == "started" && event.text("/source") != source
    };
    let started = events.iter().find(is_own).unwrap();
    assert_eq!(started.text("/data/mode"), "strict");
    assert_eq!(started.text("/data/resumes/0/sequence"), told.len().to_string());
    // It has no directory of its own.
    assert_eq!(std::fs::read_dir(spool.parent().unwrap()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_spool_had_and_the_stream_does_not_take_is_told_in_strict_mode_too() {
    let (mut world, _admin) = occupied(&[]).await;
    world.log_in("in", &world.token("x", &["orders:read"])).await.unwrap();
    let spool = only_spool(&world);
    kill(&mut world).await;
    world.add_hallpass(&["--set", "audit.mode=strict"]).await;
    assert_eq!(world.hallpass[0].terminate().await.code(), Some(1));
    let told = world.hallpass[0].says("audit events are not on the stream yet").await;
    assert!(told.contains("kept in `audit-spool`, and the next start"), "{told}");
    assert!(spool.exists());
}

#[tokio::test]
async fn a_refusal_while_jetstream_is_away_is_delivered_later() {
    for mode in ["spool", "strict"] {
        let (world, admin) = occupied(&["--set", &format!("audit.mode={mode}")]).await;
        let error = world.log_in("out", "x").await.unwrap_err();
        assert_eq!(error.kind(), async_nats::ConnectErrorKind::AuthorizationViolation);
        admin.delete_stream("OTHER").await.unwrap();
        refused(&world, "out").await;
    }
}

#[tokio::test]
async fn a_refusal_outlives_a_kill_on_the_disk_and_nowhere_else() {
    for (mode, outlives) in [("spool", true), ("strict", false)] {
        let (mut world, admin) = occupied(&["--set", &format!("audit.mode={mode}")]).await;
        world.log_in("out", "x").await.unwrap_err();
        kill(&mut world).await;
        admin.delete_stream("OTHER").await.unwrap();
        world.add_hallpass(&[]).await;
        if outlives {
            refused(&world, "out").await;
        } else {
            // This comes after whatever was left.
            refused(&world, &{
                world.log_in("after", "x").await.unwrap_err();
                "after".to_owned()
            })
            .await;
            let events = world.audit().await;
            assert!(!events.iter().any(|event| event.text("/data/client/name") == "out"));
        }
    }
}
