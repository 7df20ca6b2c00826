//! What is told while there is too much to do, or no time to do it.

use std::time::{Duration, Instant};

use super::{
    numbers::{metrics, value},
    *,
};
use crate::support::{AskingServer, World};

/// How long the process gets no time at all.
const STOPPED: Duration = Duration::from_secs(1);

fn slow(told: &Value) -> Vec<&str> {
    told["slow"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_process_that_got_no_time_says_that_its_event_loop_was_late() {
    let mut world = World::builder().replicas(0).start().await;
    world.add_hallpass(&HTTP).await;
    let at = http(&world.hallpass[0]).await;
    let lag = "hallpass_event_loop_lag_seconds";
    let (all, up_to) = (format!("{lag}_count"), format!("{lag}_bucket{{le=\"0.5\"}}"));
    eventually("the first look", || async {
        value(&metrics(&at).await, &all).filter(|count| *count > 0.0)
    })
    .await;

    world.hallpass[0].signal("-STOP").await;
    // This is no wait for anything: it is what is measured.
    tokio::time::sleep(STOPPED).await;
    world.hallpass[0].signal("-CONT").await;
    let told = eventually("a late event loop", || async {
        readiness(&at).await.filter(|told| slow(told).contains(&"event_loop"))
    })
    .await;
    // Half a second is as bad as it gets.
    assert_eq!((&told["ready"], &told["percent"]), (&true.into(), &10.into()), "{told}");
    let told = metrics(&at).await;
    let count = |series: &str| value(&told, series).unwrap();
    assert!(count(&all) > count(&up_to), "nothing took longer than half a second: {told}");
    assert!(count(&format!("{lag}_sum")) > 0.5, "{told}");
}

/// More at once than can be told that there is no room: 256, see `callout/responder.rs`.
const BURST: usize = 1000;

/// A quick "no room" is an answer that nobody can use: it counts as the whole time that a login
/// has, so that a replica that turns everybody away gets less to do, not more.
#[tokio::test]
async fn overload_is_counted_and_makes_nobody_look_quick() {
    let mut world = AskingServer::world().replicas(0).start().await;
    world.add_hallpass(&[&HTTP[..], &["--set", "callout.max_in_flight=1"]].concat()).await;
    let at = http(&world.hallpass[0]).await;
    let mut asking = AskingServer::start(&world).await;
    let (header, token) = (asking.keys.xkey.public_key(), world.token("x", &["orders:read"]));
    let overloaded = "hallpass_decisions_total{outcome=\"undecided\",code=\"overloaded\"}";
    let unanswered = "hallpass_overload_dropped_total";
    let began = Instant::now();
    loop {
        let requests = (0..BURST).map(|_| asking.keys.request(&asking.keys.claims(&token)));
        let requests: Vec<_> = requests.collect();
        // All of them wait for it when it goes on.
        world.hallpass[0].signal("-STOP").await;
        for request in requests {
            asking.send(request, Some(&header)).await;
        }
        asking.settle().await;
        world.hallpass[0].signal("-CONT").await;
        let told = eventually("an overload", || async {
            let told = metrics(&at).await;
            (value(&told, overloaded).unwrap() > 0.0).then_some(told)
        })
        .await;
        if value(&told, unanswered).unwrap() > 0.0 {
            break;
        }
        assert!(began.elapsed() < crate::support::PATIENCE, "there was room for everybody");
    }
    world.hallpass[0].says("overloaded: logins were dropped without an answer").await;
    let told = eventually("a slow decision", || async {
        readiness(&at).await.filter(|told| slow(told).contains(&"decide"))
    })
    .await;
    // As if each took 1.5 s, with 1.2 s being as bad as it gets.
    assert_eq!((&told["ready"], &told["percent"]), (&true.into(), &10.into()), "{told}");
}

#[tokio::test]
async fn an_idp_that_is_away_is_seen_in_the_fetches_that_failed() {
    let mut world = World::builder().replicas(0).start().await;
    let away = "issuers.idp.jwks_uri=http://127.0.0.1:1/jwks";
    world.add_hallpass(&[&HTTP[..], &["--set", away]].concat()).await;
    let at = http(&world.hallpass[0]).await;
    let fetches = |outcome: &str| {
        format!("hallpass_issuer_key_fetches_total{{issuer=\"idp\",outcome=\"{outcome}\"}}")
    };
    let told = eventually("a fetch that failed", || async {
        let told = metrics(&at).await;
        (value(&told, &fetches("failed")).unwrap() > 0.0).then_some(told)
    })
    .await;
    assert_eq!(value(&told, &fetches("succeeded")), Some(0.0));
    assert_eq!(value(&told, "hallpass_issuer_keys_believed{issuer=\"idp\"}"), Some(0.0));
    assert_eq!(value(&told, "hallpass_not_ready{reason=\"no_keys\"}"), Some(1.0));
}
