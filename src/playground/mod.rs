//! `hallpass dev`: everything on one machine, for trying things out. An IdP on loopback with
//! personas, a nats-server child with the repository's configuration, hallpass itself.
//!
//! Everything is made for one run: keys, configuration and streams are in a temporary directory
//! and go with it.

pub mod client;
pub mod idp;
mod nats_server;
mod persona;
mod scenario;
mod table;

use std::{future::Future, path::Path, sync::Arc};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

pub use nats_server::{NatsServer, find as find_nats_server};
pub use persona::Persona;
pub use table::table;

use crate::{
    config::Layers,
    service::{self, ServiceError},
    setup::{self, IssuerText, Listen},
};
use idp::{Idp, IdpOptions};

/// A running playground.
pub struct Playground {
    directory: tempfile::TempDir,
    idp: Idp,
    foreign: Idp,
    nats: NatsServer,
    stop: CancellationToken,
    service: tokio::task::JoinHandle<Result<(), ServiceError>>,
}

impl Playground {
    /// Starts everything; returns when hallpass answers logins.
    ///
    /// # Errors
    /// Where a part cannot be started.
    pub async fn start() -> anyhow::Result<Self> {
        let program = find_nats_server()?;
        let directory = tempfile::Builder::new().prefix("hallpass-dev-").tempdir()?;
        let path = directory.path();
        let idp = Idp::start(IdpOptions::playground()).await.context("the playground's IdP")?;
        let foreign = Idp::start(IdpOptions::playground()).await.context("the foreign IdP")?;
        let (keys, _) = setup::keys(path)?;
        let listen = Listen {
            nats: "127.0.0.1:-1".to_owned(),
            websocket: "127.0.0.1:-1".to_owned(),
            jetstream: path.join("jetstream").display().to_string(),
            ..Listen::default()
        };
        let environment = setup::server_environment(&keys, &listen);
        let nats = NatsServer::start(&program, path, setup::SERVER_CONF, &environment)
            .await
            .context("nats-server")?;
        let issuer = IssuerText {
            name: "playground".to_owned(),
            issuer: idp.issuer().to_owned(),
            audience: idp::AUDIENCE.to_owned(),
            roles_claim: "realm_access.roles".to_owned(),
            allow_http_loopback: true,
        };
        let configuration = setup::configuration_text(nats.url(), &[issuer]);
        setup::write_new(&path.join("hallpass.toml"), &configuration)?;
        std::fs::create_dir(path.join("subject-maps"))?;
        setup::write_new(&path.join("subject-maps/orders.toml"), setup::EXAMPLE_MAP)?;

        let stop = CancellationToken::new();
        let service = start_service(path, stop.clone()).await?;
        Ok(Self { directory, idp, foreign, nats, stop, service })
    }

    /// The directory with keys and configuration.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The IdP that hallpass believes.
    #[must_use]
    pub fn idp(&self) -> &Idp {
        &self.idp
    }

    /// The server.
    #[must_use]
    pub fn nats(&self) -> &NatsServer {
        &self.nats
    }

    /// A token for a persona.
    ///
    /// # Errors
    /// Where it cannot be signed.
    pub fn token(&self, persona: Persona) -> anyhow::Result<String> {
        persona.token(&self.idp, &self.foreign)
    }

    /// Plays the demo; `true` where every step came out as it should.
    ///
    /// # Errors
    /// Where a step could not be tried.
    pub async fn scenario(&self, say: &mut (dyn FnMut(&str) + Send)) -> anyhow::Result<bool> {
        scenario::play(self, say).await
    }

    /// Stops everything and waits for it.
    ///
    /// # Errors
    /// Where hallpass did not end well.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        let outcome = self.service.await.context("hallpass")?;
        self.nats.stop().await;
        self.idp.stop().await;
        self.foreign.stop().await;
        outcome.context("hallpass")
    }

    /// Ends when hallpass or nats-server end by themselves.
    pub async fn broken(&mut self) -> &'static str {
        tokio::select! {
            _ = &mut self.service => "hallpass ended by itself",
            () = self.nats.ended() => "nats-server ended by itself",
        }
    }
}

async fn start_service(
    directory: &Path,
    stop: CancellationToken,
) -> anyhow::Result<tokio::task::JoinHandle<Result<(), ServiceError>>> {
    let say =
        |problems| anyhow::anyhow!("the playground's own configuration is invalid: {problems}");
    let layers = Layers::read(&directory.join("hallpass.toml"), [], &[]).map_err(say)?;
    let (loaded, _) = service::load(&layers).map_err(say)?;
    let ready = Arc::new(tokio::sync::Notify::new());
    let signal = Arc::clone(&ready);
    let mut service: tokio::task::JoinHandle<_> =
        tokio::spawn(service::run(loaded, true, stop, move || signal.notify_one()));
    tokio::select! {
        () = ready.notified() => Ok(service),
        ended = &mut service => anyhow::bail!("hallpass ended before it was ready: {ended:?}"),
    }
}

/// Waits for a condition that a child process makes true, looking every 20 ms.
async fn wait_until<F: Future<Output = anyhow::Result<Option<T>>>, T>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> anyhow::Result<T> {
    let looking = async {
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(std::time::Duration::from_secs(20), looking).await {
        Ok(found) => found,
        Err(_) => anyhow::bail!("{what}: nothing after 20 s"),
    }
}
