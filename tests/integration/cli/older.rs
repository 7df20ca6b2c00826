//! Installations of older versions, and what their owners are told.

use crate::support::{code, files, run, text};

/// Takes the lines away that begin like this.
fn without(directory: &std::path::Path, lines: &[&str]) {
    let path = directory.join("hallpass.toml");
    let whole = std::fs::read_to_string(&path).unwrap();
    let kept = whole.lines().filter(|line| !lines.iter().any(|it| line.starts_with(it)));
    let older: String = kept.map(|line| format!("{line}\n")).collect();
    std::fs::write(&path, older).unwrap();
}

const NEW: [&str; 6] =
    ["key = ", "signing_seed = ", "signers = ", "[system]", "seed = ", "break_glass = "];

#[tokio::test]
async fn init_shows_the_lines_that_an_older_configuration_lacks() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let init = ["init", "--issuer", "https://idp.example.com"];
    assert_eq!(code(&run(path, &init).await), 0);
    without(path, &NEW);
    for key in ["audit.key", "audit-signer.nk"] {
        std::fs::remove_file(path.join("keys").join(key)).unwrap();
    }
    let check = run(path, &["check"]).await;
    let told = text(&check.stderr);
    for expected in [
        "`[audit]` lacks `key`",
        "add `key = { file = \"keys/audit.key\" }`; `hallpass init` makes that file",
        "`[audit]` lacks `signing_seed`",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }

    let again = run(path, &init).await;
    let told = text(&again.stderr);
    assert_eq!(code(&again), 2, "{told}");
    let needed =
        "hallpass.toml` was kept, and lacks what this version needs; add to its sections\n";
    let (_, shown) = told.split_once(needed).unwrap();
    assert!(shown.starts_with("[audit]\nkey = { file = \"keys/audit.key\" }"), "{told}");
    assert!(told.contains("to have it, add\n[system]\nseed = { file ="), "{told}");

    // What is shown is what helps.
    let lines: Vec<_> =
        shown.lines().filter(|it| NEW.iter().any(|new| it.starts_with(new))).collect();
    assert_eq!(lines.len(), 3, "{shown}");
    let older = std::fs::read_to_string(path.join("hallpass.toml")).unwrap();
    let mended = older.replace("[audit]\n", &format!("[audit]\n{}\n", lines.join("\n")));
    std::fs::write(path.join("hallpass.toml"), mended).unwrap();
    let check = run(path, &["check"]).await;
    assert_eq!(code(&check), 0, "{}", text(&check.stderr));

    // Who does without the system account is reminded, and not refused.
    let before = files(path);
    let again = run(path, &init).await;
    assert_eq!(code(&again), 0, "{}", text(&again.stderr));
    assert!(text(&again.stderr).contains("does without what this version can do"));
    assert_eq!(files(path), before);
}

/// Otherwise a login with the new one would raise no alarm.
#[tokio::test]
async fn init_says_that_a_new_break_glass_key_is_not_named_yet() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert_eq!(code(&run(path, &["init"]).await), 0);
    std::fs::remove_file(path.join("keys/break-glass.nk")).unwrap();
    let again = run(path, &["init"]).await;
    let told = text(&again.stderr);
    assert_eq!(code(&again), 2, "{told}");
    let line = told.lines().find(|it| it.starts_with("HALLPASS_BREAK_GLASS_NKEY=")).unwrap();
    let (_, key) = line.split_once('=').unwrap();
    let (_, shown) = told.split_once("in its section `[system]`:\n").unwrap();
    assert_eq!(shown.lines().next(), Some(format!("\"{key}\"").as_str()), "{told}");

    // With what is shown, everything fits together.
    for file in ["hallpass.toml", "hallpass.env"] {
        let held = std::fs::read_to_string(path.join(file)).unwrap();
        let named = held.lines().find(|it| {
            it.starts_with("HALLPASS_BREAK_GLASS_NKEY=") || it.starts_with("break_glass = ")
        });
        let (before, after) = held.split_once(named.unwrap()).unwrap();
        let new = match file {
            "hallpass.env" => line.to_owned(),
            _ => format!("break_glass = [\"{key}\"]"),
        };
        std::fs::write(path.join(file), format!("{before}{new}{after}")).unwrap();
    }
    let again = run(path, &["init"]).await;
    assert_eq!(code(&again), 0, "{}", text(&again.stderr));
}
