//! Chains for which nobody vouches who is believed, and ids that no instance has.

use std::time::Duration;

use super::{
    Finding, Kind,
    chain::Trace,
    end::{CLOCKS, Judge, Reach, after},
};
use crate::{
    audit::chain::{Hash, Head},
    names::InstanceId,
};

/// What is left of an instance whose last checkpoint was removed by age: no older than this, and
/// no more.
const REST: (Duration, u64) = (Duration::from_secs(60), 1000);

const NOBODY: &str = "a chain that nobody who is believed has ever vouched for";

impl Judge<'_> {
    /// What shows that no hallpass wrote this chain, if anything does: the first event of each is
    /// signed.
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
        (!self.is_left_of_one(instance, trace)).then(|| NOBODY.to_owned())
    }

    /// Whether it may be the end of a chain of which everything else was removed, with the last
    /// checkpoint.
    fn is_left_of_one(&self, instance: InstanceId, trace: &Trace) -> bool {
        let is_rest = trace.segments.first_key_value().is_some_and(|(first, _)| *first > 1);
        let Some((_, until)) = trace.times else { return false };
        let is_at_the_edge = match self.reach {
            Reach::All => false,
            Reach::Since(since) => until <= after(since, REST.0 + CLOCKS),
            Reach::Unknown => true,
        };
        is_rest && is_short(trace) && is_at_the_edge && self.reach.excuses(instance)
    }
}

/// Whether that is not too much for it.
fn is_short(trace: &Trace) -> bool {
    let lasted = trace.times.map(|(from, until)| until.duration_since(from).unsigned_abs());
    trace.events <= REST.1 && !trace.is_timeless && lasted.is_some_and(|it| it <= REST.0)
}
