//! From where on the stream is asked what became of events. Pure.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

/// How many messages a floor may lie behind another before the other is worth a file of its own.
const NEAR: u64 = 4096;

/// How the stream is, as its leader says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// When it was made: one that is made anew has another time.
    pub(super) made: Timestamp,
    /// The sequence of its last message; 0 where there was none yet.
    pub(super) last: u64,
}

/// A sequence of a stream after which events stand, as far as they are there. It says nothing of
/// any other stream.
///
/// As text: the sequence, and after a space when the stream was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Floor {
    /// When the stream was made; nothing where that was not known.
    made: Option<Timestamp>,
    sequence: u64,
}

impl Floor {
    /// The beginning, of whatever stream.
    pub(super) const BEGINNING: Self = Self { made: None, sequence: 0 };

    /// Whatever is sent from now on stands after this.
    pub(super) fn end_of(state: State) -> Self {
        Self { made: Some(state.made), sequence: state.last }
    }

    /// The same stream's floor at this sequence.
    pub(super) fn at(self, sequence: u64) -> Self {
        Self { sequence, ..self }
    }

    /// The sequence, on the stream that it was seen on.
    pub(super) fn sequence(self) -> u64 {
        self.sequence
    }

    /// After which sequence the events stand on the stream as it is now: the beginning, where it
    /// is another, or lost its end.
    pub(super) fn on(self, now: State) -> u64 {
        let holds = self.made == Some(now.made) && self.sequence <= now.last;
        if holds { self.sequence } else { 0 }
    }

    /// Whether whatever stands after the other stands after this one too.
    pub(super) fn covers(self, other: Self) -> bool {
        self.sequence == 0 || self.made == other.made && self.sequence <= other.sequence
    }

    /// Whether it costs little to look from here where the other would do.
    pub(super) fn is_near(self, other: Self) -> bool {
        self.made == other.made && other.sequence.saturating_sub(self.sequence) < NEAR
    }

    /// What covers both.
    pub(super) fn and(self, other: Self) -> Self {
        match () {
            () if self.covers(other) => self,
            () if other.covers(self) => other,
            () => Self::BEGINNING,
        }
    }
}

impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.made {
            Some(made) => write!(f, "{} {made}", self.sequence),
            None => self.sequence.fmt(f),
        }
    }
}

/// That a text is no floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no place of a stream")]
pub(super) struct NoFloor;

impl FromStr for Floor {
    type Err = NoFloor;

    fn from_str(text: &str) -> Result<Self, NoFloor> {
        let (sequence, made) = match text.split_once(' ') {
            Some((sequence, made)) => (sequence, Some(made.parse().map_err(|_| NoFloor)?)),
            None => (text, None),
        };
        Ok(Self { made, sequence: sequence.parse().map_err(|_| NoFloor)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(second: i64) -> Timestamp {
        Timestamp::new(second, 123_456_789).unwrap()
    }

    fn a_floor(second: i64, sequence: u64) -> Floor {
        Floor::end_of(State { made: made(second), last: sequence })
    }

    #[test]
    fn a_floor_holds_on_the_stream_it_was_seen_on_and_as_long_as_that_keeps_its_end() {
        let floor = a_floor(1, 17);
        let on = |second, last| floor.on(State { made: made(second), last });
        assert_eq!((on(1, 17), on(1, 99)), (17, 17));
        assert_eq!(on(1, 16), 0, "it lost its end");
        assert_eq!((on(2, 99), on(0, 99)), (0, 0), "it is another");
        let of_whatever = Floor::BEGINNING.at(17);
        assert_eq!(of_whatever.on(State { made: made(1), last: 99 }), 0, "it may be another");
    }

    #[test]
    fn one_floor_for_two_is_the_lower_or_the_beginning() {
        assert_eq!(a_floor(1, 17).and(a_floor(1, 3)), a_floor(1, 3));
        assert_eq!(a_floor(1, 3).and(a_floor(1, 17)), a_floor(1, 3));
        let on = |floor: Floor| floor.on(State { made: made(1), last: 99 });
        for other in [a_floor(2, 17), Floor::BEGINNING, Floor::BEGINNING.at(17)] {
            assert_eq!(on(a_floor(1, 17).and(other)), 0, "{other:?}");
            assert_eq!(on(other.and(a_floor(1, 17))), 0, "{other:?}");
        }
        assert!(a_floor(1, 3).covers(a_floor(1, 3)) && !a_floor(1, 3).covers(a_floor(1, 2)));
        assert!(Floor::BEGINNING.covers(a_floor(1, 2)) && !a_floor(1, 2).covers(Floor::BEGINNING));
    }

    #[test]
    fn what_is_far_behind_is_not_near() {
        let low = a_floor(1, 3);
        assert!(low.is_near(low) && low.is_near(a_floor(1, 3 + NEAR - 1)));
        assert!(!low.is_near(a_floor(1, 3 + NEAR)) && !low.is_near(a_floor(2, 3)));
        assert!(!Floor::BEGINNING.is_near(low), "the stream was not known");
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        for floor in [Floor::BEGINNING, Floor::BEGINNING.at(5), a_floor(1_763_733_838, 23)] {
            assert_eq!(floor.to_string().parse(), Ok(floor));
        }
        for text in ["", "x", "1 ", "1 yesterday", "-1", "1 2026-11-21T10:28:05Z x"] {
            assert_eq!(text.parse::<Floor>(), Err(NoFloor), "{text}");
        }
    }
}
