use super::*;
use crate::testkit::TokenBuilder;

fn answer(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn said(value: Value) -> Result<VerifiedToken, Code> {
    let token = AuthenticToken::introspected(&an_issuer(), answer(value))?;
    token.judge(&an_issuer(), now(), None).map_err(|refusal| refusal.code)
}

fn good() -> Value {
    json!({ "active": true, "sub": "alice", "aud": "nats", "exp": NOW + 60, "roles": ["a"] })
}

fn with(name: &str, value: Value) -> Value {
    let mut changed = good();
    changed[name] = value;
    changed
}

#[test]
fn an_active_token_is_what_the_issuer_says() {
    let token = said(good()).unwrap();
    assert_eq!((token.subject(), token.expires_at().as_second()), ("alice", NOW + 60));
    let facts = AuthenticToken::introspected(&an_issuer(), answer(good())).unwrap().facts();
    assert!(facts.introspected && facts.algorithm.is_none());
}

#[test]
fn only_true_is_active() {
    assert_eq!(said(with("active", json!(false))).unwrap_err(), TokenInactive);
    for odd in [json!("true"), json!(1), json!(null), json!({})] {
        assert_eq!(said(with("active", odd)).unwrap_err(), IntrospectionUnavailable);
    }
    let mut silent = answer(good());
    silent.remove("active");
    assert_eq!(said(silent.into()).unwrap_err(), IntrospectionUnavailable);
}

/// The issuer vouches that it is active; everything else is judged as of any token.
#[test]
fn an_answer_is_judged_like_a_token() {
    assert!(said(with("iss", json!("https://idp.example.com"))).is_ok());
    assert_eq!(said(with("iss", json!("https://other.example"))).unwrap_err(), IssuerUnknown);
    assert_eq!(said(with("exp", json!(NOW))).unwrap_err(), TokenExpired);
    assert_eq!(said(with("exp", json!("x"))).unwrap_err(), TokenTimeInvalid);
    assert_eq!(said(with("nbf", json!(NOW + 60))).unwrap_err(), TokenNotYetValid);
    assert_eq!(said(with("aud", json!("web"))).unwrap_err(), AudienceMismatch);
    assert_eq!(said(with("cnf", json!({"jkt": "x"}))).unwrap_err(), BindingUnsupported);
    for (name, code) in [("exp", ExpiryAbsent), ("aud", AudienceAbsent), ("sub", SubjectAbsent)] {
        let mut lacking = answer(good());
        lacking.remove(name);
        assert_eq!(said(lacking.into()).unwrap_err(), code);
    }
}

fn completed(token: TokenBuilder, said: Value) -> Result<VerifiedToken, Code> {
    let (text, issuer) = (token.text(), an_issuer());
    let key = key_set(&[es256()]).find(Some("es"), Algorithm::ES256).unwrap();
    let signed = UnverifiedToken::parse(&text).unwrap().verify_signature(&issuer, &key).unwrap();
    let token = signed.completed_by(&issuer, answer(said))?;
    token.judge(&issuer, now(), None).map_err(|refusal| refusal.code)
}

#[test]
fn an_answer_adds_what_a_lightweight_token_leaves_out() {
    let light = || a_token().without("roles");
    let token = completed(light(), good()).unwrap();
    assert_eq!(token.claims()["roles"], json!(["a"]));
    assert_eq!(token.expires_at().as_second(), NOW + 60, "the earlier end counts");
    let token = completed(light(), with("exp", json!(NOW + 7200))).unwrap();
    assert_eq!(token.expires_at().as_second(), NOW + 3600, "the earlier end counts");
    // What is signed is not overruled.
    let token = completed(a_token().with_role("signed"), good()).unwrap();
    assert_eq!(token.claims()["roles"], json!(["signed"]));
    assert_eq!(completed(light(), with("active", json!(false))).unwrap_err(), TokenInactive);
}

#[test]
fn an_answer_about_another_token_is_none() {
    for (name, other) in [("sub", "bob"), ("iss", "https://other.example"), ("jti", "token-2")] {
        let result = completed(a_token(), with(name, json!(other)));
        assert_eq!(result.unwrap_err(), IntrospectionUnavailable, "{name}");
    }
    // Nor can an answer take a binding away.
    let bound = a_token().with("cnf", json!({ "x5t#S256": "x" }));
    assert_eq!(completed(bound, good()).unwrap_err(), BindingCertificateMissing);
}

/// The endpoint calls refresh tokens active too, and whatever the hint says.
#[test]
fn a_refresh_token_is_for_its_issuer_alone() {
    for (name, value) in [
        ("token_use", "refresh_token"),
        ("token_use", "refresh"),
        ("token_type", "refresh_token"),
        ("typ", "Refresh"),
        ("typ", "Offline"),
    ] {
        let result = said(with(name, json!(value)));
        assert_eq!(result.unwrap_err(), TokenIsRefreshToken, "{name}: {value}");
        assert_eq!(refused(&a_token().with(name, value).text()), TokenIsRefreshToken);
        let mut lax = an_issuer();
        lax.accept_id_tokens = true;
        let text = a_token().with(name, value).text();
        let result = verify_with(&text, &lax, &key_set(&[es256()]));
        assert_eq!(result.unwrap_err(), TokenIsRefreshToken, "no setting allows it");
    }
    for (name, value) in [("token_use", "access_token"), ("token_type", "Bearer")] {
        assert!(said(with(name, json!(value))).is_ok());
    }
}

/// What is signed is an ID token or not, whatever the answer says.
#[test]
fn an_answer_makes_no_access_token_of_an_id_token() {
    let id_token = a_token().with("nonce", "n");
    let result = completed(id_token, with("typ", json!("Bearer")));
    assert_eq!(result.unwrap_err(), TokenIsIdToken);
    let result = completed(a_token(), with("nonce", json!("n")));
    assert_eq!(result.unwrap_err(), TokenIsIdToken, "nor the answer an ID token's");
}
