//! Audit events are handed on, each at least once and as it is on the stream.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::{Path, PathBuf},
};

use async_nats::jetstream;
use nkeys::KeyPair;
use serde_json::Value;

use super::built;
use crate::support::{Process, World, eventually};

/// The user's block as the page about the audit stream shows it.
fn block(user: &KeyPair) -> String {
    let page = include_str!("../../../docs/audit.md");
    let (_, block) = page.split_once("<!-- the user -->\n```\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let filled = block.replace("UCABMMURL5QD6H6Q2YSOPLMBRUX4O3SEDEDMSSXIIXGLTMIR4F7KN4NM", "KEY");
    assert_ne!(filled, block);
    filled.replace("KEY", &user.public_key())
}

/// A world with somebody who hands events on, somebody else who may do so and whose
/// acknowledgements the server throws away, and somebody who may do anything.
struct Exported {
    world: World,
    stream: jetstream::stream::Stream,
}

impl Exported {
    async fn start() -> Self {
        let [export, deaf, admin] = std::array::from_fn(|_| KeyPair::new_user());
        let keys = [&export, &deaf, &admin].map(KeyPair::public_key).join(", ");
        let unheard = block(&deaf);
        let unheard: Vec<_> = unheard.lines().filter(|line| !line.contains("$JS.ACK")).collect();
        let users =
            format!("{}{}\n{{ nkey: {} }}", block(&export), unheard.join("\n"), admin.public_key());
        let world = World::builder()
            .without_system()
            .server_conf(|conf| {
                let before = "# hallpass itself: creates the stream";
                conf.replace(before, &format!("{users}\n{before}"))
                    .replace("auth_users: [", &format!("auth_users: [{keys}, "))
            })
            .start()
            .await;
        for (name, key) in [("export", &export), ("deaf", &deaf)] {
            std::fs::write(world.directory().join(name), key.seed().unwrap()).unwrap();
        }
        let options = async_nats::ConnectOptions::with_nkey(admin.seed().unwrap());
        let context = jetstream::new(options.connect(world.nats.url()).await.unwrap());
        let stream =
            eventually("the stream", || async { context.get_stream("HALLPASS_AUDIT").await.ok() });
        Self { stream: stream.await, world }
    }

    fn run(&self, user: &str, file: &Path, arguments: &[&str]) -> Process {
        let mut example = built("audit_export");
        example.args(["--url", self.world.nats.url(), "--ack-wait", "2"]);
        example.arg("--seed-file").arg(self.world.directory().join(user));
        example.arg("--file").arg(file).args(arguments);
        Process::start(example)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.world.directory().join(name)
    }

    async fn log_in(&self, name: &str, roles: &[&str]) {
        eventually("a login", || async {
            let token = self.world.token("x", roles);
            let came_in = self.world.log_in(name, &token).await.is_ok();
            (came_in != roles.is_empty()).then_some(())
        })
        .await;
    }

    /// What is on the stream, byte for byte. Nothing is added any more: hallpass has stopped.
    async fn payloads(&mut self) -> BTreeSet<String> {
        assert!(self.world.hallpass[0].terminate().await.success());
        let last = self.stream.info().await.unwrap().state.last_sequence;
        let mut payloads = BTreeSet::new();
        for sequence in 1..=last {
            let message = self.stream.get_raw_message(sequence).await.unwrap();
            payloads.insert(String::from_utf8(message.payload.to_vec()).unwrap());
        }
        payloads
    }
}

fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn");
    text.lines().map(ToOwned::to_owned).collect()
}

fn names(file: &Path) -> Vec<String> {
    let name = |line: &String| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["data"]["client"]["name"].as_str().map(ToOwned::to_owned)
    };
    lines(file).iter().filter_map(name).collect()
}

/// Waits until the file tells of a client of this name.
async fn has(file: &Path, name: &str) {
    let is_there = || async { names(file).contains(&name.to_owned()).then_some(()) };
    eventually(&format!("{name} in the file"), is_there).await;
}

#[tokio::test]
async fn each_event_becomes_a_line_whatever_happens_to_the_disk_and_the_server() {
    let mut exported = Exported::start().await;
    exported.log_in("before", &["orders:read"]).await;
    let file = exported.file("later/audit.jsonl");
    let mut example = exported.run("export", &file, &[]);
    example.says("that it cannot write", |line| line.contains("No such file")).await;
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    has(&file, "before").await;
    exported.log_in("after", &["orders:read"]).await;
    has(&file, "after").await;
    exported.world.restart_nats().await;
    exported.log_in("much later", &["orders:read"]).await;
    has(&file, "much later").await;
    let payloads = exported.payloads().await;
    eventually("everything in the file", || async {
        let lines: BTreeSet<_> = lines(&file).into_iter().collect();
        (lines == payloads).then_some(())
    })
    .await;
    let ending = example.terminate().await;
    assert!(ending.status.success(), "{}", ending.status);
    assert!(ending.said.contains(&"stopped".to_owned()), "{:?}", ending.said);
}

#[tokio::test]
async fn what_was_written_and_not_acknowledged_comes_again_and_nothing_else_does() {
    let mut exported = Exported::start().await;
    exported.log_in("first", &["orders:read"]).await;
    let file = exported.file("audit.jsonl");
    // As if it were killed between writing and acknowledging, and in the middle of a line.
    let mut killed = exported.run("deaf", &file, &[]);
    has(&file, "first").await;
    killed.signal("-KILL").await;
    let first: BTreeSet<_> = lines(&file).into_iter().collect();
    std::fs::File::options().append(true).open(&file).unwrap().write_all(b"{\"torn").unwrap();

    let mut example = exported.run("export", &file, &[]);
    eventually("everything again", || async {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut times = BTreeMap::<_, usize>::new();
        text.lines().for_each(|line| *times.entry(line).or_default() += 1);
        first.iter().all(|line| times.get(line.as_str()) >= Some(&2)).then_some(())
    })
    .await;
    assert!(example.terminate().await.status.success());

    let before = lines(&file).len();
    let mut example = exported.run("export", &file, &[]);
    exported.log_in("second", &["orders:read"]).await;
    has(&file, "second").await;
    let payloads = exported.payloads().await;
    eventually("everything in the file", || async {
        (lines(&file).into_iter().collect::<BTreeSet<_>>() == payloads).then_some(())
    })
    .await;
    assert!(example.terminate().await.status.success());
    let came_again = lines(&file)[before..].iter().filter(|line| first.contains(*line)).count();
    assert_eq!(came_again, 0, "what was acknowledged came again");
}

#[tokio::test]
async fn a_filter_bounds_what_is_handed_on() {
    let exported = Exported::start().await;
    let file = exported.file("audit.jsonl");
    let filter = ["--filter", "hallpass.audit.decision.*.refused.*"];
    let mut example = exported.run("export", &file, &filter);
    exported.log_in("in", &["orders:read"]).await;
    exported.log_in("out", &[]).await;
    has(&file, "out").await;
    assert!(example.terminate().await.status.success());
    assert_eq!(names(&file), ["out"]);
    // The consumer of that name is there, and hands on less than is asked for now.
    let mut example = exported.run("export", &file, &[]);
    example.says("that it is another", |line| line.contains("the consumer siem is another")).await;
    assert!(example.terminate().await.status.success());
}
