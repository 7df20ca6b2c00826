//! Why the playground could not go on.

use std::{io, process::ExitStatus};

use crate::{
    audit::reader::ReadError, document::Problems, service::ServiceError, setup::SetupError,
};

/// What keeps the playground from playing. A step that comes out wrong is none of these.
#[derive(Debug, thiserror::Error)]
pub enum PlaygroundError {
    /// There is no nats-server that can be used: why, and how to get one.
    #[error("{0}")]
    NoNatsServer(String),
    /// nats-server ended at its start.
    #[error("nats-server ended at its start ({status}):\n{log}")]
    NatsServerFailed {
        /// How.
        status: ExitStatus,
        /// The last lines that it logged.
        log: String,
    },
    /// nats-server ended later.
    #[error("nats-server ended by itself")]
    NatsServerEnded,
    /// Something that must come did not come in time.
    #[error("{0}: nothing after 20 s")]
    Late(&'static str),
    /// The operating system refused something.
    #[error("{what}")]
    Io {
        /// What was done.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// The installation could not be written.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// What the playground wrote, hallpass does not take.
    #[error("the playground's own configuration is invalid: {0}")]
    Configuration(Problems),
    /// The IdP has no key.
    #[error("the playground's IdP could not make a key")]
    Key,
    /// A token could not be signed.
    #[error("the playground's IdP could not sign a token")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// hallpass ended without having been asked to.
    #[error("hallpass ended by itself")]
    HallpassEnded,
    /// hallpass ended with an error.
    #[error("hallpass")]
    Hallpass(#[from] ServiceError),
    /// hallpass panicked.
    #[error("hallpass panicked")]
    HallpassPanicked,
    /// A client of the scenario lost its connection.
    #[error("{who} lost the connection: {why}")]
    Connection {
        /// Which client.
        who: &'static str,
        /// What its library says.
        why: String,
    },
    /// The audit stream could not be read back.
    #[error(transparent)]
    Audit(#[from] ReadError),
}

impl PlaygroundError {
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
