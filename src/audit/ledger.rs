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

/// How many events a gap names.
const MOST_IDS: usize = 64;

/// What waits for the stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Bytes in memory alone.
    pub(super) only_in_memory: usize,
    /// The disk, where there is one.
    pub(super) disk: Option<Disk>,
}

/// How much of the disk is in use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Disk {
    /// Bytes, with those that are about to be written.
    pub(super) used: u64,
    /// How many there may be.
    pub(super) most: u64,
}

impl Disk {
    /// Whether what is left is kept for grants: whoever can reach the server can be refused, as
    /// often as they like.
    fn is_scarce(self) -> bool {
        self.used >= self.most - self.most / 4
    }
}

/// See the module.
pub(super) struct Ledger {
    pub(super) chain: Chain,
    /// Events since the last checkpoint that are none.
    new: u64,
    gap: Option<Gap>,
    /// How many events were not recorded.
    lost: u64,
    /// Of the gap: what the log was told of.
    told_of_others: bool,
    told_of_all: bool,
    /// The last checkpoint is signed: nothing may come after it.
    closed: bool,
}

impl Ledger {
    pub(super) fn new(instance: InstanceId) -> Self {
        Self {
            chain: Chain::new(instance),
            new: 0,
            gap: None,
            lost: 0,
            told_of_others: false,
            told_of_all: false,
            closed: false,
        }
    }

    /// Whether there is room for an event.
    pub(super) fn has_room(class: Class, load: Load) -> bool {
        let memory = match class {
            Class::Correction => MEMORY + MEMORY_OF_CORRECTIONS,
            Class::Grant | Class::Own => MEMORY,
            Class::Refusal | Class::Other => MEMORY_OF_OTHERS,
        };
        // A disk that is full to the last is asked again and again; what it does not take is in
        // memory.
        let is_reserved = matches!(class, Class::Refusal | Class::Other)
            && load.disk.is_some_and(Disk::is_scarce);
        load.only_in_memory < memory && !is_reserved
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

    /// Counts an event for which there is no room; `true` where the login goes on all the same.
    pub(super) fn no_room(&mut self, class: Class, go_on: bool, now: Timestamp) -> bool {
        let goes_on = self.count(class, go_on, now);
        let (told, what) = match class {
            Class::Refusal | Class::Other => (
                &mut self.told_of_others,
                "what room there is left for audit events is kept for grants: others are only \
                 counted",
            ),
            _ => (
                &mut self.told_of_all,
                "there is room for audit events nowhere: they are only counted",
            ),
        };
        if !std::mem::replace(told, true) {
            tracing::error!("{what}");
        }
        goes_on
    }

    /// Counts an event that no message can hold.
    pub(super) fn too_large(&mut self, class: Class, now: Timestamp) {
        self.count(class, false, now);
    }

    fn count(&mut self, class: Class, go_on: bool, now: Timestamp) -> bool {
        // The refusal that takes its place has an event of its own, or is counted then.
        if class == Class::Grant && !go_on {
            return false;
        }
        self.lost += 1;
        let gap = self.gap.get_or_insert_with(|| Gap::new(now));
        gap.until = now;
        match class {
            Class::Grant => gap.granted += 1,
            Class::Refusal | Class::Correction => gap.refused += 1,
            Class::Own | Class::Other => gap.other += 1,
        }
        class == Class::Grant
    }

    /// Notes events of chains that the stream never takes: their ids.
    pub(super) fn parked(&mut self, ids: Vec<String>, now: Timestamp) {
        if ids.is_empty() {
            return;
        }
        let gap = self.gap.get_or_insert_with(|| Gap::new(now));
        gap.until = now;
        gap.parked += ids.len() as u64;
        let left = MOST_IDS.saturating_sub(gap.parked_ids.len());
        gap.parked_ids.extend(ids.into_iter().take(left));
    }

    /// What was only counted, now that there is room to tell it.
    pub(super) fn take_gap(&mut self) -> Option<Result<Event, serde_json::Error>> {
        let gap = self.gap.take()?;
        (self.told_of_others, self.told_of_all) = (false, false);
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
        let has_room =
            |class, only_in_memory| Ledger::has_room(class, Load { only_in_memory, disk: None });
        for class in [Class::Other, Class::Refusal] {
            assert!(has_room(class, MEMORY_OF_OTHERS - 1));
            assert!(!has_room(class, MEMORY_OF_OTHERS));
        }
        for class in [Class::Grant, Class::Own] {
            assert!(has_room(class, MEMORY - 1));
            assert!(!has_room(class, MEMORY));
        }
        assert!(has_room(Class::Correction, MEMORY), "what is told can be taken back");
    }

    #[test]
    fn grants_have_the_last_quarter_of_the_disk() {
        let has_room = |class, used| {
            Ledger::has_room(
                class,
                Load { only_in_memory: 0, disk: Some(Disk { used, most: 100 }) },
            )
        };
        for class in [Class::Other, Class::Refusal] {
            assert!(has_room(class, 74));
            assert!(!has_room(class, 75));
        }
        for class in [Class::Grant, Class::Correction, Class::Own] {
            assert!(has_room(class, 75) && has_room(class, 100));
        }
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
    fn what_the_stream_never_takes_is_named_and_what_no_message_holds_is_counted() {
        let mut ledger = a_ledger();
        ledger.parked(Vec::new(), NOW);
        ledger.too_large(Class::Grant, NOW);
        assert!(ledger.take_gap().is_none(), "the refusal that takes its place tells of it");
        ledger.too_large(Class::Correction, NOW);
        ledger.parked((0..MOST_IDS + 3).map(|n| format!("i-{n}")).collect(), NOW);
        ledger.parked(vec!["i-x".to_owned()], NOW);
        let told = on_the_stream(&ledger.take_gap().unwrap().unwrap());
        let data = &told["data"];
        assert_eq!((&data["refused"], &data["granted"]), (&1.into(), &0.into()));
        assert_eq!(data["parked"], MOST_IDS + 4);
        let ids = data["parked_ids"].as_array().unwrap();
        assert_eq!((ids.len(), &ids[0]), (MOST_IDS, &"i-0".into()));
        ledger.no_room(Class::Other, false, NOW);
        let told = on_the_stream(&ledger.take_gap().unwrap().unwrap());
        assert!(told["data"].get("parked").is_none() && told["data"].get("parked_ids").is_none());
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
