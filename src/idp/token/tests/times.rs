use super::*;

#[test]
fn exp() {
    assert_eq!(refused(&a_token().expired().text()), TokenExpired);
    assert_eq!(refused(&a_token().with("exp", NOW).text()), TokenExpired, "no leeway");
    assert!(verify(&a_token().with("exp", NOW + 1).text()).is_ok());
    assert_eq!(refused(&a_token().with("exp", 0).text()), TokenExpired);
    assert_eq!(refused(&a_token().without("exp").text()), TokenClaimsInvalid);
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
        assert_eq!(refused(&token.text()), TokenClaimsInvalid, "{exp}");
    }
    for exp in ["1e400", "99999999999999999999999999", "1.9e9", "01900000000", "-0", "+1"] {
        let claims = CLAIMS.replace("1800003600", exp);
        assert_eq!(refused_claims(&claims), TokenClaimsInvalid, "{exp}");
    }
    let last = Timestamp::MAX.as_second();
    let token = verify(&a_token().with("exp", last).text()).unwrap();
    assert_eq!(token.expires_at().as_second(), last);
    assert_eq!(refused(&a_token().with("exp", last + 1).text()), TokenClaimsInvalid);
}

#[test]
fn nbf_and_iat() {
    for claim in ["nbf", "iat"] {
        for inside in [0, 1, NOW - 1, NOW, NOW + 1, NOW + 30] {
            assert!(verify(&a_token().with(claim, inside).text()).is_ok(), "{claim} {inside}");
        }
        for beyond in [NOW + 31, NOW + 86_400] {
            let token = a_token().with(claim, beyond);
            assert_eq!(refused(&token.text()), TokenNotYetValid, "{claim} {beyond}");
        }
        for odd in [json!(1.5), json!("1"), json!(-1), json!(i64::MAX), json!(null), json!([1])] {
            let token = a_token().with(claim, odd.clone());
            assert_eq!(refused(&token.text()), TokenClaimsInvalid, "{claim} {odd}");
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
