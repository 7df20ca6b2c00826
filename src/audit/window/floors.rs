//! After what on the stream the events stand that were sent.

use super::Window;

impl Window {
    /// A sequence of the stream after which those of the events stand that are there; nothing where
    /// none of them was sent yet.
    pub(in crate::audit) fn floor(&self) -> Option<u64> {
        self.slots.iter().find(|slot| !slot.delivered).and_then(|slot| slot.floor)
    }

    /// Whether the stream cannot have taken an event at this sequence of its own, unless it lost
    /// its end since the event was sent first, or is another one.
    pub(in crate::audit) fn went_back(&mut self, sequence: u64, at: u64) -> bool {
        self.slot(sequence).and_then(|slot| slot.floor).is_some_and(|floor| at <= floor)
    }

    /// What was known of where events stand holds no more.
    pub(in crate::audit) fn forget_floors(&mut self) {
        self.set_floors(0);
    }

    /// Of all that were sent.
    pub(super) fn set_floors(&mut self, to: u64) {
        for floor in self.slots.iter_mut().filter_map(|slot| slot.floor.as_mut()) {
            *floor = to;
        }
    }
}
