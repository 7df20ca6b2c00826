//! What becomes of all decisions together, counted on the fly.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{Change, ChangeKind, Question, Replay, Taken, Verdict};
use crate::names::DecisionId;

/// How many different changes are told apart; what comes after is only counted.
const MOST_GROUPS: usize = 10_000;
/// How many events that cannot be read are named, and reasons why something cannot be decided.
const MOST_NAMED: usize = 100;

/// How often something was met, and an example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// How often.
    pub count: u64,
    /// The first time that it was decided.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
    /// The last decision of them, for `hallpass audit why`.
    pub decision: DecisionId,
}

/// The same change for the same person.
#[derive(Clone, Serialize)]
pub struct Group {
    /// Whose logins: the user name, or what stands for it.
    pub user: String,
    /// What would be otherwise.
    #[serde(flatten)]
    pub change: Change,
    /// How often.
    #[serde(flatten)]
    pub seen: Seen,
}

impl fmt::Debug for Group {
    /// Not whose.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { change, seen, .. } = self;
        f.debug_struct("Group").field("change", change).field("seen", seen).finish_non_exhaustive()
    }
}

/// Counts what becomes of decisions.
#[derive(Default)]
pub struct Tally {
    groups: BTreeMap<(Change, String), Seen>,
    report: Report,
    undecidable: BTreeMap<String, Seen>,
}

/// What became of all decisions.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// How many decisions were decided again.
    pub decided: u64,
    /// How many of them come out the same.
    pub same: u64,
    /// How many come out otherwise, by kind.
    pub changed: BTreeMap<ChangeKind, u64>,
    /// How many cannot be decided again.
    pub undecidable: u64,
    /// Why, and how many each; not all reasons where there are very many.
    pub reasons: Vec<(String, Seen)>,
    /// How many did not come to the maps.
    pub not_by_maps: u64,
    /// How many were granted and then withheld: they count as granted.
    pub withheld: u64,
    /// How many events cannot be read.
    pub unreadable: u64,
    /// The first of them: their ids, and what is wrong.
    pub unread: Vec<(String, String)>,
    /// What would be otherwise: the gravest first, and of one kind the most frequent.
    pub groups: Vec<Group>,
    /// How many changed decisions are in no group, because there are too many groups.
    pub ungrouped: u64,
}

impl Tally {
    /// Decides what an event tells of again.
    pub fn take(&mut self, event: &Value, replay: &Replay<'_>) {
        match Taken::read(event) {
            Ok(Taken::Question(question)) => self.judged(&question, replay.judge(&question)),
            Ok(Taken::NotByMaps) => self.report.not_by_maps += 1,
            Ok(Taken::Correction) => self.report.withheld += 1,
            Ok(Taken::Other) => {}
            Err(why) => {
                let id = event.get("id").and_then(Value::as_str).unwrap_or("without an id");
                self.unreadable(id, &why.to_string());
            }
        }
    }

    /// An event that cannot be read.
    pub fn unreadable(&mut self, id: &str, why: &str) {
        self.report.unreadable += 1;
        if self.report.unread.len() < MOST_NAMED {
            self.report.unread.push((id.to_owned(), why.to_owned()));
        }
    }

    fn judged(&mut self, question: &Question, verdict: Verdict) {
        match verdict {
            Verdict::Same => {
                self.report.decided += 1;
                self.report.same += 1;
            }
            Verdict::Undecidable(why) => {
                self.report.undecidable += 1;
                note(&mut self.undecidable, why, question, MOST_NAMED);
            }
            Verdict::Changed(change) => {
                self.report.decided += 1;
                *self.report.changed.entry(change.kind).or_default() += 1;
                let key = (*change, question.user.clone());
                if !note(&mut self.groups, key, question, MOST_GROUPS) {
                    self.report.ungrouped += 1;
                }
            }
        }
    }

    /// All of it.
    #[must_use]
    pub fn finish(self) -> Report {
        let Self { groups, mut report, undecidable } = self;
        report.reasons = undecidable.into_iter().collect();
        report.reasons.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.count));
        let group = |((change, user), seen)| Group { user, change, seen };
        report.groups = groups.into_iter().map(group).collect();
        report.groups.sort_by(|a, b| {
            let kinds = a.change.kind.cmp(&b.change.kind);
            kinds.then(b.seen.count.cmp(&a.seen.count)).then_with(|| a.user.cmp(&b.user))
        });
        report
    }
}

/// Counts; `false` where there is no room for one more.
fn note<K: Ord>(seen: &mut BTreeMap<K, Seen>, key: K, question: &Question, most: usize) -> bool {
    let at = question.facts.now;
    let fresh = Seen { count: 0, first: at, last: at, decision: question.decision };
    let has_room = seen.len() < most;
    let seen = match has_room {
        true => seen.entry(key).or_insert(fresh),
        false => match seen.get_mut(&key) {
            Some(seen) => seen,
            None => return false,
        },
    };
    seen.count += 1;
    seen.first = seen.first.min(at);
    if at >= seen.last {
        (seen.last, seen.decision) = (at, question.decision);
    }
    true
}
