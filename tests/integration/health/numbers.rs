//! The metrics of what a decision passes.

use std::collections::BTreeSet;

use super::*;
use crate::support::{AskingServer, World};

pub(super) async fn metrics(address: &str) -> String {
    get(address, "/metrics").await.unwrap().1
}

/// What a series says; nothing where it is not there.
pub(super) fn value(metrics: &str, series: &str) -> Option<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("{series} ")));
    line.map(|value| value.parse().unwrap())
}

/// Waits until a series says this.
async fn says(address: &str, series: &str, expected: f64) -> String {
    eventually(&format!("{series} {expected}"), || async {
        let told = metrics(address).await;
        (value(&told, series) == Some(expected)).then_some(told)
    })
    .await
}

/// The names of all metrics that are there.
fn families(metrics: &str) -> BTreeSet<String> {
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_a_decision_passes_is_told_and_nothing_of_whose_it_was() {
    let mut world = World::builder().replicas(0).start().await;
    world.add_hallpass(&HTTP).await;
    let at = http(&world.hallpass[0]).await;
    let series = |outcome: &str, code: &str| {
        format!("hallpass_decisions_total{{outcome=\"{outcome}\",code=\"{code}\"}}")
    };
    let before = metrics(&at).await;
    assert_eq!(value(&before, &series("granted", "")), Some(0.0));
    assert_eq!(value(&before, &series("refused", "token_expired")), Some(0.0));
    assert_eq!(value(&before, &series("undecided", "overloaded")), Some(0.0));

    let secretive = "somebody-with-a-name";
    let token = world.token(secretive, &["orders:read"]);
    let _visitor = world.log_in("in", &token).await.unwrap();
    world.log_in("out", &world.token(secretive, &["nothing"])).await.unwrap_err();
    world.log_in("out", "no-token").await.unwrap_err();
    says(&at, &series("granted", ""), 1.0).await;
    says(&at, &series("refused", "no_role"), 1.0).await;
    let told = says(&at, &series("refused", "token_malformed"), 1.0).await;
    let count = |name: &str| value(&told, name);
    let duration = "hallpass_decision_duration_seconds";
    assert_eq!(count(&format!("{duration}_count{{outcome=\"granted\"}}")), Some(1.0));
    assert_eq!(count(&format!("{duration}_count{{outcome=\"refused\"}}")), Some(2.0));
    assert!(count(&format!("{duration}_sum{{outcome=\"granted\"}}")).unwrap() > 0.0);
    let step = |step: &str| {
        count(&format!("hallpass_decision_step_duration_seconds_count{{step=\"{step}\"}}"))
    };
    assert_eq!(
        ["request", "credential", "token", "policy", "audit"].map(step),
        [Some(3.0), Some(3.0), Some(2.0), Some(2.0), Some(3.0)]
    );
    assert_eq!(count("hallpass_logins_in_hand"), Some(0.0));
    assert_eq!(count("hallpass_logins_in_hand_max"), Some(2048.0));
    assert_eq!(count("hallpass_overload_dropped_total"), Some(0.0));
    assert_eq!(count("hallpass_ready"), Some(1.0));
    assert_eq!(count("hallpass_not_ready{reason=\"nats_away\"}"), Some(0.0));
    assert_eq!(count("hallpass_issuer_keys_believed{issuer=\"idp\"}"), Some(1.0));
    let fetches = "hallpass_issuer_key_fetches_total{issuer=\"idp\",outcome=\"succeeded\"}";
    assert!(count(fetches).unwrap() >= 1.0);
    assert!(count("hallpass_issuer_keys_age_seconds{issuer=\"idp\"}").unwrap() < 60.0);
    for measured in [
        "hallpass_nats_round_trip_seconds",
        "hallpass_jetstream_round_trip_seconds",
        "hallpass_audit_newest_acknowledgement_age_seconds",
        "hallpass_event_loop_lag_seconds_sum",
    ] {
        let look = || async { value(&metrics(&at).await, measured) };
        assert!(eventually(measured, look).await < 60.0);
    }
    assert!(!told.contains(secretive) && !told.contains(&token), "{told}");
    assert!(!told.contains("orders:read"), "{told}");
}

#[tokio::test]
async fn a_message_that_is_no_request_is_counted() {
    let mut world = AskingServer::world().replicas(0).start().await;
    world.add_hallpass(&HTTP).await;
    let at = http(&world.hallpass[0]).await;
    let series = "hallpass_requests_dropped_total{code=\"request_not_sealed\"}";
    assert_eq!(value(&metrics(&at).await, series), Some(0.0));
    let mut asking = AskingServer::start(&world).await;
    asking.send(b"nonsense".to_vec(), None).await;
    says(&at, series, 1.0).await;
}

/// Who reads metrics finds on the pages what each of them means, and none that is not there.
#[tokio::test]
async fn the_pages_have_every_metric() {
    let mut world = World::builder().replicas(0).start().await;
    world.add_hallpass(&HTTP).await;
    let at = http(&world.hallpass[0]).await;
    let _visitor = world.log_in("in", &world.token("x", &["orders:read"])).await.unwrap();
    let told = eventually("a round trip", || async {
        let told = metrics(&at).await;
        told.contains("hallpass_jetstream_round_trip_seconds ").then_some(told)
    })
    .await;
    let pages =
        [include_str!("../../../docs/health.md"), include_str!("../../../docs/reference.md")];
    let rows: BTreeSet<_> = pages
        .iter()
        .flat_map(|page| page.lines())
        .filter_map(|line| line.strip_prefix("| `hallpass_"))
        .map(|row| row.split(['`', '{']).next().unwrap())
        .map(|name| {
            format!("hallpass_{}", name.trim_end_matches("_total").trim_end_matches("_info"))
        })
        .collect();
    assert_eq!(families(&told), rows);

    // And the alerts ask for nothing else.
    let (_, alerts) = pages[0].split_once("```yaml\n").unwrap();
    let (alerts, _) = alerts.split_once("```").unwrap();
    let is_in_names = |c: char| c.is_ascii_lowercase() || c == '_';
    let asked: Vec<_> = alerts
        .split(|c| !is_in_names(c))
        .filter(|word| word.starts_with("hallpass_"))
        .map(|name| name.trim_end_matches("_total").trim_end_matches("_bucket"))
        .collect();
    assert!(asked.len() > 5, "the alerts were not found");
    assert!(asked.iter().all(|name| rows.contains(*name)), "{asked:?}");
}
