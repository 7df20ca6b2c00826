//! Who wants to hear of it when an issuer's keys are others than before.

use std::sync::Arc;

use tokio::sync::watch;

use super::{super::KeySet, IssuerKeys, State};

/// Other keys than before.
#[derive(Debug, Clone)]
pub struct KeysChange {
    /// The keys from before; `None` where these are the first.
    pub before: Option<Arc<KeySet>>,
    /// The keys that are in force.
    pub now: Arc<KeySet>,
}

/// The changes of an issuer's keys, one after the other.
#[derive(Debug)]
pub struct KeysChanges {
    states: watch::Receiver<State>,
    told: Option<Arc<KeySet>>,
}

impl IssuerKeys {
    /// The changes from now on; keys that are there already are the first.
    #[must_use]
    pub fn changes(&self) -> KeysChanges {
        let mut states = self.state.subscribe();
        states.mark_changed();
        KeysChanges { states, told: None }
    }
}

impl KeysChanges {
    /// Waits for a change. Changes that follow each other faster than they are asked for here are
    /// one. `None`: there are none to come.
    ///
    /// May be cancelled: what was not returned is returned by the next call.
    pub async fn next(&mut self) -> Option<KeysChange> {
        loop {
            self.states.changed().await.ok()?;
            let Some(now) = self.states.borrow_and_update().keys.clone() else { continue };
            if self.told.as_ref().is_some_and(|told| told.is_the_same_as(&now)) {
                continue;
            }
            let before = self.told.replace(Arc::clone(&now));
            return Some(KeysChange { before, now });
        }
    }
}
