//! What can be said once the trail is read.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{
    Beginning, Finding, Kind, Mark, TOLD, Verifier,
    chain::Trace,
    report::{ChainReport, Report},
    vouching::{Vouched, is_in},
};
use crate::{
    audit::chain::{Hash, Head},
    names::InstanceId,
};

/// How far the clocks of instances and servers may be apart.
pub(super) const CLOCKS: Duration = Duration::from_secs(60);
/// Events of several instances that are this close together stand in either order.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How far back the trail reaches.
#[derive(Clone, Copy)]
pub(super) enum Reach {
    /// Everything was there once.
    All,
    /// Chains that began after this were there in full.
    Since(Timestamp),
    /// Nothing is known.
    Unknown,
}

impl Reach {
    /// Whether the first events of an instance may have been removed before their time was up.
    pub(super) fn excuses(self, instance: InstanceId) -> bool {
        match self {
            Self::All => false,
            Self::Since(since) => {
                instance.started_at().is_none_or(|started| started <= after(since, CLOCKS))
            }
            Self::Unknown => true,
        }
    }

    /// Whether that is why the first event of it that is there is this one: who only began when
    /// the trail does must go on there.
    fn excuses_beginning(self, instance: InstanceId, first: Mark) -> bool {
        let is_late = match (self, instance.started_at()) {
            (Self::Since(since), Some(started)) => {
                started >= since && first.time.is_none_or(|time| time > after(since, CLOCKS))
            }
            _ => false,
        };
        self.excuses(instance) && !is_late
    }
}

/// A time and something more.
pub(super) fn after(time: Timestamp, more: Duration) -> Timestamp {
    time.checked_add(more).unwrap_or(Timestamp::MAX)
}

/// What everything is judged by.
pub(super) struct Judge<'a> {
    pub(super) chains: &'a BTreeMap<InstanceId, Trace>,
    pub(super) vouched: BTreeMap<InstanceId, Vouched>,
    pub(super) reach: Reach,
    late: Vec<Finding>,
}

impl Verifier {
    /// What came out. With `complete`, what is not there is missing, whatever retention might
    /// have removed.
    #[must_use]
    pub fn finish(mut self, beginning: Beginning, complete: bool) -> Report {
        if let Beginning::Purged { count } = beginning {
            let what = format!("{count} messages before it were removed, and not by age or size");
            let at = self.chains.values().flat_map(|it| it.segments.values());
            let at = at.map(|it| it.first.at).min().unwrap_or(0);
            self.tell(Finding { counted: 0, ..Finding::at(Kind::Missing, at, what) });
        }
        let reach = match beginning {
            Beginning::First => Reach::All,
            _ if complete => Reach::All,
            Beginning::Retained { since } => Reach::Since(since),
            // A part of a trail has everything from some time on.
            Beginning::Purged { .. } | Beginning::Unknown => {
                self.times.map_or(Reach::Unknown, |(since, _)| Reach::Since(since))
            }
        };
        let vouched = self.vouched();
        let mut judge = Judge { chains: &self.chains, vouched, reach, late: Vec::new() };
        let (mut chains, mut gone) = (Vec::new(), Vec::new());
        for (instance, trace) in &self.chains {
            match judge.chain(*instance, trace) {
                Some(chain) => chains.push(chain),
                None => gone.extend(judge.absent(*instance, trace)),
            }
        }
        let late = judge.late;
        for finding in late {
            self.counts.count(&finding);
            self.told += 1;
            self.findings.push(finding);
        }
        self.findings.sort_by_key(|it| (it.at, it.is_after));
        self.findings.truncate(TOLD);
        Report {
            intact: self.counts.all() == 0,
            events: self.events,
            recognized: self.recognized,
            between: self.times,
            findings: self.findings,
            told: self.told,
            counts: self.counts,
            uncompared: self.chains.values().map(|it| it.names.uncompared).sum(),
            strangers: self.strangers,
            chains,
            gone,
        }
    }
}

impl Judge<'_> {
    /// What is known of a chain of which something is there.
    fn chain(&mut self, instance: InstanceId, trace: &Trace) -> Option<ChainReport> {
        let (&first, begin) = trace.segments.first_key_value()?;
        let (_, end) = trace.segments.last_key_value()?;
        let begins_later = first > 1 && self.reach.excuses_beginning(instance, begin.first);
        if first > 1 && !begins_later {
            let what = "the beginning of its chain".to_owned();
            self.late.push(Finding::missing(instance, (1, first - 1), begin.first, what));
        } else if let Some((named, by)) = self.due(trace).filter(|(named, _)| *named < first) {
            let what = format!(
                "event {} of {} names event {named}, of which it heard after the trail begins",
                by.sequence, by.instance
            );
            self.late.push(Finding::missing(instance, (named, first - 1), begin.first, what));
        }
        let following = trace.segments.iter().skip(1);
        for (segment, (&next, after)) in trace.segments.values().zip(following) {
            let what = format!("event {next} is there, and {} before that", segment.high);
            let range = (segment.high + 1, next - 1);
            self.late.push(Finding::missing(instance, range, after.first, what));
        }
        if trace.torn > 0 {
            let what = format!("the chain is torn in very many places before event {}", end.high);
            let finding = Finding::missing(instance, (1, trace.torn), begin.first, what);
            self.late.push(Finding { sequence: None, last: None, ..finding });
        }
        self.late.extend(cut(instance, trace, end.high, end.last));
        self.late.extend(self.invented(instance, trace));
        if let Some(ended) = trace.ended.filter(|ended| *ended < end.high) {
            let what = format!("event {ended} said that it was the last");
            let head = Head { instance, sequence: ended + 1, hash: Hash::NONE };
            let finding = Finding::of(Kind::Added, head, end.last, what);
            let last = (end.high > ended + 1).then_some(end.high);
            self.late.push(Finding { last, counted: trace.above(ended), ..finding });
        }
        let vouched = self.vouched.get(&instance);
        let until = vouched.map(|it| it.until);
        let resumed = trace.names.resumed().iter().find(|(_, it)| is_in(&self.vouched, it.by));
        Some(ChainReport {
            instance,
            events: trace.events,
            first,
            last: end.high,
            vouched_until: until,
            vouched_at: vouched.and_then(|it| it.mark.time),
            signed_by: trace.signers.iter().cloned().collect(),
            unvouched: trace.above(until.unwrap_or(0)),
            stopped: trace.ended == Some(end.high),
            resumed_by: resumed.map(|(_, named)| named.by.instance),
            last_at: end.last.time,
            begins_later,
        })
    }

    /// The first event that is named and not there, though who names it heard of it after
    /// something that is there: since its checkpoint before.
    fn due(&self, trace: &Trace) -> Option<(u64, Head)> {
        let of_names = |by: Head| self.chains.get(&by.instance)?.checkpoint_before(by.sequence);
        let is_due = |by: Head| match (of_names(by), self.reach) {
            (None, _) => false,
            (Some(_), Reach::All | Reach::Unknown) => true,
            (Some(mark), Reach::Since(since)) => {
                mark.time.is_some_and(|time| time >= after(since, AT_ONCE))
            }
        };
        let named = trace.names.waiting().find(|(_, it)| !it.resumes && is_due(it.by));
        named.map(|(sequence, it)| (sequence, it.by))
    }

    /// A chain of which nothing is there: it is missing, or may be gone.
    fn absent(&mut self, instance: InstanceId, trace: &Trace) -> Option<InstanceId> {
        let (named, said) = trace.names.waiting().next_back()?;
        let first = match self.reach.excuses(instance) {
            false => Some(1),
            true => self.due(trace).map(|(first, _)| first),
        };
        let Some(first) = first else { return Some(instance) };
        let Head { instance: by, sequence, .. } = said.by;
        let what = match first {
            1 => format!("the whole instance; event {sequence} of {by} names its event {named}"),
            _ => format!(
                "nothing of the instance is there; event {sequence} of {by} names its event \
                 {named}, and it was heard of event {first} after the trail begins"
            ),
        };
        self.late.push(Finding::missing(instance, (first, named), said.mark, what));
        None
    }
}

/// The end of a chain that somebody has seen longer.
fn cut(instance: InstanceId, trace: &Trace, high: u64, last: Mark) -> Option<Finding> {
    let (named, said) = trace.names.waiting().next_back()?;
    (named > high).then(|| {
        let what =
            format!("event {} of {} names event {named}", said.by.sequence, said.by.instance);
        Finding::missing(instance, (high + 1, named), last, what).after()
    })
}
