//! `hallpass audit tail`

use std::{collections::VecDeque, io, ops::ControlFlow};

use clap::Args;

use super::{Exit, all_written, filter::Filter, open, unless_stopped};
use crate::{
    audit::reader::{self, Extent, Record, Step},
    cli::{ConfigArgs, output},
};

/// Follow the audit stream, one line an event
///
/// Shows the newest events and then every new one, until Ctrl-C; a restart of the server does not
/// end it. Needs `nats.urls` and `audit.reader_seed` of the configuration, and none of the secrets
/// that `serve` needs.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass audit tail\n  hallpass audit tail --outcome refused --account APP\n  hallpass audit tail --last 1000 --no-follow --json | jq .data.code\n  hallpass audit tail --no-own"
)]
pub(in crate::cli) struct Tail {
    #[command(flatten)]
    config: ConfigArgs,
    /// How many of the events that are there come first; `all` for every one, 0 for none
    #[arg(long, default_value = "10", value_name = "COUNT", value_parser = count)]
    last: Count,
    /// End after the newest event instead of waiting for more
    #[arg(long)]
    no_follow: bool,
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    filter: Filter,
}

/// How events are shown.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Shown {
    /// Each event as JSON (CloudEvents 1.0), one a line
    #[arg(long)]
    json: bool,
    /// Lines as long as they need, with where it came from and the whole id
    #[arg(long, conflicts_with = "json")]
    wide: bool,
}

impl Shown {
    pub(super) fn try_line(self, record: &Record) -> io::Result<()> {
        output::try_line(&match self {
            Self { json: true, .. } => record.json_line(),
            Self { wide: true, .. } => record.wide_line(),
            Self { .. } => record.line(),
        })
    }
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
        let Some(opened) = open(&self.config, "hallpass-audit-tail").await? else {
            return Ok(Exit::Invalid);
        };
        // Of what fits, the newest can be told once all that is there was read.
        let (last, mut held) = match self.last.0 {
            Some(count) if !self.filter.is_empty() => (None, Some(Newest::of(count))),
            last => (last, None),
        };
        let extent = Extent { last, follow: !self.no_follow };
        let mut written = Ok(());
        let (selection, mut sieve) = (self.filter.selection(), self.filter.sieve(opened.reader()));
        let stream = &opened.settings;
        let reading = reader::read_selected(opened.client, stream, extent, &selection, |step| {
            written = match (step, &mut held) {
                (Step::Event(record), _) if !sieve.passes(&record) => Ok(()),
                (Step::Event(record), Some(newest)) => {
                    newest.push(*record);
                    Ok(())
                }
                (Step::Event(record), None) => self.shown.try_line(&record),
                (Step::CaughtUp, held) => {
                    let newest = held.take().map(|newest| newest.events).unwrap_or_default();
                    newest.iter().try_for_each(|record| self.shown.try_line(record))
                }
                (Step::Begun(_), _) => Ok(()),
            };
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        if let Some(outcome) = unless_stopped(reading).await {
            outcome?;
        }
        all_written(written)
    }
}

/// The newest events of many.
pub(super) struct Newest {
    most: usize,
    pub(super) events: VecDeque<Record>,
}

impl Newest {
    pub(super) fn of(count: u64) -> Self {
        Self { most: usize::try_from(count).unwrap_or(usize::MAX), events: VecDeque::new() }
    }

    pub(super) fn push(&mut self, record: Record) {
        self.events.push_back(record);
        if self.events.len() > self.most {
            self.events.pop_front();
        }
    }
}
