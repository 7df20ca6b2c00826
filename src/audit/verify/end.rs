//! What can be said once the trail is read.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Beginning, Finding, Kind, Mark, TOLD, Verifier,
    chain::{Named, Trace},
    report::{ChainReport, Report},
};
use crate::{
    audit::chain::{Hash, Head},
    names::InstanceId,
};

/// How far the clocks of instances and servers may be apart.
const CLOCKS: Duration = Duration::from_secs(60);
/// An instance signs as soon as the stream answers it: what one records before that takes no
/// longer, and is no more. Where the stream did not answer at all until the instance was killed,
/// the next one on that disk names what it left, and signs for that.
const YOUNG: (Duration, u64) = (Duration::from_secs(60), 1000);

/// How far back the trail reaches.
#[derive(Clone, Copy)]
enum Reach {
    /// Everything was there once.
    All,
    /// Chains that began after this were there in full.
    Since(Timestamp),
    /// Nothing is known.
    Unknown,
}

impl Reach {
    /// Whether the first events of an instance may have been removed before their time was up.
    fn excuses(self, instance: InstanceId) -> bool {
        match self {
            Self::All => false,
            Self::Since(since) => {
                let excused = since.checked_add(CLOCKS).unwrap_or(Timestamp::MAX);
                instance.started_at().is_none_or(|started| started <= excused)
            }
            Self::Unknown => true,
        }
    }
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
        let mut late = Vec::new();
        let (mut chains, mut gone) = (Vec::new(), Vec::new());
        for (instance, trace) in &self.chains {
            let confirmed = trace.confirmed.filter(|(_, named)| self.is_vouched_for(named.by));
            match report(*instance, trace, confirmed, reach, &mut late) {
                Some(chain) => chains.push(chain),
                None if reach.excuses(*instance) => gone.push(*instance),
                None => late.extend(absent(*instance, trace)),
            }
        }
        for finding in &late {
            self.counts.count(finding);
        }
        self.findings.extend(late);
        self.findings.sort_by_key(|it| (it.at, it.is_after));
        self.findings.truncate(TOLD);
        Report {
            intact: self.counts.all() == 0,
            events: self.events,
            between: self.times,
            findings: self.findings,
            counts: self.counts,
            chains,
            gone,
        }
    }
}

impl Verifier {
    /// Whether an event comes before a good signature in its own chain.
    fn is_vouched_for(&self, by: Head) -> bool {
        let vouched = self.chains.get(&by.instance).and_then(|trace| trace.vouched);
        vouched.is_some_and(|(until, _)| by.sequence <= until)
    }
}

/// What is known of a chain of which something is there; what is missing of it goes to `late`.
fn report(
    instance: InstanceId,
    trace: &Trace,
    confirmed: Option<(u64, Named)>,
    reach: Reach,
    late: &mut Vec<Finding>,
) -> Option<ChainReport> {
    let (&first, begin) = trace.segments.first_key_value()?;
    let (_, end) = trace.segments.last_key_value()?;
    let begins_later = first > 1 && reach.excuses(instance);
    if first > 1 && !begins_later {
        let what = "the beginning of its chain";
        late.push(Finding::missing(instance, (1, first - 1), begin.first, what.to_owned()));
    }
    let following = trace.segments.iter().skip(1);
    for (segment, (&next, after)) in trace.segments.values().zip(following) {
        let what = format!("event {next} is there, and {} before that", segment.high);
        late.push(Finding::missing(instance, (segment.high + 1, next - 1), after.first, what));
    }
    if trace.torn > 0 {
        let what = format!("the chain is torn in very many places before event {}", end.high);
        let finding = Finding::missing(instance, (1, trace.torn), begin.first, what);
        late.push(Finding { sequence: None, last: None, ..finding });
    }
    late.extend(cut(instance, trace, end.high, end.last));
    let confirmed = confirmed.map(|(sequence, named)| (sequence, named.mark));
    let vouching = trace.vouched.into_iter().chain(confirmed).max_by_key(|(sequence, _)| *sequence);
    let vouched = vouching.map(|(sequence, _)| sequence);
    let (first_at, last_at) = (begin.first.time, end.last.time);
    let lasted =
        first_at.zip(last_at).map(|(from, until)| until.duration_since(from).unsigned_abs());
    if vouched.is_none()
        && !begins_later
        && (trace.events > YOUNG.1 || lasted.is_some_and(|it| it > YOUNG.0))
    {
        let what = "a chain that nobody who is believed has ever vouched for";
        let head = Head { instance, sequence: first, hash: Hash::NONE };
        let finding = Finding::of(Kind::Added, head, begin.first, what.to_owned());
        let last = (end.high > first).then_some(end.high);
        late.push(Finding { last, counted: trace.events, ..finding });
    }
    if let Some(ended) = trace.ended.filter(|ended| *ended < end.high) {
        let what = format!("event {ended} said that it was the last");
        let head = Head { instance, sequence: ended + 1, hash: Hash::NONE };
        let finding = Finding::of(Kind::Added, head, end.last, what);
        let last = (end.high > ended + 1).then_some(end.high);
        late.push(Finding { last, counted: trace.above(ended), ..finding });
    }
    Some(ChainReport {
        instance,
        events: trace.events,
        first,
        last: end.high,
        vouched_until: vouched,
        vouched_at: vouching.and_then(|(_, mark)| mark.time),
        unvouched: trace.above(vouched.unwrap_or(0)),
        stopped: trace.ended == Some(end.high),
        last_at,
        begins_later,
    })
}

/// The end of a chain that somebody has seen longer.
fn cut(instance: InstanceId, trace: &Trace, high: u64, last: Mark) -> Option<Finding> {
    let (&named, said) = trace.named.last_key_value()?;
    (named > high).then(|| {
        let what =
            format!("event {} of {} names event {named}", said.by.sequence, said.by.instance);
        Finding::missing(instance, (high + 1, named), last, what).after()
    })
}

/// A chain of which nothing is there, and something must be.
fn absent(instance: InstanceId, trace: &Trace) -> Option<Finding> {
    let (&named, said) = trace.named.last_key_value()?;
    let by = said.by;
    let what = format!(
        "the whole instance; event {} of {} names its event {named}",
        by.sequence, by.instance
    );
    Some(Finding::missing(instance, (1, named), said.mark, what))
}
