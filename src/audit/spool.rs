//! The disk's copy of events that the stream has not acknowledged yet.
//!
//! Each instance has a directory of its own, by its name, and locks it. In it are segments,
//! `1.spool` and so on: a line that says what it is, then a line for each event: its subject, a
//! space, and its bytes, in which there is no line break. Lines are only ever added; a segment
//! of which the stream has everything is removed. What is left of an instance that was killed is
//! delivered by the next that starts on this disk: see [`leftovers`].

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::{chain::Sealed, floor::Floor, window::Place};
use crate::{names::InstanceId, private_files};

mod leftover;
mod trial;

pub(super) use leftover::{Leftover, leftovers, read_event};
pub use trial::{leaves_nothing, try_out};

/// A segment that has so many bytes gets no more events.
const SEGMENT: u64 = 8 * 1024 * 1024;
/// What a segment begins with; then the instance, and the [floor](Floor) after which its events
/// stand on the stream, if they do.
const HEAD: &str = "hallpass-audit-spool 1";
/// The name of the file by which an instance's directory is locked.
const LOCK: &str = "lock";

/// Why events cannot be kept on the disk.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The disk says no.
    #[error(
        "the audit spool `{directory}` cannot be written: {error}; make `audit.spool.directory` \
         writable, mount a volume there, or say `audit.mode = \"strict\"`"
    )]
    Io {
        /// Where.
        directory: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// As many bytes as it may have.
    #[error("the audit spool `{directory}` is full: `audit.spool.max_bytes` is {max_bytes}")]
    Full {
        /// Where.
        directory: PathBuf,
        /// Its bound, in bytes.
        max_bytes: u64,
    },
}

/// An instance's directory.
#[derive(Debug)]
pub(super) struct Spool {
    directory: PathBuf,
    instance: InstanceId,
    max_bytes: u64,
    current: Option<Current>,
    /// How many segments there were.
    numbered: u64,
    /// The bytes of each segment that is there.
    sizes: BTreeMap<u64, u64>,
    /// Held as long as this lives.
    _lock: File,
}

#[derive(Debug)]
struct Current {
    number: u64,
    file: File,
    /// What it has for good, in bytes.
    length: u64,
    /// Whether the stream has everything that is in it.
    idle: bool,
    /// What its head says.
    floor: Floor,
}

impl Current {
    /// Whether events of this floor go elsewhere: it is large, its head is wrong for them, or so low
    /// that looking them up would take long.
    fn is_over(&self, floor: Floor) -> bool {
        self.length >= SEGMENT
            || !self.floor.covers(floor)
            || self.idle && !self.floor.is_near(floor)
    }
}

impl Spool {
    /// Makes the directory of this instance, and finds out whether it can be written.
    ///
    /// # Errors
    /// Where it cannot.
    pub(super) fn open(
        root: &Path,
        instance: InstanceId,
        max_bytes: u64,
    ) -> Result<Self, SpoolError> {
        let directory = root.join(instance.to_string());
        let opened = || {
            // Under another name until it is locked: whoever starts at the same moment would take
            // it for one that was left behind.
            let unlocked = root.join(format!(".{instance}"));
            private_files::create_directory(&unlocked)?;
            let lock = private_files::open_lock(&unlocked.join(LOCK))?;
            lock.try_lock().map_err(io::Error::from)?;
            std::fs::rename(&unlocked, &directory)?;
            private_files::sync_directory(root)?;
            if let Some(above) = root.parent().filter(|it| !it.as_os_str().is_empty()) {
                private_files::sync_directory(above)?;
            }
            Ok(lock)
        };
        let lock =
            opened().map_err(|error| SpoolError::Io { directory: root.to_owned(), error })?;
        Ok(Self {
            directory,
            instance,
            max_bytes,
            current: None,
            numbered: 0,
            sizes: BTreeMap::new(),
            _lock: lock,
        })
    }

    /// Writes events so that they survive whatever happens; all of them, or an error and none.
    ///
    /// After `floor` these events will stand on the stream.
    pub(super) fn append(
        &mut self,
        events: &[Sealed],
        floor: Floor,
    ) -> Result<Vec<Place>, SpoolError> {
        let (mut text, mut places) = (Vec::new(), Vec::with_capacity(events.len()));
        for event in events {
            text.extend_from_slice(event.subject.as_bytes());
            text.push(b' ');
            let offset = text.len() as u64;
            text.extend_from_slice(&event.payload);
            text.push(b'\n');
            places.push((offset, event.payload.len()));
        }
        if self.used() + text.len() as u64 > self.max_bytes {
            let directory = self.directory.clone();
            return Err(SpoolError::Full { directory, max_bytes: self.max_bytes });
        }
        let written = self.write(&text, floor);
        let (segment, start) =
            written.map_err(|error| SpoolError::Io { directory: self.directory.clone(), error })?;
        let place = |(offset, length)| Place { segment, offset: start + offset, length };
        Ok(places.into_iter().map(place).collect())
    }

    /// Adds text to the current segment; returns which that is, and where the text begins.
    fn write(&mut self, text: &[u8], floor: Floor) -> io::Result<(u64, u64)> {
        if self.current.as_ref().is_some_and(|current| current.is_over(floor)) {
            self.close_current();
        }
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.begin(floor)?,
        };
        let start = current.length;
        match current.file.write_all(text).and_then(|()| current.file.sync_data()) {
            Ok(()) => {
                current.length += text.len() as u64;
                current.idle = false;
                self.sizes.insert(current.number, current.length);
                let number = current.number;
                self.current = Some(current);
                Ok((number, start))
            }
            Err(error) => {
                // Half a line would be in the way of the next. Where even this fails, the segment
                // gets no more, and its reader passes over what is torn.
                match current.file.set_len(start).and_then(|()| current.file.sync_data()) {
                    Ok(()) => self.current = Some(current),
                    Err(_) if current.idle => {
                        let number = current.number;
                        drop(current);
                        self.remove(number);
                    }
                    Err(_) => {}
                }
                Err(error)
            }
        }
    }

    fn begin(&mut self, floor: Floor) -> io::Result<Current> {
        self.numbered += 1;
        let number = self.numbered;
        let path = self.path(number);
        let begun = || {
            let head = format!("{HEAD} {} {floor}\n", self.instance);
            private_files::create_new(&path, head.as_bytes(), private_files::PRIVATE)?;
            let file = OpenOptions::new().append(true).open(&path)?;
            private_files::sync_directory(&self.directory)?;
            Ok(Current { number, file, length: head.len() as u64, idle: true, floor })
        };
        let begun = begun();
        if begun.is_err() {
            // A file of half a line helps nobody, and the reader passes over it.
            let _ = std::fs::remove_file(&path);
        }
        begun
    }

    fn close_current(&mut self) {
        if let Some(Current { number, idle: true, .. }) = self.current.take() {
            self.remove(number);
        }
    }

    /// The stream has every event of these segments.
    pub(super) fn release(&mut self, segments: &[u64]) {
        for &segment in segments {
            match &mut self.current {
                Some(current) if current.number == segment => current.idle = true,
                _ => self.remove(segment),
            }
        }
        // What is not needed is in nobody's way.
        let is_large = |current: &Current| current.idle && current.length >= SEGMENT / 64;
        if self.current.as_ref().is_some_and(is_large) {
            self.close_current();
        }
    }

    /// How many bytes it has.
    pub(super) fn used(&self) -> u64 {
        self.sizes.values().sum()
    }

    fn remove(&mut self, segment: u64) {
        match std::fs::remove_file(self.path(segment)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(segment, %error, "a part of the audit spool cannot be removed");
                return;
            }
        }
        self.sizes.remove(&segment);
    }

    fn path(&self, segment: u64) -> PathBuf {
        segment_path(&self.directory, segment)
    }

    /// Where it is.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Leaves: the directory goes where the stream has everything.
    pub(super) fn close(mut self) {
        self.close_current();
        if self.sizes.is_empty() {
            remove_directory(&self.directory);
        }
    }
}

fn segment_path(directory: &Path, segment: u64) -> PathBuf {
    directory.join(format!("{segment}.spool"))
}

/// Removes a directory of which nothing is needed; that it is in the way of nobody is all that
/// is lost where this fails.
fn remove_directory(directory: &Path) {
    if let Err(error) = std::fs::remove_dir_all(directory) {
        tracing::warn!(directory = %directory.display(), %error, "it cannot be removed");
    }
}

#[cfg(test)]
mod tests;
