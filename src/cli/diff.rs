//! `hallpass diff`

mod render;
mod repository;
mod revision;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::{ConfigArgs, Exit, output};
use crate::{
    config::{Layers, Settings},
    document::Problems,
    policy::{self, Boundaries, PolicyDiff, PolicySet},
    printable, service,
};
use revision::Unread;

/// Say who gains and who loses which subjects, role by role
///
/// Compares two versions of the subject maps: directories, or git revisions of the configured
/// directory, read through `git` without a checkout. A directory wins over a revision of the same
/// name; `git:REV` is always a revision. What lets somebody do more is marked WIDER.
///
/// Accounts, issuers and bounds come from the configuration, for both sides; none of the secrets
/// that `serve` needs are looked at.
///
/// Exit codes: 0 nothing is wider, 2 something is, 3 one of the sides is invalid, 1 could not run.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass diff main\n  hallpass diff HEAD~1 HEAD\n  hallpass diff --format markdown origin/main subject-maps > comment.md"
)]
pub(super) struct Diff {
    #[command(flatten)]
    config: ConfigArgs,
    /// What was: a directory of maps or a git revision
    old: String,
    /// What is to be [default: the configured directory]
    new: Option<String>,
    /// Judge OLD by another configuration: the one that it had, where accounts or issuers changed
    #[arg(long, value_name = "FILE")]
    old_config: Option<PathBuf>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// For a comment on a pull request
    Markdown,
}

/// Why there is nothing to compare.
enum Stop {
    /// Configuration or maps have these problems.
    Invalid(Problems),
    /// It could not be read.
    CouldNotRun(anyhow::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::CouldNotRun(error)
    }
}

impl Diff {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let diff = match self.compare() {
            Ok(diff) => diff,
            Err(Stop::CouldNotRun(error)) => return Err(error),
            Err(Stop::Invalid(problems)) => {
                output::problems(&problems);
                return Ok(Exit::Invalid);
            }
        };
        output::text(&match self.format {
            Format::Text => render::text(&diff, output::coloured_answer()),
            Format::Markdown => render::markdown(&diff),
            Format::Json => {
                printable::json(&serde_json::to_string_pretty(&render::json(&diff)?)?) + "\n"
            }
        })
        .context("standard output")?;
        Ok(if diff.wider() > 0 { Exit::No } else { Exit::Yes })
    }

    fn compare(&self) -> Result<PolicyDiff, Stop> {
        let layers = self.config.layers().map_err(Stop::Invalid)?;
        let directory = Settings::maps_directory(&layers);
        let boundaries = boundaries(&layers)?;
        let old_boundaries = match &self.old_config {
            None => boundaries.clone(),
            Some(file) => {
                let layers = Layers::read(file, [], &[]).map_err(Stop::Invalid)?;
                self::boundaries(&layers)?
            }
        };
        let old = side(&self.old, &directory, &old_boundaries).map_err(|stop| {
            if matches!(stop, Stop::Invalid(_)) && self.old_config.is_none() {
                output::note(&format!(
                    "the old maps, `{}`, are invalid by today's configuration; if that is what \
                     changed, name the one they had: `--old-config FILE`",
                    self.old
                ));
            }
            stop
        })?;
        let new = match &self.new {
            Some(new) => side(new, &directory, &boundaries)?,
            None => load(&directory, &boundaries)?,
        };
        for (name, set) in [(Some(&self.old), &old), (self.new.as_ref(), &new)] {
            if set.files() == 0 {
                let name = name.map_or_else(|| directory.display().to_string(), Clone::clone);
                output::note(&format!("`{name}` has no subject map: nobody holds a role there"));
            }
        }
        Ok(PolicyDiff::between(&old, &new))
    }
}

/// What the maps may refer to; all of it has to be known.
fn boundaries(layers: &Layers) -> Result<Boundaries, Stop> {
    service::known_boundaries(layers).map_err(Stop::Invalid)
}

/// The maps that an argument names.
fn side(named: &str, directory: &Path, boundaries: &Boundaries) -> Result<PolicySet, Stop> {
    let revision = named.strip_prefix("git:");
    if revision.is_none() && Path::new(named).is_dir() {
        return load(Path::new(named), boundaries);
    }
    let name = revision.unwrap_or(named);
    let mut problems = Problems::default();
    let sources =
        revision::read(name, directory, &mut problems).map_err(|unread| match unread {
            Unread::NoRevision(why) if revision.is_none() => {
                anyhow::anyhow!("`{named}` is neither a directory nor a git revision: {why}")
            }
            Unread::NoRevision(why) => anyhow::anyhow!("`{name}` is no git revision: {why}"),
            Unread::Failed(error) => error,
        })?;
    let policy = policy::judge(sources, boundaries, &mut problems).policy;
    valid(policy, problems)
}

fn load(directory: &Path, boundaries: &Boundaries) -> Result<PolicySet, Stop> {
    let mut problems = Problems::default();
    let policy = policy::load(directory, boundaries, &mut problems);
    valid(policy, problems)
}

fn valid(policy: Option<PolicySet>, problems: Problems) -> Result<PolicySet, Stop> {
    policy.ok_or(Stop::Invalid(problems))
}
