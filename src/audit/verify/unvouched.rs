//! Chains for which nobody vouches who is believed, and ids that no instance has.

use std::time::Duration;

use super::{
    Finding, Kind,
    chain::Trace,
    end::{CLOCKS, Judge, Reach, after, before},
};
use crate::{
    audit::chain::{Hash, Head},
    names::InstanceId,
};

/// An instance signs as soon as the stream answers it: what one records before that takes no
/// longer, and is no more. Where the stream did not answer at all until the instance was killed,
/// the next one on that disk names what it left, and signs for that.
const YOUNG: (Duration, u64) = (Duration::from_secs(60), 1000);

const NOBODY: &str = "a chain that nobody who is believed has ever vouched for";

impl Judge<'_> {
    /// What shows that no hallpass wrote this chain, if anything does.
    pub(super) fn invented(&self, instance: InstanceId, trace: &Trace) -> Option<Finding> {
        let what = self.strange(instance, trace)?;
        let (&first, begin) = trace.segments.first_key_value()?;
        let (_, end) = trace.segments.last_key_value()?;
        let head = Head { instance, sequence: first, hash: Hash::NONE };
        let finding = Finding::of(Kind::Added, head, begin.first, what);
        let last = (end.high > first).then_some(end.high);
        Some(Finding { last, counted: trace.events, ..finding })
    }

    fn strange(&self, instance: InstanceId, trace: &Trace) -> Option<String> {
        let Some(started) = instance.started_at() else {
            return Some("no instance has such an id: it is no UUIDv7".to_owned());
        };
        if self.vouched.contains_key(&instance) {
            return None;
        }
        if let Some((earliest, _)) = trace.times
            && after(earliest, CLOCKS) < started
        {
            return Some(format!("it is older than its instance, which began at {started:.0}"));
        }
        if !is_short(trace) {
            return Some(NOBODY.to_owned());
        }
        if self.has_just_begun(trace) || self.is_left_of_one(instance, trace) {
            return None;
        }
        Some(format!(
            "{NOBODY}: it is invented, or what an instance recorded that was killed before its \
             first checkpoint, and nobody took over what it left"
        ))
    }

    /// Whether an instance that runs may not have come to sign yet.
    fn has_just_begun(&self, trace: &Trace) -> bool {
        let is_whole = trace.segments.first_key_value().is_some_and(|(first, _)| *first == 1);
        is_whole
            && trace.times.is_some_and(|(from, until)| {
                from >= before(self.until, YOUNG.0) && until <= after(self.until, CLOCKS)
            })
    }

    /// Whether it may be the end of a chain of which everything else was removed, with the last
    /// checkpoint.
    fn is_left_of_one(&self, instance: InstanceId, trace: &Trace) -> bool {
        let is_rest = trace.segments.first_key_value().is_some_and(|(first, _)| *first > 1);
        let Some((_, until)) = trace.times else { return false };
        let is_at_the_edge = match self.reach {
            Reach::All => false,
            Reach::Since(since) => until <= after(since, YOUNG.0 + CLOCKS),
            Reach::Unknown => true,
        };
        is_rest && is_at_the_edge && self.reach.excuses(instance)
    }
}

/// Whether an instance may have recorded this before it signed.
fn is_short(trace: &Trace) -> bool {
    let lasted = trace.times.map(|(from, until)| until.duration_since(from).unsigned_abs());
    trace.events <= YOUNG.1 && !trace.is_timeless && lasted.is_some_and(|it| it <= YOUNG.0)
}
