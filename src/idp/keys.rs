//! The keys of one issuer while hallpass runs: fetched in the background before they are
//! needed, kept while the issuer is away, fetched once more when a token names an unknown key.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jsonwebtoken::Algorithm;
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::Instant,
};

use self::demand::Demand;
use super::{KeySet, VerificationKey};
use crate::{code::Code, config::IssuerSettings};

mod changes;
mod demand;
mod refreshing;
mod status;

pub use changes::{KeysChange, KeysChanges};
pub use status::{KeyStatus, KeysState, KeysStatus};

/// What is known after some number of fetches.
#[derive(Debug, Clone, Default)]
struct State {
    /// How many fetches have begun; the last of them may be under way.
    begun: u64,
    /// How many have ended.
    ended: u64,
    /// How many of these failed.
    failed: u64,
    /// How the last one ended.
    outcome: Option<Result<(), Arc<str>>>,
    keys: Option<Arc<KeySet>>,
    /// When the last one that succeeded ended.
    fetched: Option<Instant>,
    /// When the next one begins; nothing while one is under way.
    next: Option<Instant>,
}

/// The keys of one issuer.
#[derive(Debug)]
pub struct IssuerKeys {
    settings: Arc<IssuerSettings>,
    allow_playground: bool,
    state: watch::Sender<State>,
    /// `None`: these keys are never fetched.
    demand: Option<Mutex<Demand>>,
    wanted: Notify,
    room: Semaphore,
    jitter: Mutex<fastrand::Rng>,
    /// What is asked instead of the issuer.
    #[cfg(test)]
    script: Option<Arc<tests::Script>>,
}

impl IssuerKeys {
    /// Nothing is known until [`Self::keep_fresh`] runs.
    ///
    /// At most `max_waiting` logins wait for keys; more are told at once that there are none: an
    /// issuer that is silent must not use up the room of all others.
    #[must_use]
    pub fn new(settings: Arc<IssuerSettings>, allow_playground: bool, max_waiting: usize) -> Self {
        Self {
            settings,
            allow_playground,
            state: watch::Sender::new(State::default()),
            demand: Some(Mutex::new(Demand::new(Instant::now()))),
            wanted: Notify::new(),
            room: Semaphore::new(max_waiting),
            jitter: Mutex::new(fastrand::Rng::new()),
            #[cfg(test)]
            script: None,
        }
    }

    /// Keys that are known and stay as they are.
    #[must_use]
    pub fn fixed(settings: Arc<IssuerSettings>, keys: KeySet) -> Self {
        let fixed = Self { demand: None, ..Self::new(settings, false, 0) };
        fixed.state.send_modify(|state| state.keys = Some(Arc::new(keys)));
        fixed
    }

    /// As if these had been fetched.
    #[cfg(test)]
    pub(crate) fn replace(&self, keys: KeySet) {
        self.state.send_modify(|state| {
            state.keys = Some(Arc::new(keys));
            state.begun += 1;
            state.ended = state.begun;
        });
    }

    /// With jitter that is the same for the same seed.
    #[cfg(test)]
    fn seeded(self, seed: u64) -> Self {
        Self { jitter: Mutex::new(fastrand::Rng::with_seed(seed)), ..self }
    }

    /// The issuer.
    #[must_use]
    pub fn settings(&self) -> &IssuerSettings {
        &self.settings
    }

    /// Where those wait who wait for the issuer, whatever for.
    pub(super) fn room(&self) -> &Semaphore {
        &self.room
    }

    /// The key that a token names. Where it is not known, waits for a fetch that begins after
    /// this was called: all that wait share it. The caller bounds the waiting.
    ///
    /// # Errors
    /// The issuer has no such key, or could not be asked, or has been away for too long.
    pub async fn find(
        &self,
        key_id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<VerificationKey>, Code> {
        let mut states = self.state.subscribe();
        let arrived = {
            let state = states.borrow();
            Arrived { begun: state.begun, ended: state.ended }
        };
        let mut waiting = None;
        loop {
            let fetch = {
                let state = states.borrow_and_update();
                match self.look(&state, key_id, algorithm) {
                    Ok(key) => {
                        if waiting.is_some()
                            && let Some(mut demand) = self.demand()
                        {
                            demand.earn_back(arrived.begun, state.ended);
                        }
                        return Ok(key);
                    }
                    Err(code) => self.await_which(code, &state, arrived)?,
                }
            };
            if waiting.is_none() {
                waiting = Some(self.room.try_acquire().map_err(|_| Code::KeysUnavailable)?);
            }
            let ended = states.wait_for(|state| state.ended >= fetch).await;
            ended.map_err(|_| Code::KeysUnavailable)?;
        }
    }

    /// The key among those that are known and still believed.
    fn look(
        &self,
        state: &State,
        key_id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<VerificationKey>, Code> {
        let keys = state.keys.as_ref().ok_or(Code::KeysUnavailable)?;
        if self.is_stale(state, Instant::now()) {
            return Err(Code::KeysStale);
        }
        keys.find(key_id, algorithm)
    }

    /// Whether keys that are there are too old to be believed.
    fn is_stale(&self, state: &State, now: Instant) -> bool {
        let age = |at| now.saturating_duration_since(at);
        state.fetched.is_some_and(|at| age(at) >= self.settings.max_key_age)
    }

    /// The fetch whose end a login must wait for that cannot be decided yet; it is asked for
    /// where nobody has.
    fn await_which(&self, code: Code, state: &State, arrived: Arrived) -> Result<u64, Code> {
        let Some(mut demand) = self.demand() else { return Err(code) };
        let later = arrived.begun + 1;
        let next = state.begun + 1;
        let is_idle = state.begun == state.ended;
        // After a failure nobody knows what a fetch would have brought.
        let final_code = match &state.outcome {
            Some(Err(_)) => Code::KeysUnavailable,
            _ => code,
        };
        match code {
            // One that is under way will do, whenever it began.
            Code::KeysUnavailable if state.ended == arrived.ended => {
                if is_idle {
                    demand.insist(next);
                    self.wanted.notify_one();
                }
                Ok(arrived.ended + 1)
            }
            // The IdP has been away for long; the answer is not worth waiting for.
            Code::KeysStale => {
                if is_idle {
                    demand.insist(next);
                    self.wanted.notify_one();
                }
                Err(code)
            }
            Code::KeyUnknown if state.ended >= later => Err(final_code),
            // One that is under way may bring the key. Where it does not, that says nothing: it
            // may have begun before the key was there.
            Code::KeyUnknown if !is_idle => Ok(next - 1),
            Code::KeyUnknown if demand.pay(later, Instant::now()) => {
                self.wanted.notify_one();
                Ok(later)
            }
            Code::KeyUnknown => {
                if demand.complains(state.ended) {
                    tracing::warn!(
                        issuer = %self.settings.name,
                        "many tokens name keys that the issuer does not have: for a while, unknown \
                         keys are refused without asking the issuer again"
                    );
                }
                Err(final_code)
            }
            other => Err(other),
        }
    }

    fn demand(&self) -> Option<MutexGuard<'_, Demand>> {
        Some(self.demand.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a key is still believed, by its thumbprint.
    #[must_use]
    pub fn holds(&self, thumbprint: &str) -> bool {
        let state = self.state.borrow();
        !self.is_stale(&state, Instant::now())
            && state.keys.as_ref().is_some_and(|keys| keys.holds(thumbprint))
    }

    /// Whether there are keys.
    #[must_use]
    pub fn are_known(&self) -> bool {
        self.state.borrow().keys.is_some()
    }

    /// Waits until there are keys.
    pub async fn known(&self) {
        let mut states = self.state.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = states.wait_for(|state| state.keys.is_some()).await;
    }
}

/// What had begun and ended when a login came.
#[derive(Debug, Clone, Copy)]
struct Arrived {
    begun: u64,
    ended: u64,
}

#[cfg(test)]
mod tests;
