use prometheus_client::{encoding::text::encode, registry::Registry};

use super::*;

const DEADLINE: Duration = Duration::from_millis(1500);

fn told(measures: &Measures) -> String {
    let mut registry = Registry::default();
    measures.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text
}

/// A login that took so long and ended like this.
async fn login(measures: &Measures, took: Duration, code: Option<Code>) {
    let judged = measures.judged(Instant::now());
    tokio::time::advance(took).await;
    judged.answered(code, &Latency::default());
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test(start_paused = true)]
async fn refusals_are_no_part_of_the_time_to_decide() {
    let measures = Measures::new(DEADLINE, 10);
    assert_eq!(measures.time_to_decide(), None);
    for _ in 0..50 {
        login(&measures, millis(140), Some(Code::KeyUnknown)).await;
    }
    assert_eq!(measures.time_to_decide(), None, "who has no credential says nothing");
    login(&measures, millis(20), None).await;
    assert_eq!(measures.time_to_decide(), Some(millis(20)));
    login(&measures, millis(10), None).await;
    login(&measures, millis(30), None).await;
    assert_eq!(measures.time_to_decide(), Some(millis(20)), "the median");
    tokio::time::advance(RECENTLY + millis(1)).await;
    assert_eq!(measures.time_to_decide(), None, "what was is forgotten");
}

/// A replica that cannot decide would look like the quickest of all.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_decided_counts_as_the_time_there_is() {
    let measures = Measures::new(DEADLINE, 10);
    login(&measures, millis(1), Some(Code::KeysStale)).await;
    assert_eq!(measures.time_to_decide(), Some(DEADLINE));
    login(&measures, millis(1), None).await;
    login(&measures, millis(1), None).await;
    assert_eq!(measures.time_to_decide(), Some(millis(1)), "as long as these are the fewer");
}

#[tokio::test(start_paused = true)]
async fn every_series_is_there_from_the_start_and_holds_words_of_the_program_alone() {
    let measures = Measures::new(DEADLINE, 10);
    let before = told(&measures);
    for code in Code::ALL {
        let is_request = code.stage() == Stage::Request;
        let outcome = if code.is_undecided() { "undecided" } else { "refused" };
        let line = if is_request {
            format!("hallpass_requests_dropped_total{{code=\"{code}\"}} 0\n")
        } else {
            format!("hallpass_decisions_total{{outcome=\"{outcome}\",code=\"{code}\"}} 0\n")
        };
        assert!(before.contains(&line), "{line} in {before}");
    }
    login(&measures, millis(3), None).await;
    login(&measures, millis(3), Some(Code::TokenExpired)).await;
    measures.dropped(Code::RequestReplayed);
    let after = told(&measures);
    for line in [
        "hallpass_decisions_total{outcome=\"granted\",code=\"\"} 1\n",
        "hallpass_decisions_total{outcome=\"refused\",code=\"token_expired\"} 1\n",
        "hallpass_requests_dropped_total{code=\"request_replayed\"} 1\n",
        "hallpass_decision_duration_seconds_count{outcome=\"granted\"} 1\n",
        "hallpass_decision_step_duration_seconds_count{step=\"audit\"} 2\n",
    ] {
        assert!(after.contains(line), "{line} in {after}");
    }
}

#[tokio::test(start_paused = true)]
async fn steps_are_told_as_far_as_a_login_came() {
    let measures = Measures::new(DEADLINE, 10);
    let mut latency = Latency::default();
    latency.done(Step::Request, millis(1));
    latency.done(Step::Credential, millis(3));
    measures.judged(Instant::now()).answered(None, &latency);
    let told = told(&measures);
    let sum =
        |step: &str| format!("hallpass_decision_step_duration_seconds_sum{{step=\"{step}\"}}");
    assert!(told.contains(&format!("{} 0.001\n", sum("request"))), "{told}");
    assert!(told.contains(&format!("{} 0.002\n", sum("credential"))), "{told}");
    assert!(!told.contains(&sum("token")), "{told}");
}

#[tokio::test(start_paused = true)]
async fn logins_in_hand_are_counted_until_they_are_let_go() {
    let measures = Measures::new(DEADLINE, 7);
    let held = [measures.take_in_hand(), measures.take_in_hand()];
    assert!(told(&measures).contains("hallpass_logins_in_hand 2\n"));
    assert!(told(&measures).contains("hallpass_logins_in_hand_max 7\n"));
    drop(held);
    assert!(told(&measures).contains("hallpass_logins_in_hand 0\n"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_known_of_while_it_does_not() {
    let probe = Probe::default();
    assert_eq!((probe.took(), probe.answered()), (None, None));
    let asked = probe.ask();
    tokio::time::advance(millis(5)).await;
    asked.answered();
    assert_eq!((probe.took(), probe.answered()), (Some(millis(5)), Some(millis(0))));
    let asked = probe.ask();
    assert_eq!(probe.took(), Some(millis(5)), "as the last one, for now");
    tokio::time::advance(millis(700)).await;
    assert_eq!(probe.took(), Some(millis(700)));
    drop(asked);
    assert_eq!(probe.took(), Some(millis(700)), "that was in vain");
    assert_eq!(probe.answered(), Some(millis(700)));
}

#[tokio::test(start_paused = true)]
async fn the_worst_lag_of_the_last_seconds_is_told() {
    let measures = Measures::new(DEADLINE, 7);
    assert_eq!(measures.lag(), millis(0));
    measures.lagged(millis(80));
    measures.lagged(millis(2));
    assert_eq!(measures.lag(), millis(80));
    tokio::time::advance(LAG_FOR + millis(1)).await;
    measures.lagged(millis(3));
    assert_eq!(measures.lag(), millis(3));
}
