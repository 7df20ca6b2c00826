//! The metrics, in the text format that Prometheus reads (OpenMetrics 1.0).

use core::fmt;

use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
        info::Info,
    },
    registry::{Registry, Unit},
};

use super::Asked;
use crate::{
    audit::OnItsWay,
    health::{Health, Reason},
    idp::{KeysState, KeysStatus},
    reload::{MapsState, MapsStatus},
};

/// What the text is.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Label names and values.
type Labels = Vec<(&'static str, String)>;

/// All metrics as they are now. They are made from the status each time: what no longer holds,
/// such as an old digest, leaves no series behind.
///
/// # Errors
/// None that a text in memory has.
pub(super) fn text(asked: &Asked) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    let vitals = &asked.vitals;
    register_health(&mut registry, &vitals.health());
    vitals.measures.register(&mut registry);
    register_keys(&mut registry, vitals.keys());
    register_maps(&mut registry, &asked.maps.status());
    register_trail(&mut registry, &vitals.trail());
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn register_health(registry: &mut Registry, health: &Health) {
    let help = "1 while this instance decides logins and lets in whom it should";
    registry.register("hallpass_ready", help, gauge(i64::from(health.ready)));
    let help = "1 while this is why it is not ready";
    let reasons = Family::<Labels, Gauge>::default();
    for reason in Reason::ALL.map(Reason::word) {
        let holds = health.reasons.iter().any(|word| word == reason);
        reasons.get_or_create(&vec![("reason", reason.to_owned())]).set(i64::from(holds));
    }
    registry.register("hallpass_not_ready", help, reasons);
    let help = "How much of its usual share of the logins this instance should have";
    registry.register("hallpass_health_percent", help, gauge(health.percent));
}

/// The issuers' names are those of the configuration.
fn register_keys(registry: &mut Registry, issuers: Vec<KeysStatus>) {
    let (ages, believed) = (Family::<Labels, Gauge>::default(), Family::<Labels, Gauge>::default());
    let fetches = Family::<Labels, Counter>::default();
    for KeysStatus { issuer, state, age_s, fetches: ended, failed, .. } in issuers {
        let named = vec![("issuer", issuer)];
        if let Some(age) = age_s {
            ages.get_or_create(&named).set(i64::try_from(age).unwrap_or(i64::MAX));
        }
        let holds = matches!(state, KeysState::Fresh | KeysState::Failing);
        believed.get_or_create(&named).set(i64::from(holds));
        for (outcome, count) in [("succeeded", ended.saturating_sub(failed)), ("failed", failed)] {
            let outcome = [&named[..], &[("outcome", outcome.to_owned())]].concat();
            fetches.get_or_create(&outcome).inc_by(count);
        }
    }
    let help = "For how long the issuer's keys have not been fetched";
    registry.register_with_unit("hallpass_issuer_keys_age", help, Unit::Seconds, ages);
    let help = "1 while the issuer has keys that are believed";
    registry.register("hallpass_issuer_keys_believed", help, believed);
    let help = "Fetches of the issuer's keys, by what became of them";
    registry.register("hallpass_issuer_key_fetches", help, fetches);
}

fn register_maps(registry: &mut Registry, maps: &MapsStatus) {
    let reloads = Family::<Labels, Counter>::default();
    // Both from the start: an alert on an increase needs the zero before it.
    for (outcome, count) in [("applied", maps.applied), ("rejected", maps.rejected)] {
        reloads.get_or_create(&vec![("outcome", outcome.to_owned())]).inc_by(count);
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
    let help = "How long ago the newest acknowledgement of the stream came";
    if let Some(newest) = trail.acknowledged {
        let ago = ConstGauge::new(newest.ago.as_secs_f64());
        let name = "hallpass_audit_newest_acknowledgement_age";
        registry.register_with_unit(name, help, Unit::Seconds, ago);
    }
    let help = "Audit events that were not recorded: the stream has them as a number at most";
    registry.register("hallpass_audit_lost", help, ConstCounter::new(trail.lost));
}

fn gauge(value: impl TryInto<i64>) -> ConstGauge<i64> {
    ConstGauge::new(value.try_into().unwrap_or(i64::MAX))
}
