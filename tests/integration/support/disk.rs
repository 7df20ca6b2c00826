//! A disk that can be filled.

use std::path::{Path, PathBuf};

use tokio::process::Command;

const SIZE: &str = "size=4m";

/// A small file system of its own, for as long as this lives.
pub struct Disk(PathBuf);

impl Disk {
    /// Mounts one, which a few thousand events fill.
    pub async fn mount(at: PathBuf) -> Self {
        std::fs::create_dir_all(&at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", SIZE, "none"]).arg(&at);
        let mount = mount.output().await.unwrap();
        assert!(
            mount.status.success(),
            "a disk that can be filled is a tmpfs, which only root can mount: {}",
            String::from_utf8_lossy(&mount.stderr)
        );
        Self(at)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Fills it to its last byte.
    pub fn fill(&self) {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.filler()).unwrap();
        for size in [65536, 1024, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Makes room again.
    pub fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.unwrap().success());
    }
}
