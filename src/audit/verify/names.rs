//! What is remembered of single events of a chain, and what others say of them.
//!
//! Checkpoints name checkpoints. The start of an instance names the last event that the disk has
//! of another, whatever that is.

use std::collections::BTreeMap;

use super::Mark;
use crate::audit::chain::{Hash, Head};

/// How many checkpoints of a chain are remembered; how many events after its last good signature;
/// and how many that are named and not there.
const REMEMBERED: usize = 100_000;
/// How many say something of the same event, or that they take over the same chain.
const NAMERS: usize = 64;

/// What somebody said of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub(super) hash: Hash,
    /// The event that says so.
    pub(super) by: Head,
    pub(super) mark: Mark,
    /// Whether that is a start, which takes over what was left.
    pub(super) resumes: bool,
}

/// What became of something that was said.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verdict {
    /// The event is as it was said, or is not there yet, or it cannot be told.
    Fits,
    /// The event is another; it is there.
    Other(Mark),
    /// A checkpoint should be there, and another event is.
    NoCheckpoint,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// What is named and not there.
    waiting: BTreeMap<u64, Vec<Named>>,
    /// The events that are signed, whoever signed them.
    signed: BTreeMap<u64, (Hash, Mark)>,
    /// The last of them that is forgotten.
    forgotten: u64,
    /// The events after the last good signature.
    tail: BTreeMap<u64, (Hash, Mark)>,
    /// The farthest event that a believed checkpoint names and that is as it says.
    confirmed: Option<(u64, Named)>,
    /// The starts that take over this chain, and how far it goes by what they say.
    resumed: Vec<(u64, Named)>,
    /// What could not be compared.
    pub(super) uncompared: u64,
}

impl Names {
    /// An event has its place: who said that it is another. It is remembered if it is signed, or
    /// if it comes after the last good signature.
    pub(super) fn placed(
        &mut self,
        head: Head,
        mark: Mark,
        is_signed: bool,
        vouched: u64,
    ) -> Vec<Named> {
        let Head { sequence, hash, .. } = head;
        if is_signed {
            self.signed.insert(sequence, (hash, mark));
            if self.signed.len() > REMEMBERED
                && let Some((first, _)) = self.signed.pop_first()
            {
                self.forgotten = self.forgotten.max(first);
            }
        } else if sequence > vouched {
            self.tail.insert(sequence, (hash, mark));
            if self.tail.len() > REMEMBERED {
                self.tail.pop_first();
            }
        }
        let named = self.waiting.remove(&sequence).unwrap_or_default();
        named.into_iter().filter(|named| !self.compare(sequence, hash, *named)).collect()
    }

    /// A good signature vouches for everything up to here.
    pub(super) fn vouched(&mut self, sequence: u64) {
        self.tail = self.tail.split_off(&(sequence + 1));
    }

    /// Somebody says which event has this sequence. `is_there` where one has it, `is_vouched`
    /// where a good signature of its own chain stands for it.
    pub(super) fn name(
        &mut self,
        sequence: u64,
        named: Named,
        is_there: bool,
        is_vouched: bool,
    ) -> Verdict {
        let known = self.signed.get(&sequence);
        let known = known.or_else(|| self.tail.get(&sequence).filter(|_| named.resumes));
        if let Some((hash, mark)) = known.copied() {
            return match self.compare(sequence, hash, named) {
                true => Verdict::Fits,
                false => Verdict::Other(mark),
            };
        }
        if !is_there {
            self.wait(sequence, named);
        } else if !named.resumes && sequence > self.forgotten {
            return Verdict::NoCheckpoint;
        } else if !named.resumes || !is_vouched {
            self.uncompared += 1;
        }
        Verdict::Fits
    }

    fn wait(&mut self, sequence: u64, named: Named) {
        let others = self.waiting.entry(sequence).or_default();
        // Starts are not signed: whoever writes many of them pushes out no checkpoint.
        if others.iter().filter(|it| it.resumes == named.resumes).count() < NAMERS {
            others.push(named);
        } else {
            self.uncompared += 1;
        }
        if self.waiting.len() > REMEMBERED {
            // The farthest shows best that something is missing.
            let first = self.waiting.pop_first();
            self.uncompared += first.map_or(0, |(_, named)| named.len() as u64);
        }
    }

    fn compare(&mut self, sequence: u64, hash: Hash, named: Named) -> bool {
        let fits = hash == named.hash;
        if !fits {
            return false;
        }
        if !named.resumes {
            if self.confirmed.is_none_or(|(farthest, _)| farthest < sequence) {
                self.confirmed = Some((sequence, named));
            }
        } else if self.resumed.len() < NAMERS {
            self.resumed.push((sequence, named));
        } else {
            self.uncompared += 1;
        }
        true
    }

    /// The farthest event that a believed checkpoint of another chain names.
    pub(super) fn confirmed(&self) -> Option<(u64, Mark)> {
        self.confirmed.map(|(sequence, named)| (sequence, named.mark))
    }

    /// The starts that take over this chain.
    pub(super) fn resumed(&self) -> &[(u64, Named)] {
        &self.resumed
    }

    /// What is named and is not there, in the order of the sequences.
    pub(super) fn waiting(&self) -> impl DoubleEndedIterator<Item = (u64, &Named)> {
        self.waiting.iter().flat_map(|(sequence, all)| all.iter().map(|it| (*sequence, it)))
    }

    /// The farthest that somebody has named and that is not there.
    pub(super) fn farthest(&self) -> u64 {
        self.waiting.keys().next_back().copied().unwrap_or(0)
    }

    /// The last signed event between these, the latter not included.
    pub(super) fn signed_between(&self, low: u64, sequence: u64) -> Option<Mark> {
        self.signed.range(low..sequence).next_back().map(|(_, (_, mark))| *mark)
    }
}
