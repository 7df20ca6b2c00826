//! The metrics, in the text format that Prometheus reads (OpenMetrics 1.0).

use core::fmt;

use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
        info::Info,
    },
    registry::{Registry, Unit},
};

use crate::{
    audit::OnItsWay,
    reload::{MapsState, MapsStatus},
};

/// What the text is.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The labels of a reload.
type Outcome = Vec<(&'static str, &'static str)>;

/// All metrics as they are now. They are made from the status each time: what no longer holds,
/// such as an old digest, leaves no series behind.
///
/// # Errors
/// None that a text in memory has.
pub(super) fn text(
    maps: &MapsStatus,
    trail: &OnItsWay,
    break_glass: u64,
) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    register_maps(&mut registry, maps);
    register_trail(&mut registry, trail);
    let help = "Logins of break-glass users that this instance raised an alarm for";
    registry.register("hallpass_break_glass_logins", help, ConstCounter::new(break_glass));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn register_maps(registry: &mut Registry, maps: &MapsStatus) {
    let reloads = Family::<Outcome, Counter>::default();
    // Both from the start: an alert on an increase needs the zero before it.
    for (outcome, count) in [("applied", maps.applied), ("rejected", maps.rejected)] {
        reloads.get_or_create(&vec![("outcome", outcome)]).inc_by(count);
    }
    let help = "Changes of the subject maps, by what became of them";
    registry.register("hallpass_maps_reloads", help, reloads);
    let help = "1 while what stands in the directory is invalid and what was in force stays";
    let rejected = ConstGauge::new(i64::from(maps.state == MapsState::Rejected));
    registry.register("hallpass_maps_rejected", help, rejected);
    let labels = [("digest", maps.digest.as_str()), ("version", env!("CARGO_PKG_VERSION"))];
    let labels = labels.map(|(name, value)| (name, value.to_owned()));
    let help = "The maps in force, and hallpass's own version";
    registry.register("hallpass_maps", help, Info::new(labels.to_vec()));
    registry.register("hallpass_maps_roles", "Roles in the maps in force", gauge(maps.roles));
    let help = "For how long the maps have been in force";
    let age = gauge(maps.in_force_s);
    registry.register_with_unit("hallpass_maps_in_force", help, Unit::Seconds, age);
}

fn register_trail(registry: &mut Registry, trail: &OnItsWay) {
    let help = "Audit events that the stream has not acknowledged yet";
    registry.register("hallpass_audit_undelivered", help, gauge(trail.undelivered));
    let help = "Those of them that the disk has";
    registry.register("hallpass_audit_spooled", help, gauge(trail.spooled));
    let help = "For how long the oldest of them has been waiting";
    let oldest = ConstGauge::new(trail.oldest.as_secs_f64());
    registry.register_with_unit("hallpass_audit_oldest_undelivered", help, Unit::Seconds, oldest);
    let help = "Audit events that were not recorded: the stream has them as a number at most";
    registry.register("hallpass_audit_lost", help, ConstCounter::new(trail.lost));
}

fn gauge(value: impl TryInto<i64>) -> ConstGauge<i64> {
    ConstGauge::new(value.try_into().unwrap_or(i64::MAX))
}
