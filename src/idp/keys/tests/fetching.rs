//! One fetch: discovery, the key set, and answers that are neither.

use super::*;

#[tokio::test]
async fn keys_come_by_discovery() {
    let idp = Idp::with(&[es256(), rsa()]).await;
    let running = Running::of(idp.keys()).await;
    assert_eq!(running.find("es", Algorithm::ES256).await, Ok(()));
    assert_eq!(running.find("rsa", Algorithm::RS256).await, Ok(()));
    assert_eq!(running.find("rsa", Algorithm::ES256).await, Err(Code::KeyAlgorithmMismatch));
    assert_eq!((idp.said.discoveries.load(Ordering::SeqCst), idp.fetches()), (1, 1));
}

#[tokio::test]
async fn keys_come_from_a_named_address_without_discovery() {
    let idp = Idp::with(&[es256()]).await;
    idp.says(Word::Status(500));
    let mut settings = idp.settings();
    settings.issuer = "any text".to_owned();
    settings.jwks_uri = Some(format!("http://{}/jwks", idp.address).parse().unwrap());
    assert_eq!(discovery::fetch(&settings, false).await.unwrap().len(), 1);
    assert_eq!(idp.said.discoveries.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn discovery_speaks_for_this_issuer_or_not_at_all() {
    let idp = Idp::with(&[es256()]).await;
    let base = format!("http://{}", idp.address);
    let jwks = format!("{base}/jwks");
    for other in [format!("{base}/"), "https://idp.example.com".to_owned(), String::new()] {
        idp.says(Word::Json(json!({ "issuer": other, "jwks_uri": jwks })));
        assert!(matches!(idp.refusal().await, FetchError::OtherIssuer { .. }), "{other}");
    }
    for odd in [
        json!({ "issuer": base }),
        json!({ "jwks_uri": jwks }),
        json!({ "issuer": base, "jwks_uri": "no address" }),
        json!({ "issuer": base, "jwks_uri": 1 }),
        json!({ "issuer": [base], "jwks_uri": jwks }),
        json!([]),
    ] {
        idp.says(Word::Json(odd.clone()));
        assert!(matches!(idp.refusal().await, FetchError::Discovery), "{odd}");
    }
    idp.says(Word::Text("<html>".to_owned()));
    assert!(matches!(idp.refusal().await, FetchError::Discovery));
    assert_eq!(idp.fetches(), 0);
}

#[tokio::test]
async fn keys_do_not_travel_unprotected() {
    let idp = Idp::with(&[es256()]).await;
    let base = format!("http://{}", idp.address);
    for uri in [
        "http://idp.example.com/jwks",
        "http://10.0.0.1/jwks",
        "http://localhost.example.com/jwks",
        "file:///etc/passwd",
        "ftp://127.0.0.1/jwks",
        "data:application/json,{}",
    ] {
        idp.says(Word::Json(json!({ "issuer": base, "jwks_uri": uri })));
        assert!(matches!(idp.refusal().await, FetchError::InsecureJwksUri), "{uri}");
    }
    // Loopback has to be allowed by name.
    idp.says(Word::Json(json!({ "issuer": base, "jwks_uri": format!("{base}/jwks") })));
    let settings = IssuerSettings { allow_http_loopback: false, ..idp.settings() };
    let error = discovery::fetch(&settings, false).await.unwrap_err();
    assert!(matches!(error, FetchError::InsecureJwksUri));
    assert_eq!(idp.fetches(), 0);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let idp = Idp::with(&[es256()]).await;
    let elsewhere = Word::Redirect(format!("http://{}/elsewhere?secret=1", idp.address));
    let says = format!(
        "HTTP status 307: redirects (here to http://{}) are not followed; set `jwks_uri` (or \
         `issuer`) to the new place",
        idp.address
    );
    idp.publishes(elsewhere.clone());
    assert_eq!(idp.refusal().await.to_string(), says);
    idp.says(elsewhere);
    assert_eq!(idp.refusal().await.to_string(), says);
    idp.says(Word::Redirect("/elsewhere".to_owned()));
    assert_eq!(idp.refusal().await.to_string(), says, "to the same host");
    assert_eq!(idp.said.elsewhere.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn answers_that_are_no_keys() {
    let idp = Idp::with(&[es256()]).await;
    for status in [500, 503, 404, 401, 304] {
        idp.publishes(Word::Status(status));
        assert!(matches!(idp.refusal().await, FetchError::Status(code) if code == status));
    }
    idp.publishes(Word::Endless(513 * 1024));
    assert!(matches!(idp.refusal().await, FetchError::TooLarge));
    idp.publishes(Word::Text(" ".repeat(513 * 1024)));
    assert!(matches!(idp.refusal().await, FetchError::TooLarge));
    idp.publishes(Word::Text("{".to_owned()));
    assert!(matches!(idp.refusal().await, FetchError::Jwks(JwksError::Malformed)));
    let mut jwk = es256().jwk();
    jwk["kid"] = json!("hallpass-playground-1");
    idp.publishes(Word::Json(json!({ "keys": [jwk] })));
    assert!(matches!(idp.refusal().await, FetchError::Jwks(JwksError::Playground)));
    assert_eq!(discovery::fetch(&idp.settings(), true).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_silent_idp_is_given_up() {
    let idp = Idp::with(&[es256()]).await;
    idp.publishes(Word::Silence);
    let error = within(idp.refusal()).await;
    assert!(matches!(&error, FetchError::Http(text) if text.contains("timed out")), "{error}");
    // The error goes to the log: where the issuer is is known, and its URL may hold a secret.
    assert!(!error.to_string().contains("/jwks"));
}
