//! The subject maps while hallpass runs: a change of their directory is in force shortly after,
//! as a whole, or it is invalid and what was in force stays.
//!
//! A change is noticed by the operating system's word, by SIGHUP, and, where neither comes (network
//! file systems send no events), by reading every half minute. However it was noticed, what is
//! judged is the whole directory, by the loader that `serve` starts with and `check` uses.

mod places;
mod state;
mod watch;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

pub use self::state::{LastReload, Maps, MapsState, MapsStatus, ReloadOutcome};
use self::{
    state::{Found, Verdict},
    watch::Watch,
};
use crate::{
    audit::{
        Class, Recorder,
        event::{self, MapsEvent},
    },
    names::InstanceId,
    policy::Boundaries,
};

/// A change is complete once it has been quiet for so long.
const QUIET: Duration = Duration::from_millis(200);
/// Who writes all the time is not waited for any longer.
const LONGEST: Duration = Duration::from_secs(2);
/// How often the directory is read without anybody having said that it changed.
const POLL: Duration = Duration::from_secs(30);
/// A directory that takes longer to read is one that does not answer.
const SLOWEST: Duration = Duration::from_secs(30);

/// Why the directory is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The operating system said that it changed, and it has been quiet since.
    Change,
    /// Somebody asks for it: SIGHUP.
    Asked,
    /// Nobody has said anything.
    Poll,
}

/// Brings changes of the directory into force.
pub struct Reloader {
    maps: Arc<Maps>,
    directory: Arc<PathBuf>,
    boundaries: Arc<Boundaries>,
    recorder: Arc<dyn Recorder>,
    instance: InstanceId,
    /// Told of each change.
    changes: Arc<Notify>,
    watch: Arc<Mutex<Watch>>,
    /// A reading that takes too long: there is no second one beside it, and no way to end it.
    late: tokio::sync::Mutex<Option<JoinHandle<Found>>>,
}

impl Reloader {
    /// For the maps of this directory, judged by what was known of accounts and issuers at the
    /// start. `instance` is what audit events call this process.
    #[must_use]
    pub fn new(
        maps: Arc<Maps>,
        directory: PathBuf,
        boundaries: Boundaries,
        recorder: Arc<dyn Recorder>,
        instance: InstanceId,
    ) -> Self {
        let changes = Arc::new(Notify::new());
        let directory = Arc::new(directory);
        let watch = Watch::new(Arc::clone(&directory), Arc::clone(&changes));
        Self {
            maps,
            directory,
            boundaries: Arc::new(boundaries),
            recorder,
            instance,
            changes,
            watch: Arc::new(Mutex::new(watch)),
            late: tokio::sync::Mutex::default(),
        }
    }

    /// What has changed since the maps were loaded is in force, or rejected, when this returns;
    /// from then on nothing is missed.
    pub async fn catch_up(&self) {
        self.read_and_act(Cause::Poll).await;
    }

    /// Until `stop`. `asked` is told by whoever wants the directory read now.
    pub async fn run(self, asked: Arc<Notify>, stop: CancellationToken) {
        loop {
            let round = async {
                let cause = tokio::select! {
                    () = asked.notified() => Cause::Asked,
                    () = change(&self.changes) => Cause::Change,
                    () = sleep(POLL) => Cause::Poll,
                };
                self.read_and_act(cause).await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = round => {}
            }
        }
    }

    async fn read_and_act(&self, cause: Cause) {
        let Some(mut found) = self.read().await else { return };
        // Nobody said that whoever writes is done.
        if cause != Cause::Change && self.maps.judge(&found).is_news() {
            settled(&self.changes, Instant::now()).await;
            match self.read().await {
                Some(again) => found = again,
                None => return,
            }
        }
        self.act(cause, found);
    }

    /// What the directory holds now. It is watched before it is read, so that no change falls
    /// between the two; and anew each time, because what is to be watched is what links lead to.
    async fn read(&self) -> Option<Found> {
        let mut late = self.late.lock().await;
        if let Some(reading) = late.as_mut() {
            if timeout(SLOWEST, reading).await.is_err() {
                return None;
            }
            // What it found may be old by now.
            *late = None;
        }
        let (watch, directory) = (Arc::clone(&self.watch), Arc::clone(&self.directory));
        let boundaries = Arc::clone(&self.boundaries);
        let had = self.maps.in_force().snapshot().files();
        let mut reading = tokio::task::spawn_blocking(move || {
            watch.lock().unwrap_or_else(PoisonError::into_inner).renew();
            Found::read(&directory, &boundaries, had)
        });
        if let Ok(found) = timeout(SLOWEST, &mut reading).await {
            // A panic has been logged; what is in force stays.
            return found.ok();
        }
        *late = Some(reading);
        self.act(Cause::Poll, Found::late(&self.directory, SLOWEST));
        None
    }

    /// Nothing is awaited in here: all of it happens or nothing.
    fn act(&self, cause: Cause, found: Found) {
        let asked = cause == Cause::Asked;
        let verdict = self.maps.judge(&found);
        let before = self.maps.in_force().snapshot();
        let (old, new) = (before.digest(), found.digest.clone());
        let new = new.as_deref();
        let (problems, policy) = (found.problems, found.policy);
        match (verdict, policy) {
            (Verdict::Unchanged, _) if asked => {
                tracing::info!(digest = old, "asked to reload: the subject maps are unchanged");
            }
            (Verdict::Unchanged, _) => {}
            (Verdict::StillBad, _) if asked => tracing::error!(
                in_force = old,
                %problems,
                "asked to reload: the subject maps are still invalid, what was in force stays"
            ),
            (Verdict::StillBad, _) => {}
            (Verdict::Reverted, _) => {
                self.maps.revert();
                tracing::info!(
                    in_force = old,
                    "the subject maps are valid again: what they say is in force already"
                );
            }
            (Verdict::Changed { mended }, Some(policy)) => {
                let (roles, files) = (policy.roles(), policy.files());
                self.maps.apply(policy);
                if !problems.is_empty() {
                    tracing::warn!(%problems, "the subject maps can be used, with warnings");
                }
                let message = match mended {
                    true => "the subject maps are valid again and in force as they are now",
                    false => "the subject maps have changed and are in force as they are now",
                };
                tracing::info!(old, new, roles, files, "{message}");
                self.record(old, new, None);
            }
            (Verdict::Changed { .. } | Verdict::Bad, _) => {
                self.maps.reject(new, &problems);
                tracing::error!(
                    in_force = old,
                    new,
                    %problems,
                    "the subject maps are invalid as they are now: nothing of the change is in \
                     force, what was in force stays"
                );
                self.record(old, new, Some(&problems));
            }
        }
    }

    fn record(&self, old: &str, new: Option<&str>, problems: Option<&crate::document::Problems>) {
        let in_force = self.maps.in_force().snapshot();
        let at = Timestamp::now();
        let event = MapsEvent { old, new, in_force: &in_force, problems, at };
        match event::maps(event, self.instance) {
            // Nobody waits for it, and it is tried until it is acknowledged.
            Ok(event) => drop(self.recorder.record(event, Class::Own)),
            Err(error) => tracing::error!(%error, "an audit event could not be written"),
        }
    }
}

/// Waits for a change and for its end.
async fn change(changes: &Notify) {
    changes.notified().await;
    settled(changes, Instant::now()).await;
}

/// Waits until nothing has changed for [`QUIET`], but no longer than [`LONGEST`] since `begin`.
async fn settled(changes: &Notify, begin: Instant) {
    let end = begin + LONGEST;
    let mut quiet = begin + QUIET;
    while timeout_at(quiet.min(end), changes.notified()).await.is_ok() {
        quiet = Instant::now() + QUIET;
        if quiet >= end {
            return sleep_until(end).await;
        }
    }
}

#[cfg(test)]
mod tests;
