//! Whether the servers' clocks and ours agree.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;

/// Beyond this, tokens are judged and sessions end at noticeably wrong times.
const TOLERATED: SignedDuration = SignedDuration::from_secs(5);

/// Warns when the clocks part and when they meet again, not at every request.
#[derive(Debug, Default)]
pub struct SkewWatch {
    apart: AtomicBool,
}

impl SkewWatch {
    /// Takes a measurement.
    pub fn note(&self, server: &str, skew: SignedDuration) {
        let apart = skew.abs() > TOLERATED;
        if self.apart.swap(apart, Ordering::Relaxed) == apart {
            return;
        }
        let seconds = skew.as_secs();
        if apart {
            tracing::warn!(
                server,
                seconds,
                "the server's clock and ours disagree: sessions and tokens end too early or too late"
            );
        } else {
            tracing::info!(server, seconds, "the server's clock and ours agree again");
        }
    }
}
