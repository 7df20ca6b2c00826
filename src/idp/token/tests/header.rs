use super::*;

#[test]
fn crit_is_refused_whatever_it_says() {
    for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!(null), json!("x")] {
        assert_eq!(refused(&a_token().with_header("crit", crit).text()), TokenCritical);
    }
}

#[test]
fn types() {
    for good in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/JWT"] {
        assert!(verify(&a_token().with_header("typ", good).text()).is_ok(), "{good}");
    }
    assert!(verify(&a_token().without_header("typ").text()).is_ok());
    for wrong in [
        "logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "id_token",
        "",
        "application/",
        "JWT ",
        "text/jwt",
        "application/application/jwt",
    ] {
        let token = a_token().with_header("typ", wrong);
        assert_eq!(refused(&token.text()), TokenTypeUnsupported, "{wrong:?}");
    }
}

/// The token does not choose its key: not by value, not by address, not by certificate. That
/// none of it is looked at would be enough; that it is refused is seen sooner.
#[test]
fn keys_in_the_header_are_refused_whoever_signed() {
    let mut jwk = other_es256().jwk();
    jwk["kid"] = json!("mine");
    for (member, value) in [
        ("jwk", jwk),
        ("jku", json!("https://attacker.example/jwks")),
        ("x5u", json!("https://attacker.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("jku", json!(5)),
        ("jwk", json!(null)),
    ] {
        let token = a_token().with_header(member, value);
        assert_eq!(refused(&token.clone().secretly_by(other_es256()).text()), HeaderKeyForbidden);
        assert_eq!(refused(&token.text()), HeaderKeyForbidden, "{member}, by the issuer's own key");
    }
    // A thumbprint is a name and no key.
    assert!(verify(&a_token().with_header("x5t", "dGhlLXRodW1i").text()).is_ok());
}

#[test]
fn a_key_id_is_a_name_and_nothing_else() {
    for wrong in [
        "../../../../dev/null",
        "keys/../../secret",
        "x' UNION SELECT 'key",
        "' OR '1'='1",
        "es\" --",
        "1; DROP TABLE keys",
        "es%00",
        "es\0",
        "es\n",
        "$(id)",
        "`id`",
        "é",
        "",
        &"k".repeat(257),
    ] {
        assert_eq!(refused(&a_token().with_header("kid", wrong).text()), KeyIdInvalid, "{wrong:?}");
    }
    // These could be the name of a key; none is.
    for unknown in [
        "/dev/null",
        "ItU36ulPWn9xHZsd3Pg4aFp5p1qAeQ8QpzEpLHdHo/o=",
        "urn:ietf:params:oauth:jwk-thumbprint:sha-256:NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        "https://keys.example.com/1",
        "ES",
        &"k".repeat(256),
    ] {
        assert_eq!(
            refused(&a_token().with_header("kid", unknown).text()),
            KeyUnknown,
            "{unknown:?}"
        );
    }
}

#[test]
fn a_token_in_a_token_is_refused() {
    let inner = a_token().text();
    assert_eq!(refused(&bearer(HEADER, &inner, es256())), TokenNested);
    for content in ["JWT", "jwt", "application/jwt"] {
        assert_eq!(
            refused(&a_token().with_header("cty", content).text()),
            TokenNested,
            "{content}"
        );
    }
    assert_eq!(refused(&a_token().with_header("cty", 1).text()), TokenHeaderInvalid);
    assert!(verify(&a_token().with_header("cty", "json").text()).is_ok());
}

#[test]
fn the_types_are_the_issuers() {
    let mut issuer = an_issuer();
    issuer.token_types = ["at+jwt".to_owned()].into();
    let result = |token: crate::testkit::TokenBuilder| {
        verify_with(&token.text(), &issuer, &key_set(&[es256()])).map(|_| ())
    };
    assert_eq!(result(a_token()), Ok(()));
    assert_eq!(result(a_token().with_header("typ", "application/AT+jwt")), Ok(()));
    assert_eq!(result(a_token().with_header("typ", "JWT")), Err(TokenTypeUnsupported));
    assert_eq!(result(a_token().without_header("typ")), Err(TokenTypeUnsupported));
}
