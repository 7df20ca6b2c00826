//! The examples do what they show: clients log in, and come back with a fresh token when the old
//! one expires; audit events are handed on.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use crate::support::{OidcProvider, Process, ROOT, World, eventually, python_path, secret};

mod export;

const SUBJECT: &str = "orders.acme.created";

/// The example that cargo built beside this test: `cargo test` does, but with `--test` it does
/// not, and then there may be none, or an old one.
fn built(example: &str) -> Command {
    let this = std::env::current_exe().unwrap();
    let built: PathBuf = this.ancestors().nth(2).unwrap().join("examples").join(example);
    let time = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    let sources = std::fs::read_dir(format!("{ROOT}/examples/{example}")).unwrap();
    let newest = sources.map(|source| time(&source.unwrap().path())).max().unwrap();
    assert!(time(&built) >= newest, "not up to date; `cargo build --examples` makes it so");
    Command::new(built)
}

fn rust() -> Command {
    built("token_client")
}

fn python() -> Command {
    let mut command = Command::new("python3");
    command.arg(format!("{ROOT}/examples/python/client.py")).env("PYTHONPATH", python_path());
    command
}

fn start(mut example: Command, world: &World, idp: &OidcProvider, client: &str) -> Process {
    example
        .env("NO_PROXY", "127.0.0.1")
        .env("OIDC_CLIENT_SECRET", secret(client))
        .args(["--url", world.nats.url(), "--issuer", idp.issuer(), "--client-id", client])
        .args(["--subject", SUBJECT, "--interval", "0.1"]);
    Process::start(example)
}

/// The number of the token in a line such as `connected (token 2, valid until 12:00:00)`.
fn token(line: &str) -> Option<u32> {
    line.strip_prefix("connected (token ")?.split_once(',')?.0.parse().ok()
}

async fn survives_the_end_of_its_token(example: Command, language: &str) {
    let idp = OidcProvider::start(&["--ttl", "3"]).await;
    let world = idp.world().start().await;
    let mut client = start(example, &world, &idp, "clerk");
    client.says("a first connection", |line| token(line) == Some(1)).await;
    let received = |line: &str| line.starts_with(&format!("received {SUBJECT}: tick "));
    client.says("a tick", received).await;
    client.says("an end", |line| line.starts_with("disconnected: ")).await;
    client.says("a second connection", |line| token(line).is_some_and(|token| token > 1)).await;
    eventually("a tick after that", || async {
        let said = client.said();
        let again = said.iter().position(|line| token(line).is_some_and(|token| token > 1))?;
        said[again..].iter().any(|line| received(line)).then_some(())
    })
    .await;

    let ending = client.terminate().await;
    assert!(ending.status.success(), "{}", ending.status);
    assert_eq!(ending.said.last().unwrap(), "stopped");
    let line = ending.said.iter().find(|line| line.starts_with("disconnected: ")).unwrap();
    assert!(line.to_lowercase().contains("user authentication expired"), "it says why: {line}");
    assert!(!ending.said.concat().contains("eyJ"), "a piece of a token is on the screen");

    let name = format!("hallpass example ({language})");
    let audit = world.audit().await;
    let grants: Vec<_> = audit
        .iter()
        .filter(|event| event.text("/data/client/name") == name && event.outcome() == "granted")
        .collect();
    let distinct =
        |pointer| grants.iter().map(|event| event.text(pointer)).collect::<BTreeSet<_>>();
    assert!(grants.len() >= 2, "{audit:?}");
    assert_eq!(distinct("/data/decision").len(), grants.len());
    assert_eq!(distinct("/data/token/id").len(), grants.len(), "each login had its own token");
}

/// Nobody is let in: the example says so, and goes on trying until it is stopped.
async fn goes_on_trying(example: Command) {
    let idp = OidcProvider::start(&[]).await;
    let world = idp.world().start().await;
    let mut client = start(example, &world, &idp, "nobody");
    client.says("a third refusal", |line| line == "refused (token 3)").await;
    let ending = client.terminate().await;
    assert!(ending.status.success(), "{}", ending.status);
    assert_eq!(ending.said.last().unwrap(), "stopped");
}

async fn ends_after_so_many_ticks(mut example: Command) {
    let idp = OidcProvider::start(&[]).await;
    let world = idp.world().start().await;
    example.args(["--ticks", "2"]);
    let ending = start(example, &world, &idp, "clerk").ended().await;
    assert!(ending.status.success(), "{}", ending.status);
    let ticks = [1, 2].map(|tick| format!("received {SUBJECT}: tick {tick}"));
    assert_eq!(ending.said[2..], [&ticks[..], &["stopped".to_owned()]].concat());
}

#[tokio::test]
async fn the_rust_client_survives_the_end_of_its_token() {
    survives_the_end_of_its_token(rust(), "Rust").await;
}

#[tokio::test]
async fn the_python_client_survives_the_end_of_its_token() {
    survives_the_end_of_its_token(python(), "Python").await;
}

#[tokio::test]
async fn the_rust_client_goes_on_trying() {
    goes_on_trying(rust()).await;
}

#[tokio::test]
async fn the_python_client_goes_on_trying() {
    goes_on_trying(python()).await;
}

#[tokio::test]
async fn the_rust_client_ends_after_so_many_ticks() {
    ends_after_so_many_ticks(rust()).await;
}

#[tokio::test]
async fn the_python_client_ends_after_so_many_ticks() {
    ends_after_so_many_ticks(python()).await;
}
