//! Which fetches logins may cause. Fetches are numbered from 1 in the order in which they begin.
//!
//! Anybody can make up a `kid`, so what unknown keys cause is bounded three times: all that wait
//! share a fetch, fetches begin [`SPACING`] apart, and each costs one of a few tokens. Known keys
//! are found whatever happens here.

use std::time::Duration;

use tokio::time::Instant;

/// From the beginning of a fetch to the beginning of the next one that a login wants. A login
/// that comes just after one began waits this long and for one answer of the IdP, which fits
/// into `callout.deadline`; and an IdP that refuses connections is asked once a second, not a
/// thousand times.
pub(super) const SPACING: Duration = Duration::from_secs(1);
/// How many fetches unknown keys may cause in a row. A rotation needs one; some garbage before it
/// must not use up all that there is.
const BURST: u32 = 5;
/// For each such span there is one more: six a minute in the long run, which no IdP minds. It is
/// also how long a rotation may go unnoticed in a flood of garbage, because whoever comes next
/// takes the new token and so fetches for all.
const REFILL: Duration = Duration::from_secs(10);

/// What logins have asked for, and what they may still ask for.
#[derive(Debug)]
pub(super) struct Demand {
    /// The highest number of a fetch that was asked for.
    wanted: u64,
    /// The number of the last fetch that cost a token, until the token comes back.
    paid: Option<u64>,
    tokens: u32,
    /// Up to when tokens were added.
    counted: Instant,
    /// After which fetch somebody was told that there is no token left.
    complained: Option<u64>,
}

impl Demand {
    pub(super) fn new(now: Instant) -> Self {
        Self { wanted: 0, paid: None, tokens: BURST, counted: now, complained: None }
    }

    /// Whether this fetch, which has not begun, was asked for.
    pub(super) fn wants(&self, fetch: u64) -> bool {
        self.wanted >= fetch
    }

    /// Asks for a fetch that costs nothing: without keys nobody can log in anyway.
    pub(super) fn insist(&mut self, fetch: u64) {
        self.wanted = self.wanted.max(fetch);
    }

    /// Asks for a fetch that costs a token, where nobody has asked for it before; `false` where
    /// there is no token left.
    pub(super) fn pay(&mut self, fetch: u64, now: Instant) -> bool {
        if self.wants(fetch) {
            return true;
        }
        self.refill(now);
        let Some(left) = self.tokens.checked_sub(1) else { return false };
        self.tokens = left;
        self.wanted = fetch;
        self.paid = Some(fetch);
        true
    }

    /// Gives back the token for a fetch after `arrived` and up to `ended`: it brought a key that
    /// was not there before, so it was no waste. Each token comes back once.
    pub(super) fn earn_back(&mut self, arrived: u64, ended: u64) {
        if self.paid.is_some_and(|paid| arrived < paid && paid <= ended) {
            self.paid = None;
            self.tokens = BURST.min(self.tokens + 1);
        }
    }

    /// Whether this refusal for want of a token is the first after this fetch.
    pub(super) fn complains(&mut self, ended: u64) -> bool {
        self.complained.replace(ended) != Some(ended)
    }

    fn refill(&mut self, now: Instant) {
        while self.tokens < BURST && now.duration_since(self.counted) >= REFILL {
            self.tokens += 1;
            self.counted += REFILL;
        }
        // A full bucket does not save up.
        if self.tokens == BURST {
            self.counted = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn five_in_a_row_and_then_one_in_ten_seconds() {
        let begin = Instant::now();
        let mut demand = Demand::new(begin);
        // A full bucket stays as full as it is.
        let mut now = begin + seconds(3600);
        let mut granted = 0;
        for fetch in 1..=5 {
            assert!(demand.pay(fetch, now));
            assert!(demand.pay(fetch, now), "the same fetch costs nothing more");
        }
        assert!(!demand.pay(6, now));
        assert!(!demand.pay(6, now + seconds(9)));
        for tick in 0..600 {
            now = begin + seconds(3600 + tick);
            granted += u64::from(demand.pay(6 + granted, now));
        }
        assert_eq!(granted, 59, "in the ten minutes after the burst");
    }

    #[test]
    fn a_token_comes_back_once_and_for_its_own_fetch_only() {
        let now = Instant::now();
        let mut demand = Demand::new(now);
        for round in 0..20 {
            assert!(demand.pay(round + 1, now));
            demand.earn_back(round + 1, round + 2);
            demand.earn_back(round, round);
            let left = demand.tokens;
            demand.earn_back(round, round + 1);
            assert_eq!(demand.tokens, left + 1);
            demand.earn_back(round, round + 1);
            assert_eq!(demand.tokens, BURST);
        }
    }

    #[test]
    fn what_is_insisted_on_is_free() {
        let now = Instant::now();
        let mut demand = Demand::new(now);
        demand.insist(1);
        assert!(demand.wants(1) && !demand.wants(2));
        demand.earn_back(0, 1);
        assert_eq!((demand.tokens, demand.paid), (BURST, None));
    }

    #[test]
    fn one_complaint_after_each_fetch() {
        let mut demand = Demand::new(Instant::now());
        assert_eq!([5, 5, 6, 6].map(|ended| demand.complains(ended)), [true, false, true, false]);
    }
}
