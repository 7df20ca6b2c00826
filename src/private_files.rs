//! Files that hold secrets: readable by their owner only, from their first moment on.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

/// For the owner's eyes only.
pub const PRIVATE: u32 = 0o600;

/// Creates a file with its mode from the first moment.
///
/// # Errors
/// Where one is there (`AlreadyExists`), or it cannot be written.
pub fn create_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    with_mode(&mut options, mode).open(path)?.write_all(bytes)
}

/// Creates a directory, and those above it, for the owner only. One that is there is kept.
///
/// # Errors
/// Where it cannot be created.
pub fn create_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Writes a file of a secret in whole or not at all: who reads it sees the old or the new one.
///
/// # Errors
/// Where it cannot be written; the old one is as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Beside its final place, since only within a file system is a rename atomic.
    let name = format!(".{}.tmp", uuid::Uuid::now_v7());
    let fresh = path.with_file_name(name);
    let written = write_whole(&fresh, bytes).and_then(|()| std::fs::rename(&fresh, path));
    if written.is_err() {
        // It may not even be there, and why there was no writing says more.
        let _ = std::fs::remove_file(&fresh);
    }
    written
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = with_mode(&mut options, PRIVATE).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A file's name is on the disk only once its directory is.
///
/// # Errors
/// Where the system says no.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Opens a file to lock others out by it; what it holds is of no interest.
///
/// # Errors
/// Where it cannot be opened or created.
pub fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    with_mode(&mut options, PRIVATE).open(path)
}

/// Whether others than the owner may do anything with a file or directory. Where the system
/// knows no modes, a directory of the owner's is trusted.
///
/// # Errors
/// Where that cannot be found out, because there is none for instance.
pub fn is_open_to_others(path: &Path) -> io::Result<bool> {
    let metadata = std::fs::symlink_metadata(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A link says nothing of what it leads to.
        let modes = !metadata.is_symlink() && metadata.permissions().mode() & 0o077 == 0;
        Ok(!modes)
    }
    #[cfg(not(unix))]
    Ok(metadata.is_symlink())
}

fn with_mode(options: &mut OpenOptions, mode: u32) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    options
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_replaced_file_is_whole_private_and_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token.json");
        std::fs::write(&path, "old, and for everybody").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(is_open_to_others(&path).unwrap());
        replace(&path, b"new").unwrap();
        assert_eq!((std::fs::read(&path).unwrap().as_slice(), mode(&path)), (&b"new"[..], 0o600));
        assert!(!is_open_to_others(&path).unwrap());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn what_cannot_be_replaced_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("taken");
        std::fs::create_dir(&path).unwrap();
        replace(&path, b"secret").unwrap_err();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_is_not_trusted() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        create_new(&file, b"x", PRIVATE).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(!is_open_to_others(&file).unwrap());
        assert!(is_open_to_others(&link).unwrap());
    }
}
