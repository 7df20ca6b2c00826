//! `hallpass dev`: everything on one machine, for trying things out. An IdP on loopback with
//! personas, a nats-server child with the repository's configuration, hallpass itself.
//!
//! Everything is made for one run: keys, configuration and streams are in a temporary directory
//! and go with it.

pub mod client;
mod error;
pub mod idp;
mod nats_server;
mod persona;
mod scenario;

use std::{path::Path, sync::Arc};

use tokio::task::JoinError;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

pub use error::PlaygroundError;
pub use nats_server::{NatsServer, find as find_nats_server};
pub use persona::{Persona, Verdict};

use crate::{
    config::Layers,
    service::{self, ServiceError},
    setup::{self, IssuerText, Listen},
};
use idp::{Idp, IdpOptions};

/// A running playground. Dropping it, or the future that starts it, leaves nothing behind:
/// fields are dropped in order, and the server is gone before its directory is removed.
pub struct Playground {
    service: Service,
    nats: NatsServer,
    idp: Idp,
    directory: tempfile::TempDir,
    stop: CancellationToken,
}

/// hallpass itself.
enum Service {
    Running(AbortOnDropHandle<Result<(), ServiceError>>),
    Ended(Result<(), PlaygroundError>),
}

impl Playground {
    /// Starts everything; returns when hallpass answers logins.
    ///
    /// # Errors
    /// Where a part cannot be started.
    pub async fn start() -> Result<Self, PlaygroundError> {
        let program = find_nats_server().await?;
        let temporary = PlaygroundError::io("a temporary directory");
        let directory =
            tempfile::Builder::new().prefix("hallpass-dev-").tempdir().map_err(temporary)?;
        let path = directory.path();
        let idp = Idp::start(IdpOptions::playground()).await?;
        let (keys, _) = setup::keys(path)?;
        let environment = setup::server_environment(&keys, &Listen::on_free_ports(path));
        let nats = NatsServer::start(&program, path, setup::SERVER_CONF, &environment).await?;
        let issuer = IssuerText {
            name: "playground".to_owned(),
            issuer: idp.issuer().to_owned(),
            audience: idp::AUDIENCE.to_owned(),
            roles_claim: "realm_access.roles".to_owned(),
            allow_http_loopback: true,
        };
        let configuration = setup::configuration_text(nats.url(), &keys, &[issuer]);
        setup::write_new(&path.join("hallpass.toml"), &configuration)?;
        let maps = path.join("subject-maps");
        std::fs::create_dir(&maps).map_err(PlaygroundError::io("the maps' directory"))?;
        setup::write_new(&maps.join("orders.toml"), setup::EXAMPLE_MAP)?;

        let stop = CancellationToken::new();
        let service = Service::start(path, stop.clone()).await?;
        Ok(Self { service, nats, idp, directory, stop })
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

    /// The token that a persona shows.
    ///
    /// # Errors
    /// Where it cannot be signed.
    pub fn token(&self, persona: Persona) -> Result<String, PlaygroundError> {
        self.idp.token(persona)
    }

    /// Plays the demo; `true` where every step came out as it should.
    ///
    /// # Errors
    /// Where a step could not be tried.
    pub async fn scenario(
        &self,
        say: &mut (dyn FnMut(&str) + Send),
    ) -> Result<bool, PlaygroundError> {
        scenario::play(self, say).await
    }

    /// Stops everything and waits for it.
    ///
    /// # Errors
    /// Where hallpass did not end well.
    pub async fn stop(self) -> Result<(), PlaygroundError> {
        self.stop.cancel();
        let outcome = self.service.outcome().await;
        self.nats.stop().await;
        self.idp.stop().await;
        outcome
    }

    /// Ends when hallpass or nats-server end by themselves; says which. [`Self::stop`] says why.
    pub async fn broken(&mut self) -> PlaygroundError {
        tokio::select! {
            () = self.service.ended() => PlaygroundError::HallpassEnded,
            () = self.nats.ended() => PlaygroundError::NatsServerEnded,
        }
    }
}

impl Service {
    /// Returns when it answers logins.
    async fn start(directory: &Path, stop: CancellationToken) -> Result<Self, PlaygroundError> {
        let invalid = PlaygroundError::Configuration;
        let layers = Layers::read(&directory.join("hallpass.toml"), [], &[]).map_err(invalid)?;
        let (loaded, _) = service::load(&layers).map_err(invalid)?;
        let ready = Arc::new(tokio::sync::Notify::new());
        let signal = Arc::clone(&ready);
        // A hangup ends the playground: there is a terminal before it.
        let nobody = Arc::default();
        let ready_now = move || signal.notify_one();
        let running = tokio::spawn(service::run(loaded, true, stop, nobody, ready_now));
        let mut service = Self::Running(AbortOnDropHandle::new(running));
        tokio::select! {
            () = ready.notified() => return Ok(service),
            () = service.ended() => {}
        }
        service.outcome().await?;
        Err(PlaygroundError::HallpassEnded)
    }

    /// Resolves when it has ended. May be asked again.
    async fn ended(&mut self) {
        if let Self::Running(running) = self {
            *self = Self::Ended(judged(running.await));
        }
    }

    /// How it ended, as soon as it has.
    async fn outcome(self) -> Result<(), PlaygroundError> {
        match self {
            Self::Running(running) => judged(running.await),
            Self::Ended(outcome) => outcome,
        }
    }
}

fn judged(joined: Result<Result<(), ServiceError>, JoinError>) -> Result<(), PlaygroundError> {
    Ok(joined.map_err(|_| PlaygroundError::HallpassPanicked)??)
}
