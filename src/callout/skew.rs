//! Whether the servers' clocks and ours agree.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use jiff::SignedDuration;

use crate::names::ServerId;

/// Beyond this, tokens are judged and sessions end at noticeably wrong times.
const TOLERATED: SignedDuration = SignedDuration::from_secs(5);
/// More servers than any cluster has; a server's id is fresh at each of its starts.
const MAX_SERVERS: usize = 1000;

/// Warns when a server's clock and ours part and when they meet again, not at every request.
#[derive(Debug, Default)]
pub struct SkewWatch {
    apart: Mutex<BTreeSet<ServerId>>,
}

impl SkewWatch {
    /// Takes a measurement: how far the server is ahead.
    pub fn note(&self, server: &ServerId, skew: SignedDuration) {
        let mut known = self.apart.lock().unwrap_or_else(PoisonError::into_inner);
        let (seconds, apart) = (skew.as_secs(), skew.abs() > TOLERATED);
        if apart && known.len() < MAX_SERVERS && known.insert(server.clone()) {
            tracing::warn!(
                %server,
                seconds,
                "the server's clock and ours disagree: sessions and tokens end too early or too late"
            );
        } else if !apart && known.remove(server) {
            tracing::info!(%server, seconds, "the server's clock and ours agree again");
        }
    }
}
