//! Where a change of the maps shows.
//!
//! The files are seldom all of it. A ConfigMap's `orders.toml` is a link to `..data/orders.toml`,
//! `..data` is a link to a directory with a date, and a change replaces that second link. The
//! directory of the maps may be such a link itself, or be moved away and replaced.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// More directories than this are left to the reading every half minute.
const MOST: usize = 1000;

/// Where a change of the maps shows; all paths are free of links but for their last part.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// Directories of which each entry counts.
    contents: BTreeSet<PathBuf>,
    /// Single entries: links on the way to a map, and what they lead to.
    entries: BTreeSet<PathBuf>,
}

impl Places {
    /// Those of a directory of maps, as far as they can be seen.
    pub(super) fn of(directory: &Path) -> Self {
        let mut places = Self::default();
        if let Ok(directory) = std::path::absolute(directory) {
            places.follow(&directory);
            places.hold(&directory);
        }
        places
    }

    /// The directories to watch, none of them with what is below it.
    pub(super) fn watched(&self) -> BTreeSet<&Path> {
        let holders = self.entries.iter().filter_map(|entry| entry.parent());
        self.contents.iter().map(PathBuf::as_path).chain(holders).collect()
    }

    /// Whether a change there is one of the maps.
    pub(super) fn concern(&self, path: &Path) -> bool {
        self.contents.contains(path)
            || self.entries.contains(path)
            || path.parent().is_some_and(|parent| self.contents.contains(parent))
    }

    /// The directory and those below it.
    fn hold(&mut self, directory: &Path) {
        let Ok(directory) = directory.canonicalize() else { return };
        if self.contents.len() >= MOST || !self.contents.insert(directory.clone()) {
            return;
        }
        let Ok(entries) = directory.read_dir() else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            // What is hidden is no map, and matters only where a map leads there.
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if path.is_symlink() {
                self.follow(&path);
            }
            if path.is_dir() {
                self.hold(&path);
            }
        }
    }

    /// The entry itself, and each link on the way to it with where that leads.
    fn follow(&mut self, path: &Path) {
        for step in path.ancestors() {
            let (Some(parent), Some(name)) = (step.parent(), step.file_name()) else { continue };
            let Ok(target) = step.read_link() else { continue };
            if self.add(parent, name) {
                self.follow(&parent.join(target));
            }
        }
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name()) {
            self.add(parent, name);
        }
    }

    /// Whether it is new.
    fn add(&mut self, parent: &Path, name: &OsStr) -> bool {
        parent.canonicalize().is_ok_and(|parent| self.entries.insert(parent.join(name)))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn relative(paths: impl IntoIterator<Item = impl AsRef<Path>>, root: &Path) -> Vec<String> {
        let inside = |path: &Path| Some(path.strip_prefix(root).ok()?.display().to_string());
        paths.into_iter().filter_map(|path| inside(path.as_ref())).collect()
    }

    fn directory() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().canonicalize().unwrap();
        (directory, path)
    }

    #[test]
    fn a_directory_those_below_it_and_the_entry_that_it_is() {
        let (_keep, root) = directory();
        std::fs::create_dir_all(root.join("maps/team/deep")).unwrap();
        std::fs::create_dir_all(root.join("maps/.git/objects")).unwrap();
        std::fs::write(root.join("maps/a.toml"), "").unwrap();
        let places = Places::of(&root.join("maps"));
        assert_eq!(relative(places.watched(), &root), ["", "maps", "maps/team", "maps/team/deep"]);
        for path in ["maps", "maps/a.toml", "maps/new.toml", "maps/team/x", "maps/.git"] {
            assert!(places.concern(&root.join(path)), "{path}");
        }
        for path in ["hallpass.toml", "maps/.git/objects/x", ""] {
            assert!(!places.concern(&root.join(path)), "{path}");
        }
    }

    #[test]
    fn the_links_of_a_config_map() {
        let (_keep, root) = directory();
        std::fs::create_dir_all(root.join("volume/..2026_a")).unwrap();
        std::fs::write(root.join("volume/..2026_a/orders.toml"), "").unwrap();
        symlink("..2026_a", root.join("volume/..data")).unwrap();
        symlink("..data/orders.toml", root.join("volume/orders.toml")).unwrap();
        let places = Places::of(&root.join("volume"));
        for path in ["volume/..data", "volume/..2026_a/orders.toml", "volume/..data_tmp"] {
            assert!(places.concern(&root.join(path)), "{path}");
        }
        assert_eq!(relative(places.watched(), &root), ["", "volume", "volume/..2026_a"]);
    }

    #[test]
    fn links_to_the_directory_to_one_on_the_way_and_to_a_file_elsewhere() {
        let (_keep, root) = directory();
        std::fs::create_dir_all(root.join("releases/1/maps")).unwrap();
        std::fs::create_dir_all(root.join("elsewhere")).unwrap();
        std::fs::create_dir_all(root.join("etc")).unwrap();
        std::fs::write(root.join("elsewhere/b.toml"), "").unwrap();
        symlink("1", root.join("releases/now")).unwrap();
        symlink("../releases/now/maps", root.join("etc/maps")).unwrap();
        symlink(root.join("elsewhere/b.toml"), root.join("releases/1/maps/b.toml")).unwrap();
        let places = Places::of(&root.join("etc/maps"));
        for path in ["etc/maps", "releases/now", "releases/1/maps", "elsewhere/b.toml"] {
            assert!(places.concern(&root.join(path)), "{path}");
        }
        for path in ["elsewhere/c.toml", "releases/2", "etc/other"] {
            assert!(!places.concern(&root.join(path)), "{path}");
        }
    }

    #[test]
    fn links_in_a_circle_and_a_directory_that_is_not_there() {
        let (_keep, root) = directory();
        symlink("b", root.join("a")).unwrap();
        symlink("a/x", root.join("b")).unwrap();
        let places = Places::of(&root.join("a"));
        assert!(places.concern(&root.join("a")) && places.concern(&root.join("b")));
        let places = Places::of(&root.join("none"));
        assert_eq!(relative(places.watched(), &root), [""]);
        assert!(places.concern(&root.join("none")));
    }
}
