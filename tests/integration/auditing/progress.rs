//! Long work shows how far it has come, to somebody who looks.

use std::{path::Path, process::Output, time::Duration};

use super::*;
use crate::support::{Cable, Process, client, host_and_port, run_with};

/// What takes no longer has no line of its own.
const LONGER: &str = "0.8";
/// The stream is read after several answers of the server, one after the other.
const LATE: Duration = Duration::from_millis(250);

/// What a terminal is shown of a command that succeeds, while it is handed a file slowly.
async fn shown(world: &World, file: &Path, seconds: &str, arguments: &[&str]) -> String {
    let mut command = client("on_a_terminal.py");
    command.arg(seconds).arg(file).arg(env!("CARGO_BIN_EXE_hallpass")).args(arguments);
    command.current_dir(world.directory());
    let ending = Process::start(command).ended().await;
    assert!(ending.status.success(), "{arguments:?}: {:?}", ending.said);
    serde_json::from_str(&ending.said[0]).unwrap()
}

fn is_shown_and_cleared(told: &str, what: &str, unit: &str) {
    assert!(told.contains(&format!("{what} ")) && told.contains(unit), "{what}: {told:?}");
    assert!(told.ends_with("\u{1b}[2K") || told.ends_with('\r'), "it is cleared: {told:?}");
}

fn is_silent(arguments: &[&str], output: &Output) {
    assert_eq!((code(output), text(&output.stderr)), (0, String::new()), "{arguments:?}");
}

#[tokio::test]
async fn a_terminal_is_shown_how_far_a_file_is_read_and_a_pipe_is_not() {
    let (world, file) = exported().await;
    let key = world.keys.audit_signer.as_str();
    let verify = ["audit", "verify", "--signer", key, "--file", "-"];
    let replay = ["replay", "--file", "-"];
    let trail = std::fs::read_to_string(&file).unwrap();
    for (what, arguments) in [("verifying", &verify[..]), ("deciding again", &replay)] {
        let told = shown(&world, &file, LONGER, arguments).await;
        is_shown_and_cleared(&told, what, " so far");
        is_silent(arguments, &run_with(world.directory(), arguments, &trail).await);
    }
}

#[tokio::test]
async fn a_terminal_is_shown_how_far_the_stream_is_read_and_a_pipe_is_not() {
    let (world, _) = exported().await;
    let id = world.event_of("out").await.text("/data/decision");
    let target = host_and_port(world.nats.url());
    let cable = Cable::late(target, LATE).await;
    let away = format!("nats.urls={}", cable.url());
    let set = ["--set", away.as_str()];
    for (what, arguments) in [
        ("verifying", &["audit", "verify"][..]),
        ("searching", &["audit", "query"]),
        ("searching", &["audit", "why", &id]),
        ("exporting", &["audit", "export"]),
        ("deciding again", &["replay"]),
    ] {
        let arguments = [arguments, &set].concat();
        let told = shown(&world, Path::new("/dev/null"), "0", &arguments).await;
        is_shown_and_cleared(&told, what, " events, ");
        is_silent(&arguments, &run(world.directory(), &arguments).await);
    }
}
