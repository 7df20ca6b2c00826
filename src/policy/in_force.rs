//! Which version of the maps decides, while versions come and go.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::PolicySet;

/// The version of the maps that is in force. A login takes one snapshot and is decided by it to
/// its end; who replaces the version waits for nobody.
#[derive(Debug)]
pub struct InForce(ArcSwap<PolicySet>);

impl InForce {
    /// This version, until another replaces it.
    #[must_use]
    pub fn new(policy: PolicySet) -> Self {
        Self(ArcSwap::from_pointee(policy))
    }

    /// The version that is in force now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<PolicySet> {
        self.0.load_full()
    }

    /// Puts a version in force, as a whole, for everything that begins from here on.
    pub fn replace(&self, policy: PolicySet) {
        self.0.store(Arc::new(policy));
    }
}
