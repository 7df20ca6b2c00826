//! What came out.

use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;
use serde::Serialize;

use super::Mark;
use crate::{audit::chain::Head, names::InstanceId};

/// What is wrong with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is not there.
    Missing,
    /// It is not as it was written.
    Changed,
    /// It is not in its place.
    Reordered,
    /// It was not written by a hallpass, or not to this place.
    Added,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Reordered => "reordered",
            Self::Added => "added",
        })
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Where: a sequence of the stream or a line. Of what is missing, where that is noticed.
    pub at: u64,
    /// The chain, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// The first sequence in the chain that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The last, where it is about several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// When: the event's own time; of what is missing, that of the event at which it is noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// A sentence without capital and full stop.
    pub what: String,
    /// How many events it counts for.
    #[serde(skip)]
    pub(super) counted: u64,
    /// Whether it comes after the others of its place.
    #[serde(skip)]
    pub(super) is_after: bool,
}

impl Finding {
    pub(super) fn at(kind: Kind, at: u64, what: String) -> Self {
        let (instance, sequence, last, time) = (None, None, None, None);
        Self { kind, at, instance, sequence, last, time, what, counted: 1, is_after: false }
    }

    pub(super) fn of(kind: Kind, head: Head, mark: Mark, what: String) -> Self {
        Self {
            instance: Some(head.instance),
            sequence: Some(head.sequence),
            time: mark.time,
            ..Self::at(kind, mark.at, what)
        }
    }

    pub(super) fn missing(
        instance: InstanceId,
        range: (u64, u64),
        mark: Mark,
        what: String,
    ) -> Self {
        Self {
            instance: Some(instance),
            sequence: Some(range.0),
            last: (range.1 > range.0).then_some(range.1),
            time: mark.time,
            counted: range.1 - range.0 + 1,
            ..Self::at(Kind::Missing, mark.at, what)
        }
    }

    pub(super) fn after(self) -> Self {
        Self { is_after: true, ..self }
    }

    /// The finding in a sentence; `place` is what `at` counts, such as `line`.
    #[must_use]
    pub fn sentence(&self, place: &str) -> String {
        let mut who = match (self.sequence, self.last) {
            (Some(first), Some(last)) => format!("events {first} to {last}"),
            (Some(only), None) => format!("event {only}"),
            (None, _) => String::new(),
        };
        if let Some(instance) = self.instance {
            who.push_str(&format!(" of instance {instance}"));
        }
        let time = self.time.map(|time| format!(", {time:.0}")).unwrap_or_default();
        let at = format!("at {place} {}{time}", self.at);
        match who.as_str() {
            "" => format!("{}: {at}: {}", self.kind, self.what),
            who => format!("{}: {who}, {at}: {}", self.kind, self.what),
        }
    }
}

/// How many events are wrong in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Not there.
    pub missing: u64,
    /// Not as they were written.
    pub changed: u64,
    /// Not in their place.
    pub reordered: u64,
    /// Not written by a hallpass, or not to this place.
    pub added: u64,
    /// Findings that count no event of their own.
    #[serde(skip)]
    pub(super) other: u64,
}

impl Counts {
    pub(super) fn count(&mut self, finding: &Finding) {
        let count = match finding.kind {
            Kind::Missing => &mut self.missing,
            Kind::Changed => &mut self.changed,
            Kind::Reordered => &mut self.reordered,
            Kind::Added => &mut self.added,
        };
        *count = count.saturating_add(finding.counted);
        self.other += u64::from(finding.counted == 0);
    }

    /// Everything that is wrong; 0 where nothing is.
    #[must_use]
    pub fn all(&self) -> u64 {
        let Self { missing, changed, reordered, added, other } = *self;
        [missing, changed, reordered, added, other]
            .iter()
            .fold(0, |sum, it| sum.saturating_add(*it))
    }
}

/// What is known of one instance's chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainReport {
    /// Whose.
    pub instance: InstanceId,
    /// How many events are there.
    pub events: u64,
    /// The sequence of the first.
    pub first: u64,
    /// And of the last.
    pub last: u64,
    /// The sequence of the last event that a believed key has signed, or that a signed event of
    /// another chain names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vouched_until: Option<u64>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vouched_at: Option<Timestamp>,
    /// The believed keys that signed: public nkeys.
    pub signed_by: Vec<String>,
    /// How many events come after it: they could be cut off or written anew
    /// unseen.
    pub unvouched: u64,
    /// Whether the instance has said that it stops.
    pub stopped: bool,
    /// The instance that took over what this one left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed_by: Option<InstanceId>,
    /// The time of the last event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
    /// Whether what came before `first` may have been removed by the stream's limits.
    pub begins_later: bool,
}

/// What came out of a walk.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether nothing is wrong.
    pub intact: bool,
    /// How many events were read.
    pub events: u64,
    /// How many texts have the form of an event.
    #[serde(skip)]
    pub(crate) recognized: u64,
    /// The times of the earliest and the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<(Timestamp, Timestamp)>,
    /// What is wrong, by place; the first thousand or so.
    pub findings: Vec<Finding>,
    /// How many findings there are in all.
    pub told: u64,
    /// How much is wrong.
    pub counts: Counts,
    /// How many times an event was named and could not be compared: too much came between.
    pub uncompared: u64,
    /// Keys that signed and are not believed; the first few.
    pub strangers: BTreeSet<String>,
    /// Every chain, by the start of its instance.
    pub chains: Vec<ChainReport>,
    /// Chains that others name, of which nothing is left; retention may have removed them.
    pub gone: Vec<InstanceId>,
}

impl Report {
    /// The first thing that is wrong.
    #[must_use]
    pub fn first(&self) -> Option<&Finding> {
        self.findings.first()
    }

    /// How many events nobody has vouched for yet.
    #[must_use]
    pub fn unvouched(&self) -> u64 {
        self.chains.iter().map(|chain| chain.unvouched).sum()
    }
}
