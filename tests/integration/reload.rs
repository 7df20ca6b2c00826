//! Changes of the subject maps while hallpass runs.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use hallpass::audit::reader::Record;
use serde_json::Value;

use crate::support::{World, code, eventually, run, text};

const OPS: &str = "account = \"APP\"\n\n[roles.ops]\nsubscribe = [\"ops.>\"]\n";
/// One role is good, the other is not.
const BROKEN: &str = "account = \"APP\"\n\n[roles.ops]\nsubscribe = [\"ops..>\"]\nsubscirbe = []\n\n\
    [roles.x]\nsubscribe = [\"x\"]\n";

fn maps(world: &World) -> PathBuf {
    world.directory().join("subject-maps")
}

/// Writes it as an editor does: in full beside it, then in its place.
fn save(path: &Path, content: &str) {
    let draft = path.with_extension("draft");
    std::fs::write(&draft, content).unwrap();
    std::fs::rename(draft, path).unwrap();
}

/// Waits until a login with this role is granted.
async fn gains(world: &World, role: &str) {
    let token = world.token("x", &[role]);
    eventually(&format!("a login as {role}"), || async {
        world.log_in(role, &token).await.ok().map(drop)
    })
    .await;
}

/// Waits until a login with this role is refused.
async fn loses(world: &World, role: &str) {
    let token = world.token("x", &[role]);
    eventually(&format!("the end of logins as {role}"), || async {
        world.log_in(role, &token).await.is_err().then_some(())
    })
    .await;
}

/// The events about maps, once there are so many.
async fn events(world: &World, count: usize) -> Vec<Record> {
    eventually(&format!("{count} events about maps"), || async {
        let mut events = world.audit().await;
        events.retain(|event| event.text("/type") == "hallpass.maps");
        assert!(events.len() <= count, "{events:?}");
        (events.len() == count).then_some(events)
    })
    .await
}

/// The exit code, and what each instance says of its maps.
async fn status(world: &World) -> (i32, Vec<Value>) {
    let told = run(world.directory(), &["maps", "status", "--format", "json"]).await;
    let instances: Vec<Value> = serde_json::from_slice(&told.stdout).unwrap();
    (code(&told), instances.iter().map(|instance| instance["maps"].clone()).collect())
}

#[tokio::test]
async fn a_file_that_is_added_changed_and_removed_is_in_force_a_moment_later() {
    let world = World::builder().replicas(2).start().await;
    let (exit, before) = status(&world).await;
    assert_eq!((exit, before.len()), (0, 2), "{before:?}");
    assert_eq!(before[0]["last_reload"], Value::Null);
    assert_eq!(world.refusal("early", &world.token("x", &["ops"])).await, "no_role");

    save(&maps(&world).join("ops.toml"), OPS);
    for replica in &world.hallpass {
        replica.says("the subject maps have changed and are in force").await;
    }
    world.log_in("added", &world.token("x", &["ops"])).await.unwrap();
    let (exit, after) = status(&world).await;
    assert_eq!(exit, 0);
    for instance in &after {
        assert_eq!(instance["roles"], before[0]["roles"].as_u64().unwrap() + 1);
        assert_eq!((&instance["applied"], &instance["rejected"]), (&1.into(), &0.into()));
        assert_eq!(instance["last_reload"]["outcome"], "applied");
    }
    // Each replica records what it did, and a login what decided it.
    let events = events(&world, 2).await;
    for event in &events {
        assert_eq!(event.outcome(), "changed");
        assert_eq!(event.text("/data/old"), before[0]["digest"].as_str().unwrap());
        assert_eq!(event.text("/data/new"), after[0]["digest"].as_str().unwrap());
        assert_eq!(event.text("/data/in_force/roles"), "3");
        assert_eq!(event.text("/data/in_force/files"), "2");
    }
    let instance = |at: usize| events[at].text("/data/hallpass/instance");
    assert_ne!(instance(0), instance(1));
    assert_eq!(decided_by(&world, "early").await, before[0]["digest"]);
    assert_eq!(decided_by(&world, "added").await, after[0]["digest"]);

    let world = &world;
    save(&maps(world).join("ops.toml"), &OPS.replace("roles.ops", "roles.operators"));
    gains(world, "operators").await;
    loses(world, "ops").await;
    std::fs::remove_file(maps(world).join("ops.toml")).unwrap();
    loses(world, "operators").await;
    world.log_in("still", &world.token("x", &["orders:read"])).await.unwrap();
}

/// The version of the maps by which a login was decided.
async fn decided_by(world: &World, name: &str) -> String {
    world.event_of(name).await.text("/data/hallpass/maps")
}

#[tokio::test]
async fn an_invalid_change_keeps_what_was_in_force_and_is_shouted_until_it_is_mended() {
    let mut world = World::start().await;
    let (_, before) = status(&world).await;
    let hallpass = &world.hallpass[0];
    save(&maps(&world).join("more.toml"), &OPS.replace("roles.ops", "roles.more"));
    gains(&world, "more").await;
    let (_, good) = status(&world).await;
    save(&maps(&world).join("ops.toml"), BROKEN);
    let line = hallpass.says("the subject maps are invalid as they are now").await;
    assert!(line.contains("ERROR"), "{line}");
    for problem in ["ops.toml:4: `ops..>` is not a subject", "ops.toml:5: unknown key `subscirbe`"]
    {
        assert!(line.contains(problem), "{line}");
    }
    world.log_in("still", &world.token("x", &["more"])).await.unwrap();
    assert_eq!(decided_by(&world, "still").await, good[0]["digest"]);
    assert_eq!(world.refusal("not", &world.token("x", &["x"])).await, "no_role");

    let told = events(&world, 2).await;
    let rejected = &told[1];
    assert_eq!(rejected.outcome(), "rejected");
    assert_eq!(rejected.text("/data/old"), good[0]["digest"].as_str().unwrap());
    assert_eq!(rejected.text("/data/in_force/digest"), good[0]["digest"].as_str().unwrap());
    assert!(rejected.text("/data/new").starts_with("sha256:"));
    assert_ne!(rejected.text("/data/new"), rejected.text("/data/old"));
    let problems = rejected.json()["data"]["problems"].as_array().unwrap();
    assert_eq!((problems.len(), rejected.text("/data/problem_count")), (2, "2".to_owned()));
    assert!(problems[0]["at"].as_str().unwrap().ends_with("subject-maps/ops.toml:4"));
    assert!(problems[0]["message"].as_str().unwrap().contains("`ops..>` is not a subject"));
    let line = run(world.directory(), &["audit", "tail", "--no-follow", "--last", "all"]).await;
    let line = text(&line.stdout);
    let is_told = |line: &str| line.contains("rejected") && line.contains("  subject maps");
    assert!(line.lines().any(is_told), "{line}");

    let (exit, after) = status(&world).await;
    assert_eq!((exit, &after[0]["state"]), (2, &"rejected".into()));
    assert_eq!((&after[0]["digest"], &after[0]["rejected"]), (&good[0]["digest"], &1.into()));
    let shown = run(world.directory(), &["maps", "status"]).await;
    assert_eq!(code(&shown), 2);
    assert!(text(&shown.stdout).contains("subject-maps/ops.toml:4: `ops..>` is not a subject"));

    // Said once; said again to whoever asks, and that is no other change.
    hallpass.signal("-HUP").await;
    hallpass.says("asked to reload: the subject maps are still invalid").await;
    assert_eq!(hallpass.log().matches("invalid as they are now").count(), 1);
    assert_eq!(status(&world).await.1[0]["rejected"], 1);

    save(&maps(&world).join("ops.toml"), OPS);
    gains(&world, "ops").await;
    hallpass.says("the subject maps are valid again and in force as they are now").await;
    assert_eq!(events(&world, 3).await[2].outcome(), "changed");
    let (exit, mended) = status(&world).await;
    assert_eq!((exit, &mended[0]["state"]), (0, &"current".into()));
    assert_ne!(mended[0]["digest"], before[0]["digest"]);

    // A change that is broken and taken back.
    std::fs::write(maps(&world).join("broken.toml"), [0xff]).unwrap();
    eventually("the rejection", || async {
        (status(&world).await.1[0]["state"] == "rejected").then_some(())
    })
    .await;
    std::fs::remove_file(maps(&world).join("broken.toml")).unwrap();
    hallpass.says("the subject maps are valid again: what they say is in force already").await;
    assert_eq!(status(&world).await.0, 0);
    assert!(world.hallpass[0].terminate().await.success());
}

#[tokio::test]
async fn sighup_reloads_and_ends_nothing() {
    let mut world = World::start().await;
    let hallpass = &world.hallpass[0];
    hallpass.signal("-HUP").await;
    hallpass.says("asked to reload: the subject maps are unchanged").await;
    world.log_in("after", &world.token("x", &["orders:read"])).await.unwrap();
    assert_eq!(status(&world).await.1[0]["last_reload"], Value::Null);
    events(&world, 0).await;
    assert!(world.hallpass[0].terminate().await.success());
}

/// `..data` is a link to a directory with a date; a change replaces the link, and nothing else.
#[tokio::test]
async fn a_config_map_whose_link_is_swapped_is_in_force_a_moment_later() {
    let mut world = World::builder().replicas(0).start().await;
    let volume = maps(&world);
    let orders = std::fs::read_to_string(volume.join("orders.toml")).unwrap();
    std::fs::remove_dir_all(&volume).unwrap();
    let publish = |date: &str, ops: &str| {
        let data = volume.join(date);
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(data.join("orders.toml"), &orders).unwrap();
        std::fs::write(data.join("ops.toml"), ops).unwrap();
        symlink(date, volume.join("..data_tmp")).unwrap();
        std::fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    };
    publish("..2026_11_20", &OPS.replace("roles.ops", "roles.one"));
    for file in ["orders.toml", "ops.toml"] {
        symlink(format!("..data/{file}"), volume.join(file)).unwrap();
    }
    world.add_hallpass(&[]).await;
    gains(&world, "one").await;
    for (date, old, role) in [
        ("..2026_11_21", "..2026_11_20", "two"),
        ("..2026_11_22", "..2026_11_21", "three"),
        ("..2026_11_23", "..2026_11_22", "four"),
    ] {
        publish(date, &OPS.replace("roles.ops", &format!("roles.{role}")));
        gains(&world, role).await;
        std::fs::remove_dir_all(volume.join(old)).unwrap();
    }
    loses(&world, "one").await;
    let events = events(&world, 3).await;
    assert!(events.iter().all(|event| event.outcome() == "changed"), "{events:?}");
}

/// A release that is deployed beside the old one: the directory of the maps is a link.
#[tokio::test]
async fn a_directory_that_is_replaced_as_a_whole_is_noticed() {
    let world = World::start().await;
    let (directory, at) = (world.directory(), maps(&world));
    let release = |name: &str| {
        let path = directory.join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("ops.toml"), OPS.replace("roles.ops", &format!("roles.{name}")))
            .unwrap();
        path
    };
    // Moved away, and another moved there.
    let one = release("one");
    std::fs::rename(&at, directory.join("away")).unwrap();
    std::fs::rename(one, &at).unwrap();
    gains(&world, "one").await;
    // What is there now is watched, and no longer what was.
    save(&at.join("more.toml"), &OPS.replace("roles.ops", "roles.more"));
    gains(&world, "more").await;
    // A link there, which is then swapped.
    std::fs::rename(&at, directory.join("away-too")).unwrap();
    symlink(release("two"), &at).unwrap();
    gains(&world, "two").await;
    symlink(release("three"), directory.join("next")).unwrap();
    std::fs::rename(directory.join("next"), &at).unwrap();
    gains(&world, "three").await;
    loses(&world, "two").await;
    save(&directory.join("three/more.toml"), &OPS.replace("roles.ops", "roles.more"));
    gains(&world, "more").await;
}

/// The start may take long: NATS is not there yet, and somebody edits meanwhile.
#[tokio::test]
async fn what_changes_before_the_first_login_is_not_missed() {
    let mut world = World::builder().replicas(0).start().await;
    world.nats.stop().await;
    let early = crate::support::Hallpass::start(world.directory(), &[]);
    early.says("NATS is not there yet at").await;
    save(&maps(&world).join("ops.toml"), OPS);
    world.restart_nats().await;
    world.hallpass.push(early.ready().await);
    world.log_in("x", &world.token("x", &["ops"])).await.unwrap();
}

/// Replicas whose directories differ are told apart.
#[tokio::test]
async fn replicas_with_different_maps_are_noticed() {
    let mut world = World::start().await;
    let other = world.directory().join("other-maps");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("ops.toml"), OPS).unwrap();
    world.add_hallpass(&["--set", "maps.directory=other-maps"]).await;
    let told = run(world.directory(), &["maps", "status"]).await;
    assert_eq!(code(&told), 2);
    assert_eq!(text(&told.stdout).matches("current").count(), 2);
    assert!(text(&told.stderr).contains("the instances do not have the same version in force"));
}
