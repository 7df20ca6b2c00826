//! The bounds of the spool: what strangers may fill, what is kept for grants, and what is counted.

use futures_util::{StreamExt as _, stream};
use hallpass::audit::reader::Record;

use crate::support::{World, eventually, occupied};

/// The smallest spool that there can be.
const SMALL: [&str; 2] = ["--set", "audit.spool.max_bytes=1048576"];

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
