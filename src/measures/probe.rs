//! Something that is asked again and again, only to learn how long the answer takes.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// See the module. Who asks says so before, so that an answer which does not come is known of
/// while it does not come.
#[derive(Debug, Default)]
pub struct Probe(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    begun: Option<Instant>,
    last: Option<Duration>,
    answered: Option<Instant>,
}

/// A question without an answer yet. Dropping it is as good as no answer.
#[derive(Debug)]
pub struct UnderWay<'a> {
    probe: &'a Probe,
    begun: Instant,
}

impl Probe {
    /// Something is asked now.
    pub fn ask(&self) -> UnderWay<'_> {
        let begun = Instant::now();
        self.with(|state| state.begun = Some(begun));
        UnderWay { probe: self, begun }
    }

    /// How long the last answer took, or how long one has been waited for if that is longer, or
    /// for how long it was waited in vain; nothing where nothing was asked yet.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        self.with(|state| {
            let waiting = state.begun.map(|begun| begun.elapsed());
            state.last.max(waiting)
        })
    }

    /// How long ago the last answer came; nothing where there was none.
    #[must_use]
    pub fn answered(&self) -> Option<Duration> {
        self.with(|state| state.answered.map(|at| at.elapsed()))
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl UnderWay<'_> {
    /// The answer is there.
    pub fn answered(self) {
        let now = Instant::now();
        self.probe.with(|state| state.answered = Some(now));
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let took = self.begun.elapsed();
        self.probe.with(|state| {
            state.begun = None;
            state.last = Some(took);
        });
    }
}
