//! A small vocabulary for tests: a [`World`] with everything in it, tokens, and waiting.

mod asking_server;
mod authority;
mod browser;
mod cable;
mod console;
mod disk;
mod envelope;
mod hallpass;
mod haproxy;
mod occupied;
mod oidc_provider;
mod person;
mod process;
mod wire;
mod world;

use std::{future::Future, time::Duration};

pub use asking_server::{AskingServer, ServerKeys, sign};
pub use authority::{Authority, Certified, valid_until};
pub use browser::{Answer, Browser};
pub use cable::Cable;
pub use console::printed;
pub use disk::Disk;
pub use envelope::Spoken;
pub use hallpass::{Hallpass, code, command, files, run, run_with, text};
pub use haproxy::{Haproxy, PLAIN, ServerState, packaged};
pub use occupied::{occupied, with_admin};
pub use oidc_provider::{NAME as OIDC_PROVIDER, OidcProvider, secret};
pub use person::{LOGIN_CLIENT, Person, address};
pub use process::{Ending, Process, ROOT, client, python_path};
pub use wire::{Heard, Wire};
pub use world::{World, WorldBuilder, install_provider, nats_cli, nats_server};

/// `host:port` of a URL that ends there.
pub fn host_and_port(url: &str) -> String {
    url.split_once("://").unwrap().1.to_owned()
}

/// Longer than anything here takes on a busy machine; reaching it is a failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `look` finds something, looking every 20 ms.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    look: impl FnMut() -> F,
) -> T {
    within(PATIENCE, what, look).await
}

/// As [`eventually`], for what takes its time by its nature.
pub async fn within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(patience, looking).await.unwrap_or_else(|_| panic!("in vain: {what}"))
}

/// Looks every 20 ms, for so long, that something is so. For what must not happen: there is nothing
/// to wait for then, and a test beside it has to show that it would have been seen.
pub async fn stays<F: Future<Output = bool>>(
    span: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) {
    let end = tokio::time::Instant::now() + span;
    while tokio::time::Instant::now() < end {
        assert!(look().await, "not any more: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for something that must come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("in vain: {what}"))
}
