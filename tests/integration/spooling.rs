//! The disk keeps what the stream does not take, and the stream gets it later, once and in order.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use async_nats::jetstream::{Context, stream::Config};
use hallpass::audit::reader::Record;

use crate::support::{
    Disk, Hallpass, World, code, eventually, files, occupied, run, text, with_admin,
};

mod asked;
mod late;
mod parked;
mod room;
mod stream;
mod strict;
mod unreadable;

/// The audit stream.
const NAME: &str = "HALLPASS_AUDIT";

/// For how long the server knows an id, at the least.
const FORGETS_AFTER: Duration = Duration::from_millis(100);

/// The one instance's directory below the spool.
fn only_spool(world: &World) -> PathBuf {
    let entries = std::fs::read_dir(world.directory().join("audit-spool")).unwrap();
    let [entry] = &entries.collect::<Vec<_>>()[..] else { panic!("not one") };
    entry.as_ref().unwrap().path()
}

/// Kills the one hallpass of a world.
async fn kill(world: &mut World) {
    let mut hallpass = world.hallpass.pop().unwrap();
    hallpass.signal("-KILL").await;
    hallpass.ended().await;
}

/// Waits until the stream has the start of this many instances, and nothing is left on the disk
/// but of one; returns all events.
async fn all_delivered(world: &World, instances: usize) -> Vec<Record> {
    eventually("everything on the stream", || async {
        let events = world.events().await;
        let started = events.iter().filter(|event| event.outcome() == "started").count();
        let spools = std::fs::read_dir(world.directory().join("audit-spool")).unwrap().count();
        (started == instances && spools == 1).then_some(events)
    })
    .await
}

fn sequences(events: &[Record], source: &str) -> Vec<u64> {
    let of = events.iter().filter(|event| event.text("/source") == source);
    of.map(|event| event.text("/sequence").parse().unwrap()).collect()
}

fn ids(events: &[Record]) -> BTreeSet<String> {
    events.iter().map(|event| event.text("/id")).collect()
}

#[tokio::test]
async fn without_a_stream_logins_go_on_and_a_later_start_delivers_their_events_in_order() {
    let (mut world, admin) = occupied(&[]).await;
    for n in 0..5 {
        world.log_in(&format!("in-{n}"), &world.token("x", &["orders:read"])).await.unwrap();
    }
    assert!(world.events().await.is_empty());
    let source = format!("hallpass/{}", only_spool(&world).file_name().unwrap().display());
    kill(&mut world).await;
    admin.delete_stream("OTHER").await.unwrap();
    world.add_hallpass(&[]).await;
    let events = all_delivered(&world, 2).await;
    world.hallpass[0].says("events that an instance left behind are all on the stream").await;
    let told = sequences(&events, &source);
    let expected: Vec<u64> = (1..=told.len() as u64).collect();
    assert_eq!(told, expected, "in order, with nothing missing");
    let names = events.iter().map(|event| event.text("/data/client/name"));
    assert_eq!(names.filter(|name| name.starts_with("in-")).count(), 5);
    // The successor names the end of what it found: nobody can cut it off unseen.
    let resumes = |event: &&Record| event.json()["data"]["resumes"][0].is_object();
    let started = events.iter().find(resumes).unwrap();
    let last = events.iter().rev().find(|event| event.text("/source") == source).unwrap();
    assert_eq!(started.text("/data/resumes/0/hash"), last.text("/hash"));
    assert_eq!(started.text("/data/resumes/0/sequence"), told.len().to_string());
}

/// The audit stream, made by somebody else: it forgets at once which events it has.
async fn forgetful(admin: &Context) {
    let config = Config {
        name: "HALLPASS_AUDIT".to_owned(),
        subjects: vec!["hallpass.audit.>".to_owned()],
        duplicate_window: FORGETS_AFTER,
        allow_direct: true,
        ..Config::default()
    };
    admin.create_stream(config).await.unwrap();
}

/// Waits until the server has forgotten every id that it was told before this is called: what it
/// is told now, on a stream that forgets as fast, it forgets later.
async fn forgotten(admin: &Context) {
    let config = Config {
        name: "PROBE".to_owned(),
        subjects: vec!["probe".to_owned()],
        duplicate_window: FORGETS_AFTER,
        ..Config::default()
    };
    admin.create_stream(config).await.unwrap();
    let is_known = || async {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(async_nats::header::NATS_MESSAGE_ID, "probe");
        let told = admin.publish_with_headers("probe", headers, "".into()).await.unwrap();
        told.await.unwrap().duplicate
    };
    assert!(!is_known().await);
    eventually("the server forgets", || async { (!is_known().await).then_some(()) }).await;
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for (name, bytes) in files(from) {
        let name = Path::new(&name).strip_prefix(from).unwrap().to_owned();
        std::fs::write(to.join(name), bytes).unwrap();
    }
}

/// A world in which the event of one login was left in a spool, by an instance that was killed;
/// the spool, and a copy of it. There is room for the stream by now.
async fn left_behind() -> (World, Context, PathBuf, PathBuf) {
    let (mut world, admin) = occupied(&[]).await;
    world.log_in("in", &world.token("x", &["orders:read"])).await.unwrap();
    let spool = only_spool(&world);
    kill(&mut world).await;
    let kept = world.directory().join("kept");
    copy(&spool, &kept);
    admin.delete_stream("OTHER").await.unwrap();
    (world, admin, spool, kept)
}

#[tokio::test]
async fn what_the_stream_has_is_not_told_twice_however_late_it_is_found_on_the_disk() {
    let (mut world, admin, spool, kept) = left_behind().await;
    forgetful(&admin).await;
    world.add_hallpass(&[]).await;
    let delivered = ids(&all_delivered(&world, 2).await);
    let status = world.hallpass.pop().unwrap().terminate().await;
    assert!(status.success());

    // As if it had been killed after delivering and before it could tidy up, and were started
    // again hours later: by then the server has forgotten the ids, and would take them again.
    forgotten(&admin).await;
    copy(&kept, &spool);
    world.add_hallpass(&[]).await;
    world.hallpass[0].says("events that an instance left behind are delivered").await;
    let events = all_delivered(&world, 3).await;
    assert_eq!(ids(&events).len(), events.len(), "nothing is there twice");
    assert!(ids(&events).is_superset(&delivered));
}

#[tokio::test]
async fn a_torn_end_is_told_and_the_rest_delivered() {
    let (mut world, admin) = occupied(&[]).await;
    for name in ["one", "two"] {
        world.log_in(name, &world.token("x", &["orders:read"])).await.unwrap();
    }
    let spool = only_spool(&world);
    kill(&mut world).await;
    let segment = spool.join("1.spool");
    let whole = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &whole[..whole.len() - 10]).unwrap();
    admin.delete_stream("OTHER").await.unwrap();
    world.add_hallpass(&[]).await;
    world.hallpass[0].says("a torn event in the audit spool").await;
    let events = all_delivered(&world, 2).await;
    let names: Vec<_> = events.iter().map(|event| event.text("/data/client/name")).collect();
    assert!(names.contains(&"one".to_owned()) && !names.contains(&"two".to_owned()), "{names:?}");
}

#[tokio::test]
async fn what_was_changed_on_the_disk_is_kept_as_evidence_and_the_rest_delivered() {
    let (mut world, admin) = occupied(&[]).await;
    for name in ["one", "two", "three"] {
        world.log_in(name, &world.token("x", &["orders:read"])).await.unwrap();
    }
    let spool = only_spool(&world);
    kill(&mut world).await;
    let segment = spool.join("1.spool");
    let text = std::fs::read_to_string(&segment).unwrap();
    let changed = text.replace("\"name\":\"two\"", "\"name\":\"TWO\"");
    assert_ne!(changed, text);
    std::fs::write(&segment, &changed).unwrap();
    admin.delete_stream("OTHER").await.unwrap();
    world.add_hallpass(&[]).await;
    world.hallpass[0].says("an event in the audit spool was changed after it was written").await;
    let kept = spool.with_file_name(format!("damaged-{}", spool.file_name().unwrap().display()));
    eventually("the evidence", || async { kept.exists().then_some(()) }).await;
    assert_eq!(std::fs::read_to_string(kept.join("1.spool")).unwrap(), changed);
    let names: Vec<_> =
        world.audit().await.iter().map(|event| event.text("/data/client/name")).collect();
    assert!(names.contains(&"one".to_owned()) && names.contains(&"three".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.eq_ignore_ascii_case("two")), "{names:?}");
    // No start takes it for something to deliver.
    world.hallpass.pop().unwrap().terminate().await;
    world.add_hallpass(&[]).await;
    assert_eq!(world.hallpass[0].terminate().await.code(), Some(0));
    assert!(kept.exists());
}

/// Neither the stream nor the disk takes anything.
async fn nowhere(when_full: &str) -> (World, Disk) {
    let (mut world, admin) = occupied(&["--set", "audit.spool.directory=none"]).await;
    world.hallpass.pop().unwrap().terminate().await;
    admin.delete_stream("OTHER").await.unwrap();
    let disk = Disk::mount(world.directory().join("disk")).await;
    let when_full = format!("audit.spool.when_full={when_full}");
    let arguments = ["--set", "audit.spool.directory=disk/spool", "--set", &when_full];
    world.add_hallpass(&arguments).await;
    // From here on the stream refuses everything.
    let mut config = admin.get_stream("HALLPASS_AUDIT").await.unwrap().cached_info().config.clone();
    config.subjects = vec!["elsewhere".to_owned()];
    admin.update_stream(config).await.unwrap();
    disk.fill();
    (world, disk)
}

#[tokio::test]
async fn where_there_is_room_nowhere_nobody_gets_in_until_there_is() {
    let (mut world, disk) = nowhere("refuse").await;
    let token = world.token("x", &["orders:read"]);
    // What the segment's last page still holds is room.
    let mut left = 10;
    while world.log_in("out", &token).await.is_ok() {
        left -= 1;
        assert!(left > 0, "there is no end of the room");
    }
    world.hallpass[0].says("events are not on the disk while this lasts").await;
    world.hallpass[0].says("code=audit_unavailable").await;
    disk.free();
    world.hallpass[0].says("the audit spool takes events again").await;
    world.log_in("in", &token).await.unwrap();
    let status = world.hallpass[0].terminate().await;
    assert_eq!(status.code(), Some(1));
    let told = world.hallpass[0].says("audit events are not on the stream yet").await;
    assert!(told.contains("disk/spool`, and the next start with this directory"), "{told}");
    assert!(!told.contains("lost"), "{told}");
}

#[tokio::test]
async fn where_that_is_wanted_logins_go_on_although_nothing_is_safe() {
    let (mut world, _disk) = nowhere("go-on").await;
    for _ in 0..10 {
        world.log_in("in", &world.token("x", &["orders:read"])).await.unwrap();
    }
    let status = world.hallpass[0].terminate().await;
    assert_eq!(status.code(), Some(1));
    world.hallpass[0].says("audit events are lost: JetStream did not acknowledge them").await;
}

#[tokio::test]
async fn a_spool_that_cannot_be_written_is_an_error_at_the_start() {
    let (world, _) = with_admin().await;
    std::fs::write(world.directory().join("audit-spool"), "").unwrap();
    // Before anything is waited for.
    let away = ["--set", "nats.urls=nats://127.0.0.1:9"];
    let mut hallpass = Hallpass::start(world.directory(), &away);
    assert_eq!(hallpass.ended().await.code(), Some(1));
    hallpass.says("the audit spool `").await;
    hallpass.says("make `audit.spool.directory` writable").await;
    let check = run(world.directory(), &["check"]).await;
    let told = text(&check.stderr);
    assert_eq!(code(&check), 3, "{told}");
    assert!(told.contains("the audit spool `") && told.contains("hallpass.toml:"), "{told}");
}

#[tokio::test]
async fn check_leaves_nothing_of_a_spool() {
    let (world, _) = with_admin().await;
    let before = files(world.directory());
    let arguments = ["check", "--set", "audit.spool.directory=new/spool"];
    let check = run(world.directory(), &arguments).await;
    assert_eq!(code(&check), 0, "{}", text(&check.stderr));
    assert!(!world.directory().join("new").exists());
    assert_eq!(files(world.directory()).len(), before.len());
}

#[tokio::test]
async fn a_stream_that_differs_is_told_and_left_as_it_is() {
    let (mut world, admin) = with_admin().await;
    forgetful(&admin).await;
    world.add_hallpass(&[]).await;
    let is_not = "the audit stream is not what the configuration says, and is left as it is: ";
    for difference in [
        "`max_age` is unlimited, not 365d",
        "`duplicate_window` is",
        "`deny_delete` is false, not true",
        "`deny_purge` is false, not true",
    ] {
        world.hallpass[0].says(&format!("{is_not}{difference}")).await;
    }
    let found = admin.get_stream("HALLPASS_AUDIT").await.unwrap().cached_info().config.clone();
    assert!(!found.deny_purge && found.max_age.is_zero());
    world.log_in("in", &world.token("x", &["orders:read"])).await.unwrap();
}
