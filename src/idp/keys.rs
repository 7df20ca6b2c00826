//! The keys of one issuer while hallpass runs: fetched in the background, kept while the
//! issuer is away, fetched once more when a token names an unknown key.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use jsonwebtoken::Algorithm;
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{FetchError, KeySet, VerificationKey, discovery, http::Http};
use crate::{code::Code, config::IssuerSettings};

/// After a fetch, unknown keys cause no other one for this long: tokens that anybody can make
/// up must not make hallpass hammer the IdP.
const UNKNOWN_KEY_COOLDOWN: Duration = Duration::from_secs(5);
/// Between the end of a fetch and the next one that a token wants: an issuer that refuses
/// connections at once is not asked a thousand times a second.
const SPACING: Duration = Duration::from_secs(1);
/// First and longest pause after a failed fetch that no token wants to be over.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// What is known after some number of fetches.
#[derive(Debug, Clone, Default)]
struct State {
    fetches: u64,
    keys: Option<Arc<KeySet>>,
    /// When the last fetch ended, and whether it succeeded.
    last: Option<(Instant, bool)>,
}

/// The keys of one issuer.
#[derive(Debug)]
pub struct IssuerKeys {
    settings: Arc<IssuerSettings>,
    allow_playground: bool,
    state: watch::Sender<State>,
    wanted: Notify,
    room: Semaphore,
}

impl IssuerKeys {
    /// Nothing is known until [`Self::keep_fresh`] runs.
    ///
    /// At most `max_waiting` logins wait for keys; more are told at once that there are none: an
    /// issuer that is silent must not use up the room of all others.
    #[must_use]
    pub fn new(settings: Arc<IssuerSettings>, allow_playground: bool, max_waiting: usize) -> Self {
        let state = watch::Sender::new(State::default());
        Self {
            settings,
            allow_playground,
            state,
            wanted: Notify::new(),
            room: Semaphore::new(max_waiting),
        }
    }

    /// Keys that are known and stay as they are.
    #[must_use]
    pub fn fixed(settings: Arc<IssuerSettings>, keys: KeySet) -> Self {
        let last = Some((Instant::now(), true));
        let state = watch::Sender::new(State { fetches: 1, keys: Some(Arc::new(keys)), last });
        Self {
            settings,
            allow_playground: false,
            state,
            wanted: Notify::new(),
            room: Semaphore::new(0),
        }
    }

    /// The issuer.
    #[must_use]
    pub fn settings(&self) -> &IssuerSettings {
        &self.settings
    }

    /// The key that a token names. Waits for one fetch where the key is not known: all that
    /// wait share it. The caller bounds the waiting.
    ///
    /// # Errors
    /// The issuer has no such key, or could not be asked.
    pub async fn find(
        &self,
        key_id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<VerificationKey>, Code> {
        // `None`: another fetch might bring it.
        let look = |state: &State| match state.keys.as_ref()?.find(key_id, algorithm) {
            Err(Code::KeyUnknown) => None,
            answer => Some(answer),
        };
        let mut states = self.state.subscribe();
        let seen = {
            let state = states.borrow_and_update();
            if let Some(answer) = look(&state) {
                return answer;
            }
            if let (Some(_), Some((at, true))) = (&state.keys, state.last)
                && at.elapsed() < UNKNOWN_KEY_COOLDOWN
            {
                return Err(Code::KeyUnknown);
            }
            state.fetches
        };
        let _waiting = self.room.try_acquire().map_err(|_| Code::KeysUnavailable)?;
        self.wanted.notify_one();
        let state = states
            .wait_for(|state| state.fetches > seen)
            .await
            .map_err(|_| Code::KeysUnavailable)?;
        match (look(&state), state.last) {
            (Some(answer), _) => answer,
            (None, Some((_, true))) => Err(Code::KeyUnknown),
            (None, _) => Err(Code::KeysUnavailable),
        }
    }

    /// Whether a key is believed, by its thumbprint.
    #[must_use]
    pub fn holds(&self, thumbprint: &str) -> bool {
        self.state.borrow().keys.as_ref().is_some_and(|keys| keys.holds(thumbprint))
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

    /// Fetches keys until `stop`: now, then every `refresh`, and when a token wants them.
    pub async fn keep_fresh(&self, stop: CancellationToken) {
        let name = &self.settings.name;
        let mut pause = RETRY.0;
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.fetch() => outcome,
            };
            // Those who asked for this fetch while it was under way are served by it.
            let _ = self.wanted.notified().now_or_never();
            let next = match outcome {
                Ok(keys) => {
                    let count = keys.len();
                    self.ended(Some(Arc::new(keys)));
                    if count == 0 {
                        tracing::error!(issuer = %name, "the issuer publishes no usable key");
                    } else {
                        tracing::info!(issuer = %name, keys = count, "issuer's keys fetched");
                    }
                    pause = RETRY.0;
                    self.settings.refresh
                }
                Err(error) => {
                    self.ended(None);
                    let kept = self.state.borrow().keys.is_some();
                    tracing::warn!(issuer = %name, %error, kept, "issuer's keys could not be fetched");
                    let next = pause;
                    pause = (pause * 2).min(RETRY.1);
                    next
                }
            };
            let wanted = async {
                let earliest = Instant::now() + SPACING;
                self.wanted.notified().await;
                tokio::time::sleep_until(earliest).await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(next) => {}
                () = wanted => {}
            }
        }
    }

    /// As if these had been fetched.
    #[cfg(test)]
    pub(crate) fn replace(&self, keys: KeySet) {
        self.ended(Some(Arc::new(keys)));
    }

    async fn fetch(&self) -> Result<KeySet, FetchError> {
        let IssuerSettings { ca_file, allow_http_loopback, .. } = &*self.settings;
        let http = Http::new(ca_file.as_deref(), *allow_http_loopback)?;
        discovery::fetch(&self.settings, self.allow_playground, &http).await
    }

    /// Records the end of a fetch; keys are kept where it failed.
    fn ended(&self, keys: Option<Arc<KeySet>>) {
        self.state.send_modify(|state| {
            state.fetches += 1;
            state.last = Some((Instant::now(), keys.is_some()));
            if keys.is_some() {
                state.keys = keys;
            }
        });
    }
}

#[cfg(test)]
mod tests;
