//! What became of an event is asked of the stream's leader, and of the stream as it is now.

use std::path::Path;

use async_nats::jetstream::{
    Context,
    stream::{Config, Source},
};

use super::{NAME, all_delivered, copy, forgetful, forgotten, ids, kill, left_behind, only_spool};
use crate::support::{World, eventually, files, with_admin};

/// How often something is done of which the server gives the half to somebody else.
const OFTEN: usize = 8;

/// What an archive looks like that somebody keeps of the audit stream, small as it is: it answers
/// direct gets in the stream's place. Waits until it does.
async fn a_mirror(admin: &Context) {
    let config = Config {
        name: "ARCHIVE".to_owned(),
        mirror: Some(Source { name: NAME.to_owned(), ..Source::default() }),
        max_messages: 1,
        ..Config::default()
    };
    admin.create_stream(config).await.unwrap();
    let question = r#"{"seq":1,"next_by_subj":"hallpass.audit.instance.>"}"#;
    eventually("the mirror answers", || async {
        let subject = format!("$JS.API.DIRECT.GET.{NAME}");
        let answer = admin.client().request(subject, question.into()).await.unwrap();
        // The stream itself has the event.
        answer.status.map(|_| ())
    })
    .await;
}

/// How often the stream has the decision about a client.
async fn count_of(world: &World, name: &str) -> usize {
    let events = world.events().await;
    events.iter().filter(|event| event.text("/data/client/name") == name).count()
}

/// What a start does with events that the stream has, beside a mirror that has not: `own` says
/// whether the stream is hallpass's own, which knows ids for a while.
async fn beside_a_mirror(own: bool) {
    let (mut world, admin, spool, kept) = left_behind().await;
    if !own {
        forgetful(&admin).await;
    }
    world.add_hallpass(&[]).await;
    all_delivered(&world, 2).await;
    world.hallpass.pop().unwrap().terminate().await;
    if !own {
        forgotten(&admin).await;
    }
    a_mirror(&admin).await;
    for _ in 0..OFTEN {
        copy(&kept, &spool);
        world.add_hallpass(&[]).await;
        world.hallpass[0].says("events that an instance left behind are delivered").await;
        eventually("the end of what was left", || async { (!spool.exists()).then_some(()) }).await;
        let mut hallpass = world.hallpass.pop().unwrap();
        hallpass.terminate().await;
        assert!(!hallpass.log().contains("somebody else put messages"), "{}", hallpass.log());
    }
    world.add_hallpass(&[]).await;
    let events = world.events().await;
    assert_eq!(ids(&events).len(), events.len(), "nothing is there twice");
    assert_eq!(count_of(&world, "in").await, 1);
}

#[tokio::test]
async fn a_mirror_that_has_less_makes_nothing_come_twice() {
    beside_a_mirror(false).await;
}

#[tokio::test]
async fn a_mirror_that_has_less_accuses_nobody() {
    beside_a_mirror(true).await;
}

/// After which sequences of a stream the events stand, as the files of a spool say it.
fn floors(spool: &Path) -> Vec<u64> {
    let files = files(spool).into_iter().map(|(_, bytes)| String::from_utf8(bytes).unwrap());
    let heads = files.filter(|text| text.starts_with("hallpass-audit-spool 1 "));
    heads.map(|text| text.split_whitespace().nth(3).unwrap().parse().unwrap()).collect()
}

/// What a start does with events that the stream has, where the stream was made anew since they
/// were written; by then it may have `grown` beyond what the one before it had.
async fn made_anew(grown: bool) {
    let (mut world, admin) = with_admin().await;
    forgetful(&admin).await;
    world.add_hallpass(&[]).await;
    let token = world.token("x", &["orders:read"]);
    for n in 0..20 {
        world.log_in(&format!("before-{n}"), &token).await.unwrap();
    }
    for n in 0..20 {
        world.event_of(&format!("before-{n}")).await;
    }
    // One whose spool begins now, however slow the stream was before.
    world.hallpass.pop().unwrap().terminate().await;
    world.add_hallpass(&[]).await;
    admin.delete_stream(NAME).await.unwrap();
    world.log_in("in", &token).await.unwrap();
    let spool = only_spool(&world);
    kill(&mut world).await;
    // The head of its file is of a stream that is gone, and more than the next will have.
    let floors = floors(&spool);
    assert!(floors.first().is_some_and(|first| *first >= 20), "{floors:?}");
    let kept = world.directory().join("kept");
    copy(&spool, &kept);
    forgetful(&admin).await;
    world.add_hallpass(&[]).await;
    all_delivered(&world, 1).await;
    assert_eq!(count_of(&world, "in").await, 1);
    for n in 0..if grown { 40 } else { 0 } {
        world.log_in(&format!("after-{n}"), &token).await.unwrap();
    }
    world.hallpass.pop().unwrap().terminate().await;
    let last = admin.get_stream(NAME).await.unwrap().cached_info().state.last_sequence;
    assert_eq!(floors.iter().all(|floor| *floor < last), grown, "{floors:?}, {last}");

    // As if it had been killed before it could tidy up.
    forgotten(&admin).await;
    copy(&kept, &spool);
    world.add_hallpass(&[]).await;
    world.hallpass[0].says("events that an instance left behind are delivered").await;
    let events = all_delivered(&world, 2).await;
    assert_eq!(ids(&events).len(), events.len(), "nothing is there twice");
    assert_eq!(count_of(&world, "in").await, 1);
}

#[tokio::test]
async fn a_stream_that_was_made_anew_is_asked_from_its_beginning() {
    made_anew(false).await;
}

#[tokio::test]
async fn so_is_one_that_was_made_anew_and_has_grown() {
    made_anew(true).await;
}

#[tokio::test]
async fn who_may_not_ask_hears_at_the_start_which_permission_is_lacking() {
    for (lacking, told) in [
        ("$JS.API.STREAM.MSG.GET.", "after an interruption no audit event gets to the stream"),
        ("$JS.API.DIRECT.GET.", "no checkpoint is signed before the end"),
    ] {
        let line = format!("\"{lacking}{NAME}\"\n");
        let world = World::builder().server_conf(|conf| conf.replace(&line, "\n")).start().await;
        let said = world.hallpass[0].says(told).await;
        assert!(said.contains(&format!("`{lacking}…`")), "{said}");
        world.log_in("in", &world.token("x", &["orders:read"])).await.unwrap();
        assert_eq!(world.event_of("in").await.outcome(), "granted");
    }
}
