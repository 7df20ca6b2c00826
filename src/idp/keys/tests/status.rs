//! What `status` says in each state.

use super::{
    super::status::*,
    scripted::{Scripted, pass, seconds},
    *,
};

#[tokio::test(start_paused = true)]
async fn fresh_then_failing_then_stale_then_fresh() {
    let idp = Scripted::with(an_issuer(), 7, Some(&[es256(), rsa()])).await;
    pass(seconds(60.0)).await;
    let fresh = idp.keys.status();
    let key = |id: &str, algorithms: &[Algorithm]| KeyStatus {
        id: Some(id.to_owned()),
        algorithms: algorithms.to_vec(),
    };
    assert_eq!(fresh.keys[0], key("es", &[Algorithm::ES256]));
    assert_eq!(fresh.keys[1].id.as_deref(), Some("rsa"));
    assert_eq!((fresh.issuer.as_str(), fresh.keys.len()), ("corp", 2));
    assert_eq!((fresh.state, fresh.error.as_deref()), (KeysState::Fresh, None));
    assert_eq!((fresh.age_s, fresh.fetches, fresh.failed), (Some(60), 1, 0));
    assert!((480..=540).contains(&fresh.next_fetch_s.unwrap()), "{fresh:?}");

    idp.goes_away();
    pass(seconds(600.0)).await;
    let failing = idp.keys.status();
    assert_eq!(failing.state, KeysState::Failing);
    assert_eq!(failing.error.as_deref(), Some("HTTP status 503"));
    assert_eq!((failing.age_s, failing.keys.len()), (Some(660), 2));
    assert_eq!(failing.fetches, failing.failed + 1);
    assert!(failing.failed > 0);

    pass(seconds(24.0 * 3600.0)).await;
    assert_eq!(idp.keys.status().state, KeysState::Stale);

    idp.publishes(&[es256()]);
    pass(seconds(30.0)).await;
    let again = idp.keys.status();
    assert_eq!((again.state, again.error, again.keys.len()), (KeysState::Fresh, None, 1));

    idp.publishes(&[]);
    pass(seconds(600.0)).await;
    assert_eq!(idp.keys.status().state, KeysState::Absent);
}

#[tokio::test(start_paused = true)]
async fn nothing_yet() {
    let keys = IssuerKeys::new(Arc::new(an_issuer()), false, 1);
    let nothing = keys.status();
    assert_eq!((nothing.state, nothing.age_s), (KeysState::Absent, None));
    assert_eq!((nothing.next_fetch_s, nothing.fetches), (None, 0));
    let idp = Scripted::with(an_issuer(), 7, None).await;
    let failed = idp.keys.status();
    assert_eq!((failed.state, failed.age_s, failed.failed), (KeysState::Absent, None, 1));
    assert_eq!(failed.error.as_deref(), Some("HTTP status 503"));
}

#[tokio::test]
async fn what_an_issuer_chose_does_not_reach_a_terminal() {
    let idp = Idp::with(&[es256()]).await;
    let mut jwk = es256().jwk();
    jwk["kid"] = json!(format!("\u{1b}[2J\u{202e}{}", "x".repeat(10_000)));
    idp.publishes(Word::Json(json!({ "keys": [jwk] })));
    let running = Running::of(idp.keys()).await;
    let status = running.keys.status();
    let id = status.keys[0].id.as_deref().unwrap();
    assert!(id.starts_with(r"\u{1b}[2J\u{202e}xxx") && id.chars().count() == 301, "{id}");
    let text = serde_json::to_string(&status).unwrap();
    assert_eq!(serde_json::from_str::<KeysStatus>(&text).unwrap(), status);
}
