//! `hallpass audit tail` as people and pipelines use it.

use std::process::Stdio;

use crate::support::{Process, World, command, eventually, run, soon, text};

/// What instances tell of themselves is another matter.
const DECISIONS: &[&str] = &["audit", "tail", "--type", "decision"];

fn tail(world: &World, arguments: &[&str]) -> Process {
    let mut command = command(&[DECISIONS, arguments].concat());
    command.current_dir(world.directory());
    Process::start(command)
}

/// The names of the clients, in the order in which their events were shown.
fn names(said: &[String]) -> Vec<String> {
    let name = |line: &String| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["data"]["client"]["name"].as_str().unwrap().to_owned()
    };
    said.iter().map(name).collect()
}

async fn log_in(world: &World, name: &str) {
    // Right after a restart of the server hallpass may not be back yet.
    eventually(name, || async {
        let event = |record: &hallpass::audit::reader::Record| {
            record.text("/data/client/name") == name && record.outcome() == "granted"
        };
        let _ = world.log_in(name, &world.token("x", &["orders:read"])).await;
        world.audit().await.iter().any(event).then_some(())
    })
    .await;
}

#[tokio::test]
async fn it_reads_the_stream_with_the_readers_key_alone() {
    let world = World::start().await;
    world.log_in("in", &world.token("alice", &["orders:read"])).await.unwrap();
    assert_eq!(world.refusal("out", "x").await, "token_malformed");
    for key in ["issuer", "xkey", "service", "audit-writer", "break-glass"] {
        std::fs::remove_file(world.directory().join(format!("keys/{key}.nk"))).unwrap();
    }
    let lines = run(world.directory(), &[DECISIONS, &["--no-follow"]].concat()).await;
    assert_eq!(lines.status.code(), Some(0), "{}", text(&lines.stderr));
    let lines = text(&lines.stdout);
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(lines.contains("  idp:alice                 APP orders-reader\n"), "{lines}");
    assert!(lines.lines().all(|line| line.chars().count() <= 100), "{lines}");
    assert!(lines.contains("token_malformed"), "{lines}");
    for (last, expected) in [("0", &[][..]), ("1", &["out"]), ("99", &["in", "out"])] {
        let arguments = [DECISIONS, &["--no-follow", "--json", "--last", last]].concat();
        let json = run(world.directory(), &arguments).await;
        let lines: Vec<_> = text(&json.stdout).lines().map(str::to_owned).collect();
        assert_eq!(names(&lines), expected, "--last {last}");
    }
}

/// Who stays outside has chosen these words all the same, and the auditor's terminal reads them.
#[tokio::test]
async fn what_a_client_calls_itself_is_no_command_to_a_terminal() {
    let world = World::start().await;
    let name = "x\u{1b}]0;\u{7}\u{7f}\u{9b}2J\u{200b}\u{202e}\u{e0001}";
    assert_eq!(world.refusal(name, "x").await, "token_malformed");
    let obeyed =
        |c: char| c.is_control() && c != '\n' || ['\u{200b}', '\u{202e}', '\u{e0001}'].contains(&c);
    for format in [&["--json"][..], &[]] {
        let arguments = [DECISIONS, &["--no-follow"], format].concat();
        let said = text(&run(world.directory(), &arguments).await.stdout);
        assert_eq!(said.lines().count(), 1, "{said:?}");
        assert!(!said.contains(obeyed), "{said:?}");
        if !format.is_empty() {
            let said: Vec<_> = said.lines().map(str::to_owned).collect();
            assert_eq!(names(&said), [name], "it says the same");
        }
    }
    let event = world.event_of(name).await;
    assert_eq!(event.json()["data"]["client"]["name"], name, "the stream has it as it was");
}

#[tokio::test]
async fn it_survives_restarts_of_the_server_and_shows_each_event_once() {
    let mut world = World::start().await;
    log_in(&world, "before").await;
    let all = tail(&world, &["--json", "--last", "all"]);
    let new = tail(&world, &["--json", "--last", "0"]);
    all.says("what was there", |line| line.contains("\"before\"")).await;
    for name in ["first", "second"] {
        world.restart_nats().await;
        log_in(&world, name).await;
        all.says("a login after a restart", |line| line.contains(name)).await;
        new.says("a login after a restart", |line| line.contains(name)).await;
    }
    let expected: Vec<_> = names_on_the_stream(&world).await;
    let (mut all, mut new) = (all, new);
    assert_eq!(names(&all.terminate().await.said), expected);
    assert_eq!(names(&new.terminate().await.said), expected[1..]);
    for tail in [all, new] {
        let told = tail.complaints();
        assert_eq!(told.matches("it goes on by itself where it was").count(), 2, "{told}");
    }
}

/// A login that waits in vain for hallpass is tried again: what counts is what the stream has.
async fn names_on_the_stream(world: &World) -> Vec<String> {
    let records = world.audit().await;
    records.iter().map(|record| record.text("/data/client/name")).collect()
}

#[tokio::test]
async fn it_ends_when_its_reader_goes_away() {
    let world = World::start().await;
    // With two events the second finds the pipe closed; with one there is nothing more to say.
    for name in ["one", "two"] {
        log_in(&world, name).await;
        let pipeline = tokio::process::Command::new("sh")
            // What it exits with goes to descriptor 3, past the pipe.
            .args(["-c", "exec 3>&1; { \"$0\" audit tail; echo \"code $?\" >&3; } | head -1"])
            .arg(env!("CARGO_BIN_EXE_hallpass"))
            .current_dir(world.directory())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = soon("the pipeline's end", pipeline).await.unwrap();
        let told = text(&output.stdout);
        assert_eq!(told.lines().count(), 2, "{told}");
        assert!(told.contains("code 0\n"), "{told}");
        assert_eq!(text(&output.stderr), "");
    }
}

#[tokio::test]
async fn output_that_cannot_be_written_is_an_error() {
    let world = World::start().await;
    log_in(&world, "one").await;
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let child = command(&["audit", "tail"])
        .current_dir(world.directory())
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = soon("its end", child.wait_with_output()).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("standard output"), "{}", text(&output.stderr));
}
