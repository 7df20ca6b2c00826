//! `hallpass replay`

mod text;

use std::{
    collections::BTreeSet,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::{
    ConfigArgs, Exit,
    audit::{Opened, filter::TimeSpan, lines, open, progress::Progress, unless_stopped},
    output,
};
use crate::{
    audit::{
        reader::{Record, Selection},
        replay::{self, ChangeKind, Report, Tally},
    },
    config::Settings,
    document::{Place, Problem, Problems},
    names::IssuerName,
    policy::{self, PolicySet},
    printable, service,
};

/// Try maps on the logins that were recorded
///
/// Decides the recorded logins again by other maps, each at the time that it was, and says who
/// would be newly refused, newly allowed, widened or narrowed. Nothing is issued. Without `--maps`
/// it is the configured directory: what was decided by the same maps must come out the same.
///
/// Accounts, issuers and bounds come from the configuration. Of secrets, only the audit reader's
/// key is needed, and none with `--file`.
///
/// Exit codes: 0 nothing would change, 2 something would, or cannot be told; 3 configuration or
/// maps are invalid, 1 could not run.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass replay --maps proposed --since 7d\n  hallpass replay --maps proposed --since 7d --fail-on refused,undecidable\n  zstdcat trail.ndjson.zst | hallpass replay --maps proposed --file -"
)]
pub(super) struct Replay {
    #[command(flatten)]
    config: ConfigArgs,
    /// The maps to try [default: the configured directory]
    #[arg(long, value_name = "DIR")]
    maps: Option<PathBuf>,
    /// Events of a file, as `hallpass audit export` writes it, instead of the stream; `-` for
    /// standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// How many changes are told in full, the gravest first; 0 for none, only their number
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
    /// What makes exit code 2, instead of anything
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    fail_on: Vec<FailOn>,
    #[command(flatten)]
    span: TimeSpan,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Somebody would be refused who was let in
    Refused,
    /// Somebody would be let in who was refused
    Allowed,
    /// Somebody could do more
    Widened,
    /// Somebody could do less
    Narrowed,
    /// Somebody would come into another account
    Account,
    /// A login cannot be decided again, or its event cannot be read
    Undecidable,
}

impl FailOn {
    fn is_met(self, report: &Report) -> bool {
        let any = |kinds: &[ChangeKind]| kinds.iter().any(|it| report.changed.contains_key(it));
        match self {
            Self::Refused => any(&[ChangeKind::Refused]),
            Self::Allowed => any(&[ChangeKind::Allowed]),
            Self::Widened => any(&[ChangeKind::Widened, ChangeKind::Both]),
            Self::Narrowed => any(&[ChangeKind::Narrowed, ChangeKind::Both]),
            Self::Account => any(&[ChangeKind::Account]),
            Self::Undecidable => report.undecidable + report.unreadable > 0,
        }
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    /// The digest of the maps that were tried.
    maps: &'a str,
    /// How many groups are left out.
    groups_omitted: usize,
    #[serde(flatten)]
    report: &'a Report,
}

impl Replay {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        let (policy, issuers) = match self.load() {
            Ok(loaded) => loaded,
            Err(problems) => {
                output::problems(&problems);
                return Ok(Exit::Invalid);
            }
        };
        let replay = replay::Replay { policy: &policy, issuers: &issuers };
        let mut report = match &self.file {
            Some(file) => self.of_file(file, &replay)?,
            None => {
                let Some(opened) = open(&self.config, "hallpass-replay").await? else {
                    return Ok(Exit::Invalid);
                };
                let ended = unless_stopped(self.of_stream(opened, &replay)).await;
                let Some(outcome) = ended else { return Ok(Exit::CouldNotRun) };
                outcome?
            }
        };
        let exit = self.exit(&report);
        let omitted = report.groups.len().saturating_sub(self.limit);
        report.groups.truncate(self.limit);
        output::text(&match self.format {
            Format::Text => text::report(&report, omitted, output::coloured_answer()),
            Format::Json => {
                let answer =
                    Answer { maps: policy.digest(), groups_omitted: omitted, report: &report };
                printable::json(&serde_json::to_string_pretty(&answer)?) + "\n"
            }
        })
        .context("standard output")?;
        if report.decided + report.undecidable == 0 {
            output::note("no login was decided by maps there: nothing was tried");
        }
        Ok(exit)
    }

    fn load(&self) -> Result<(PolicySet, BTreeSet<IssuerName>), Problems> {
        let layers = self.config.layers()?;
        let boundaries = service::known_boundaries(&layers)?;
        let mut problems = Problems::default();
        if let Some(maps) = self.maps.as_ref().filter(|maps| !maps.is_dir()) {
            problems.add(Problem::error(
                &Place::named("--maps"),
                format!("`{}` is no directory that can be read", maps.display()),
                "name the directory that has the maps to try, such as `--maps proposed`",
            ));
            return Err(problems);
        }
        let configured = || Settings::maps_directory(&layers);
        let directory = self.maps.clone().unwrap_or_else(configured);
        let policy = policy::load(&directory, &boundaries, &mut problems);
        policy.map(|policy| (policy, boundaries.issuers.unwrap_or_default())).ok_or(problems)
    }

    /// What was not tried has not passed.
    fn exit(&self, report: &Report) -> Exit {
        let undecided = report.undecidable + report.unreadable > 0;
        let any = !report.changed.is_empty() || undecided;
        let asked = self.fail_on.iter().any(|it| it.is_met(report));
        // The same maps that say something else are a reason to doubt all the rest.
        let fails = asked
            || report.changed.contains_key(&ChangeKind::Differs)
            || (self.fail_on.is_empty() && any)
            || report.decided + report.undecidable == 0;
        if fails { Exit::No } else { Exit::Yes }
    }

    fn of_file(&self, file: &Path, replay: &replay::Replay<'_>) -> anyhow::Result<Report> {
        let progress = Progress::new("deciding again");
        let mut tally = Tally::default();
        lines::each(file, &progress, |number, payload| {
            let record = Record::read(payload);
            if !record.is_event() {
                tally.unreadable(&format!("line {number}"), "it is no event");
            } else if self.span.fits(&record) {
                tally.take(record.json(), replay);
            }
        })?;
        Ok(tally.finish())
    }

    async fn of_stream(
        &self,
        opened: Opened,
        replay: &replay::Replay<'_>,
    ) -> anyhow::Result<Report> {
        let progress = Progress::new("deciding again");
        let selection = Selection {
            types: vec!["decision".to_owned()],
            since: self.span.stored_since(),
            ..Selection::default()
        };
        let mut tally = Tally::default();
        let reading = opened.each(&selection, &progress, |record| {
            if !record.is_event() {
                let id = format!("sequence {}", record.sequence);
                tally.unreadable(&id, "it is no event");
            } else if self.span.fits(&record) {
                tally.take(record.json(), replay);
            }
            ControlFlow::Continue(())
        });
        reading.await?;
        Ok(tally.finish())
    }
}
