//! `hallpass import`: as people use it, on configurations that a real server accepts.

use std::path::Path;

use hallpass::{
    document::Problems,
    nats_conf::{self, Kind, Map},
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use crate::support::{ROOT, code, command, files, nats_server, run, soon, text};

/// What `nats-server -t` says of a file.
async fn judged(directory: &Path, file: &str, environment: &[(&str, &str)]) -> (bool, String) {
    let mut server = Command::new(nats_server());
    server.args(["-t", "-c", file]).current_dir(directory).envs(environment.iter().copied());
    let output = soon("nats-server -t", server.output()).await.unwrap();
    (output.status.success(), text(&output.stderr))
}

fn samples() -> (std::path::PathBuf, Vec<String>) {
    let directory = Path::new(ROOT).join("tests/server-configs");
    let names = std::fs::read_dir(&directory).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<_> = names.filter(|name| name.ends_with(".conf")).collect();
    assert!(names.len() >= 7, "the samples were not found");
    (directory, names)
}

#[tokio::test]
async fn the_sample_configurations_are_real_and_have_drafts() {
    let (directory, names) = samples();
    for name in &names {
        let (accepts, told) = judged(&directory, name, &[]).await;
        assert!(accepts, "{name}: {told}");
        let import = run(&directory, &["import", name]).await;
        assert_eq!(code(&import), 0, "{name}: {}", text(&import.stderr));
        let drafted = text(&import.stdout);
        assert!(drafted.starts_with("# ---- ") && drafted.contains("\n[roles."), "{drafted}");
        let told = drafted + &text(&import.stderr);
        assert!(!told.contains("SECRET") && !told.contains("$2a$"), "{name}: {told}");
    }
}

#[tokio::test]
async fn drafts_are_written_once_and_check_accepts_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    run(path, &["init", "--issuer", "https://idp.example.com/"]).await;
    let configuration = std::fs::read_to_string(path.join("hallpass.toml")).unwrap();
    std::fs::remove_file(path.join("subject-maps/orders.toml")).unwrap();
    let sample = format!("{ROOT}/tests/server-configs/accounts.conf");
    let import = ["import", &sample, "--out", "subject-maps"];
    let first = run(path, &import).await;
    assert_eq!(code(&first), 0, "{}", text(&first.stderr));
    let told = text(&first.stdout);
    assert!(told.contains("wrote subject-maps/SHOP.toml\nwrote subject-maps/TEAM-B.toml\n"));
    let (_, targets) = told.split_once("under [accounts]: ").unwrap();
    let targets = targets.lines().next().unwrap();
    assert_eq!(targets, "targets = [\"SHOP\", \"TEAM.B\"]");

    let check = run(path, &["check"]).await;
    assert_eq!(code(&check), 3, "the accounts are no targets yet");
    let configuration = configuration.replace("targets = [\"APP\"]", targets);
    std::fs::write(path.join("hallpass.toml"), configuration).unwrap();
    let check = run(path, &["check"]).await;
    assert_eq!(code(&check), 0, "{}", text(&check.stderr));
    assert_eq!(text(&check.stdout), "ok: 1 issuer, 11 roles in 2 maps, 5 warnings\n");

    // Printed, it is the same.
    let printed = text(&run(path, &["import", &sample]).await.stdout);
    let shop = std::fs::read_to_string(path.join("subject-maps/SHOP.toml")).unwrap();
    assert!(printed.starts_with(&format!("# ---- SHOP.toml ----\n{shop}\n# ---- TEAM-B.toml")));

    let before = files(path);
    let again = run(path, &import).await;
    assert_eq!(code(&again), 0, "{}", text(&again.stderr));
    assert!(text(&again.stdout).contains("kept  subject-maps/SHOP.toml"));
    std::fs::write(path.join("subject-maps/SHOP.toml"), "# mine").unwrap();
    let kept = run(path, &import).await;
    assert_eq!(code(&kept), 2);
    assert!(text(&kept.stderr).contains("`subject-maps/SHOP.toml` was kept, and is not the draft"));
    assert!(!text(&kept.stdout).contains("next:"));
    std::fs::write(path.join("subject-maps/SHOP.toml"), shop).unwrap();
    assert_eq!(files(path), before);
}

#[tokio::test]
async fn the_own_configuration_has_nobody_to_draft_until_somebody_is_added() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    run(path, &["init", "--issuer", "https://idp.example.com/"]).await;
    let unset = run(path, &["import", "nats-server.conf"]).await;
    assert_eq!(code(&unset), 3);
    let told = text(&unset.stderr);
    assert!(told.contains("neither file nor environment have `$HALLPASS_BREAK_GLASS_NKEY`"));
    assert!(told.contains("nats-server.conf:56:1"), "{told}");

    let environment = std::fs::read_to_string(path.join("hallpass.env")).unwrap();
    let environment: Vec<_> = environment.lines().filter_map(|line| line.split_once('=')).collect();
    let import = |file: &'static str| {
        let mut command = command(&["import", file]);
        command.current_dir(path).envs(environment.iter().copied());
        async move { soon("the import", command.output()).await.unwrap() }
    };
    let nobody = import("nats-server.conf").await;
    assert_eq!(code(&nobody), 2, "{}", text(&nobody.stderr));
    let told = text(&nobody.stderr);
    assert!(told.contains("account `AUTH` is the callout's account: its users were left out"));
    assert_eq!(told.matches("is one of `auth_users`").count(), 3, "{told}");
    assert!(told.ends_with("error: there is no user to draft a role from\n"), "{told}");

    let configuration = std::fs::read_to_string(path.join("nats-server.conf")).unwrap();
    let glass = "{ nkey: $HALLPASS_BREAK_GLASS_NKEY }";
    let clerk = "{ user: clerk, password: $NOT_SET, permissions: { publish: \"orders.created\" } }";
    let configuration = configuration.replace(glass, &format!("{glass}\n{clerk}"));
    std::fs::write(path.join("with-a-clerk.conf"), &configuration).unwrap();
    let with_password: Vec<_> =
        environment.iter().copied().chain([("NOT_SET", "secret")]).collect();
    let (accepts, told) = judged(path, "with-a-clerk.conf", &with_password).await;
    assert!(accepts, "{told}");
    let drafted = import("with-a-clerk.conf").await;
    assert_eq!(code(&drafted), 0, "{}", text(&drafted.stderr));
    assert!(text(&drafted.stdout).contains("[roles.clerk]\n"));
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    std::fs::create_dir(path.join("conf")).unwrap();
    for (name, content) in [
        ("broken.conf", "port: 4222\npassword: SECRET SECRET\n"),
        ("conf/circle.conf", "include ./more.conf"),
        ("conf/more.conf", "include ../conf/./circle.conf"),
        ("gone.conf", "\ninclude nowhere.conf"),
        (
            "misspelled.conf",
            "accounts { A { users = [{user: a, pasword: SECRET, permisions: {}}] } }",
        ),
    ] {
        std::fs::write(path.join(name), content).unwrap();
    }
    let before = files(path);
    for (name, expected) in [
        ("nowhere.conf", "the server's configuration cannot be read: No such file"),
        (".", "the server's configuration cannot be read: Is a directory"),
        ("broken.conf", "broken.conf:2:1"),
        ("conf/circle.conf", "`conf/circle.conf` includes itself"),
        ("gone.conf", "`nowhere.conf` cannot be included: No such file"),
        ("misspelled.conf", "`pasword` is unknown in a user"),
    ] {
        let import = run(path, &["import", name, "--out", "maps"]).await;
        let told = text(&import.stderr);
        assert_eq!(code(&import), 3, "{name}: {told}");
        assert!(told.contains(expected), "{name}: {told}");
        assert!(!told.contains("SECRET"), "{told}");
        assert_eq!(files(path), before);
    }
}

/// Pieces of configuration, each for a turn of the language.
const TURNS: [&str; 47] = [
    "port 4222",
    "port=-1",
    "'port': 4222",
    "\"port\":4222",
    "port:\n4222",
    "port =\n4222",
    "port: 4222 }",
    "port: 4222\n}",
    "{ port: 4222 }",
    "{ \"port\": 4222,\n \"debug\": true",
    "port",
    "port:",
    "port: 4222; debug: yes, trace: off # x\nlogtime: ON // y",
    "debug: TRUE",
    ": 4222",
    "max_payload: 1k",
    "max_payload: 1KiB",
    "max_payload: 1Mb",
    "max_payload: 5x x",
    "server_name: a b",
    "server_name: 'a b'",
    "server_name: \"a\\\"\\x41<\"",
    "server_name: a\\x41",
    "server_name: 4a",
    "server_name: $2a$1.x",
    "server_name: \"\\q\"",
    "server_name: \"\\x4\"",
    "server_name: 'a",
    "server_name: \"a\n",
    "server_name: (\na\n)\n",
    "server_name: (a)",
    "server_name: .5",
    "server_name: -a",
    "server_name: 1.",
    "listen: 127.0.0.1:4222",
    "server_name: 2016-05-04T18:53:41Z x",
    "server_name: 2016-05",
    "server_tags: [a, b]",
    "server_tags: ['a'\n# x\n 'b' // y\n]",
    "server_tags: [a b]",
    "server_tags: [a,,b]",
    "server_tags: [a",
    "server_tags: [1]",
    "A = x\nserver_name: $A",
    "server_name: $A_B_C_NOT_SET",
    "include 'gone.conf'",
    "cluster { name: x }\naccounts { A { users = [ {user: a; password: b} ] }, B {}\n\n}",
];

/// Where the server cannot read a configuration, the import cannot, and the other way round; and
/// what both read is the same.
#[tokio::test]
async fn the_reader_and_the_server_read_alike() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut digests = 0;
    for turn in TURNS {
        std::fs::write(path.join("a.conf"), turn).unwrap();
        let (accepts, told) = judged(path, "a.conf", &[]).await;
        // That a key wants another value is no matter of the language.
        let is_fault = ["Parse error", "config is invalid", "can not be found", "error parsing"];
        let reads = accepts || !is_fault.iter().any(|fault| told.contains(fault));
        let mut problems = Problems::default();
        let gone = |_: &str, _: &str| Err("there is nothing".to_owned());
        let map = nats_conf::read("a.conf", turn.as_bytes().to_vec(), &gone, &mut problems);
        // A variable is nobody's fault until somebody needs it.
        let map = map.filter(|_| !turn.contains("NOT_SET"));
        assert_eq!(reads, map.is_some(), "{turn:?}: {told} {problems}");
        if accepts {
            assert_eq!(digest(&map.unwrap()), said_digest(&told), "{turn:?}");
            digests += 1;
        }
    }
    assert!((10..TURNS.len() - 10).contains(&digests), "{digests} of the turns were accepted");
    let (directory, names) = samples();
    for name in names {
        let (_, told) = judged(&directory, &name, &[]).await;
        let include = |from: &str, named: &str| {
            let path = Path::new(from).parent().unwrap().join(named);
            let bytes = std::fs::read(directory.join(&path)).map_err(|error| error.to_string())?;
            Ok((path.display().to_string(), bytes))
        };
        let bytes = std::fs::read(directory.join(&name)).unwrap();
        let map = nats_conf::read(&name, bytes, &include, &mut Problems::default()).unwrap();
        assert_eq!(digest(&map), said_digest(&told), "{name}");
    }
}

fn said_digest(told: &str) -> &str {
    let (_, digest) = told.split_once("(sha256:").unwrap();
    digest.split_once(')').unwrap().0
}

/// What `nats-server -t` says of a configuration: the digest of it as JSON, as Go writes it.
fn digest(map: &Map) -> String {
    let json = of_map(map).to_string() + "\n";
    let json = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    format!("{:x}", Sha256::digest(json))
}

fn of_map(map: &Map) -> Value {
    map.iter().map(|entry| (entry.key.clone(), of_kind(&entry.node.kind))).collect()
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::String(text) => Value::from(&**text),
        Kind::Integer(number) => Value::from(*number),
        Kind::Bool(value) => Value::from(*value),
        Kind::List(items) => items.iter().map(|item| of_kind(&item.kind)).collect(),
        Kind::Map(map) => of_map(map),
        Kind::Variable(name) => panic!("${name}"),
        Kind::Other(what) => panic!("{what}"),
    }
}
