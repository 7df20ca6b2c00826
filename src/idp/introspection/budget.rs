//! How many questions may come to nothing.
//!
//! Anybody can make up an opaque token, and only its issuer can say that it is none. A question
//! that finds an active token costs nothing in the end; one that does not costs a token of a
//! bucket, so that made-up ones cannot make hallpass hammer the IdP, or spend itself on asking.

use std::time::Duration;

use tokio::time::Instant;

/// How many questions may come to nothing in a row: a fleet whose tokens have all ended must not
/// be held up.
const BURST: u32 = 200;
/// One more for each such span: twenty a second in the long run, which an IdP that answers
/// introspection at all does not mind.
const REFILL: Duration = Duration::from_millis(50);

/// What is left.
#[derive(Debug)]
pub(super) struct Budget {
    left: u32,
    /// Up to when it was refilled.
    counted: Instant,
    /// Whether somebody was told that nothing is left.
    complained: bool,
}

/// Whether a question may be asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// It may.
    Given,
    /// It may not, and nobody was told so far.
    RefusedFirst,
    /// It may not.
    Refused,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, counted: now, complained: false }
    }

    /// Pays for a question.
    pub(super) fn pay(&mut self, now: Instant) -> Leave {
        let earned = now.saturating_duration_since(self.counted).as_millis() / REFILL.as_millis();
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        self.counted += REFILL.saturating_mul(earned);
        self.left = self.left.saturating_add(earned).min(BURST);
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                if left > BURST / 2 {
                    self.complained = false;
                }
                Leave::Given
            }
            None if std::mem::replace(&mut self.complained, true) => Leave::Refused,
            None => Leave::RefusedFirst,
        }
    }

    /// The question found an active token.
    pub(super) fn earn_back(&mut self) {
        self.left = self.left.saturating_add(1).min(BURST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(budget: &mut Budget, count: u32, now: Instant) -> u32 {
        (0..count).filter(|_| budget.pay(now) == Leave::Given).count().try_into().unwrap()
    }

    #[test]
    fn what_comes_to_nothing_is_bounded() {
        let begin = Instant::now();
        let mut budget = Budget::new(begin);
        assert_eq!(given(&mut budget, 500, begin), 200);
        assert_eq!(given(&mut budget, 500, begin + Duration::from_secs(1)), 20);
        assert_eq!(given(&mut budget, 500, begin + Duration::from_millis(1049)), 0);
        assert_eq!(given(&mut budget, 500, begin + Duration::from_millis(1050)), 1);
        assert_eq!(given(&mut budget, 500, begin + Duration::from_secs(3600)), 200, "no more");
    }

    #[test]
    fn what_comes_to_something_costs_nothing() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        for _ in 0..1000 {
            assert_eq!(budget.pay(now), Leave::Given);
            budget.earn_back();
        }
    }

    #[test]
    fn it_is_told_once_in_a_while() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        given(&mut budget, 200, now);
        assert_eq!(budget.pay(now), Leave::RefusedFirst);
        assert_eq!(budget.pay(now), Leave::Refused);
        let later = now + Duration::from_secs(60);
        given(&mut budget, 200, later);
        assert_eq!(budget.pay(later), Leave::RefusedFirst);
    }
}
