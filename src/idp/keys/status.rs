//! How it stands with the keys of one issuer, for people and programs.

use std::fmt;

use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{IssuerKeys, State};
use crate::printable;

/// Longer than what an error has to say; a discovery document that names another issuer is
/// quoted in one.
const LONGEST: usize = 300;

/// How it stands with the keys of one issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysStatus {
    /// What hallpass calls the issuer.
    pub issuer: String,
    /// The answer in a word.
    pub state: KeysState,
    /// The usable keys.
    pub keys: Vec<KeyStatus>,
    /// Seconds since the last fetch that succeeded.
    pub age_s: Option<u64>,
    /// What the last fetch failed with; absent where it succeeded or there was none.
    pub error: Option<String>,
    /// Seconds until the next fetch, if no login wants one sooner; absent while one is under way.
    pub next_fetch_s: Option<u64>,
    /// How many fetches have ended.
    pub fetches: u64,
    /// How many of them failed.
    pub failed: u64,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyStatus {
    /// Its `kid`.
    pub id: Option<String>,
    /// What it may verify.
    pub algorithms: Vec<Algorithm>,
}

/// How it stands, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeysState {
    /// There are keys, and the last fetch succeeded.
    Fresh,
    /// There are keys; the last fetch failed.
    Failing,
    /// The keys are too old to be believed.
    Stale,
    /// There is no usable key.
    Absent,
}

impl fmt::Display for KeysState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Failing => "failing",
            Self::Stale => "stale",
            Self::Absent => "absent",
        })
    }
}

impl IssuerKeys {
    /// How it stands now.
    #[must_use]
    pub fn status(&self) -> KeysStatus {
        self.status_at(Instant::now())
    }

    pub(super) fn status_at(&self, now: Instant) -> KeysStatus {
        let state: State = self.state.borrow().clone();
        let keys: Vec<_> = state.keys.iter().flat_map(|keys| keys.iter()).collect();
        let error = state.outcome.as_ref().and_then(|outcome| outcome.as_ref().err());
        KeysStatus {
            issuer: self.settings().name.to_string(),
            state: if keys.is_empty() {
                KeysState::Absent
            } else if self.is_stale(&state, now) {
                KeysState::Stale
            } else if error.is_some() {
                KeysState::Failing
            } else {
                KeysState::Fresh
            },
            keys: keys
                .into_iter()
                .map(|key| KeyStatus {
                    id: key.id().map(shortened),
                    algorithms: key.algorithms().to_vec(),
                })
                .collect(),
            age_s: state.fetched.map(|at| now.duration_since(at).as_secs()),
            error: error.map(|text| shortened(text)),
            next_fetch_s: state.next.map(|at| at.duration_since(now).as_secs()),
            fetches: state.ended,
            failed: state.failed,
        }
    }
}

/// What an IdP chose is shown, not obeyed by a terminal.
fn shortened(text: &str) -> String {
    printable::shortened(text, LONGEST)
}
