//! Whether a spool can be kept somewhere, found out before anything depends on it.

use std::path::{Path, PathBuf};

use super::{Spool, SpoolError};
use crate::names::InstanceId;

/// Makes an instance's directory below `root`, locks it, and removes it again; `root` stays.
///
/// # Errors
/// Where that cannot be done.
pub fn try_out(root: &Path) -> Result<(), SpoolError> {
    let instance = InstanceId::fresh();
    match Spool::open(root, instance, u64::MAX) {
        Ok(spool) => {
            spool.close();
            Ok(())
        }
        Err(error) => {
            for name in [format!(".{instance}"), instance.to_string()] {
                // It may not be there; that it cannot be had says more than that it stays.
                let _ = std::fs::remove_dir_all(root.join(name));
            }
            Err(error)
        }
    }
}

/// As [`try_out`]; `root`, and what is above it, goes too where it was not there before.
///
/// # Errors
/// See there.
pub fn leaves_nothing(root: &Path) -> Result<(), SpoolError> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<PathBuf> =
        root.ancestors().take_while(is_missing).map(Path::to_owned).collect();
    let tried = try_out(root);
    for directory in missing {
        // Somebody may have begun to use it meanwhile.
        let _ = std::fs::remove_dir(directory);
    }
    tried
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_tried_is_gone_and_what_was_there_stays() {
        let directory = tempfile::tempdir().unwrap();
        let count = |path: &Path| std::fs::read_dir(path).unwrap().count();
        let root = directory.path().join("a/b/spool");
        leaves_nothing(&root).unwrap();
        assert_eq!(count(directory.path()), 0);
        try_out(&root).unwrap();
        assert_eq!(count(&root), 0);
        std::fs::write(root.join("kept"), "").unwrap();
        leaves_nothing(&root).unwrap();
        assert_eq!(count(&root), 1);
    }

    #[test]
    fn what_cannot_be_had_is_told_by_its_setting() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("spool");
        std::fs::write(&root, "").unwrap();
        for tried in [try_out(&root), leaves_nothing(&root.join("below"))] {
            let told = tried.unwrap_err().to_string();
            assert!(
                told.contains(" cannot be written: ") && told.contains("`audit.spool.directory`"),
                "{told}"
            );
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
