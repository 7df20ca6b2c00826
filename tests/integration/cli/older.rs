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
