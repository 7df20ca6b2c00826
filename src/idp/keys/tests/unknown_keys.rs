//! Tokens that name keys which are not known: rotations, and garbage.

use super::{
    scripted::{Scripted, pass, seconds},
    *,
};

#[tokio::test(start_paused = true)]
async fn a_key_rotated_right_after_a_fetch_is_found_before_the_login_gives_up() {
    let new = Key::es256("new");
    let idp = Scripted::start().await;
    idp.takes(seconds(0.3));
    idp.publishes(&[es256(), &new]);
    assert_eq!(idp.find("new").await, Ok(()));
    assert_eq!(idp.asked(), [0.0, 1.0], "a second apart");
    let took = idp.keys.state.borrow().fetched.unwrap().elapsed();
    assert!(took < seconds(0.01), "it is told at once");
}

/// Whoever made the token knew more than an answer that was on its way already.
#[tokio::test(start_paused = true)]
async fn a_fetch_that_began_before_a_token_came_does_not_judge_it() {
    let new = Key::es256("new");
    let idp = Scripted::start().await;
    idp.takes(seconds(0.4));
    let older = idp.find("older");
    let newer = async {
        pass(seconds(1.2)).await;
        assert_eq!(idp.count(), 2, "the older one's fetch is under way");
        idp.publishes(&[es256(), &new]);
        let found = idp.find("new").await;
        (found, idp.now())
    };
    let (older, (newer, at)) = tokio::join!(older, newer);
    assert_eq!(older, Err(Code::KeyUnknown));
    assert_eq!(newer, Ok(()));
    assert_eq!(idp.asked(), [0.0, 1.0, 2.0]);
    assert!((at - 2.4).abs() < 0.01, "{at}");
}

/// It may also bring what the token needs, and then there is nothing left to ask for.
#[tokio::test(start_paused = true)]
async fn a_fetch_under_way_that_brings_the_key_is_enough() {
    let new = Key::es256("new");
    let idp = Scripted::start().await;
    idp.takes(seconds(0.4));
    idp.publishes(&[es256(), &new]);
    let first = idp.find("new");
    let second = async {
        pass(seconds(1.2)).await;
        assert_eq!(idp.count(), 2, "the first one's fetch is under way");
        idp.find("new").await
    };
    assert_eq!(tokio::join!(first, second), (Ok(()), Ok(())));
    assert!((idp.now() - 1.4).abs() < 0.01, "{}", idp.now());
    pass(seconds(60.0)).await;
    assert_eq!(idp.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn all_that_wait_share_one_fetch() {
    let new = Key::es256("new");
    let idp = Scripted::start().await;
    idp.takes(seconds(0.2));
    idp.publishes(&[&new]);
    // They come at different moments, before the fetch begins.
    let logins = (0..200).map(|number| {
        let idp = &idp;
        async move {
            pass(seconds(0.004 * f64::from(number))).await;
            idp.find("new").await
        }
    });
    assert!(join_all(logins).await.iter().all(Result::is_ok));
    assert_eq!(idp.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn garbage_at_a_high_rate_causes_a_few_fetches_and_keeps_nobody_else_waiting() {
    let idp = Scripted::start().await;
    idp.takes(seconds(0.05));
    let mut minutes = Vec::new();
    for minute in 0..10 {
        let before = idp.count();
        for tick in 0..600 {
            let name = format!("made-up-{minute}-{tick}");
            let keys = Arc::clone(&idp.keys);
            tokio::spawn(async move { keys.find(Some(&name), Algorithm::ES256).await.map(|_| ()) });
            pass(seconds(0.1)).await;
            assert_eq!(idp.find_at_once("es"), Some(Ok(())));
        }
        minutes.push(idp.count() - before);
    }
    assert!((10..=11).contains(&minutes[0]), "{minutes:?}");
    assert!(minutes[1..].iter().all(|count| (5..=6).contains(count)), "{minutes:?}");
    let asked = idp.asked();
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= 1.0), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_token_left_an_unknown_key_is_refused_at_once_and_a_rotation_is_found_soon() {
    let new = Key::es256("new");
    let idp = Scripted::start().await;
    for number in 0..5 {
        assert_eq!(idp.find_at_once(&format!("made-up-{number}")), None);
        assert_eq!(idp.find(&format!("made-up-{number}")).await, Err(Code::KeyUnknown));
    }
    assert_eq!(idp.count(), 6);
    idp.publishes(&[es256(), &new]);
    assert_eq!(idp.find_at_once("new"), Some(Err(Code::KeyUnknown)));
    pass(seconds(10.0)).await;
    assert_eq!(idp.find("new").await, Ok(()));
    assert_eq!(idp.count(), 7);
}

/// The first refusal after each fetch is told, no other one: a flood of garbage is no flood of
/// lines.
#[tokio::test(start_paused = true)]
async fn a_flood_is_told_once_a_fetch() {
    let (log, _guard) = super::log();
    let idp = Scripted::start().await;
    for number in 0..300 {
        let _ = idp.find(&format!("made-up-{number}")).await;
    }
    let told = log.count("many tokens name keys that the issuer does not have");
    assert_eq!((idp.count(), told), (6, 1));
    pass(seconds(10.0)).await;
    for number in 0..300 {
        let _ = idp.find(&format!("made-up-{number}")).await;
    }
    let told = log.count("many tokens name keys that the issuer does not have");
    assert_eq!((idp.count(), told), (7, 2));
}

#[tokio::test(start_paused = true)]
async fn rotations_cost_nothing_however_many_there_are() {
    let idp = Scripted::start().await;
    for number in 0..30 {
        let new = Key::es256(format!("new-{number}").leak());
        idp.publishes(&[&new]);
        assert_eq!(idp.find(new.id).await, Ok(()), "{number}");
        pass(seconds(2.0)).await;
    }
    assert_eq!(idp.count(), 31);
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_fetch_would_have_brought_nobody_knows() {
    let idp = Scripted::start().await;
    idp.goes_away();
    for _ in 0..5 {
        assert_eq!(idp.find("new").await, Err(Code::KeysUnavailable));
    }
    // Not even once there is no token left.
    assert_eq!(idp.find_at_once("new"), Some(Err(Code::KeysUnavailable)));
    assert_eq!(idp.find_at_once("es"), Some(Ok(())), "known keys stay");
}

/// A token that names no key means the only one that fits.
#[tokio::test(start_paused = true)]
async fn a_token_without_a_key_id_is_a_reason_to_ask_too() {
    let idp = Scripted::with(an_issuer(), 7, Some(&[rsa()])).await;
    idp.publishes(&[es256()]);
    assert!(idp.keys.find(None, Algorithm::ES256).await.is_ok());
    assert_eq!(idp.count(), 2);
}
