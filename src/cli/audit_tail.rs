//! `hallpass audit tail`

use std::{io::ErrorKind, ops::ControlFlow};

use anyhow::Context as _;
use clap::Args;

use super::{ConfigArgs, Exit, asked_to_stop, output};
use crate::{
    audit::reader::{self, Extent},
    config::ReaderSettings,
    nats::Connection,
    printable,
};

/// Follow the audit stream, one line an event
///
/// Shows the newest events and then every new one, until Ctrl-C; a restart of the server does not
/// end it. Needs `nats.urls` and
/// `audit.reader_seed` of the configuration, and none of the secrets that `serve` needs.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass audit tail\n  hallpass audit tail --last 1000 --no-follow --json | jq .data.code"
)]
pub(super) struct Tail {
    #[command(flatten)]
    config: ConfigArgs,
    /// How many of the events that are there come first; `all` for every one
    #[arg(long, default_value = "10", value_name = "COUNT", value_parser = count)]
    last: Count,
    /// End after the newest event instead of waiting for more
    #[arg(long)]
    no_follow: bool,
    /// Each event as JSON (CloudEvents 1.0), one a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy)]
struct Count(Option<u64>);

fn count(text: &str) -> Result<Count, &'static str> {
    match text {
        "all" => Ok(Count(None)),
        text => text.parse().map(|count| Count(Some(count))).map_err(|_| "a number, or `all`"),
    }
}

impl Tail {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        let settings = match self.config.layers().and_then(|layers| ReaderSettings::read(&layers)) {
            Ok(settings) => settings,
            Err(problems) => {
                output::problems(&problems);
                return Ok(Exit::Invalid);
            }
        };
        let connection = Connection::audit_reader("hallpass-audit-tail", &settings);
        let client = match connection.connect().await {
            Ok(client) => client,
            Err(error) => anyhow::bail!(connection.why_not(&error)),
        };
        let extent = Extent { last: self.last.0, follow: !self.no_follow };
        let mut written = Ok(());
        let reading = reader::read(client, &settings.stream, extent, |record| {
            written = match self.json {
                true => output::try_line(&printable::json(&record.json().to_string())),
                false => output::try_line(&record.line()),
            };
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        tokio::select! {
            outcome = reading => outcome?,
            () = asked_to_stop() => {}
            () = output::nobody_reads() => {}
        }
        match written {
            // A reader that went away (`| head`) has seen what it wanted.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(error).context("standard output")
            }
            _ => Ok(Exit::Yes),
        }
    }
}
