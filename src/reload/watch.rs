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
    /// As where the operating system sends no events.
    #[cfg(test)]
    pub(super) blind: bool,
}

impl Watch {
    /// Nothing is watched until [`Self::renew`].
    pub(super) fn new(directory: Arc<PathBuf>, changes: Arc<Notify>) -> Self {
        Self {
            directory,
            changes,
            watcher: None,
            complained: false,
            #[cfg(test)]
            blind: false,
        }
    }

    /// Watches what is there now. What was watched before is until then, so that nothing is
    /// missed in between; where it cannot be watched anew, that goes on.
    pub(super) fn renew(&mut self) {
        #[cfg(test)]
        if self.blind {
            return;
        }
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
        let changes = Arc::clone(&self.changes);
        watcher(Places::of(&self.directory), move |_| changes.notify_one())
    }
}

/// Watches the places and tells of each change there; an error may be a change that was missed.
fn watcher(
    places: Places,
    tell: impl Fn(notify::Result<Event>) + Send + 'static,
) -> notify::Result<RecommendedWatcher> {
    let places = Arc::new(places);
    let concerned = Arc::clone(&places);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.as_ref().map_or(true, |event| concerns(event, &concerned)) {
            tell(event);
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

/// Whether it is a change of the maps. That a file is read is no change: we read them.
fn concerns(event: &Event, places: &Places) -> bool {
    let changed = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    };
    changed && (event.paths.is_empty() || event.paths.iter().any(|path| places.concern(path)))
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;
    use crate::testkit::maps;

    const MAP: &str = "account = \"APP\"\n[roles.a]\nsubscribe = [\"a\"]\n";

    /// Otherwise each reading would be followed by the next. Events come in their order: the
    /// first that is told must be the one of the last file.
    #[test]
    fn that_the_maps_are_read_is_no_change_of_them_nor_is_a_file_beside_them() {
        let directory = maps(&[("subject.toml", MAP)]);
        let inside = directory.path().join("maps");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join("a.toml"), MAP).unwrap();
        let (told, heard) = mpsc::channel();
        let tell = move |event: notify::Result<Event>| told.send(event.unwrap().paths).unwrap();
        let _watcher = watcher(Places::of(&inside), tell).unwrap();
        std::fs::read_dir(&inside).unwrap().for_each(|entry| {
            std::fs::read(entry.unwrap().path()).unwrap();
        });
        std::fs::write(directory.path().join("subject.toml"), "").unwrap();
        std::fs::write(inside.join("z.toml"), MAP).unwrap();
        let first = heard.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(first, [inside.canonicalize().unwrap().join("z.toml")]);
    }
}
