//! The commands as people use them: output, exit codes, files.

mod older;

use std::os::unix::fs::PermissionsExt as _;

use crate::support::{code, files, nats_server, printed, run, soon, text};

#[tokio::test]
async fn init_writes_what_check_accepts_and_twice_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let init = ["init", "--issuer", "https://idp.example.com/", "--audience", "nats"];
    let first = run(path, &init).await;
    assert_eq!(code(&first), 0, "{}", text(&first.stderr));
    let before = files(path);
    assert_eq!(before.len(), 15);
    for (name, content) in &before {
        let mode = std::fs::metadata(name).unwrap().permissions().mode() & 0o777;
        let secret = name.contains("/keys/");
        assert_eq!(mode & 0o077 == 0, secret, "{name} has mode {mode:o}");
        let is_random = name.ends_with(".key");
        let is_seed = text(content).starts_with('S') && !is_random;
        assert_eq!(is_seed, secret && !is_random, "{name}");
    }
    let second = run(path, &init).await;
    assert_eq!(code(&second), 0);
    assert!(text(&second.stdout).contains("everything was there already; nothing was changed"));
    assert_eq!(files(path), before);

    let check = run(path, &["check"]).await;
    assert_eq!(code(&check), 0, "{}", text(&check.stderr));
    assert_eq!(text(&check.stdout), "ok: 1 issuer, 2 roles in 1 map, 0 warnings\n");
    let test = run(path, &["test"]).await;
    assert_eq!(text(&test.stdout), "3 tests: 3 passed, 0 failed\n");
    assert_eq!(code(&test), 0);

    // The line that `init` and the configuration name, with `-t`: read everything and end.
    let server = tokio::process::Command::new("sh")
        .args(["-c", "set -a; . ./hallpass.env; set +a; exec \"$0\" -t -c nats-server.conf"])
        .arg(nats_server())
        .current_dir(path)
        .output();
    let server = soon("nats-server -t", server).await.unwrap();
    assert_eq!(code(&server), 0, "{}", text(&server.stderr));
}

#[tokio::test]
async fn init_without_an_issuer_says_what_is_left_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let init = run(directory.path(), &["init"]).await;
    assert!(text(&init.stdout).contains("name your IdP in hallpass.toml, under [issuers.corp]"));
    let check = run(directory.path(), &["check"]).await;
    assert_eq!(code(&check), 3);
    assert!(text(&check.stderr).contains("no issuer is configured: nobody could log in"));
}

#[tokio::test]
async fn init_keeps_a_key_and_says_so_when_the_environment_names_another() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &["init"]).await;
    std::fs::remove_file(directory.path().join("keys/service.nk")).unwrap();
    let again = run(directory.path(), &["init"]).await;
    assert_eq!(code(&again), 2, "the next step would keep everybody out");
    assert!(!text(&again.stdout).contains("next:"));
    assert!(text(&again.stderr).contains("does not name the keys in keys/"));
    assert!(text(&again.stderr).contains("HALLPASS_SERVICE_NKEY=U"));
    std::fs::write(directory.path().join("keys/xkey.nk"), "nonsense").unwrap();
    let broken = run(directory.path(), &["init"]).await;
    assert_eq!(code(&broken), 1);
    assert!(text(&broken.stderr).contains("does not hold the seed of a curve key"));
}

#[tokio::test]
async fn init_refuses_up_front_what_check_would_refuse() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for (arguments, says) in [
        (
            &["--issuer", "http://idp.corp.example"][..],
            "error: --issuer: `issuer` is not an https URL (write an https URL",
        ),
        (&["--issuer", "not a url"], "error: --issuer: `issuer` is not a URL ("),
        (&["--issuer", ""], "error: --issuer: `issuer` is not a URL ("),
        (
            &["--issuer", "https://u:PASSWORD@h"],
            "error: --issuer: `issuer` has credentials in it (",
        ),
        (
            &["--issuer", "https://h", "--roles-claim", "a..b"],
            "error: --roles-claim: a claim path is one or more keys, none of them empty (",
        ),
        (
            &["--issuer", "https://h", "--audience", ""],
            "error: --audience: an audience is not empty (",
        ),
        (
            &["--issuer", "https://h", "--audience", "a\nb"],
            "error: --audience: an audience has no control characters (",
        ),
        (&["--audience", "x"], "--issuer <URL>"),
    ] {
        let arguments = [&["init", "--dir", "new"], arguments].concat();
        let refused = run(path, &arguments).await;
        let told = text(&refused.stderr);
        assert_eq!(code(&refused), 1, "{arguments:?}: {told}");
        assert!(told.contains(says), "{arguments:?}: {told}");
        assert!(!told.contains("PASSWORD"), "{told}");
        assert!(!path.join("new").exists(), "{arguments:?} wrote something");
    }
    let odd = ["--audience", "a\"b\\é\u{2028}", "--roles-claim", "https://example.com/roles"];
    let odd = [&["init", "--dir", "it's", "--issuer", "http://127.0.0.1:9000"], &odd[..]].concat();
    let init = run(path, &odd).await;
    assert_eq!(code(&init), 0, "{}", text(&init.stderr));
    assert!(text(&init.stdout).contains("\nnext:\n  cd 'it'\\''s'\n  hallpass check\n"));
    let check = run(&path.join("it's"), &["check"]).await;
    assert_eq!(code(&check), 0, "{}", text(&check.stderr));
}

#[tokio::test]
async fn init_says_that_it_did_not_add_an_issuer_to_a_kept_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    run(path, &["init"]).await;
    let before = files(path);
    let named = ["init", "--issuer", "https://idp.example.com", "--issuer-name", "acme"];
    let again = run(path, &named).await;
    assert_eq!(code(&again), 2);
    let told = text(&again.stderr);
    assert!(told.contains("hallpass.toml` was kept, and the issuer was not added"), "{told}");
    assert!(told.contains("[issuers.acme]\nissuer = \"https://idp.example.com\""), "{told}");
    assert_eq!(files(path), before);
    // What it says to write is what it looks for.
    let (_, section) = told.split_once("write:\n").unwrap();
    let configuration = std::fs::read_to_string(path.join("hallpass.toml")).unwrap() + section;
    std::fs::write(path.join("hallpass.toml"), configuration).unwrap();
    assert_eq!(code(&run(path, &named).await), 0);
    assert_eq!(code(&run(path, &["check"]).await), 0);
}

#[tokio::test]
async fn init_does_not_take_a_directory_for_a_file() {
    for name in ["hallpass.toml", "hallpass.env", "nats-server.conf", "keys/issuer.nk"] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join(name)).unwrap();
        let init = run(directory.path(), &["init"]).await;
        assert_eq!(code(&init), 1, "{name}");
        let told = text(&init.stderr);
        assert_eq!(told, format!("error: `./{name}` is there and is no file; move it away\n"));
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("keys"), "").unwrap();
    let init = run(directory.path(), &["init"]).await;
    assert_eq!(text(&init.stderr).matches("os error").count(), 1, "{}", text(&init.stderr));
}

#[tokio::test]
async fn check_and_serve_show_no_seed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    run(path, &["init", "--issuer", "https://idp.example.com/"]).await;
    let seed = std::fs::read_to_string(path.join("keys/issuer.nk")).unwrap().trim().to_owned();
    let configuration = std::fs::read_to_string(path.join("hallpass.toml")).unwrap();
    for (from, to) in [
        ("{ file = \"keys/issuer.nk\" }", format!("\"{seed}\"")),
        ("{ file = \"keys/issuer.nk\" }", format!("\"{seed}")),
        ("issuer_seed = {", format!("isuer_seed = \"{seed}\"\nissuer_seed = {{")),
        ("nats://127", format!("nats://user:{seed}@127")),
    ] {
        std::fs::write(path.join("hallpass.toml"), configuration.replace(from, &to)).unwrap();
        for command in ["check", "serve"] {
            let output = run(path, &[command]).await;
            assert_eq!(code(&output), 3);
            let told = text(&output.stderr) + &text(&output.stdout);
            assert!(told.contains("*****") && !told.contains(&seed[..10]), "{told}");
        }
    }
}

#[tokio::test]
async fn check_shows_all_problems_of_configuration_and_maps_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    run(path, &["init", "--issuer", "https://idp.example.com/"]).await;
    let configuration = std::fs::read_to_string(path.join("hallpass.toml")).unwrap();
    let broken = configuration
        .replace("[maps]\n", "[maps]\ndirctory = \"x\"\n")
        .replace("keys/issuer.nk", "keys/gone.nk")
        .replace("targets = [\"APP\"]", "targets = [\"AUTH\", \"APP\"]");
    std::fs::write(path.join("hallpass.toml"), broken).unwrap();
    std::fs::write(
        path.join("subject-maps/a.toml"),
        "account = \"APP\"\n[roles.a]\npublsih = [\"x\"]\n",
    )
    .unwrap();
    std::fs::write(
        path.join("subject-maps/b.toml"),
        "account = \"APP\"\n[roles.b]\npublish = [\"x..y\"]\n",
    )
    .unwrap();
    std::fs::write(path.join("subject-maps/c.toml"), "account = \n").unwrap();
    std::fs::write(
        path.join("subject-maps/d.toml"),
        "account = \"AP\"\n[roles.b]\npublish = [\"x\"]\nissuers = [\"crop\"]\n[roles.d]\n\
         publish = [\"x\"]\nissuers = [\"crop\"]\n",
    )
    .unwrap();
    let check = run(path, &["check"]).await;
    assert_eq!(code(&check), 3);
    let told = text(&check.stderr);
    for expected in [
        "unknown key `dirctory` in `[maps]`",
        "did you mean `directory`?",
        "the secret file `keys/gone.nk` cannot be read",
        "unknown key `publsih` in role `a`",
        "did you mean `publish`?",
        "`x..y` is not a subject: token 2 is empty",
        "subject-maps/b.toml:3:12",
        "subject-maps/c.toml:1",
        "`AUTH` cannot be a target",
        "account `AP` is not among the configured targets",
        "role `b` is defined twice",
        "issuer `crop` is not configured",
        "did you mean `corp`?",
    ] {
        assert!(told.contains(expected), "{expected:?} is not in:\n{told}");
    }
    assert!(text(&check.stdout).starts_with("invalid: "));
    let serve = run(path, &["serve"]).await;
    assert_eq!(code(&serve), 3, "serve and check judge alike");
    assert!(text(&serve.stderr).contains("unknown key `publsih` in role `a`"));
}

#[tokio::test]
async fn every_command_has_help_with_an_example_and_usage_errors_are_not_a_no() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        &["init"][..],
        &["serve"],
        &["dev"],
        &["check"],
        &["test"],
        &["explain"],
        &["import"],
        &["login"],
        &["token", "verify"],
        &["issuers", "pem"],
        &["issuers", "show"],
        &["issuers", "status"],
        &["maps", "status"],
        &["maps", "schema"],
        &["audit", "tail"],
        &["audit", "query"],
        &["audit", "why"],
        &["audit", "verify"],
        &["audit", "export"],
        &["audit", "fingerprint"],
    ] {
        let help = run(directory.path(), &[arguments, &["--help"]].concat()).await;
        assert_eq!(code(&help), 0);
        assert!(text(&help.stdout).contains("Example"), "{arguments:?}");
    }
    assert_eq!(code(&run(directory.path(), &["serve", "--nonsense"]).await), 1);
    assert_eq!(code(&run(directory.path(), &["check"]).await), 3);
    assert_eq!(code(&run(directory.path(), &["--version"]).await), 0);
}

#[tokio::test]
async fn the_readme_s_map_is_good_and_the_tools_say_of_it_what_is_shown() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let readme = readme.unwrap();
    let (before, after) = readme.split_once("<!-- maps:").unwrap();
    let map = before.rsplit_once("```toml\n").unwrap().1.split_once("```").unwrap().0;
    let shown = after.split_once("```console\n").unwrap().1.split_once("```").unwrap().0;
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &["init", "--issuer", "https://idp.example.com/"]).await;
    std::fs::write(directory.path().join("subject-maps/orders.toml"), map).unwrap();
    assert_eq!(printed(directory.path(), shown).await, shown);
}

#[tokio::test]
async fn the_readme_shows_what_check_prints() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, shown) = readme.split_once("<!-- check:").unwrap();
    let shown = shown.split("```").nth(1).unwrap().trim_start_matches("text\n");
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &["init", "--issuer", "https://idp.example.com/"]).await;
    let map = "account = \"AP\"\n\n[roles.orders-clerk]\nidp_roles = [\"orders:write\"]\n\
               publsih = [\"orders.{tenant}.created\"]\nsubscribe = [\"orders..>\"]\n";
    std::fs::write(directory.path().join("subject-maps/orders.toml"), map).unwrap();
    let check = run(directory.path(), &["check"]).await;
    assert_eq!(text(&check.stderr) + &text(&check.stdout), shown);
}

/// Whoever writes a map or names its file is seldom the one who runs the command.
#[tokio::test]
async fn names_of_files_and_cases_give_a_terminal_no_commands() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert_eq!(code(&run(path, &["init", "--issuer", "https://idp.example.com/"]).await), 0);
    let map = "account = \"APP\"\n[roles.r]\nsubscribe = [\"a\"]\n\n[[test]]\n\
        name = \"x\\u001b[2J\\u009b2J\"\nas = { idp_roles = [\"r\"] }\ncan = [\"publish b\"]\n";
    std::fs::write(path.join("subject-maps/a\u{1b}]0;x\u{7}.toml"), map).unwrap();
    for format in ["text", "json", "junit"] {
        let output = run(path, &["test", "--format", format]).await;
        let told = text(&output.stdout);
        assert_eq!(code(&output), 2, "{told} {}", text(&output.stderr));
        assert!(told.contains("[2J"), "{told}");
        assert!(!told.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{format}: {told:?}");
    }
}
