//! The bounds of the spool: what strangers may fill, what is kept for grants, and what is counted.

use std::cell::Cell;

use futures_util::{StreamExt as _, stream};
use hallpass::{
    audit::{Class, Event, Trail, event::Kind, reader::Record},
    config::{Layers, Settings},
    document::Problems,
    names::InstanceId,
    policy::PolicySet,
};
use jiff::Timestamp;
use serde_json::Value;

use crate::support::{World, eventually, occupied};

/// The smallest spool that there can be.
const SMALL: [&str; 2] = ["--set", "audit.spool.max_bytes=1048576"];

const STREAM: &str = "HALLPASS_AUDIT";

/// How many logins are tried at once.
const AT_ONCE: usize = 16;

/// Strangers come to the door this many times, and none of them gets in.
async fn flood(world: &World, count: usize) {
    let attempts = stream::iter(0..count).map(|_| world.log_in("stranger", "no token"));
    let refused = attempts.buffer_unordered(AT_ONCE).filter(|it| std::future::ready(it.is_err()));
    assert_eq!(refused.count().await, count);
}

/// The sum of a count over all gaps.
fn counted(events: &[Record], name: &str) -> usize {
    let gaps = events.iter().filter(|event| event.text("/type") == "hallpass.gap");
    gaps.map(|gap| gap.text(&format!("/data/{name}")).parse::<usize>().unwrap()).sum()
}

/// How many decisions about the client of this name were recorded one by one.
fn told(events: &[Record], name: &str, outcome: &str) -> usize {
    let about = |event: &&Record| {
        event.text("/data/client/name") == name && event.text("/data/outcome") == outcome
    };
    events.iter().filter(about).count()
}

/// Waits until the stream tells of this many decisions, one by one or as a number.
async fn accounted_for(world: &World, name: &str, outcome: &str, count: usize) -> Vec<Record> {
    eventually(&format!("{count} times {outcome}"), || async {
        let events = world.events().await;
        let all = told(&events, name, outcome) + counted(&events, outcome);
        (all >= count).then_some(events)
    })
    .await
}

#[tokio::test]
async fn strangers_cannot_fill_the_room_that_grants_need() {
    const STRANGERS: usize = 1500;
    let (world, admin) = occupied(&SMALL).await;
    flood(&world, STRANGERS).await;
    world.hallpass[0].says("what room there is left for audit events is kept for grants").await;
    for _ in 0..5 {
        world.log_in("in", &world.token("x", &["orders:read"])).await.unwrap();
    }
    flood(&world, 5).await;
    admin.delete_stream("OTHER").await.unwrap();
    let events = accounted_for(&world, "stranger", "refused", STRANGERS + 5).await;
    let gaps = counted(&events, "refused");
    assert!(gaps > 5, "{gaps}");
    assert_eq!(told(&events, "stranger", "refused") + gaps, STRANGERS + 5);
    assert_eq!(told(&events, "in", "granted"), 5);
    assert_eq!((counted(&events, "granted"), counted(&events, "other")), (0, 0));
    // There is room again, for strangers too.
    flood(&world, 1).await;
    assert_eq!(
        told(&accounted_for(&world, "stranger", "refused", STRANGERS + 6).await, "in", "granted"),
        5
    );
    assert_eq!(counted(&world.events().await, "refused"), gaps);
}

/// So many bytes have to wait in memory before a grant is only counted that the logins would take
/// a minute: what records is asked directly here.
#[tokio::test]
async fn grants_that_went_on_without_an_event_are_counted_one_for_one() {
    const GRANTS: u64 = 300;
    let (mut world, admin) = occupied(&SMALL).await;
    world.hallpass.pop().unwrap().terminate().await;
    let flags = [("audit.spool.max_bytes", "1048576"), ("audit.spool.when_full", "go-on")];
    let flags = flags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let layers = Layers::read(&world.directory().join("hallpass.toml"), [], &flags).unwrap();
    let settings = Settings::read(&layers, &mut Problems::default()).unwrap().audit;
    let (instance, maps) = (InstanceId::fresh(), PolicySet::default());
    let trail = Trail::start(&admin, &settings, instance, &maps, "h", Vec::new()).unwrap();
    let recorder = trail.recorder();
    let long = "x".repeat(500_000);
    let record = |class| {
        let event = Event::new(Kind::Decision, "granted", None, "d", Timestamp::now(), &long);
        recorder.record(event.unwrap(), class)
    };
    let receipts: Vec<_> = (0..GRANTS).map(|_| record(Class::Grant)).collect();
    for receipt in receipts {
        assert!(receipt.is_safe().await, "it goes on");
    }
    let refused = Cell::new(0);
    admin.delete_stream("OTHER").await.unwrap();
    // The first that is safe again comes after the gap.
    eventually("there is room again", || async {
        let safe = record(Class::Refusal).is_safe().await;
        refused.set(refused.get() + u64::from(!safe));
        safe.then_some(())
    })
    .await;
    let refused = refused.get();
    let undelivered = trail.stop(None).await;
    assert!(!undelivered.any(), "{undelivered}");
    let stream = admin.get_stream(STREAM).await.unwrap();
    let (mut recorded, mut gaps) = (0, [0; 3]);
    for at in 1..=stream.cached_info().state.last_sequence {
        let message = stream.get_raw_message(at).await.unwrap();
        match message.subject.split('.').nth(2) {
            Some("decision") => recorded += 1,
            Some("gap") => {
                let gap: Value = serde_json::from_slice(&message.payload).unwrap();
                for (sum, name) in gaps.iter_mut().zip(["granted", "refused", "other"]) {
                    *sum += gap["data"][name].as_u64().unwrap();
                }
            }
            _ => {}
        }
    }
    assert!(gaps[0] > 100 && refused > 0, "{gaps:?}");
    // One refusal was safe.
    assert_eq!((recorded - 1 + gaps[0], gaps[1], gaps[2]), (GRANTS, refused, 0));
}
