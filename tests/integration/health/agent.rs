//! What `agent-check` hears, word by word.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;
use crate::support::{World, nats_server, soon, stays};

/// Says this and hears what comes until the end, however that comes.
async fn told(address: &str, said: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut heard = Vec::new();
    let conversing = async {
        // Who has no room for us is gone already.
        stream.write_all(said).await?;
        stream.read_to_end(&mut heard).await
    };
    let _ = soon("the end of an answer", conversing).await;
    String::from_utf8(heard).unwrap()
}

/// Waits until what it hears begins like this.
async fn hears(address: &str, said: &[u8], begin: &str) -> String {
    eventually(&format!("`{begin}`"), || async {
        Some(told(address, said).await).filter(|told| told.starts_with(begin))
    })
    .await
}

async fn one_replica() -> (World, String) {
    let mut world = World::builder().replicas(0).start().await;
    world.add_hallpass(&AGENT).await;
    let at = agent(&world.hallpass[0]).await;
    (world, at)
}

#[tokio::test]
async fn it_answers_for_the_server_that_is_named_or_else_for_its_own() {
    let (world, at) = one_replica().await;
    for said in ["nats-1\n", "nats-1\r\n", " nats-1 \n", "nats-1", "", "\n"] {
        let line = hears(&at, said.as_bytes(), "ready up ").await;
        assert!(line.ends_with("%\n") && line.lines().count() == 1, "{line}");
    }
    for _ in 0..3 {
        assert_eq!(told(&at, b"nats-9\n").await, "", "others may know it");
    }
    let line = world.hallpass[0].says("`agent-send` names no server of `nats.urls`").await;
    assert!(line.contains("nats-9") && line.contains("nats-1"), "{line}");
    assert_eq!(world.hallpass[0].log().matches("names no server").count(), 1, "it is said once");
    // What no server is called is nobody's name.
    assert_eq!(told(&at, "x".repeat(300).as_bytes()).await, "");
    assert_eq!(told(&at, b"\xff\xfe\n").await, "");
}

/// How many may ask at once.
const MOST: usize = 64;
/// More than that, and fewer than the 128 that the machine takes before anybody looks at them.
const CROWD: usize = 100;

#[tokio::test]
async fn who_says_nothing_keeps_nobody_out_for_long() {
    let (world, at) = one_replica().await;
    hears(&at, b"nats-1\n", "ready up ").await;
    // On a busy machine some may have had their answer before the last is looked at.
    eventually("a crowd of which as many are answered as there is room for", || async {
        let mut silent = Vec::new();
        // All of them wait for it when it goes on.
        world.hallpass[0].signal("-STOP").await;
        for _ in 0..CROWD {
            silent.push(TcpStream::connect(&at).await.unwrap());
        }
        world.hallpass[0].signal("-CONT").await;
        let mut answered = 0;
        for mut stream in silent {
            let mut heard = Vec::new();
            soon("its end", stream.read_to_end(&mut heard)).await.unwrap();
            // What there is no room for is closed, and hears nothing.
            assert!(heard.is_empty() || heard.starts_with(b"ready up "), "{heard:?}");
            answered += usize::from(!heard.is_empty());
        }
        (answered == MOST).then_some(())
    })
    .await;
    hears(&at, b"nats-1\n", "ready up ").await;
}

/// The server's process, which stands at the beginning of each line of its log.
fn process(world: &World) -> String {
    let log = std::fs::read_to_string(world.directory().join("nats-server.log")).unwrap();
    let (pid, _) = log.strip_prefix('[').unwrap().split_once(']').unwrap();
    pid.to_owned()
}

#[tokio::test]
async fn a_server_that_takes_its_leave_has_no_new_clients() {
    let (world, at) = one_replica().await;
    hears(&at, b"nats-1\n", "ready up ").await;
    let token = world.token("x", &["orders:read"]);
    let visitor = world.log_in("in", &token).await.unwrap();
    let signal = format!("--signal=ldm={}", process(&world));
    let told = tokio::process::Command::new(nats_server()).arg(signal).status();
    assert!(told.await.unwrap().success());
    hears(&at, b"nats-1\n", "up drain\n").await;
    visitor.client.flush().await.unwrap();
    let line = world.hallpass[0].says("answer=\"up drain\"").await;
    assert!(line.contains("WARN") && line.contains("server=\"nats-1\""), "{line}");
}

#[tokio::test]
async fn before_it_knows_anything_it_says_nothing() {
    let mut world = World::builder().replicas(0).start().await;
    world.nats.stop().await;
    let early = Hallpass::start(world.directory(), &AGENT);
    let at = agent(&early).await;
    assert_eq!(told(&at, b"nats-1\n").await, "", "it may have been restarted: nothing is new");
    world.restart_nats().await;
    hears(&at, b"nats-1\n", "ready up ").await;
}

/// Where the permissions are those of an older installation nobody can be heard, which says nothing
/// of who is there.
#[tokio::test]
async fn without_the_permissions_there_is_no_news_and_the_log_says_why() {
    for (line, denied) in [
        (
            "              \"_INBOX.hallpass-status.>\"\n",
            "Subscription to \"_INBOX.hallpass-status",
        ),
        ("              \"hallpass.status.issuers\"\n", "Subscription to \"hallpass.status"),
        ("\"hallpass.status.issuers\", ", "Publish to \"hallpass.status"),
    ] {
        let older = |conf: &str| conf.replacen(line, "", 1);
        let mut world = World::builder().server_conf(older).replicas(0).start().await;
        world.add_hallpass(&AGENT).await;
        let at = agent(&world.hallpass[0]).await;
        let line = world.hallpass[0].says("HAProxy's agent-check works").await;
        assert!(line.to_lowercase().contains(&denied.to_lowercase()), "{denied}: {line}");
        // Longer than it takes to know that nobody answers, which drains a server elsewhere.
        let quiet = || async { told(&at, b"nats-1\n").await.is_empty() };
        stays(std::time::Duration::from_secs(4), denied, quiet).await;
        let token = world.token("x", &["orders:read"]);
        world.log_in("in", &token).await.unwrap();
    }
}

#[tokio::test]
async fn an_address_that_is_taken_ends_the_start() {
    let world = World::builder().replicas(0).start().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let mut hallpass =
        Hallpass::start(world.directory(), &["--set", &format!("agent.listen={at}")]);
    assert_eq!(hallpass.ended().await.code(), Some(1));
    hallpass.says(&format!("`agent.listen`: hallpass cannot listen on `{at}`: ")).await;
}
