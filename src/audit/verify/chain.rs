//! What is kept of a chain while its events come.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Mark,
    names::{Named, Names, Verdict},
};
use crate::audit::chain::{Hash, Head};

/// How many stretches of a chain are kept apart. Beyond that the trail is torn for good, and what
/// is missing between the first two is counted and forgotten.
const MOST_SEGMENTS: usize = 100_000;

/// One chain.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// Its stretches without a hole, by the sequence that each begins with.
    pub(super) segments: BTreeMap<u64, Segment>,
    /// How many events of it are there.
    pub(super) events: u64,
    /// The last event with a good signature.
    pub(super) vouched: Option<(u64, Mark)>,
    /// The believed keys that signed.
    pub(super) signers: BTreeSet<String>,
    /// What others say of its events.
    pub(super) names: Names,
    /// The times of its earliest event and its latest.
    pub(super) times: Option<(Timestamp, Timestamp)>,
    /// Whether an event of it has no time.
    pub(super) is_timeless: bool,
    /// The sequence of the checkpoint that said it would be the last.
    pub(super) ended: Option<u64>,
    /// What was missing between stretches that are not kept apart any more.
    pub(super) torn: u64,
}

/// A stretch of a chain without a hole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    /// What its first event follows; `None` where that cannot be told.
    previous: Option<Hash>,
    /// Where its first event is.
    pub(super) first: Mark,
    /// The sequence of its last event.
    pub(super) high: u64,
    hash: Option<Hash>,
    /// Where its last event is.
    pub(super) last: Mark,
}

/// What came out when an event was given its place.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// The neighbours that do not fit.
    pub(super) torn: Vec<Torn>,
    /// Who says that another event should be there.
    pub(super) contradicts: Vec<Named>,
}

/// An event that does not follow the one before it.
#[derive(Debug)]
pub(super) struct Torn {
    pub(super) sequence: u64,
    pub(super) mark: Mark,
    /// What it follows instead.
    pub(super) previous: Hash,
    /// Where the one before it is.
    pub(super) before: Mark,
}

impl Trace {
    /// Gives an event its place; `None` where that is taken. `is_signed` where it may be one that
    /// other instances name in their checkpoints.
    pub(super) fn place(
        &mut self,
        head: Head,
        previous: Hash,
        mark: Mark,
        is_signed: bool,
    ) -> Option<Placed> {
        let segment = Segment {
            previous: Some(previous),
            first: mark,
            high: head.sequence,
            hash: Some(head.hash),
            last: mark,
        };
        let mut placed = self.insert(head.sequence, segment)?;
        if head.sequence <= 1 && previous != Hash::NONE {
            placed.torn.push(Torn { sequence: 1, mark, previous, before: mark });
        }
        let after = self.vouched.map_or(0, |(sequence, _)| sequence);
        placed.contradicts = self.names.placed(head, mark, is_signed, after);
        Some(placed)
    }

    /// As [`Self::place`], for an event whose neighbours cannot be told from what it says.
    pub(super) fn place_unlinked(&mut self, sequence: u64, mark: Mark) {
        let segment =
            Segment { previous: None, first: mark, high: sequence, hash: None, last: mark };
        self.insert(sequence, segment);
    }

    fn insert(&mut self, sequence: u64, mut segment: Segment) -> Option<Placed> {
        let before = self.segments.range(..=sequence).next_back().map(|(low, it)| (*low, *it));
        if before.is_some_and(|(_, before)| before.high >= sequence) {
            return None;
        }
        self.events += 1;
        match segment.first.time {
            Some(time) => {
                let (from, until) = self.times.unwrap_or((time, time));
                self.times = Some((from.min(time), until.max(time)));
            }
            None => self.is_timeless = true,
        }
        let mut low = sequence;
        let mut placed = Placed::default();
        if let Some((first, before)) = before
            && before.high + 1 == sequence
        {
            placed.torn.extend(torn(&before, sequence, &segment));
            segment.previous = before.previous;
            segment.first = before.first;
            low = first;
        }
        if let Some(next) = sequence.checked_add(1)
            && let Some(after) = self.segments.remove(&next)
        {
            let left = Segment { high: sequence, ..segment };
            placed.torn.extend(torn(&left, next, &after));
            segment.high = after.high;
            segment.hash = after.hash;
            segment.last = after.last;
        }
        self.segments.insert(low, segment);
        if self.segments.len() > MOST_SEGMENTS {
            self.join_first();
        }
        Some(placed)
    }

    fn join_first(&mut self) {
        let Some((low, first)) = self.segments.pop_first() else { return };
        let Some((next, second)) = self.segments.pop_first() else { return };
        self.torn += next - first.high - 1;
        let joined = Segment { previous: first.previous, first: first.first, ..second };
        self.segments.insert(low, joined);
    }

    /// An event has a signature that is believed.
    pub(super) fn vouch(&mut self, head: Head, mark: Mark, key: &str) {
        if !self.signers.contains(key) {
            self.signers.insert(key.to_owned());
        }
        if self.vouched.is_none_or(|(sequence, _)| sequence < head.sequence) {
            self.vouched = Some((head.sequence, mark));
            self.names.vouched(head.sequence);
        }
    }

    /// Somebody says which event has this sequence.
    pub(super) fn name(&mut self, sequence: u64, named: Named) -> Verdict {
        let is_vouched = self.vouched.is_some_and(|(vouched, _)| sequence <= vouched);
        let is_there = self.has(sequence);
        self.names.name(sequence, named, is_there, is_vouched)
    }

    /// The checkpoint before this event, where nothing is missing between them.
    pub(super) fn checkpoint_before(&self, sequence: u64) -> Option<Mark> {
        let (low, _) = self.segments.range(..=sequence).next_back()?;
        self.names.signed_between(*low, sequence)
    }

    /// The highest sequence that is there.
    pub(super) fn high(&self) -> u64 {
        self.segments.values().next_back().map_or(0, |it| it.high)
    }

    /// Whether events are missing that others follow or name.
    pub(super) fn lacks_any(&self) -> bool {
        self.segments.len() > 1 || self.names.farthest() > self.high()
    }

    /// Whether this is one of them.
    pub(super) fn lacks(&self, sequence: u64) -> bool {
        let first = self.segments.keys().next().copied().unwrap_or(1);
        (first..=self.names.farthest().max(self.high())).contains(&sequence) && !self.has(sequence)
    }

    fn has(&self, sequence: u64) -> bool {
        let before = self.segments.range(..=sequence).next_back();
        before.is_some_and(|(_, it)| it.high >= sequence)
    }

    /// How many events with a sequence above this are there.
    pub(super) fn above(&self, sequence: u64) -> u64 {
        let above = |(low, it): (&u64, &Segment)| {
            let low = (*low).max(sequence + 1);
            (it.high + 1).saturating_sub(low)
        };
        self.segments.iter().map(above).sum()
    }
}

fn torn(left: &Segment, sequence: u64, right: &Segment) -> Option<Torn> {
    let (hash, previous) = (left.hash?, right.previous?);
    (hash != previous).then_some(Torn { sequence, mark: right.first, previous, before: left.last })
}
