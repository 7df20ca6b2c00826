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

/// The token does not choose its key: not by value, not by address, not by certificate.
#[test]
fn keys_in_the_header_are_not_looked_at() {
    let mut jwk = other_es256().jwk();
    jwk["kid"] = json!("mine");
    for (member, value) in [
        ("jwk", jwk),
        ("jku", json!("https://attacker.example/jwks")),
        ("x5u", json!("https://attacker.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("jku", json!(5)),
    ] {
        let token = a_token().with_header(member, value);
        assert_eq!(refused(&token.clone().secretly_by(other_es256()).text()), SignatureInvalid);
        let named = token.clone().secretly_by(other_es256()).with_header("kid", "mine");
        assert_eq!(refused(&named.text()), KeyUnknown);
        assert!(verify(&token.text()).is_ok(), "{member} is ignored");
    }
}
