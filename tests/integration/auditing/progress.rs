//! Long work shows how far it has come, to somebody who looks.

use super::*;
use crate::support::{Process, client, run_with};

/// What takes no longer has no line of its own.
const LONGER: &str = "0.8";

#[tokio::test]
async fn a_terminal_is_shown_how_far_it_is_and_a_pipe_is_not() {
    let (world, file) = exported().await;
    let key = world.keys.audit_signer.as_str();
    let arguments = ["audit", "verify", "--signer", key, "--file", "-"];
    let mut command = client("on_a_terminal.py");
    command.arg(LONGER).arg(&file).arg(env!("CARGO_BIN_EXE_hallpass")).args(arguments);
    command.current_dir(world.directory());
    let ending = Process::start(command).ended().await;
    assert!(ending.status.success(), "{:?}", ending.said);
    let told: String = serde_json::from_str(&ending.said[0]).unwrap();
    assert!(told.contains("verifying ") && told.contains(" so far"), "{told:?}");
    assert!(told.ends_with("\u{1b}[2K") || told.ends_with('\r'), "it is cleared: {told:?}");
    let trail = std::fs::read_to_string(&file).unwrap();
    let piped = run_with(world.directory(), &arguments, &trail).await;
    assert_eq!((code(&piped), text(&piped.stderr)), (0, String::new()));
}
