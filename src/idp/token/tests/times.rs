use super::*;

#[test]
fn exp() {
    assert_eq!(refused(&a_token().expired().text()), TokenExpired);
    assert_eq!(refused(&a_token().with("exp", NOW).text()), TokenExpired, "no leeway");
    assert!(verify(&a_token().with("exp", NOW + 1).text()).is_ok());
    assert_eq!(refused(&a_token().with("exp", 0).text()), TokenExpired);
    assert_eq!(refused(&a_token().without("exp").text()), ExpiryAbsent);
}

#[test]
fn exp_of_other_forms() {
    for exp in [
        json!(i64::MAX),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(-1),
        json!(253_402_300_800_i64), // the year 10000
        json!("1900000000"),
        json!(1_900_000_000.5),
        json!(1_900_000_000.0),
        json!(null),
        json!(true),
        json!([1_900_000_000]),
        json!({}),
    ] {
        let token = a_token().with("exp", exp.clone());
        assert_eq!(refused(&token.text()), TokenTimeInvalid, "{exp}");
    }
    for exp in ["99999999999999999999999999", "1.9e9", "-0"] {
        let claims = CLAIMS.replace("1800003600", exp);
        assert_eq!(refused_claims(&claims), TokenTimeInvalid, "{exp}");
    }
    for exp in ["1e400", "01900000000", "+1"] {
        let claims = CLAIMS.replace("1800003600", exp);
        assert_eq!(refused_claims(&claims), TokenClaimsInvalid, "{exp} is no JSON number");
    }
    let last = Timestamp::MAX.as_second();
    assert_eq!(refused(&a_token().with("exp", last).text()), TokenLifetimeExceeded);
    assert_eq!(refused(&a_token().with("exp", last + 1).text()), TokenTimeInvalid);
}

#[test]
fn nbf_and_iat() {
    for claim in ["nbf", "iat"] {
        for inside in [NOW - 1, NOW, NOW + 1, NOW + 30] {
            assert!(verify(&a_token().with(claim, inside).text()).is_ok(), "{claim} {inside}");
        }
        for beyond in [NOW + 31, NOW + 86_400] {
            let token = a_token().with(claim, beyond);
            let code = if claim == "nbf" { TokenNotYetValid } else { TokenIssuedInFuture };
            assert_eq!(refused(&token.text()), code, "{claim} {beyond}");
        }
        for odd in [json!(1.5), json!("1"), json!(-1), json!(i64::MAX), json!(null), json!([1])] {
            let token = a_token().with(claim, odd.clone());
            assert_eq!(refused(&token.text()), TokenTimeInvalid, "{claim} {odd}");
        }
    }
    assert!(verify(&a_token().without("iat").text()).is_ok());
}

#[test]
fn the_leeway_is_the_issuers() {
    let mut issuer = an_issuer();
    issuer.leeway = std::time::Duration::ZERO;
    let keys = key_set(&[es256()]);
    let result = |text: String| verify_with(&text, &issuer, &keys).map(|_| ());
    assert_eq!(result(a_token().with("nbf", NOW).text()), Ok(()));
    assert_eq!(result(a_token().with("nbf", NOW + 1).text()), Err(TokenNotYetValid));
}

#[test]
fn a_token_lives_no_longer_than_its_issuers_may() {
    let mut issuer = an_issuer();
    issuer.max_lifetime = std::time::Duration::from_secs(600);
    let keys = key_set(&[es256()]);
    let result = |token: crate::testkit::TokenBuilder| {
        verify_with(&token.text(), &issuer, &keys).map(|_| ())
    };
    let token = |iat: i64, exp: i64| a_token().with("iat", iat).with("exp", exp);
    assert_eq!(result(token(NOW - 300, NOW + 300)), Ok(()));
    assert_eq!(result(token(NOW + 20, NOW + 620)), Ok(()));
    assert_eq!(result(token(NOW - 300, NOW + 301)), Err(TokenLifetimeExceeded));
    // Without `iat`, what is left is the least that it lives.
    assert_eq!(result(a_token().without("iat").with("exp", NOW + 600)), Ok(()));
    let longer = a_token().without("iat").with("exp", NOW + 601);
    assert_eq!(result(longer), Err(TokenLifetimeExceeded));
    // A day is the default.
    assert!(verify(&token(NOW, NOW + 86_400).text()).is_ok());
    assert_eq!(refused(&token(NOW, NOW + 86_401).text()), TokenLifetimeExceeded);
}

#[test]
fn a_token_is_no_older_than_its_issuers_may_be() {
    let mut issuer = an_issuer();
    issuer.max_age = Some(std::time::Duration::from_secs(60));
    let keys = key_set(&[es256()]);
    let result = |token: crate::testkit::TokenBuilder| {
        verify_with(&token.text(), &issuer, &keys).map(|_| ())
    };
    // 30 s of leeway: the issuer's clock may be behind.
    assert_eq!(result(a_token().with("iat", NOW - 90)), Ok(()));
    assert_eq!(result(a_token().with("iat", NOW - 91)), Err(TokenTooOld));
    assert_eq!(result(a_token().without("iat")), Err(IssuedAtAbsent));
}
