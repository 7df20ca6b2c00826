//! What hallpass measures of itself while it runs: what became of logins and how long that took,
//! and what the probes find.
//!
//! Whoever measures notes it here; metrics and health are read from it. Labels are words of the
//! program, never of a client: nobody outside makes a series.

mod probe;
mod recent;
mod register;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64},
    },
    time::Duration,
};

pub use probe::{Probe, UnderWay};
use prometheus_client::metrics::{
    counter::Counter, family::Family, gauge::Gauge, histogram::Histogram,
};
use recent::Recent;
use tokio::time::Instant;

use crate::{
    audit::event::{Latency, Step},
    code::{Code, Stage},
};

/// Label names and values.
type Labels = Vec<(&'static str, &'static str)>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// Upper bounds of the times, in seconds. A login should take milliseconds; at 1.5 s its deadline
/// is over, at 2 s the server's patience.
const BOUNDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0];

/// How far back the time to decide goes that is told as health.
const RECENTLY: Duration = Duration::from_secs(10);
/// How far back the worst lag of the event loop is told.
const LAG_FOR: Duration = Duration::from_secs(5);

/// See the module. One for each instance, shared by all who measure.
#[derive(Debug)]
pub struct Measures {
    decisions: Family<Labels, Counter>,
    dropped: Family<Labels, Counter>,
    overload_dropped: Counter,
    durations: Histograms,
    steps: Histograms,
    in_hand: Gauge<i64, AtomicI64>,
    max_in_flight: usize,
    /// What a login counts as that could not be decided: the time there is for one.
    deadline: Duration,
    recently: Mutex<Recent>,
    /// The round trip to nats-server on the connection that logins come by.
    pub nats: Probe,
    /// The round trip to the leader of the audit stream.
    pub jetstream: Probe,
    /// How many alarms were raised because of a break-glass user.
    pub break_glass: Arc<AtomicU64>,
    lag: Mutex<Recent>,
    lag_times: Histogram,
}

fn times() -> Histogram {
    Histogram::new(BOUNDS)
}

impl Measures {
    /// Nothing is measured yet. `deadline` and `max_in_flight` are those of logins.
    #[must_use]
    pub fn new(deadline: Duration, max_in_flight: usize) -> Arc<Self> {
        let measures = Self {
            decisions: Family::default(),
            dropped: Family::default(),
            overload_dropped: Counter::default(),
            durations: Histograms::new_with_constructor(times),
            steps: Histograms::new_with_constructor(times),
            in_hand: Gauge::default(),
            max_in_flight,
            deadline,
            recently: Mutex::new(Recent::new(RECENTLY)),
            nats: Probe::default(),
            jetstream: Probe::default(),
            break_glass: Arc::default(),
            lag: Mutex::new(Recent::new(LAG_FOR)),
            lag_times: times(),
        };
        measures.begin_at_zero();
        Arc::new(measures)
    }

    /// Every series is there from the start: an alert on an increase needs the zero before it.
    fn begin_at_zero(&self) {
        drop(self.decisions.get_or_create(&outcome_of(None)));
        for &code in Code::ALL {
            if code.stage() == Stage::Request {
                drop(self.dropped.get_or_create(&vec![("code", code.as_str())]));
            } else {
                drop(self.decisions.get_or_create(&outcome_of(Some(code))));
            }
        }
    }

    /// A login is judged, and is recorded and answered next; `taken_at` is when it was read. What
    /// comes back is told how it ended.
    #[must_use]
    pub fn judged(&self, taken_at: Instant) -> Judged<'_> {
        Judged { measures: self, taken_at, judged: taken_at.elapsed() }
    }

    /// A request was dropped unanswered.
    pub fn dropped(&self, code: Code) {
        self.dropped.get_or_create(&vec![("code", code.as_str())]).inc();
    }

    /// A login was dropped unanswered, because there was no room even to say that there is none.
    pub fn dropped_by_overload(&self) {
        self.overload_dropped.inc();
    }

    /// A login is in hand for as long as what comes back lives.
    #[must_use]
    pub fn take_in_hand(&self) -> InHand {
        self.in_hand.inc();
        InHand(self.in_hand.clone())
    }

    /// The event loop came back so much later than it should have.
    pub fn lagged(&self, late: Duration) {
        self.lag_times.observe(late.as_secs_f64());
        lock(&self.lag).note(Instant::now(), late);
    }

    /// The worst lag of the event loop in the last seconds.
    #[must_use]
    pub fn lag(&self) -> Duration {
        lock(&self.lag).worst(Instant::now())
    }

    /// The median time of the logins of the last ten seconds that were granted, or could not be
    /// decided, which count as the whole time there is for one; nothing where there was none.
    ///
    /// Refusals are left out: whoever has no credential can cause as many of them as they like,
    /// and make them quick or, with a key id that nobody knows, slow.
    #[must_use]
    pub fn time_to_decide(&self) -> Option<Duration> {
        lock(&self.recently).median(Instant::now())
    }

    fn concluded(&self, code: Option<Code>, latency: &Latency, judged: Duration, took: Duration) {
        self.decisions.get_or_create(&outcome_of(code)).inc();
        let outcome = outcome(code);
        self.durations.get_or_create(&vec![("outcome", outcome)]).observe(took.as_secs_f64());
        for (step, time) in latency.steps() {
            self.steps.get_or_create(&vec![("step", word(step))]).observe(time.as_secs_f64());
        }
        let recording = took.saturating_sub(judged).as_secs_f64();
        self.steps.get_or_create(&vec![("step", "audit")]).observe(recording);
        let counts = match code {
            None => took,
            Some(code) if code.is_undecided() => took.max(self.deadline),
            Some(_) => return,
        };
        lock(&self.recently).note(Instant::now(), counts);
    }
}

/// A login that is judged, see [`Measures::judged`].
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    measures: &'a Measures,
    taken_at: Instant,
    judged: Duration,
}

impl Judged<'_> {
    /// It has its answer: a grant, or the refusal of this code.
    pub fn answered(self, code: Option<Code>, latency: &Latency) {
        self.measures.concluded(code, latency, self.judged, self.taken_at.elapsed());
    }
}

/// A login in hand, see [`Measures::take_in_hand`].
#[derive(Debug)]
pub struct InHand(Gauge<i64, AtomicI64>);

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn outcome(code: Option<Code>) -> &'static str {
    match code {
        None => "granted",
        Some(code) if code.is_undecided() => "undecided",
        Some(_) => "refused",
    }
}

fn outcome_of(code: Option<Code>) -> Labels {
    vec![("outcome", outcome(code)), ("code", code.map_or("", Code::as_str))]
}

fn word(step: Step) -> &'static str {
    match step {
        Step::Request => "request",
        Step::Credential => "credential",
        Step::Token => "token",
        Step::Policy => "policy",
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
