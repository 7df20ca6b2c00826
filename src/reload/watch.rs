//! The operating system's word that something has changed.

use std::{path::PathBuf, sync::Arc};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use tokio::sync::Notify;

use super::places::Places;

/// Watches a directory of maps.
pub(super) struct Watch {
    directory: Arc<PathBuf>,
    changes: Arc<Notify>,
    watcher: Option<RecommendedWatcher>,
    complained: bool,
}

impl Watch {
    /// Nothing is watched until [`Self::renew`].
    pub(super) fn new(directory: Arc<PathBuf>, changes: Arc<Notify>) -> Self {
        Self { directory, changes, watcher: None, complained: false }
    }

    /// Watches what is there now. What was watched before is until then, so that nothing is
    /// missed in between; where it cannot be watched anew, that goes on.
    pub(super) fn renew(&mut self) {
        match self.fresh() {
            Ok(watcher) => {
                self.watcher = Some(watcher);
                self.complained = false;
            }
            Err(error) if !self.complained => {
                tracing::warn!(
                    maps = %self.directory.display(),
                    %error,
                    "the subject maps cannot be watched: changes are noticed within half a minute, \
                     or at SIGHUP"
                );
                self.complained = true;
            }
            Err(_) => {}
        }
    }

    fn fresh(&self) -> notify::Result<RecommendedWatcher> {
        let (places, changes) = (Arc::new(Places::of(&self.directory)), Arc::clone(&self.changes));
        let concerned = Arc::clone(&places);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // Something was missed, perhaps: looking does no harm.
            if event.map_or(true, |event| concerns(&event, &concerned)) {
                changes.notify_one();
            }
        })?;
        for path in places.watched() {
            match watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                // It has just gone, and that shows in what held it.
                Err(_) if !path.exists() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(watcher)
    }
}

/// Whether it is a change of the maps. That a file is read is no change: we read them.
fn concerns(event: &Event, places: &Places) -> bool {
    let changed = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    };
    changed && (event.paths.is_empty() || event.paths.iter().any(|path| places.concern(path)))
}
