//! What records events, as the rest of hallpass sees it.

use tokio::sync::oneshot;

use super::Event;

/// What an event is about, where there is no room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A login that is granted once its event is safe.
    Grant,
    /// A login that was granted and is not, because its event is not safe.
    Correction,
    /// A login that is refused.
    Refusal,
    /// What hallpass did itself, and nobody outside can make it do: its start, its stop, its maps
    /// and its keys.
    Own,
    /// Anything else: strangers may cause as much of it as they like.
    Other,
}

/// Tells when an event is safe. May be thrown away: the event goes its way all the same.
#[derive(Debug)]
pub struct Receipt(Option<oneshot::Receiver<()>>);

impl Receipt {
    /// A receipt, and what makes it say yes.
    #[must_use]
    pub fn new() -> (oneshot::Sender<()>, Self) {
        let (done, receipt) = oneshot::channel();
        (done, Self(Some(receipt)))
    }

    /// The receipt of an event that could not be taken.
    #[must_use]
    pub fn never() -> Self {
        Self(None)
    }

    /// The receipt of an event that nobody waits for.
    #[must_use]
    pub fn at_once() -> Self {
        let (done, receipt) = Self::new();
        // The receiver is in the receipt.
        let _ = done.send(());
        receipt
    }

    /// Waits until the event is safe (`true`) or it is clear that it will not be (`false`).
    pub async fn is_safe(self) -> bool {
        match self.0 {
            Some(receipt) => receipt.await.is_ok(),
            None => false,
        }
    }
}

/// Something that keeps events.
pub trait Recorder: Send + Sync {
    /// Takes an event; it goes its way whether or not anybody waits for the receipt.
    fn record(&self, event: Event, class: Class) -> Receipt;
}
