//! What instances left on the disk that were killed, or that ended without reaching the stream.

use std::{
    fs::{File, TryLockError},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{HEAD, LOCK, remove_directory, segment_path};
use crate::{
    audit::{
        chain::{Head, Link},
        floor::Floor,
        window::{Place, Window},
    },
    names::InstanceId,
    private_files,
};

/// The directory of an instance that is not any more, locked.
#[derive(Debug)]
pub(in crate::audit) struct Leftover {
    directory: PathBuf,
    instance: InstanceId,
    _lock: File,
}

/// What there is in it.
pub(in crate::audit) struct Contents {
    /// The events, none of them sent yet.
    pub(in crate::audit) window: Window,
    /// The last of them; nothing where there is none.
    pub(in crate::audit) head: Option<Head>,
    /// After this those of them stand on the stream that are there; nothing where that is not said.
    pub(in crate::audit) floor: Option<Floor>,
    /// Whether there is more than a torn end that cannot be read: what was safe is not any more.
    pub(in crate::audit) is_damaged: bool,
}

/// What other instances left below a directory.
#[derive(Debug, Default)]
pub(in crate::audit) struct Found {
    /// Those that nobody else takes care of, the oldest first.
    pub(in crate::audit) leftovers: Vec<Leftover>,
    /// Where there may be more that cannot be had: listed or locked.
    pub(in crate::audit) out_of_reach: Vec<PathBuf>,
}

impl Found {
    fn lacks(&mut self, place: PathBuf, error: &io::Error) {
        // What is not there, or not any more, is somebody's who tidied up.
        if error.kind() != io::ErrorKind::NotFound {
            let directory = place.display();
            tracing::error!(%directory, %error, "what an instance left there cannot be had");
            self.out_of_reach.push(place);
        }
    }
}

/// Looks for what other instances left below this directory and nobody else takes care of.
pub(in crate::audit) fn leftovers(root: &Path) -> Found {
    let mut found = Found::default();
    let entries = match std::fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) => {
            found.lacks(root.to_owned(), &error);
            return found;
        }
    };
    for entry in entries {
        let directory = match entry {
            Ok(entry) => entry.path(),
            Err(error) => {
                found.lacks(root.to_owned(), &error);
                break;
            }
        };
        let name = directory.file_name().and_then(|name| name.to_str());
        let Some(instance) = name.and_then(|name| name.parse().ok()) else { continue };
        match lock(&directory) {
            Ok(lock) => found.leftovers.push(Leftover { directory, instance, _lock: lock }),
            // An instance that runs holds its own.
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => found.lacks(directory, &error),
        }
    }
    found.leftovers.sort_by_key(|leftover| leftover.instance);
    found
}

fn lock(directory: &Path) -> Result<File, TryLockError> {
    let lock = private_files::open_lock(&directory.join(LOCK)).map_err(TryLockError::Error)?;
    lock.try_lock()?;
    Ok(lock)
}

impl Leftover {
    /// Whose events they are.
    pub(in crate::audit) fn instance(&self) -> InstanceId {
        self.instance
    }

    /// Where it is.
    pub(in crate::audit) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Reads all of it. A torn end is passed over: nobody was told that it was safe. Anything else
    /// that cannot be read is told.
    pub(in crate::audit) fn read(&self) -> io::Result<Contents> {
        let mut found = Contents::nothing();
        for number in self.numbers()? {
            self.read_segment(number, &mut found)?;
        }
        Ok(found)
    }

    /// Whether its owner removed it in the moment in which it was locked.
    pub(in crate::audit) fn is_gone(&self) -> bool {
        matches!(self.directory.try_exists(), Ok(false))
    }

    /// The last event, from the last segment that has one; nothing where there is none.
    pub(in crate::audit) fn head(&self) -> io::Result<Option<Head>> {
        for number in self.numbers()?.into_iter().rev() {
            let mut found = Contents::nothing();
            self.read_segment(number, &mut found)?;
            if found.head.is_some() {
                return Ok(found.head);
            }
        }
        Ok(None)
    }

    /// The segments that there are, in order.
    fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".spool"));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read_segment(&self, segment: u64, found: &mut Contents) -> io::Result<()> {
        let mut reader = BufReader::new(File::open(segment_path(&self.directory, segment))?);
        let mut line = Vec::new();
        let mut offset = reader.read_until(b'\n', &mut line)? as u64;
        let Some(floor) = self.floor(&line) else {
            // Half a first line is one that was just begun.
            found.is_damaged |= line.ends_with(b"\n");
            tracing::warn!(instance = %self.instance, segment, "this is no part of an audit spool");
            return Ok(());
        };
        found.floor = Some(found.floor.map_or(floor, |others| others.and(floor)));
        let mut bad: Option<u64> = None;
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            if length == 0 {
                break;
            }
            // What comes after something bad was written later: that was no torn end.
            if let Some(offset) = bad.take() {
                self.damaged(segment, offset, found);
            }
            match event(&line) {
                Some((subject, payload, link)) if link.head.instance == self.instance => {
                    let at = offset + subject.len() as u64 + 1;
                    let place = Place { segment, offset: at, length: payload.len() };
                    found.add(link, subject, place);
                }
                _ => bad = Some(offset),
            }
            offset += length as u64;
        }
        match bad {
            // A whole line that is bad was not torn.
            Some(offset) if line_ends(&self.directory, segment)? => {
                self.damaged(segment, offset, found);
            }
            Some(offset) => tracing::warn!(
                instance = %self.instance,
                segment,
                offset,
                "a torn event in the audit spool: it was not safe yet when the instance ended"
            ),
            None => {}
        }
        Ok(())
    }

    fn damaged(&self, segment: u64, offset: u64, found: &mut Contents) {
        found.is_damaged = true;
        tracing::error!(
            instance = %self.instance,
            segment,
            offset,
            "an event in the audit spool was changed after it was written: it is lost"
        );
    }

    fn floor(&self, line: &[u8]) -> Option<Floor> {
        let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
        line.strip_prefix(&format!("{HEAD} {} ", self.instance))?.parse().ok()
    }

    /// The stream has everything.
    pub(in crate::audit) fn remove(self) {
        remove_directory(&self.directory);
    }

    /// The stream has what can be read. The rest is kept for people to look at, where no start
    /// finds it.
    pub(in crate::audit) fn keep_as_evidence(self) {
        let kept = self.directory.with_file_name(format!("damaged-{}", self.instance));
        let directory = kept.display();
        match std::fs::rename(&self.directory, &kept) {
            Ok(()) => tracing::error!(%directory, "a damaged audit spool is kept there"),
            Err(error) => tracing::error!(%directory, %error, "it cannot be renamed"),
        }
    }
}

impl Contents {
    fn nothing() -> Self {
        Self { window: Window::new(0), head: None, floor: None, is_damaged: false }
    }

    /// What was written twice, because the disk did not say whether it has it, counts once.
    fn add(&mut self, link: Link, subject: &str, place: Place) {
        let sequence = link.head.sequence;
        match self.head {
            None => self.window = Window::new(sequence),
            Some(head) if head.sequence >= sequence => return,
            Some(_) => {}
        }
        self.window.restore(link.head, subject.to_owned(), place, Instant::now());
        self.head = Some(link.head);
    }
}

/// Whether a segment ends with a whole line.
fn line_ends(directory: &Path, segment: u64) -> io::Result<bool> {
    let mut file = File::open(segment_path(directory, segment))?;
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// The subject, the bytes and the link of an event, if a line holds one in whole.
fn event(line: &[u8]) -> Option<(&str, &[u8], Link)> {
    let line = line.strip_suffix(b"\n")?;
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (subject, payload) = (line.get(..space)?, line.get(space + 1..)?);
    let (link, _) = Link::read(payload).ok()?;
    Some((std::str::from_utf8(subject).ok()?, payload, link))
}

/// Reads an event back.
pub(in crate::audit) fn read_event(directory: &Path, place: Place) -> io::Result<Bytes> {
    let mut file = File::open(segment_path(directory, place.segment))?;
    file.seek(SeekFrom::Start(place.offset))?;
    let mut payload = vec![0; place.length];
    file.read_exact(&mut payload)?;
    Ok(payload.into())
}
