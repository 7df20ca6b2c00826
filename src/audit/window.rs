//! The events of a chain that are not on the stream yet. Pure: no waiting, no disk, no clock.
//!
//! Each is in memory, on the disk, or both; it is safe once the stream or the disk has it. They
//! leave in the order of the chain.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::oneshot, time::Instant};

use super::chain::{Head, Sealed};

mod floors;
mod slot;

use slot::{Id, Slot};
pub(super) use slot::{Outgoing, Place};

/// Once so many bytes of events are in memory, those that the disk has too are kept there alone.
const MEMORY: usize = 16 * 1024 * 1024;

/// What an event takes beside its bytes, in bytes, and more: its subject, its slot, who waits.
const AROUND: usize = 512;

/// See the module.
pub(super) struct Window {
    /// All before this one are delivered.
    first: u64,
    /// In order of their sequences. Where some are missing, they are delivered: a hole costs
    /// nothing, however wide it is.
    slots: VecDeque<Slot>,
    /// Bytes of bodies in memory.
    memory: usize,
    /// Bytes of those that the disk has not, with what is [around](AROUND) each.
    unspooled: usize,
    /// The next to send.
    next: u64,
    /// The next that the disk may be asked to take.
    next_to_spool: u64,
    /// How many events of each file are still needed.
    segments: BTreeMap<u64, usize>,
    /// Files of which none is needed any more.
    released: Vec<u64>,
    undelivered: usize,
    /// Those of them that will never be delivered.
    parked: usize,
    /// Those of the latter that the disk has not either.
    parked_nowhere: usize,
}

impl Window {
    /// A window whose first event will have this sequence.
    pub(super) fn new(first: u64) -> Self {
        Self {
            first,
            slots: VecDeque::new(),
            memory: 0,
            unspooled: 0,
            next: first,
            next_to_spool: first,
            segments: BTreeMap::new(),
            released: Vec::new(),
            undelivered: 0,
            parked: 0,
            parked_nowhere: 0,
        }
    }

    /// The bytes that memory alone has, with what each event takes beside its own: what is bounded.
    pub(super) fn only_in_memory(&self) -> usize {
        self.unspooled
    }

    /// How many events are not on the stream.
    pub(super) fn undelivered(&self) -> usize {
        self.undelivered
    }

    /// How many of them may still get there.
    pub(super) fn pending(&self) -> usize {
        self.undelivered - self.parked
    }

    /// How many will never get there.
    pub(super) fn parked(&self) -> usize {
        self.parked
    }

    /// How many events that are needed the disk has.
    pub(super) fn spooled_events(&self) -> usize {
        self.segments.values().sum()
    }

    /// For how long the oldest event has been waiting for the stream; no time where there is none.
    pub(super) fn oldest_undelivered(&self, now: Instant) -> Duration {
        let oldest = self.slots.iter().find(|slot| !slot.delivered);
        oldest.map_or(Duration::ZERO, |slot| now.saturating_duration_since(slot.since))
    }

    /// For how long an event has been waiting for the stream; nothing where it does not wait.
    pub(super) fn waited(&mut self, sequence: u64, now: Instant) -> Option<Duration> {
        let slot = self.slot(sequence).filter(|slot| !slot.delivered)?;
        Some(now.saturating_duration_since(slot.since))
    }

    /// How many events neither the stream nor the disk has.
    pub(super) fn at_risk(&self) -> usize {
        let waiting = self.slots.iter().filter(|slot| !slot.delivered && slot.place.is_none());
        waiting.count() + self.parked_nowhere
    }

    /// Takes the next event of the chain.
    pub(super) fn push(&mut self, event: Sealed, safe: oneshot::Sender<()>, now: Instant) {
        debug_assert_eq!(event.sequence, self.end());
        let bytes = event.payload.len();
        self.memory += bytes;
        self.unspooled += bytes + AROUND;
        let slot = Slot::new(event.sequence, event.subject, event.hash, now);
        self.add(Slot { body: Some(event.payload), safe: Some(safe), ..slot });
    }

    /// Takes an event that was found on the disk; those between the last and this one are not
    /// there any more, because the stream has them.
    pub(super) fn restore(&mut self, head: Head, subject: String, place: Place, now: Instant) {
        debug_assert!(self.end() <= head.sequence);
        *self.segments.entry(place.segment).or_default() += 1;
        let slot = Slot::new(head.sequence, subject, head.hash, now);
        self.add(Slot { place: Some(place), ..slot });
    }

    fn add(&mut self, slot: Slot) {
        self.slots.push_back(slot);
        self.undelivered += 1;
    }

    fn end(&self) -> u64 {
        self.slots.back().map_or(self.first, |slot| slot.sequence + 1)
    }

    fn slot(&mut self, sequence: u64) -> Option<&mut Slot> {
        let index = self.slots.binary_search_by_key(&sequence, |slot| slot.sequence).ok()?;
        self.slots.get_mut(index)
    }

    /// The first slot of this sequence or a later one.
    fn index_from(&self, sequence: u64) -> usize {
        self.slots.partition_point(|slot| slot.sequence < sequence)
    }

    /// The next event to send, which is then under way. If it was not sent before, it will stand
    /// after `floor` on the stream.
    pub(super) fn take_next(&mut self, floor: u64) -> Option<Outgoing> {
        loop {
            let index = self.index_from(self.next);
            let slot = self.slots.get_mut(index)?;
            let sequence = slot.sequence;
            let outgoing = match (&slot.body, slot.place) {
                _ if slot.delivered => None,
                (Some(body), _) => Some(Outgoing::Ready(Sealed {
                    sequence,
                    hash: slot.hash,
                    subject: slot.subject.clone(),
                    payload: body.clone(),
                })),
                (None, Some(place)) => Some(Outgoing::Stored(sequence, slot.hash, place)),
                (None, None) => None,
            };
            if outgoing.is_some() {
                slot.floor.get_or_insert(floor);
            }
            self.next = sequence + 1;
            if outgoing.is_some() {
                return outgoing;
            }
        }
    }

    /// The subject of an event that is on the disk.
    pub(super) fn subject(&mut self, sequence: u64) -> String {
        self.slot(sequence).map(|slot| slot.subject.clone()).unwrap_or_default()
    }

    /// Everything that was sent and is not on the stream is to be sent again; where it gets there
    /// yet, that is after `floor`. What was found there has been told by now: whose id was taken
    /// and who was not found has lost it; `true` where there is such an event.
    pub(super) fn send_again(&mut self, floor: u64) -> bool {
        self.next = self.first;
        self.set_floors(floor);
        let taken = self.slots.iter_mut().filter(|slot| !slot.delivered && slot.id == Id::Taken);
        taken.map(|slot| slot.id = Id::Lost).count() > 0
    }

    /// Whether there is an event whose id the stream knows, and that was not found there.
    pub(super) fn has_taken(&self) -> bool {
        self.slots.iter().any(|slot| !slot.delivered && slot.id == Id::Taken)
    }

    /// The stream knows an event's id, though it may not be the event's.
    pub(super) fn id_is_taken(&mut self, sequence: u64) {
        if let Some(slot) = self.slot(sequence) {
            slot.id = Id::Taken;
        }
    }

    /// Whether an event must be sent without its id, because something else has it.
    pub(super) fn is_without_id(&mut self, sequence: u64) -> bool {
        self.slot(sequence).is_some_and(|slot| slot.id == Id::Lost)
    }

    /// Whether an event of this sequence that is not delivered yet has this hash.
    pub(super) fn is(&mut self, head: Head) -> bool {
        self.slot(head.sequence).is_some_and(|slot| !slot.delivered && slot.hash == head.hash)
    }

    /// The stream has an event.
    pub(super) fn delivered(&mut self, sequence: u64) {
        let Some(slot) = self.slot(sequence).filter(|slot| !slot.delivered) else { return };
        slot.delivered = true;
        let (body, place) = (slot.body.take(), slot.place);
        if let Some(safe) = slot.safe.take() {
            // Whoever waited may have gone.
            let _ = safe.send(());
        }
        self.undelivered -= 1;
        let bytes = body.map_or(0, |body| body.len());
        self.memory -= bytes;
        match place {
            None => self.unspooled -= bytes + AROUND,
            Some(place) => self.release(place.segment),
        }
        self.drop_delivered();
    }

    /// An event will never be on the stream, and is in the way of no other. Where it is kept
    /// elsewhere, it is not needed here any more; else what the disk has of it stays there.
    pub(super) fn park(&mut self, sequence: u64, is_kept: bool) {
        let Some(slot) = self.slot(sequence).filter(|slot| !slot.delivered) else { return };
        slot.delivered = true;
        // Whoever waits hears that it is not safe, unless the disk has it.
        slot.safe = None;
        let (body, place) = (slot.body.take(), slot.place);
        let bytes = body.map_or(0, |body| body.len());
        self.memory -= bytes;
        if place.is_none() {
            self.unspooled -= bytes + AROUND;
        }
        match place {
            _ if !is_kept => {
                self.parked += 1;
                self.parked_nowhere += usize::from(place.is_none());
            }
            Some(place) => {
                self.undelivered -= 1;
                self.release(place.segment);
            }
            None => self.undelivered -= 1,
        }
        self.drop_delivered();
    }

    fn release(&mut self, segment: u64) {
        let Some(needed) = self.segments.get_mut(&segment) else { return };
        *needed -= 1;
        if *needed == 0 {
            self.segments.remove(&segment);
            self.released.push(segment);
        }
    }

    fn drop_delivered(&mut self) {
        while self.slots.front().is_some_and(|slot| slot.delivered) {
            self.first = self.slots.pop_front().map_or(self.first, |slot| slot.sequence + 1);
        }
        self.next = self.next.max(self.first);
        self.next_to_spool = self.next_to_spool.max(self.first);
    }

    /// Whether there may be files of which no event is needed any more.
    pub(super) fn has_released(&self) -> bool {
        !self.released.is_empty()
    }

    /// Files of which no event is needed any more.
    pub(super) fn take_released(&mut self) -> Vec<u64> {
        let mut released = std::mem::take(&mut self.released);
        // What was not needed for a moment may be again: more was written to it meanwhile.
        released.retain(|segment| !self.segments.contains_key(segment));
        released
    }

    /// For how long the oldest event has been waiting that neither stream nor disk has.
    pub(super) fn oldest_unspooled(&mut self, now: Instant) -> Option<Duration> {
        while let Some(slot) = self.slots.get(self.index_from(self.next_to_spool)) {
            if !slot.delivered && slot.place.is_none() {
                return Some(now.saturating_duration_since(slot.since));
            }
            self.next_to_spool = slot.sequence + 1;
        }
        None
    }

    /// What the disk is to take next, in order, about as many bytes as said.
    pub(super) fn to_spool(&self, most: usize) -> Vec<Sealed> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for slot in self.slots.range(self.index_from(self.next_to_spool)..) {
            if bytes >= most {
                break;
            }
            if let (false, None, Some(body)) = (slot.delivered, slot.place, &slot.body) {
                bytes += body.len();
                let (subject, payload) = (slot.subject.clone(), body.clone());
                batch.push(Sealed { sequence: slot.sequence, hash: slot.hash, subject, payload });
            }
        }
        batch
    }

    /// The disk has an event for good.
    pub(super) fn spooled(&mut self, sequence: u64, place: Place) {
        let full = self.memory > MEMORY;
        let Some(slot) = self.slot(sequence).filter(|slot| !slot.delivered) else {
            // The stream has it by now: it needs no place.
            self.released.push(place.segment);
            return;
        };
        slot.place = Some(place);
        if let Some(safe) = slot.safe.take() {
            let _ = safe.send(());
        }
        let bytes = slot.body.as_ref().map_or(0, Bytes::len);
        if full {
            slot.body = None;
        }
        self.unspooled -= bytes + AROUND;
        if full {
            self.memory -= bytes;
        }
        *self.segments.entry(place.segment).or_default() += 1;
    }

    /// Nobody is to wait any longer, although nothing is safe.
    pub(super) fn excuse_all(&mut self) {
        for slot in &mut self.slots {
            if let Some(safe) = slot.safe.take() {
                let _ = safe.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
