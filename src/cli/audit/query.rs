//! `hallpass audit query`

use std::{collections::BTreeMap, io, ops::ControlFlow};

use clap::Args;

use super::{
    Exit, all_written,
    filter::Filter,
    open,
    progress::Progress,
    tail::{Newest, Shown},
    unless_stopped,
};
use crate::{
    audit::reader::Record,
    cli::{ConfigArgs, output},
    table::table,
};

/// Search the audit stream
///
/// Shows every event that fits, the newest last, and ends. Exit code 0 also where none does.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass audit query --since 7d --subject alice --outcome refused\n  hallpass audit query --role orders-clerk --since 2026-11-01 --wide\n  hallpass audit query --type decision --since 24h --count-by code\n  hallpass audit query --fingerprint \"$(hallpass audit fingerprint < token.jwt)\""
)]
pub(in crate::cli) struct Query {
    #[command(flatten)]
    config: ConfigArgs,
    /// At most so many, the newest
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// How many events there are of each, instead of the events
    #[arg(long, value_name = "WHAT", value_enum, conflicts_with_all = ["limit", "json", "wide"])]
    count_by: Option<CountBy>,
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    filter: Filter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum CountBy {
    Type,
    Outcome,
    Code,
    Account,
    User,
    Role,
    Server,
    Address,
    ClientName,
}

impl CountBy {
    fn of(self, record: &Record) -> Vec<String> {
        let pointer = match self {
            Self::Type => return vec![record.kind()],
            Self::Outcome => return vec![record.outcome()],
            Self::User => return vec![record.who()],
            Self::Role => {
                return record.roles().split(',').map(str::to_owned).collect();
            }
            Self::Code => "/data/code",
            Self::Account => "/data/grant/account",
            Self::Server => "/data/client/server_name",
            Self::Address => "/data/client/host",
            Self::ClientName => "/data/client/name",
        };
        vec![record.text(pointer)]
    }
}

/// What is done with what fits.
enum Sink {
    Write,
    Hold(Newest),
    Count(CountBy, BTreeMap<String, u64>),
}

impl Query {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        let Some(opened) = open(&self.config, "hallpass-audit-query").await? else {
            return Ok(Exit::Invalid);
        };
        let mut sink = match (self.count_by, self.limit) {
            (Some(by), _) => Sink::Count(by, BTreeMap::new()),
            (None, Some(count)) => Sink::Hold(Newest::of(count)),
            (None, None) => Sink::Write,
        };
        let (mut found, mut written) = (0_u64, Ok(()));
        let progress = Progress::new("searching");
        let (selection, mut sieve) = (self.filter.selection(), self.filter.sieve(opened.reader()));
        let reading = opened.each(&selection, &progress, |record| {
            if sieve.passes(&record) {
                found += 1;
                written = self.take(&mut sink, record, &progress);
            }
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        let ended = unless_stopped(reading).await;
        drop(progress);
        match ended {
            Some(outcome) => outcome?,
            None => return Ok(Exit::CouldNotRun),
        }
        if written.is_ok() {
            written = self.finish(sink);
        }
        if found == 0 && written.is_ok() {
            output::note("no event matches");
        }
        all_written(written)
    }

    fn take(&self, sink: &mut Sink, record: Record, progress: &Progress) -> io::Result<()> {
        match sink {
            Sink::Write => return progress.aside(|| self.shown.try_line(&record)),
            Sink::Hold(newest) => newest.push(record),
            Sink::Count(by, counts) => {
                for key in by.of(&record) {
                    *counts.entry(key).or_default() += 1;
                }
            }
        }
        Ok(())
    }

    fn finish(&self, sink: Sink) -> io::Result<()> {
        match sink {
            Sink::Write => Ok(()),
            Sink::Hold(newest) => {
                newest.events.iter().try_for_each(|record| self.shown.try_line(record))
            }
            Sink::Count(_, counts) if counts.is_empty() => Ok(()),
            Sink::Count(_, counts) => {
                let mut counts: Vec<_> = counts.into_iter().collect();
                counts.sort_by(|(a, most), (b, least)| least.cmp(most).then(a.cmp(b)));
                let row = |(key, count): (String, u64)| vec![key, count.to_string()];
                let head = vec!["what".to_owned(), "events".to_owned()];
                let rows: Vec<_> = [head].into_iter().chain(counts.into_iter().map(row)).collect();
                output::text(&table(&rows))
            }
        }
    }
}
