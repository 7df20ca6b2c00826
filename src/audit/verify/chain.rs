//! What is kept of a chain while its events come.

use std::collections::BTreeMap;

use super::Mark;
use crate::audit::chain::{Hash, Head};

/// How many stretches of a chain are kept apart. Beyond that the trail is torn for good, and what
/// is missing between the first two is counted and forgotten.
const MOST_SEGMENTS: usize = 100_000;
/// How many signed events are remembered, to be compared with what others say of them.
const SIGNED: usize = 1000;

/// One chain.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// Its stretches without a hole, by the sequence that each begins with.
    pub(super) segments: BTreeMap<u64, Segment>,
    /// How many events of it are there.
    pub(super) events: u64,
    /// The last event with a good signature.
    pub(super) vouched: Option<(u64, Mark)>,
    /// The farthest event that others have named and that is as they said, and who said so.
    pub(super) confirmed: Option<(u64, Named)>,
    /// The sequence of the checkpoint that said it would be the last.
    pub(super) ended: Option<u64>,
    /// What was missing between stretches that are not kept apart any more.
    pub(super) torn: u64,
    /// What others have named and is not there yet.
    pub(super) named: BTreeMap<u64, Named>,
    signed: BTreeMap<u64, (Hash, Mark)>,
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

/// What somebody said of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub(super) hash: Hash,
    /// The event that says so.
    pub(super) by: Head,
    pub(super) mark: Mark,
}

/// What came out when an event was given its place.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// The neighbours that do not fit.
    pub(super) torn: Vec<Torn>,
    /// Who says that another event should be there.
    pub(super) contradicts: Option<Named>,
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
    /// Gives an event its place; `None` where that is taken.
    pub(super) fn place(&mut self, head: Head, previous: Hash, mark: Mark) -> Option<Placed> {
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
        if let Some(named) = self.named.remove(&head.sequence)
            && !self.confirm(head.sequence, head.hash, named)
        {
            placed.contradicts = Some(named);
        }
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
    pub(super) fn vouch(&mut self, head: Head, mark: Mark) {
        if self.vouched.is_none_or(|(sequence, _)| sequence < head.sequence) {
            self.vouched = Some((head.sequence, mark));
        }
        self.signed.insert(head.sequence, (head.hash, mark));
        if self.signed.len() > SIGNED {
            self.signed.pop_first();
        }
    }

    /// Somebody says which event has this sequence: where it is, when it is another.
    pub(super) fn name(&mut self, sequence: u64, named: Named) -> Option<Mark> {
        let signed = self.signed.get(&sequence).copied();
        let end = self.segments.values().find(|it| it.high == sequence);
        let end = end.and_then(|it| Some((it.hash?, it.last)));
        if let Some((hash, mark)) = signed.or(end) {
            return (!self.confirm(sequence, hash, named)).then_some(mark);
        }
        if self.high() < sequence || !self.has(sequence) {
            self.named.entry(sequence).or_insert(named);
            if self.named.len() > SIGNED {
                // The farthest shows best that something is missing.
                self.named.pop_first();
            }
        }
        None
    }

    /// The highest sequence that is there.
    pub(super) fn high(&self) -> u64 {
        self.segments.values().next_back().map_or(0, |it| it.high)
    }

    /// Compares what somebody said of an event with what it is.
    fn confirm(&mut self, sequence: u64, hash: Hash, named: Named) -> bool {
        let fits = hash == named.hash;
        if fits && self.confirmed.is_none_or(|(farthest, _)| farthest < sequence) {
            self.confirmed = Some((sequence, named));
        }
        fits
    }

    /// Whether events are missing that others follow or name.
    pub(super) fn lacks_any(&self) -> bool {
        self.segments.len() > 1 || self.farthest() > self.high()
    }

    /// Whether this is one of them.
    pub(super) fn lacks(&self, sequence: u64) -> bool {
        let first = self.segments.keys().next().copied().unwrap_or(1);
        (first..=self.farthest().max(self.high())).contains(&sequence) && !self.has(sequence)
    }

    /// The farthest that somebody has named.
    fn farthest(&self) -> u64 {
        self.named.keys().next_back().copied().unwrap_or(0)
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
