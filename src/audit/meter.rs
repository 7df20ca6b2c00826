//! What is on its way to the stream, as numbers.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Sink, shared::Shared};

/// How the delivery stands, with what other instances left on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OnItsWay {
    /// How many events the stream has not acknowledged yet.
    pub undelivered: usize,
    /// How many of them the disk has.
    pub spooled: usize,
    /// How many were not recorded since the start: those of gaps, those that are too large, those
    /// that came too late or could not be read from the disk.
    pub lost: u64,
    /// For how long the oldest has been waiting; of what was found on the disk, since then.
    pub oldest: Duration,
}

/// How it stands now.
pub(super) fn read(sink: &Sink, windows: &[Arc<Shared>]) -> OnItsWay {
    let mut told = OnItsWay { lost: sink.lost(), ..OnItsWay::default() };
    let now = Instant::now();
    for shared in windows {
        let window = &shared.lock().window;
        told.undelivered += window.pending();
        told.spooled += window.spooled_events();
        told.lost += u64::try_from(window.parked()).unwrap_or(u64::MAX);
        told.oldest = told.oldest.max(window.oldest_undelivered(now));
    }
    told
}
