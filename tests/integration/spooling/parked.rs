//! Events that JetStream never takes are in nobody's way, and not forgotten.

use async_nats::jetstream::{Context, stream::Config};
use hallpass::audit::reader::Record;

use super::{kill, only_spool};
use crate::support::{World, eventually, files, occupied};

/// The audit stream, made by somebody else, with a bound that a long event exceeds.
async fn narrow(admin: &Context) {
    let config = Config {
        name: "HALLPASS_AUDIT".to_owned(),
        subjects: vec!["hallpass.audit.>".to_owned()],
        max_message_size: 8 * 1024,
        allow_direct: true,
        ..Config::default()
    };
    admin.create_stream(config).await.unwrap();
}

/// A map of a role whose grants have long events, and of one whose grants have not.
fn write_map(world: &World) {
    let subjects: Vec<_> = (0..100).map(|n| format!("\"s{n}.{}y\"", "x.".repeat(100))).collect();
    let map = format!(
        "account = \"APP\"\n[roles.long]\npublish = [{}]\n[roles.short]\npublish = [\"a\"]\n",
        subjects.join(", ")
    );
    std::fs::write(world.directory().join("subject-maps/long.toml"), map).unwrap();
}

/// The gap that names events, once it is on the stream.
async fn gap(world: &World) -> Record {
    eventually("the gap", || async {
        let is_it = |event: &Record| event.json()["data"]["parked"].is_number();
        world.events().await.into_iter().find(is_it)
    })
    .await
}

/// The one event that was put aside: the file's name and what it says.
fn put_aside(world: &World) -> (String, String) {
    let all = files(&world.directory().join("audit-spool/parked"));
    let [(path, bytes)] = &all[..] else { panic!("{} files", all.len()) };
    let name = path.rsplit('/').next().unwrap().strip_suffix(".event").unwrap();
    (name.to_owned(), String::from_utf8(bytes.clone()).unwrap())
}

fn about(world: &[Record], name: &str) -> Vec<String> {
    let of = world.iter().filter(|event| event.text("/data/client/name") == name);
    of.map(Record::outcome).collect()
}

#[tokio::test]
async fn what_the_stream_never_takes_blocks_nothing_and_is_named() {
    let (mut world, admin) = occupied(&[]).await;
    world.hallpass.pop().unwrap().terminate().await;
    std::fs::remove_dir_all(world.directory().join("audit-spool")).unwrap();
    admin.delete_stream("OTHER").await.unwrap();
    narrow(&admin).await;
    write_map(&world);
    world.add_hallpass(&["--set", "audit.checkpoint_every=1s"]).await;
    world.hallpass[0].says("`max_msg_size` is 8192, and an event may have up to").await;
    // Whether it gets in depends on which is faster, the disk or JetStream's no.
    let _ = world.log_in("long", &world.token("x", &["long"])).await;
    world.hallpass[0].says("JetStream does not take this audit event").await;
    for n in 0..3 {
        world.log_in(&format!("short-{n}"), &world.token("x", &["short"])).await.unwrap();
    }
    let gap = gap(&world).await;
    let (id, text) = put_aside(&world);
    assert_eq!(gap.json()["data"]["parked_ids"], serde_json::json!([id]));
    assert_eq!((gap.text("/data/parked"), gap.text("/data/refused")), ("1".into(), "0".into()));
    let (subject, event) = text.trim_end().split_once(' ').unwrap();
    assert!(subject.starts_with("hallpass.audit.decision.APP.granted."), "{subject}");
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    assert_eq!(event["data"]["client"]["name"], "long");
    for n in 0..3 {
        world.event_of(&format!("short-{n}")).await;
    }
    assert_eq!(world.hallpass[0].terminate().await.code(), Some(1));
    let log = world.hallpass[0].log();
    assert_eq!(log.matches("JetStream does not take this audit event").count(), 1, "{log}");
    assert!(log.contains(&id) && !log.contains("s7.x.x"), "{log}");
    let told = world.hallpass[0].says("none that JetStream ever takes").await;
    assert!(told.contains("1 audit events") && told.contains("audit-spool/parked`"), "{told}");
    assert!(!told.contains("lost") && !told.contains("not on the stream yet"), "{told}");
}

#[tokio::test]
async fn what_was_left_behind_and_is_never_taken_is_put_aside_once() {
    let (mut world, admin) = occupied(&[]).await;
    write_map(&world);
    world.hallpass[0].signal("-HUP").await;
    eventually("the map in force", || async {
        world.log_in("long", &world.token("x", &["long"])).await.ok()
    })
    .await;
    world.log_in("short", &world.token("x", &["short"])).await.unwrap();
    let spool = only_spool(&world);
    kill(&mut world).await;
    admin.delete_stream("OTHER").await.unwrap();
    narrow(&admin).await;
    world.add_hallpass(&["--set", "audit.checkpoint_every=1s"]).await;
    let gap = gap(&world).await;
    let (id, _) = put_aside(&world);
    assert_eq!(gap.json()["data"]["parked_ids"], serde_json::json!([id]));
    let instance = spool.file_name().unwrap().to_str().unwrap();
    assert!(id.starts_with(instance) && gap.text("/source") != format!("hallpass/{instance}"));
    eventually("the end of what was left", || async { (!spool.exists()).then_some(()) }).await;
    let events = world.events().await;
    assert_eq!(about(&events, "short"), ["granted"]);
    assert!(!about(&events, "long").contains(&"granted".to_owned()));
    assert_eq!(world.hallpass.pop().unwrap().terminate().await.code(), Some(1));
    // The next start has nothing to do with it.
    world.add_hallpass(&[]).await;
    assert_eq!(world.hallpass[0].terminate().await.code(), Some(0), "{}", world.hallpass[0].log());
    assert_eq!(put_aside(&world).0, id);
}
