//! `hallpass audit tail`

use std::ops::ControlFlow;

use anyhow::Context as _;
use clap::Args;

use super::{ConfigArgs, Exit, asked_to_stop, output};
use crate::{
    audit::reader::{self, Extent},
    config::ReaderSettings,
    nats::Connection,
};

/// Follow the audit stream, one line an event
///
/// Shows the newest events and then every new one, until Ctrl-C. Needs `nats.urls` and
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
        let connection = Connection {
            name: "hallpass-audit-tail",
            urls: &settings.urls,
            ca_file: settings.ca_file.as_deref(),
            seed: &settings.reader_seed,
            inbox_prefix: "_INBOX.hallpass-reader",
        };
        let client = connection.connect().await.context("cannot connect to NATS")?;
        let extent = Extent { last: self.last.0, follow: !self.no_follow };
        let reading = reader::read(client, &settings.stream, extent, |record| {
            match self.json {
                true => output::line(&record.json().to_string()),
                false => output::line(&record.line()),
            }
            ControlFlow::Continue(())
        });
        tokio::select! {
            outcome = reading => outcome?,
            () = asked_to_stop() => {}
        }
        Ok(Exit::Yes)
    }
}
