//! Times of the last seconds.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// How many are remembered, the newest: enough for a median, at any rate of logins.
const MOST: usize = 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Recent {
    keeps: Duration,
    times: VecDeque<(Instant, Duration)>,
}

impl Recent {
    /// Remembers what was noted so long ago at most.
    pub(super) fn new(keeps: Duration) -> Self {
        Self { keeps, times: VecDeque::new() }
    }

    pub(super) fn note(&mut self, now: Instant, time: Duration) {
        self.forget(now);
        if self.times.len() >= MOST {
            self.times.pop_front();
        }
        self.times.push_back((now, time));
    }

    pub(super) fn median(&mut self, now: Instant) -> Option<Duration> {
        self.forget(now);
        let mut times: Vec<_> = self.times.iter().map(|(_, time)| *time).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }

    /// The longest; no time where there is none.
    pub(super) fn worst(&mut self, now: Instant) -> Duration {
        self.forget(now);
        self.times.iter().map(|(_, time)| *time).max().unwrap_or_default()
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |at: Instant| now.saturating_duration_since(at) > self.keeps;
        while self.times.front().is_some_and(|(at, _)| is_old(*at)) {
            self.times.pop_front();
        }
    }
}
