//! Two replicas that name each other, and a file from which one of them was cut.

use std::{collections::BTreeMap, path::Path};

use super::*;

/// Whose event a line is.
fn source(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap();
    event["source"].as_str().unwrap().strip_prefix("hallpass/").unwrap().to_owned()
}

/// Whether each of two instances has named something of the other that it heard of after a
/// checkpoint of its own, which is not from the first moment of the trail.
fn have_talked(events: &[Record]) -> bool {
    let time = |event: &Record| event.text("/time").parse::<jiff::Timestamp>().unwrap();
    let begun = events.iter().map(time).min();
    let late = |at| begun.is_some_and(|begun| at > begun + std::time::Duration::from_secs(2));
    let mut checkpoints = BTreeMap::<_, u32>::new();
    let named = events.iter().filter(|event| {
        let is_checkpoint = event.kind() == "checkpoint" && late(time(event));
        let others = &event.json()["data"]["others"];
        is_checkpoint && others.as_array().is_some_and(|others| !others.is_empty())
    });
    for event in named {
        *checkpoints.entry(event.text("/source")).or_default() += 1;
    }
    checkpoints.len() == 2 && checkpoints.values().all(|count| *count > 2)
}

async fn verdict(world: &World, exit: i32, lines: &[&String], arguments: &[&str]) -> String {
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    std::fs::write(world.directory().join("part.ndjson"), text).unwrap();
    said(world, exit, &[&["verify", "--file", "part.ndjson"], arguments].concat()).await
}

/// A world in which two replicas have talked and stopped, and the lines of the trail.
async fn talked() -> (World, Vec<String>) {
    let mut world = World::builder().replicas(0).start().await;
    for _ in 0..2 {
        world.add_hallpass(&["--set", "audit.checkpoint_every=1s"]).await;
    }
    eventually("each has named the other", || async {
        // Only who has something new is named.
        world.log_in("x", &world.token("alice", &["orders:read"])).await.unwrap();
        have_talked(&world.events().await).then_some(())
    })
    .await;
    assert!(world.hallpass[0].terminate().await.success());
    eventually("the second has named the last that the first signed", || async {
        let events = world.events().await;
        let last = events.iter().find(|event| event.json()["data"]["final"] == true)?;
        let is_named = |event: &Record| {
            let others = event.json()["data"]["others"].as_array();
            others.is_some_and(|all| all.iter().any(|it| it["hash"] == last.text("/hash")))
        };
        events.iter().any(is_named).then_some(())
    })
    .await;
    assert!(world.hallpass[1].terminate().await.success());
    said(&world, 0, &["export", "--out", "trail.ndjson"]).await;
    let whole = lines(&world.directory().join(Path::new("trail.ndjson")));
    (world, whole)
}

#[tokio::test]
async fn who_was_cut_out_of_a_file_is_missed_by_the_other() {
    let (world, whole) = talked().await;
    let all: Vec<_> = whole.iter().collect();
    for complete in [&[][..], &["--complete"]] {
        let told = verdict(&world, 0, &all, complete).await;
        assert!(told.contains(" of 2 instances"), "{told}");
        assert!(told.contains(&format!("signed by {}", world.keys.audit_signer)), "{told}");
    }
    let mut instances: Vec<_> = whole.iter().map(|line| source(line)).collect();
    instances.sort();
    instances.dedup();
    assert_eq!(instances.len(), 2);
    for instance in &instances {
        let of = |line: &&&String| source(line) == *instance;
        let (events, others): (Vec<_>, Vec<_>) = all.iter().partition(of);
        for complete in [&[][..], &["--complete"]] {
            let told = verdict(&world, 2, &others, complete).await;
            assert!(told.contains("is missing: event"), "{told}");
            assert!(told.contains(&format!("of instance {instance}, at line ")), "{told}");
        }
        // Its beginning, almost up to its end.
        let left = events[events.len() - 5];
        let at = whole.iter().position(|line| line == left).unwrap();
        let without: Vec<_> =
            whole.iter().enumerate().filter(|(index, line)| *index >= at || !of(&line)).collect();
        let without: Vec<_> = without.into_iter().map(|(_, line)| line).collect();
        let told = verdict(&world, 2, &without, &[]).await;
        assert!(told.contains("of which it heard after the trail begins"), "{told}");
    }
    // The second was still there when the first stopped.
    let first = &instances[0];
    let of_first = whole.iter().enumerate().filter(|(_, line)| source(line) == *first);
    let cut: Vec<_> = of_first.map(|(index, _)| index).rev().take(3).collect();
    let indexed = whole.iter().enumerate();
    let short: Vec<_> = indexed.filter(|(index, _)| !cut.contains(index)).collect();
    let short: Vec<_> = short.into_iter().map(|(_, line)| line).collect();
    for complete in [&[][..], &["--complete"]] {
        let told = verdict(&world, 2, &short, complete).await;
        assert!(told.contains(&format!("of instance {first}, at line ")), "{told}");
        assert!(told.contains("in all: 3 missing, 0 changed, 0 reordered, 0 added"), "{told}");
    }
}

#[tokio::test]
async fn what_is_no_export_is_told_so() {
    let (world, file) = exported().await;
    let whole = std::fs::read_to_string(&file).unwrap();
    let with = async |exit, text: &str| {
        std::fs::write(world.directory().join("other.ndjson"), text).unwrap();
        said(&world, exit, &["verify", "--file", "other.ndjson"]).await
    };
    with(0, &whole.replace('\n', "\r\n")).await;
    let told = with(2, whole.trim_end().strip_suffix("\"}").unwrap()).await;
    assert!(told.contains("an event that breaks off: its end was cut off"), "{told}");
    let events: Vec<Value> =
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let pretty: Vec<_> =
        events.iter().map(|event| serde_json::to_string_pretty(event).unwrap()).collect();
    let pretty = pretty.join("\n").repeat(1200 / pretty.len());
    let told = with(2, &pretty).await;
    let count = pretty.lines().count();
    assert!(told.contains(&format!("… and {} more; ", count - 21)), "{told}");
    assert!(told.contains("`--format json` tells the first 1000"), "{told}");
    assert!(told.contains("there was no event among them"), "{told}");
    let stranger = nkeys::KeyPair::new_user().public_key();
    let told = said(&world, 2, &["verify", "--signer", &stranger, "--file", "trail.ndjson"]).await;
    let help = format!("help: if `{}` is a key of yours", world.keys.audit_signer);
    assert!(told.contains(&help), "{told}");
}
