//! What is measured, as metrics.

use std::sync::atomic::Ordering;

use prometheus_client::{
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};

use super::{Measures, Probe};

impl Measures {
    /// Adds what was measured so far.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Logins that were answered, by what became of them";
        registry.register("hallpass_decisions", help, self.decisions.clone());
        let help = "Requests that were not answered, because they were no server's or not for us";
        registry.register("hallpass_requests_dropped", help, self.dropped.clone());
        let help = "Logins that were dropped without an answer, because there were too many";
        registry.register("hallpass_overload_dropped", help, self.overload_dropped.clone());
        let help = "From reading a login to having its answer";
        let seconds = Unit::Seconds;
        let durations = self.durations.clone();
        registry.register_with_unit("hallpass_decision_duration", help, seconds, durations);
        let help = "How long the steps of a login took, as far as it came";
        let steps = self.steps.clone();
        registry.register_with_unit("hallpass_decision_step_duration", help, Unit::Seconds, steps);
        let help = "Logins that are being decided";
        registry.register("hallpass_logins_in_hand", help, self.in_hand.clone());
        let most = i64::try_from(self.max_in_flight).unwrap_or(i64::MAX);
        let help = "How many logins may be in hand at once";
        registry.register("hallpass_logins_in_hand_max", help, ConstGauge::new(most));
        let help = "Logins of break-glass users that this instance raised an alarm for";
        let alarms = ConstCounter::new(self.break_glass.load(Ordering::Relaxed));
        registry.register("hallpass_break_glass_logins", help, alarms);
        let help = "How much later than it should the event loop comes back to what waits";
        let lag = self.lag_times.clone();
        registry.register_with_unit("hallpass_event_loop_lag", help, Unit::Seconds, lag);
        let help = "The newest round trip to nats-server, or for how long one is waited for";
        round_trip(registry, "hallpass_nats_round_trip", help, &self.nats);
        let help = "The newest round trip to the audit stream's leader, or for how long one is \
                    waited for";
        round_trip(registry, "hallpass_jetstream_round_trip", help, &self.jetstream);
    }
}

/// Nothing where nothing was asked yet.
fn round_trip(registry: &mut Registry, name: &str, help: &str, probe: &Probe) {
    if let Some(took) = probe.took() {
        let took = ConstGauge::new(took.as_secs_f64());
        registry.register_with_unit(name, help, Unit::Seconds, took);
    }
}
