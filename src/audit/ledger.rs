//! What an instance's chain was given, and what there was no room for. Pure.

use jiff::Timestamp;

use super::{
    chain::Chain,
    event::{self, Checkpoint, Event, Gap, Kind},
    recorder::Class,
};
use crate::{audit::chain::Head, names::InstanceId};

/// How many bytes of events may be in memory alone: a disk that works has them within
/// milliseconds, a stream too.
const MEMORY: usize = 64 * 1024 * 1024;
/// How many of them may be anything but grants: no flood of refusals keeps a grant out.
const MEMORY_OF_OTHERS: usize = 48 * 1024 * 1024;

/// How many of them may be there for what takes back a grant whose event is there already.
const MEMORY_OF_CORRECTIONS: usize = 8 * 1024 * 1024;

/// See the module.
pub(super) struct Ledger {
    pub(super) chain: Chain,
    /// Events since the last checkpoint that are none.
    new: u64,
    gap: Option<Gap>,
    /// How many events were not recorded.
    lost: u64,
    /// The last checkpoint is signed: nothing may come after it.
    closed: bool,
}

impl Ledger {
    pub(super) fn new(instance: InstanceId) -> Self {
        Self { chain: Chain::new(instance), new: 0, gap: None, lost: 0, closed: false }
    }

    /// Whether an event may come to so many bytes that are in memory alone.
    pub(super) fn has_room(class: Class, only_in_memory: usize) -> bool {
        only_in_memory
            < match class {
                Class::Correction => MEMORY + MEMORY_OF_CORRECTIONS,
                Class::Grant => MEMORY,
                Class::Refusal | Class::Other => MEMORY_OF_OTHERS,
            }
    }

    /// How many events were not recorded, those of gaps among them.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Counts an event that is not recorded.
    pub(super) fn lose(&mut self) {
        self.lost += 1;
    }

    /// Whether the last checkpoint is signed, so that nothing becomes part of the chain any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Takes note of an event that becomes part of the chain.
    pub(super) fn note(&mut self, kind: Kind) {
        if kind != Kind::Checkpoint {
            self.new += 1;
        }
    }

    /// Counts an event for which there is room nowhere; `true` where the login goes on all the
    /// same.
    pub(super) fn no_room(&mut self, class: Class, go_on: bool, now: Timestamp) -> bool {
        let is_first = self.gap.is_none();
        let none = Gap { since: now, until: now, granted: 0, refused: 0, other: 0 };
        let gap = self.gap.get_or_insert(none);
        gap.until = now;
        match class {
            Class::Grant if go_on => gap.granted += 1,
            // The refusal that takes its place is counted then.
            Class::Grant => {}
            Class::Refusal | Class::Correction => gap.refused += 1,
            Class::Other => gap.other += 1,
        }
        self.lost += u64::from(class != Class::Grant || go_on);
        if is_first {
            tracing::error!("there is room for audit events nowhere: they are only counted");
        }
        class == Class::Grant && go_on
    }

    /// What was only counted, now that there is room to tell it.
    pub(super) fn take_gap(&mut self) -> Option<Result<Event, serde_json::Error>> {
        let gap = self.gap.take()?;
        Some(event::gap(&gap, self.chain.head().instance))
    }

    /// A checkpoint for everything so far, naming what was heard of others; nothing where there
    /// is nothing new. `is_final` where nothing comes after it.
    pub(super) fn checkpoint(
        &mut self,
        key: String,
        others: Vec<Head>,
        is_final: bool,
        now: Timestamp,
    ) -> Option<Result<Event, serde_json::Error>> {
        if self.closed || self.new == 0 && others.is_empty() && !is_final {
            return None;
        }
        self.closed = is_final;
        let (head, new) = (self.chain.head(), std::mem::take(&mut self.new));
        Some(event::checkpoint(&Checkpoint { key, head, new, others, is_final }, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::on_the_stream;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn a_ledger() -> Ledger {
        Ledger::new(InstanceId::fresh())
    }

    #[test]
    fn grants_have_the_last_of_the_room() {
        assert!(Ledger::has_room(Class::Other, MEMORY_OF_OTHERS - 1));
        assert!(!Ledger::has_room(Class::Other, MEMORY_OF_OTHERS));
        assert!(!Ledger::has_room(Class::Refusal, MEMORY_OF_OTHERS));
        assert!(Ledger::has_room(Class::Grant, MEMORY - 1));
        assert!(!Ledger::has_room(Class::Grant, MEMORY));
        assert!(Ledger::has_room(Class::Correction, MEMORY), "what is told can be taken back");
    }

    #[test]
    fn what_there_was_no_room_for_is_told_as_numbers() {
        let mut ledger = a_ledger();
        assert!(ledger.take_gap().is_none());
        let later = NOW + jiff::SignedDuration::from_secs(9);
        assert!(!ledger.no_room(Class::Grant, false, NOW), "nobody gets in untold");
        assert!(!ledger.no_room(Class::Refusal, false, NOW));
        assert!(ledger.no_room(Class::Grant, true, NOW), "unless that is wanted");
        assert!(!ledger.no_room(Class::Refusal, true, NOW));
        assert!(!ledger.no_room(Class::Other, true, later));
        let told = ledger.take_gap().unwrap().unwrap();
        assert_eq!(told.topic(), "gap._.recorded");
        let data = &on_the_stream(&told)["data"];
        let counts = ["granted", "refused", "other"].map(|name| data[name].as_u64().unwrap());
        assert_eq!(counts, [1, 2, 1]);
        assert_eq!(data["since"], "1970-01-01T00:00:00Z");
        assert_eq!(data["until"], "1970-01-01T00:00:09Z");
        assert_eq!(ledger.lost(), 4, "as many as the gap tells");
        ledger.lose();
        assert_eq!(ledger.lost(), 5);
        assert!(ledger.take_gap().is_none(), "it is told once");
    }

    #[test]
    fn there_is_a_checkpoint_where_there_is_something_to_vouch_for() {
        let mut ledger = a_ledger();
        let key = nkeys::KeyPair::new_user().public_key();
        let sign = |ledger: &mut Ledger, others: &[Head], is_final| {
            let event = ledger.checkpoint(key.clone(), others.to_vec(), is_final, NOW)?;
            Some(on_the_stream(&event.unwrap())["data"].clone())
        };
        assert!(sign(&mut ledger, &[], false).is_none());
        ledger.note(Kind::Decision);
        ledger.note(Kind::Checkpoint);
        let data = sign(&mut ledger, &[], false).unwrap();
        assert_eq!((data["new"].as_u64(), data.get("final")), (Some(1), None));
        assert!(sign(&mut ledger, &[], false).is_none(), "once");
        let other = a_ledger().chain.head();
        let data = sign(&mut ledger, &[other], false).unwrap();
        assert_eq!(data["others"][0]["instance"], other.instance.to_string());
        assert!(!ledger.is_closed());
        assert_eq!(sign(&mut ledger, &[], true).unwrap()["final"], true);
        assert!(ledger.is_closed() && sign(&mut ledger, &[other], true).is_none());
    }
}
