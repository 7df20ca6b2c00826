//! Requests that were answered before are not answered again.
//!
//! The server makes a fresh user nkey for each login attempt, so an nkey seen twice is a
//! replay. What a replay could gain is small (an answer to a login that is over); what the
//! guard costs is small too. It knows the requests of its own replica only.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use jiff::Timestamp;

use crate::names::UserNkey;

/// The user nkeys of the requests that could still be replayed.
#[derive(Debug)]
pub struct ReplayGuard {
    seen: HashSet<UserNkey>,
    by_time: VecDeque<(Timestamp, UserNkey)>,
    most: usize,
}

impl ReplayGuard {
    /// Far longer than any login attempt. Requests leave in the order they came, so one that
    /// claims to hold for years must not keep all others in memory.
    pub const LONGEST: Duration = Duration::from_secs(300);

    /// A guard that remembers this many requests at most: beyond it, the oldest go early.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { seen: HashSet::new(), by_time: VecDeque::new(), most }
    }

    /// Whether the request is new; from now until `until` it no longer is, for
    /// [`Self::LONGEST`] at most.
    pub fn admit(&mut self, nkey: &UserNkey, until: Timestamp, now: Timestamp) -> bool {
        let until = until.min(now.saturating_add(Self::LONGEST).unwrap_or(until));
        while let Some((end, _)) = self.by_time.front()
            && (*end < now || self.by_time.len() >= self.most)
            && let Some((_, old)) = self.by_time.pop_front()
        {
            self.seen.remove(&old);
        }
        let new = self.seen.insert(nkey.clone());
        if new {
            self.by_time.push_back((until, nkey.clone()));
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nkey() -> UserNkey {
        nkeys::KeyPair::new_user().public_key().parse().unwrap()
    }

    #[test]
    fn a_request_is_new_once_and_forgotten_after_its_time() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut guard = ReplayGuard::new(2);
        let (a, b, c) = (nkey(), nkey(), nkey());
        assert!(guard.admit(&a, at(10), at(1)));
        assert!(!guard.admit(&a, at(10), at(2)));
        assert!(guard.admit(&b, at(12), at(11)));
        assert!(guard.admit(&a, at(13), at(11)), "its time was over");
        assert!(guard.admit(&c, at(14), at(11)), "the bound drops the oldest");
        assert!(guard.admit(&b, at(1_000_000), at(15)));
        assert!(guard.admit(&b, at(1_000_000), at(15 + 301)), "nothing is remembered for years");
        assert_eq!(guard.seen.len(), guard.by_time.len());
    }

    #[test]
    fn the_bound_holds() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut guard = ReplayGuard::new(2);
        for _ in 0..10 {
            assert!(guard.admit(&nkey(), at(10), at(1)));
        }
        assert_eq!(guard.seen.len(), 2);
        assert_eq!(guard.by_time.len(), 2);
    }
}
