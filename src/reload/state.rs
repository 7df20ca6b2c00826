//! What is in force, since when, and what was made of each change.

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    audit::event::MapProblem,
    document::{Place, Problem, Problems},
    policy::{self, Boundaries, InForce, PolicySet},
};

/// What a directory holds.
pub(super) struct Found {
    /// Its digest; nothing where the directory cannot be read.
    pub(super) digest: Option<String>,
    /// Nothing where it is invalid.
    pub(super) policy: Option<PolicySet>,
    /// Warnings alone, where it is valid.
    pub(super) problems: Problems,
}

impl Found {
    /// `had`: how many maps are in force. A directory that has none any more is taken for a volume
    /// that went away.
    pub(super) fn read(directory: &Path, boundaries: &Boundaries, had: usize) -> Self {
        let mut problems = Problems::default();
        let version = policy::load_version(directory, boundaries, &mut problems);
        let (digest, policy) =
            version.map_or((None, None), |version| (Some(version.digest), version.policy));
        let is_gone = |policy: &PolicySet| had > 0 && policy.files() == 0;
        if policy.as_ref().is_some_and(is_gone) {
            problems.add(Problem::error(
                &Place::named(directory.display().to_string()),
                "all subject maps are gone: those in force stay",
                "to let nobody in any more, restart hallpass with the empty directory, or leave a map \
                 with no role in it",
            ));
            return Self { digest, policy: None, problems };
        }
        Self { digest, policy, problems }
    }

    /// For a directory that has not been read within this time.
    pub(super) fn late(directory: &Path, time: Duration) -> Self {
        let mut problems = Problems::default();
        problems.add(Problem::error(
            &Place::named(directory.display().to_string()),
            format!("the subject maps are not read after {} seconds", time.as_secs()),
            "see whether the file system answers; hallpass goes on waiting for it",
        ));
        Self { digest: None, policy: None, problems }
    }
}

/// What a reading means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is what is in force.
    Unchanged,
    /// It is what is in force, after something invalid.
    Reverted,
    /// It is valid and not in force.
    Changed {
        /// Whether what was there before was invalid.
        mended: bool,
    },
    /// It is invalid, in the way that is known already.
    StillBad,
    /// It is invalid.
    Bad,
}

impl Verdict {
    /// Whether there is something to do.
    pub(super) fn is_news(self) -> bool {
        !matches!(self, Self::Unchanged | Self::StillBad)
    }
}

/// The maps of this process: what is in force, and how it came to that.
#[derive(Debug)]
pub struct Maps {
    in_force: Arc<InForce>,
    history: Mutex<History>,
}

#[derive(Debug)]
struct History {
    since: Instant,
    last: Option<(Instant, ReloadOutcome)>,
    applied: u64,
    rejected: u64,
    bad: Option<Bad>,
}

/// What stands in the directory and cannot be used.
#[derive(Debug)]
struct Bad {
    digest: Option<String>,
    /// All problems: files that cannot be read are in no digest.
    text: String,
    count: usize,
    problems: Vec<MapProblem>,
}

/// How a reload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReloadOutcome {
    /// The change is in force.
    Applied,
    /// The change is invalid.
    Rejected,
    /// The directory holds again what is in force, after something invalid.
    Reverted,
}

/// Whether the directory holds what is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MapsState {
    /// It does.
    Current,
    /// It holds something invalid.
    Rejected,
}

/// How it stands with the maps, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapsStatus {
    /// The answer in a word.
    pub state: MapsState,
    /// Which version is in force.
    pub digest: String,
    /// Its roles.
    pub roles: usize,
    /// The files in which they stand.
    pub files: usize,
    /// Seconds since it is in force.
    pub in_force_s: u64,
    /// The last reload that found something; absent where there was none.
    pub last_reload: Option<LastReload>,
    /// How many changes came into force.
    pub applied: u64,
    /// How many were rejected.
    pub rejected: u64,
    /// How many problems what stands in the directory has.
    pub problem_count: usize,
    /// The first of them.
    pub problems: Vec<MapProblem>,
}

/// A reload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastReload {
    /// Seconds since then.
    pub age_s: u64,
    /// How it ended.
    pub outcome: ReloadOutcome,
}

impl Maps {
    /// With what is in force from the start.
    #[must_use]
    pub fn new(in_force: Arc<InForce>) -> Self {
        let history = Mutex::new(History {
            since: Instant::now(),
            last: None,
            applied: 0,
            rejected: 0,
            bad: None,
        });
        Self { in_force, history }
    }

    /// What is in force.
    #[must_use]
    pub fn in_force(&self) -> &InForce {
        &self.in_force
    }

    pub(super) fn judge(&self, found: &Found) -> Verdict {
        let history = self.history();
        let bad = history.bad.as_ref();
        match &found.policy {
            Some(policy) if policy.digest() == self.in_force.snapshot().digest() => match bad {
                None => Verdict::Unchanged,
                Some(_) => Verdict::Reverted,
            },
            Some(_) => Verdict::Changed { mended: bad.is_some() },
            None => match bad {
                Some(bad)
                    if bad.digest == found.digest && bad.text == found.problems.to_string() =>
                {
                    Verdict::StillBad
                }
                _ => Verdict::Bad,
            },
        }
    }

    /// Puts it in force.
    pub(super) fn apply(&self, policy: PolicySet) {
        let mut history = self.history();
        self.in_force.replace(policy);
        history.applied += 1;
        history.since = Instant::now();
        history.ended(ReloadOutcome::Applied);
        history.bad = None;
    }

    /// What is in force is there again.
    pub(super) fn revert(&self) {
        let mut history = self.history();
        history.ended(ReloadOutcome::Reverted);
        history.bad = None;
    }

    /// What is in force stays.
    pub(super) fn reject(&self, digest: Option<&str>, problems: &Problems) {
        let mut history = self.history();
        history.rejected += 1;
        history.ended(ReloadOutcome::Rejected);
        history.bad = Some(Bad {
            digest: digest.map(str::to_owned),
            text: problems.to_string(),
            count: MapProblem::count(problems),
            problems: MapProblem::list(problems),
        });
    }

    /// How it stands now.
    #[must_use]
    pub fn status(&self) -> MapsStatus {
        let history = self.history();
        let policy = self.in_force.snapshot();
        let (bad, age) = (history.bad.as_ref(), |at: Instant| at.elapsed().as_secs());
        MapsStatus {
            state: if bad.is_some() { MapsState::Rejected } else { MapsState::Current },
            digest: policy.digest().to_owned(),
            roles: policy.roles(),
            files: policy.files(),
            in_force_s: age(history.since),
            last_reload: history.last.map(|(at, outcome)| LastReload { age_s: age(at), outcome }),
            applied: history.applied,
            rejected: history.rejected,
            problem_count: bad.map_or(0, |bad| bad.count),
            problems: bad.map(|bad| bad.problems.clone()).unwrap_or_default(),
        }
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl History {
    fn ended(&mut self, outcome: ReloadOutcome) {
        self.last = Some((Instant::now(), outcome));
    }
}

impl fmt::Display for MapsState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Current => "current",
            Self::Rejected => "rejected",
        })
    }
}

impl fmt::Display for ReloadOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Applied => "applied",
            Self::Rejected => "rejected",
            Self::Reverted => "reverted",
        })
    }
}
