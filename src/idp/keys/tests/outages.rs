//! An issuer that goes away, for a while or for long; and the times at which it is asked.

use super::{
    scripted::{Scripted, pass, seconds},
    *,
};

const HOUR: f64 = 3600.0;

#[tokio::test(start_paused = true)]
async fn keys_outlive_an_outage_up_to_their_greatest_age() {
    let (log, _guard) = super::log();
    let idp = Scripted::start().await;
    idp.goes_away();
    pass(seconds(23.9 * HOUR)).await;
    assert_eq!(idp.find_at_once("es"), Some(Ok(())));
    assert_eq!(log.count("no longer believed"), 0);
    // Counted from the last fetch that succeeded.
    pass(seconds(0.2 * HOUR)).await;
    assert_eq!(idp.find_at_once("es"), Some(Err(Code::KeysStale)));
    assert_eq!(idp.find_at_once("other"), Some(Err(Code::KeysStale)));
    pass(seconds(HOUR)).await;
    assert_eq!(log.count("no longer believed"), 1, "said once");
    // The next fetch that succeeds ends it.
    idp.publishes(&[es256()]);
    pass(seconds(30.0)).await;
    assert_eq!(idp.find_at_once("es"), Some(Ok(())));
    idp.goes_away();
    pass(seconds(25.0 * HOUR)).await;
    assert_eq!(log.count("no longer believed"), 2);
}

/// Logins notice sooner than the pause between attempts that the issuer is back.
#[tokio::test(start_paused = true)]
async fn a_login_with_stale_keys_makes_it_ask() {
    let settings = IssuerSettings { max_key_age: seconds(HOUR), ..an_issuer() };
    let idp = Scripted::with(settings, 7, Some(&[es256()])).await;
    idp.goes_away();
    pass(seconds(2.0 * HOUR)).await;
    idp.publishes(&[es256()]);
    let mut told = Vec::new();
    while told.last() != Some(&Ok(())) {
        told.push(idp.find("es").await);
        pass(seconds(0.1)).await;
    }
    assert!(told.len() <= 12, "{}", told.len());
    assert!(told[..told.len() - 1].iter().all(|code| *code == Err(Code::KeysStale)));
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_away_at_the_start_is_asked_often_at_first() {
    let idp = Scripted::with(an_issuer(), 7, None).await;
    pass(seconds(120.0)).await;
    let asked = idp.asked();
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let expected = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0];
    for (pause, expected) in pauses.iter().zip(expected) {
        assert!(*pause <= expected && *pause >= 0.9 * expected - 0.001, "{pauses:?}");
    }
    assert!(pauses.len() >= expected.len() - 1, "{pauses:?}");
    // A success begins anew.
    idp.publishes(&[es256()]);
    pass(seconds(30.0)).await;
    assert!(idp.keys.are_known());
    idp.goes_away();
    let before = idp.count();
    pass(seconds(601.5)).await;
    assert!(idp.count() - before >= 2, "{:?}", idp.asked());
}

#[tokio::test(start_paused = true)]
async fn without_any_keys_a_login_waits_for_the_fetch_under_way() {
    let idp = Scripted::with(an_issuer(), 7, None).await;
    idp.publishes(&[es256()]);
    idp.takes(seconds(0.5));
    pass(seconds(0.6)).await;
    assert_eq!(idp.count(), 2, "the second one is under way");
    assert_eq!(idp.find("es").await, Ok(()));
    assert_eq!(idp.count(), 2);
}

/// The fetch under way at its arrival has brought keys, but not this one: that one began too
/// early to tell.
#[tokio::test(start_paused = true)]
async fn the_first_keys_that_come_may_be_older_than_the_token() {
    let new = Key::es256("new");
    let idp = Scripted::with(an_issuer(), 7, None).await;
    idp.publishes(&[es256()]);
    idp.takes(seconds(0.5));
    pass(seconds(0.6)).await;
    idp.publishes(&[es256(), &new]);
    assert_eq!(idp.find("new").await, Ok(()));
    assert_eq!(idp.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_any_keys_logins_make_it_ask_once_a_second() {
    let idp = Scripted::with(an_issuer(), 7, None).await;
    pass(seconds(300.0)).await;
    let before = idp.count();
    for _ in 0..600 {
        let keys = Arc::clone(&idp.keys);
        tokio::spawn(async move { keys.find(Some("es"), Algorithm::ES256).await.map(|_| ()) });
        pass(seconds(0.1)).await;
    }
    let asked = idp.count() - before;
    assert!((55..=61).contains(&asked), "{asked} times in a minute");
    idp.publishes(&[es256()]);
    assert_eq!(idp.find("es").await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_removed_is_believed_until_the_next_refresh() {
    let idp = Scripted::start().await;
    idp.publishes(&[rsa()]);
    pass(seconds(0.89 * HOUR)).await;
    assert_eq!(idp.find_at_once("es"), Some(Ok(())));
    pass(seconds(0.11 * HOUR)).await;
    assert_eq!(idp.count(), 2);
    assert_eq!(idp.find("es").await, Err(Code::KeyUnknown));
}

/// An issuer whose keys are stolen withdraws them before it has new ones.
#[tokio::test(start_paused = true)]
async fn keys_that_are_all_withdrawn_are_no_longer_believed() {
    let idp = Scripted::start().await;
    idp.publishes(&[]);
    pass(seconds(HOUR)).await;
    assert_eq!(idp.find("es").await, Err(Code::KeyUnknown));
}

#[tokio::test(start_paused = true)]
async fn replicas_drift_apart() {
    let mut all = Vec::new();
    for seed in 0..20 {
        let idp = Scripted::with(an_issuer(), seed, Some(&[es256()])).await;
        pass(seconds(20.0 * 600.0)).await;
        let asked = idp.asked();
        for pair in asked.windows(2) {
            let pause = pair[1] - pair[0];
            assert!((540.0..=600.001).contains(&pause), "{pause}");
        }
        all.push(asked[1]);
    }
    all.sort_by(f64::total_cmp);
    assert!(all[19] - all[0] > 40.0, "spread over a good part of the minute: {all:?}");
    all.dedup();
    assert_eq!(all.len(), 20);
    let again = Scripted::with(an_issuer(), 3, Some(&[es256()])).await;
    pass(seconds(600.0)).await;
    assert!(all.contains(&again.asked()[1]), "the same for the same seed");
}
