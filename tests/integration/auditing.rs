//! The trail as an auditor reads it: searched, told, exported, verified, and tampered with.

mod asking;
mod progress;
mod retention;
mod several;
mod tampering;
mod telling;

use std::path::PathBuf;

use hallpass::audit::reader::Record;
use serde_json::Value;

use crate::support::{World, code, eventually, run, text};

/// What a command said, once it ended with this code.
async fn said(world: &World, exit: i32, arguments: &[&str]) -> String {
    let output = run(world.directory(), &[&["audit"], arguments].concat()).await;
    let (told, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(code(&output), exit, "{arguments:?}: {told}\n{errors}");
    told + &errors
}

/// A world with a grant, a refusal, and the trail of it in a file.
async fn exported() -> (World, PathBuf) {
    let world = World::start().await;
    world.log_in("in", &world.token("alice", &["orders:read"])).await.unwrap();
    assert_eq!(world.refusal("out", "x").await, "token_malformed");
    // Looking makes connections, which have events: the refusal is not the last for long.
    eventually("a checkpoint, and something after the refusal", || async {
        let events = world.events().await;
        let is_signed = events.iter().any(|it| it.kind() == "checkpoint");
        let is_last = events.last()?.text("/data/code") == "token_malformed";
        (is_signed && !is_last).then_some(())
    })
    .await;
    let file = world.directory().join("trail.ndjson");
    let told = said(&world, 0, &["export", "--out", "trail.ndjson"]).await;
    assert!(told.contains(" events in `trail.ndjson`"), "{told}");
    (world, file)
}

fn lines(file: &std::path::Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_question_is_answered_by_the_events_that_fit() {
    let world = World::start().await;
    for name in ["one", "two"] {
        world.log_in(name, &world.token("alice", &["orders:read"])).await.unwrap();
    }
    assert_eq!(world.refusal("bob", &world.token("bob", &["unknown"])).await, "no_role");
    assert_eq!(world.refusal("out", "x").await, "token_malformed");
    let query = async |arguments: &[&str]| {
        let arguments = [&["query", "--type", "decision", "--json"], arguments].concat();
        let told = said(&world, 0, &arguments).await;
        let name = |line: &str| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["data"]["client"]["name"].as_str().unwrap().to_owned()
        };
        told.lines().map(name).collect::<Vec<_>>()
    };
    assert_eq!(query(&[]).await, ["one", "two", "bob", "out"]);
    assert_eq!(query(&["--subject", "alice"]).await, ["one", "two"]);
    assert_eq!(query(&["--subject", "idp:alice", "--limit", "1"]).await, ["two"]);
    assert_eq!(query(&["--outcome", "refused", "--since", "1h"]).await, ["bob", "out"]);
    assert_eq!(query(&["--account", "APP", "--outcome", "granted"]).await, ["one", "two"]);
    assert_eq!(query(&["--role", "orders-reader"]).await, ["one", "two"]);
    assert_eq!(query(&["--code", "token_malformed", "--address", "127.0.0.0/8"]).await, ["out"]);
    for nothing in [["--subject", "carol"], ["--until", "2020-01-01"], ["--account", "OTHER"]] {
        let told = said(&world, 0, &[&["query"], &nothing[..]].concat()).await;
        assert_eq!(told, "no event matches\n");
    }
    let counted = said(&world, 0, &["query", "--type", "decision", "--count-by", "outcome"]).await;
    let rows: Vec<_> =
        counted.lines().map(|it| it.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(rows[2..], [["granted", "2"], ["refused", "2"]]);
    let wide = said(&world, 0, &["query", "--client-name", "out", "--wide"]).await;
    let id = world.event_of("out").await.text("/data/decision");
    assert!(wide.contains("from=127.0.0.1") && wide.contains(&format!("id={id}")), "{wide}");
    let tail = ["tail", "--no-follow", "--last", "1", "--subject", "alice", "--wide"];
    let tail = said(&world, 0, &tail).await;
    assert!(tail.lines().count() == 1 && tail.contains("name=two"), "{tail}");
}

#[tokio::test]
async fn why_tells_the_story_of_a_decision() {
    let world = World::start().await;
    drop(world.log_in("in", &world.token("alice", &["orders:read"])).await.unwrap());
    assert_eq!(world.refusal("out", &world.token("bob", &["unknown"])).await, "no_role");
    let (granted, refused) = (world.event_of("in").await, world.event_of("out").await);
    let id = |record: &Record| record.text("/data/decision");
    let story = said(&world, 0, &["why", &id(&granted)]).await;
    for told in [
        "`idp:alice` was let into account `APP` at ",
        "The login came from 127.0.0.1 (nats) to server ",
        "the client calls itself `in`",
        "The proof was a token of issuer `idp`",
        "Held: the role `orders-reader`.",
        "orders.toml:",
        "It may subscribe to ",
        "The session ends at ",
        "by the subject maps sha256:",
        &format!("In the trail it is event {}.", granted.text("/id")),
    ] {
        assert!(story.contains(told), "{told}: {story}");
    }
    let ended = eventually("what became of the connection", || async {
        let story = said(&world, 0, &["why", &id(&granted)]).await;
        story.contains("\nIt ended at ").then_some(story)
    });
    let ended = ended.await;
    assert!(ended.contains("\nThe server let the connection in at "), "{ended}");
    let end: String = id(&refused)[24..].to_owned();
    for id in [id(&refused), refused.text("/id"), end] {
        let story = said(&world, 0, &["why", &id]).await;
        assert!(story.starts_with("`idp:bob` was refused at "), "{story}");
        assert!(story.contains("`no_role`: No role of the subject maps is held."), "{story}");
        assert!(story.contains("hallpass explain --token -"), "{story}");
    }
    let json = said(&world, 0, &["why", &id(&refused), "--json"]).await;
    let event: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(event["data"]["code"], "no_role");
    let unknown = said(&world, 2, &["why", "01a1fb94-ec80-765c-9cb5-10b98ff2e5c9"]).await;
    assert!(unknown.contains("no event has the id"), "{unknown}");
    said(&world, 1, &["why", "nonsense"]).await;
}

#[tokio::test]
async fn what_is_exported_is_the_stream_byte_by_byte_and_verifies_anywhere() {
    let (world, file) = exported().await;
    let events: Vec<_> = world.events().await;
    let bytes = std::fs::read(&file).unwrap();
    let expected: Vec<_> =
        events.iter().flat_map(|it| [it.payload().as_ref(), b"\n"].concat()).collect();
    assert!(expected.starts_with(&bytes) && !bytes.is_empty());
    let again = said(&world, 1, &["export", "--out", "trail.ndjson"]).await;
    assert!(again.contains("is there already"), "{again}");
    said(&world, 0, &["export", "--out", "trail.ndjson", "--force"]).await;
    let piped = run(world.directory(), &["audit", "export"]).await;
    assert!(piped.stdout.starts_with(&bytes));
    assert_eq!(text(&piped.stderr), "", "no progress goes into a pipe");
    let future = said(&world, 0, &["export", "--since", "2999-01-01"]).await;
    assert_eq!(future, "");

    // With the configuration, or with nothing but the file and the key.
    let told = said(&world, 0, &["verify", "--file", "trail.ndjson"]).await;
    assert!(told.starts_with("intact: "), "{told}");
    let elsewhere = tempfile::tempdir().unwrap();
    let (file, key) = (file.to_str().unwrap(), world.keys.audit_signer.as_str());
    let arguments = ["audit", "verify", "--complete", "--file", file, "--signer", key];
    let verified = run(elsewhere.path(), &arguments).await;
    assert_eq!(code(&verified), 0, "{}", text(&verified.stdout));
    assert_eq!(text(&verified.stderr), "");
    let stranger = nkeys::KeyPair::new_user().public_key();
    let told = said(&world, 2, &["verify", "--file", file, "--signer", &stranger]).await;
    assert!(told.contains("signed by nobody who is believed"), "{told}");
    let missing = run(elsewhere.path(), &["audit", "verify", "--file", file]).await;
    assert_eq!(code(&missing), 3, "nobody says whom to believe");
    assert!(text(&missing.stderr).contains("with `--signer KEY`, a file"));
    said(&world, 1, &["verify", "--file", "not-there"]).await;
}

#[tokio::test]
async fn the_stream_is_verified_with_the_reader_s_key_alone() {
    let (mut world, _) = exported().await;
    world.add_hallpass(&[]).await;
    world.hallpass[0].terminate().await;
    let told = said(&world, 0, &["verify", "--complete"]).await;
    assert!(told.starts_with("intact: ") && told.contains(" of 2 instances"), "{told}");
    let json = said(&world, 0, &["verify", "--format", "json"]).await;
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&report["intact"], &report["place"]), (&true.into(), &"stream sequence".into()));
    assert_eq!(report["chains"][0]["stopped"], true);
    assert_eq!(report["chains"][0]["unvouched"], 0);
    assert_eq!(report["chains"][1]["stopped"], false);
}
