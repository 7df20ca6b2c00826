use super::*;

#[test]
fn aud() {
    for good in [json!("nats"), json!(["nats"]), json!(["web", "nats", "nats"])] {
        assert!(verify(&a_token().with("aud", good.clone()).text()).is_ok(), "{good}");
    }
    for other in [
        json!("web"),
        json!(["web"]),
        json!([]),
        json!(""),
        json!("NATS"),
        json!("nats "),
        json!("nats,web"),
        json!("nats web"),
        json!("*"),
    ] {
        let token = a_token().with("aud", other.clone());
        assert_eq!(refused(&token.text()), AudienceMismatch, "{other}");
    }
    assert_eq!(refused(&a_token().without("aud").text()), AudienceMismatch);
    for odd in [
        json!(["nats", 1]),
        json!([["nats"]]),
        json!({ "nats": true }),
        json!(null),
        json!(1),
        json!([null]),
    ] {
        let token = a_token().with("aud", odd.clone());
        assert_eq!(refused(&token.text()), TokenClaimsInvalid, "{odd}");
    }
}

#[test]
fn iss_is_compared_exactly() {
    for other in [
        json!("https://idp.example.com/"),
        json!("https://IDP.example.com"),
        json!("http://idp.example.com"),
        json!("https://idp.example.com:443"),
        json!(["https://idp.example.com"]),
        json!(null),
        json!(1),
        json!(""),
    ] {
        let text = a_token().with("iss", other.clone()).text();
        assert_eq!(refused(&text), IssuerUnknown, "{other}");
        // `judge` does not rely on the caller having looked.
        let key = key_set(&[es256()]).find(Some("es"), Algorithm::ES256).unwrap();
        let signed = UnverifiedToken::parse(&text).unwrap().verify_signature(&an_issuer(), &key);
        assert_eq!(signed.unwrap().judge(&an_issuer(), now()).unwrap_err(), IssuerUnknown);
    }
    assert_eq!(refused(&a_token().without("iss").text()), IssuerUnknown);
}

#[test]
fn sub() {
    assert_eq!(refused(&a_token().without("sub").text()), TokenClaimsInvalid);
    for odd in [json!(7), json!(null), json!(["alice"]), json!({})] {
        assert_eq!(refused(&a_token().with("sub", odd).text()), TokenClaimsInvalid);
    }
}

#[test]
fn a_sub_that_cannot_be_a_name_makes_no_identity() {
    let issuer = an_issuer();
    let identity = |sub: Value| {
        let token = verify(&a_token().with("sub", sub).text()).unwrap();
        Identity::of(&token, &issuer).map(|identity| identity.user_name())
    };
    assert_eq!(identity(json!("alice")), Ok("corp:alice".to_owned()));
    assert_eq!(
        identity(json!("system:serviceaccount:a:b")),
        Ok("corp:system:serviceaccount:a:b".to_owned())
    );
    assert_eq!(identity(json!("x".repeat(255))), Ok(format!("corp:{}", "x".repeat(255))));
    for unusable in ["".to_owned(), "x".repeat(256), "a\nb".to_owned(), "a\u{85}".to_owned()] {
        assert_eq!(identity(json!(unusable)), Err(SubjectUnusable), "{unusable:?}");
    }
    let roles = |token: crate::testkit::TokenBuilder| {
        let token = verify(&token.text()).unwrap();
        Identity::of(&token, &issuer).map(|_| ())
    };
    assert_eq!(roles(a_token().without("roles")), Err(RolesClaimAbsent));
    assert_eq!(roles(a_token().with("roles", Value::Null)), Err(RolesClaimUnreadable));
    assert_eq!(roles(a_token().with("roles", json!({ "admin": true }))), Err(RolesClaimUnreadable));
}
