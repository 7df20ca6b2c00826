//! Fetching the keys, in time and on demand, for as long as hallpass runs.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    super::{FetchError, KeySet, discovery},
    IssuerKeys,
    demand::SPACING,
};

/// First and longest pause after a failed fetch that no login wants to be over.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// By up to this part of itself a pause is cut short, so that replicas that started together do
/// not ask together for ever.
const JITTER: f64 = 0.1;

impl IssuerKeys {
    /// Fetches keys until `stop`: now, then every `refresh`, and when a login wants them.
    pub async fn keep_fresh(&self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.fetch_for_ever() => {}
            () = self.watch_the_age() => {}
        }
    }

    async fn fetch_for_ever(&self) {
        let mut retry = RETRY.0;
        loop {
            let begun = Instant::now();
            // Whoever comes from here on may wait for this one. Nobody is woken: nothing ended.
            self.state.send_if_modified(|state| {
                state.begun += 1;
                state.next = None;
                false
            });
            let outcome = self.fetch().await;
            let pause = match &outcome {
                Ok(_) => {
                    retry = RETRY.0;
                    self.settings.refresh
                }
                Err(_) => {
                    let pause = retry;
                    retry = RETRY.1.min(retry * 2);
                    pause
                }
            };
            let next = Instant::now() + self.cut_short(pause);
            self.ended(outcome, next);
            tokio::select! {
                () = sleep_until(next) => {}
                () = self.is_wanted() => sleep_until(next.min(begun + SPACING)).await,
            }
        }
    }

    async fn fetch(&self) -> Result<KeySet, FetchError> {
        #[cfg(test)]
        if let Some(script) = &self.script {
            return script.fetch().await;
        }
        discovery::fetch(&self.settings, self.allow_playground).await
    }

    /// Resolves when a login wants a fetch that has not begun.
    async fn is_wanted(&self) {
        let next = self.state.borrow().begun + 1;
        while !self.demand().is_some_and(|demand| demand.wants(next)) {
            self.wanted.notified().await;
        }
    }

    fn cut_short(&self, pause: Duration) -> Duration {
        let mut rng = self.jitter.lock().unwrap_or_else(PoisonError::into_inner);
        pause.mul_f64(1.0 - JITTER * rng.f64())
    }

    /// Records the end of a fetch; keys are kept where it failed.
    fn ended(&self, outcome: Result<KeySet, FetchError>, next: Instant) {
        let name = &self.settings.name;
        match &outcome {
            Ok(keys) if keys.is_empty() => {
                tracing::error!(issuer = %name, "the issuer publishes no usable key");
            }
            Ok(keys) => {
                tracing::info!(issuer = %name, keys = keys.len(), "issuer's keys fetched");
            }
            Err(error) => {
                let kept = self.are_known();
                tracing::warn!(issuer = %name, %error, kept, "issuer's keys could not be fetched");
            }
        }
        self.state.send_modify(|state| {
            state.ended += 1;
            state.next = Some(next);
            state.outcome = Some(match outcome {
                Ok(keys) => {
                    state.keys = Some(Arc::new(keys));
                    state.fetched = Some(Instant::now());
                    Ok(())
                }
                Err(error) => {
                    state.failed += 1;
                    Err(error.to_string().into())
                }
            });
        });
    }

    /// Says it when keys become too old to be believed.
    async fn watch_the_age(&self) {
        let mut states = self.state.subscribe();
        loop {
            let fetched = states.borrow_and_update().fetched;
            let too_old = async {
                match fetched {
                    Some(at) => sleep_until(at + self.settings.max_key_age).await,
                    None => std::future::pending().await,
                }
            };
            // The sender lives as long as `self`, so waiting cannot fail.
            tokio::select! {
                biased;
                _ = states.wait_for(|state| state.fetched != fetched) => continue,
                () = too_old => {}
            }
            let (name, max_key_age) = (&self.settings.name, self.settings.max_key_age);
            tracing::error!(
                issuer = %name,
                ?max_key_age,
                "the issuer has been away for too long: its keys are no longer believed, and \
                 nobody can log in with its tokens until they are fetched anew"
            );
            let _ = states.wait_for(|state| state.fetched != fetched).await;
        }
    }
}
