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
    assert_eq!(refused(&a_token().without("aud").text()), AudienceAbsent);
    for odd in [
        json!(["nats", 1]),
        json!([["nats"]]),
        json!({ "nats": true }),
        json!(null),
        json!(1),
        json!([null]),
    ] {
        let token = a_token().with("aud", odd.clone());
        assert_eq!(refused(&token.text()), AudienceInvalid, "{odd}");
    }
}

/// Where an issuer's tokens have no audience, one that has is meant for somebody else.
#[test]
fn no_audience_is_no_audience() {
    let mut issuer = an_issuer();
    issuer.audiences.clear();
    let result = |token: crate::testkit::TokenBuilder| {
        verify_with(&token.text(), &issuer, &key_set(&[es256()])).map(|_| ())
    };
    assert_eq!(result(a_token().without("aud")), Ok(()));
    assert_eq!(result(a_token().with("aud", json!([]))), Ok(()));
    for other in [json!("nats"), json!(""), json!(["x"])] {
        assert_eq!(result(a_token().with("aud", other)), Err(AudienceMismatch));
    }
    assert_eq!(result(a_token().with("aud", json!([1]))), Err(AudienceInvalid));
    assert_eq!(result(a_token().with("aud", json!(null))), Err(AudienceInvalid));
}

#[test]
fn an_alias_is_another_exact_spelling() {
    let mut issuer = an_issuer();
    issuer.issuer_aliases = ["idp.example.com".to_owned()].into();
    let result = |iss: &str| {
        let text = a_token().with("iss", iss).text();
        verify_with(&text, &issuer, &key_set(&[es256()])).map(|_| ())
    };
    assert_eq!(result("https://idp.example.com"), Ok(()));
    assert_eq!(result("idp.example.com"), Ok(()));
    assert_eq!(result("idp.example.com/"), Err(IssuerUnknown));
    assert_eq!(result("https://idp.example.com/"), Err(IssuerUnknown));
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
        assert_eq!(
            signed.unwrap().judge(&an_issuer(), now(), None).unwrap_err().code,
            IssuerUnknown
        );
    }
    assert_eq!(refused(&a_token().without("iss").text()), IssuerUnknown);
}

#[test]
fn sub() {
    assert_eq!(refused(&a_token().without("sub").text()), SubjectAbsent);
    for odd in [json!(7), json!(null), json!(["alice"]), json!({})] {
        assert_eq!(refused(&a_token().with("sub", odd).text()), SubjectAbsent);
    }
}

#[test]
fn a_sub_that_cannot_be_a_name_makes_no_identity() {
    let issuer = an_issuer();
    let identity = |sub: Value| {
        let token = verify(&a_token().with("sub", sub).text()).unwrap();
        Identity::of(&token, &issuer)
            .map(|identity| identity.who().user_name())
            .map_err(|refusal| refusal.code)
    };
    assert_eq!(identity(json!("alice")), Ok("corp:alice".to_owned()));
    assert_eq!(
        identity(json!("system:serviceaccount:a:b")),
        Ok("corp:system:serviceaccount:a:b".to_owned())
    );
    assert_eq!(identity(json!("x".repeat(2048))), Ok(format!("corp:{}", "x".repeat(2048))));
    for unusable in ["".to_owned(), "x".repeat(2049), "a\nb".to_owned(), "a\u{85}".to_owned()] {
        assert_eq!(identity(json!(unusable)), Err(SubjectUnusable), "{unusable:?}");
    }
    let roles = |token: crate::testkit::TokenBuilder| {
        let token = verify(&token.text()).unwrap();
        Identity::of(&token, &issuer).map(|_| ()).map_err(|refusal| refusal.code)
    };
    assert_eq!(roles(a_token().without("roles")), Err(RolesClaimAbsent));
    assert_eq!(roles(a_token().with("roles", Value::Null)), Err(RolesClaimUnreadable));
    assert_eq!(roles(a_token().with("roles", json!({ "admin": true }))), Err(RolesClaimUnreadable));
}
