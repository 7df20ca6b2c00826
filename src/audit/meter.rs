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
    /// For how long the oldest of this instance's own has been waiting.
    pub own_oldest: Duration,
    /// For how long the oldest of those has been waiting that neither the stream nor the disk has.
    pub unsafe_for: Duration,
    /// The newest acknowledgement of one of those; nothing where there was none yet.
    pub acknowledged: Option<Acknowledged>,
}

/// The stream has acknowledged an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// How long ago.
    pub ago: Duration,
    /// How long the event had waited for it.
    pub took: Duration,
}

/// How it stands now.
pub(super) fn read(sink: &Sink, windows: &[Arc<Shared>]) -> OnItsWay {
    let mut told = OnItsWay { lost: sink.lost(), ..OnItsWay::default() };
    let now = Instant::now();
    for (index, shared) in windows.iter().enumerate() {
        let mut inner = shared.lock();
        // The first window is the instance's own.
        if index == 0 {
            told.own_oldest = inner.window.oldest_undelivered(now);
            told.unsafe_for = inner.window.oldest_unspooled(now).unwrap_or_default();
            let ago = |at| now.saturating_duration_since(at);
            let newest = inner.acknowledged;
            told.acknowledged = newest.map(|(at, took)| Acknowledged { ago: ago(at), took });
        }
        let window = &inner.window;
        told.undelivered += window.pending();
        told.spooled += window.spooled_events();
        told.lost += u64::try_from(window.parked()).unwrap_or(u64::MAX);
        told.oldest = told.oldest.max(window.oldest_undelivered(now));
    }
    told
}
