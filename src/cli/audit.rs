//! `hallpass audit …`: reading the trail.

mod export;
pub(super) mod filter;
mod fingerprint;
pub(super) mod lines;
pub(super) mod progress;
mod query;
mod tail;
mod verify;
mod why;

use std::{
    io::{self, ErrorKind},
    ops::ControlFlow,
};

use anyhow::Context as _;
use clap::Subcommand;

use super::{ConfigArgs, Exit, asked_to_stop, output};
use crate::{
    audit::reader::{self, Extent, ReadError, Record, Selection, Step},
    config::ReaderSettings,
    nats::Connection,
};
use progress::{Progress, Unit};

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    Tail(tail::Tail),
    Query(query::Query),
    Why(why::Why),
    Verify(verify::Verify),
    Export(export::Export),
    Fingerprint(fingerprint::Fingerprint),
}

impl Audit {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        match self {
            Self::Tail(tail) => tail.run().await,
            Self::Query(query) => query.run().await,
            Self::Why(why) => why.run().await,
            Self::Verify(verify) => verify.run().await,
            Self::Export(export) => export.run().await,
            Self::Fingerprint(fingerprint) => fingerprint.run(),
        }
    }
}

/// A reader of the stream.
pub(super) struct Opened {
    pub(super) client: async_nats::Client,
    pub(super) settings: ReaderSettings,
}

impl Opened {
    /// The public nkey of who reads.
    fn reader(&self) -> String {
        Connection::audit_reader("", &self.settings).user()
    }

    /// Hands each event that is there and selected to `each`, until that says stop, and shows how
    /// far it is.
    pub(super) async fn each(
        &self,
        selection: &Selection,
        progress: &Progress,
        mut each: impl FnMut(Record) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let extent = Extent { last: None, follow: false };
        let step = |step| {
            match step {
                Step::Begun(total) => progress.of(total, Unit::Events),
                Step::CaughtUp => {}
                Step::Event(record) => {
                    progress.add(1);
                    return each(*record);
                }
            }
            ControlFlow::Continue(())
        };
        reader::read_selected(self.client.clone(), &self.settings, extent, selection, step).await
    }
}

/// Connects as the reader; `None` where the configuration is invalid, which is told.
pub(super) async fn open(
    config: &ConfigArgs,
    name: &'static str,
) -> anyhow::Result<Option<Opened>> {
    let settings = match config.layers().and_then(|layers| ReaderSettings::read(&layers)) {
        Ok(settings) => settings,
        Err(problems) => {
            output::problems(&problems);
            return Ok(None);
        }
    };
    let connection = Connection::audit_reader(name, &settings);
    match connection.connect().await {
        Ok(client) => Ok(Some(Opened { client, settings })),
        Err(error) => anyhow::bail!(connection.why_not(&error)),
    }
}

/// How a command that writes line by line ended. A reader that went away (`| head`) has seen what
/// it wanted.
fn all_written(written: io::Result<()>) -> anyhow::Result<Exit> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("standard output")
        }
        _ => Ok(Exit::Yes),
    }
}

/// Waits for an outcome, unless somebody asks to stop or nobody reads any more.
pub(super) async fn unless_stopped<T>(outcome: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        outcome = outcome => Some(outcome),
        () = asked_to_stop() => None,
        () = output::nobody_reads() => None,
    }
}
