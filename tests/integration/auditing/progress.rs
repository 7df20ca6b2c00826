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
    let shown = async |seconds: &str| {
        let mut command = client("on_a_terminal.py");
        command.arg(seconds).arg(&file).arg(env!("CARGO_BIN_EXE_hallpass")).args(arguments);
        command.current_dir(world.directory());
        let ending = Process::start(command).ended().await;
        assert!(ending.status.success(), "{:?}", ending.said);
        serde_json::from_str::<String>(&ending.said[0]).unwrap()
    };
    let told = shown(LONGER).await;
    assert!(told.contains("verifying ") && told.contains(" so far"), "{told:?}");
    assert!(told.ends_with("\u{1b}[2K") || told.ends_with('\r'), "it is cleared: {told:?}");
    assert_eq!(shown("0").await, "", "what is short has none");
    let trail = std::fs::read_to_string(&file).unwrap();
    let piped = run_with(world.directory(), &arguments, &trail).await;
    assert_eq!((code(&piped), text(&piped.stderr)), (0, String::new()));
}
