//! Events that JetStream will never take: they are put aside, so that they are in the way of no
//! other.
//!
//! Each is a file of its own in the spool's directory `parked`, by the event's id: its subject, a
//! space, and its bytes. The next [gap](super::event::Gap) names them.

use std::{
    error::Error as _,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_nats::jetstream::{
    self, ErrorCode,
    context::{PublishError, PublishErrorKind},
};

use super::{
    SUBJECT_PREFIX,
    chain::{Sealed, event_id},
};
use crate::{names::InstanceId, private_files};

/// The directory's name, below that of the spool. No instance has it.
const DIRECTORY: &str = "parked";

/// Whether no other attempt at the same event can have another outcome, as far as hallpass goes:
/// it is larger than the stream or the server takes.
pub(super) fn is_for_good(error: &PublishError) -> bool {
    const NEVER: [ErrorCode; 2] =
        [ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM, ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM];
    let said = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    error.kind() == PublishErrorKind::MaxPayloadExceeded
        || said.is_some_and(|said| NEVER.contains(&said.error_code()))
}

/// Where they are put, and who was not told of yet.
#[derive(Debug)]
pub(super) struct Parked {
    place: Option<Place>,
    /// The ids of those that no event tells of yet. Whoever records takes them with the ledger in
    /// hand, and never waits here for the disk.
    untold: Mutex<Vec<String>>,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Place {
    directory: PathBuf,
    /// How many bytes there may be.
    most: u64,
}

/// What was put aside; whoever holds it may be writing.
#[derive(Debug, Default)]
struct Kept {
    /// How many were put aside by this instance.
    count: usize,
    /// The bytes that the directory has; known once it is needed.
    bytes: Option<u64>,
}

impl Parked {
    /// Below the directory of the spool, which may have `max_bytes`; without one, nothing is kept.
    pub(super) fn new(spool: Option<(&Path, u64)>) -> Arc<Self> {
        let place = |(root, max_bytes): (&Path, u64)| Place {
            directory: root.join(DIRECTORY),
            most: max_bytes / 4,
        };
        Arc::new(Self { place: spool.map(place), untold: Mutex::default(), kept: Mutex::default() })
    }

    /// Puts an event aside; `true` where the disk has it now.
    pub(super) async fn keep(
        self: &Arc<Self>,
        instance: InstanceId,
        event: Sealed,
        why: &PublishError,
    ) -> bool {
        let id = event_id(instance, event.sequence);
        let bytes = event.payload.len();
        tracing::error!(
            id,
            bytes,
            error = %why,
            "JetStream does not take this audit event, and never will as it is set up: no message \
             may be as large as this event"
        );
        // That a gap is not taken is told by no other gap: it would have the same fate.
        let is_gap = event.subject.starts_with(&format!("{SUBJECT_PREFIX}.gap."));
        if !is_gap {
            self.tell(id.clone());
        }
        let this = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || this.write(&id, &event)).await;
        match written.map_err(io::Error::other).and_then(|it| it) {
            Ok(is_kept) => is_kept,
            Err(error) => {
                tracing::error!(%error, "it cannot be put aside");
                false
            }
        }
    }

    /// The next gap is to name an event.
    pub(super) fn tell(&self, id: String) {
        lock(&self.untold).push(id);
    }

    fn write(&self, id: &str, event: &Sealed) -> io::Result<bool> {
        let Some(Place { directory, most }) = &self.place else { return Ok(false) };
        let path = directory.join(format!("{id}.event"));
        let mut kept = lock(&self.kept);
        // Where it is there, it was put aside before, and hallpass was killed then.
        if !path.exists() {
            let mut text = format!("{} ", event.subject).into_bytes();
            text.extend_from_slice(&event.payload);
            text.push(b'\n');
            private_files::create_directory(directory)?;
            let bytes = match kept.bytes {
                Some(bytes) => bytes,
                None => size(directory)?,
            } + text.len() as u64;
            if bytes > *most {
                return Err(io::Error::other(format!(
                    "`{}` has a quarter of `audit.spool.max_bytes` already",
                    directory.display()
                )));
            }
            private_files::replace(&path, &text)?;
            kept.bytes = Some(bytes);
        }
        private_files::sync_directory(directory)?;
        if let Some(root) = directory.parent().filter(|it| !it.as_os_str().is_empty()) {
            private_files::sync_directory(root)?;
        }
        kept.count += 1;
        Ok(true)
    }

    /// The ids of those that no event tells of yet.
    pub(super) fn take_untold(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.untold))
    }

    /// How many were put aside, and where.
    pub(super) fn kept(&self) -> (usize, Option<PathBuf>) {
        (lock(&self.kept).count, self.place.as_ref().map(|place| place.directory.clone()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn size(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::chain::Chain;

    fn an_event(instance: InstanceId, topic: &str) -> Sealed {
        Chain::new(instance).seal(topic, "\"n\":1", None).unwrap()
    }

    fn too_large() -> PublishError {
        PublishError::new(PublishErrorKind::MaxPayloadExceeded)
    }

    #[test]
    fn only_what_no_other_attempt_mends_is_for_good() {
        let said = |code: u64| {
            let text = format!(r#"{{"code":400,"err_code":{code},"description":"no"}}"#);
            let error: jetstream::Error = serde_json::from_str(&text).unwrap();
            PublishError::with_source(PublishErrorKind::Other, error)
        };
        assert!(
            is_for_good(&too_large()) && is_for_good(&said(10054)) && is_for_good(&said(10097))
        );
        // No room, another stream's subjects, no leader.
        for code in [10077, 10060, 10008] {
            assert!(!is_for_good(&said(code)), "{code}");
        }
        assert!(!is_for_good(&PublishError::new(PublishErrorKind::StreamNotFound)));
    }

    #[tokio::test]
    async fn what_is_put_aside_is_whole_and_named_once() {
        let root = tempfile::tempdir().unwrap();
        let instance = InstanceId::fresh();
        let event = an_event(instance, "decision._.granted");
        let parked = Parked::new(Some((root.path(), 1 << 20)));
        assert!(parked.keep(instance, event.clone(), &too_large()).await);
        let path = root.path().join(format!("parked/{instance}-1.event"));
        let expected = [event.subject.as_bytes(), b" ", &event.payload[..], b"\n"].concat();
        assert_eq!(std::fs::read(&path).unwrap(), expected);
        assert_eq!(parked.take_untold(), [format!("{instance}-1")]);
        assert!(parked.take_untold().is_empty());
        assert_eq!(parked.kept(), (1, Some(root.path().join("parked"))));
        // As if it had been killed before it was known.
        assert!(
            Parked::new(Some((root.path(), 1 << 20))).keep(instance, event, &too_large()).await
        );
        let found = super::super::spool::leftovers(root.path());
        assert!(found.leftovers.is_empty(), "no start delivers it");
    }

    #[test]
    fn nobody_waits_for_the_disk_to_learn_what_is_to_be_told() {
        let parked = Parked::new(None);
        let (told, hears) = std::sync::mpsc::channel();
        let _writing = lock(&parked.kept);
        let other = Arc::clone(&parked);
        std::thread::spawn(move || {
            other.tell("i-1".to_owned());
            told.send(other.take_untold()).unwrap();
        });
        let heard = hears.recv_timeout(std::time::Duration::from_secs(10));
        assert_eq!(heard.unwrap(), ["i-1"]);
    }

    #[tokio::test]
    async fn there_is_an_end_of_the_place_and_no_gap_about_gaps() {
        let root = tempfile::tempdir().unwrap();
        let instance = InstanceId::fresh();
        let parked = Parked::new(Some((root.path(), 2000)));
        assert!(parked.keep(instance, an_event(instance, "gap._.recorded"), &too_large()).await);
        assert!(parked.take_untold().is_empty());
        let mut more = 0;
        loop {
            let other = InstanceId::fresh();
            let event = an_event(other, "decision._.granted");
            if !parked.keep(other, event, &too_large()).await {
                break;
            }
            more += 1;
            assert!(more < 10, "there is no end");
        }
        assert_eq!(parked.take_untold().len(), more + 1, "it is told all the same");
        let nowhere = Parked::new(None);
        assert!(!nowhere.keep(instance, an_event(instance, "a._.b"), &too_large()).await);
    }
}
