//! The metrics, in the text format that Prometheus reads (OpenMetrics 1.0).

use core::fmt;

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::ConstGauge, info::Info},
    registry::{Registry, Unit},
};

use crate::reload::{MapsState, MapsStatus};

/// What the text is.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The labels of a reload.
type Outcome = Vec<(&'static str, &'static str)>;

/// All metrics as they are now. They are made from the status each time: what no longer holds,
/// such as an old digest, leaves no series behind.
///
/// # Errors
/// None that a text in memory has.
pub(super) fn text(maps: &MapsStatus) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
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
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn gauge(value: impl TryInto<i64>) -> ConstGauge<i64> {
    ConstGauge::new(value.try_into().unwrap_or(i64::MAX))
}
