use super::*;
use crate::{
    claim_path::ClaimPath,
    config::{IssuerSettings, Requirement},
    testkit::{TokenBuilder, verify_bound},
};

fn result(issuer: &IssuerSettings, token: TokenBuilder) -> Result<(), Code> {
    verify_with(&token.text(), issuer, &key_set(&[es256()])).map(|_| ())
}

#[test]
fn an_id_token_is_not_an_access_token() {
    for (claim, value) in [
        ("nonce", json!("n-0S6_WzA2Mj")),
        ("at_hash", json!("77QmUPtjPfzWtF2AnpK9RQ")),
        ("c_hash", json!("LDktKdoQak3Pk0cnXxCltA")),
        ("s_hash", json!("x")),
        ("token_use", json!("id")),
        ("typ", json!("ID")),
    ] {
        let token = a_token().with(claim, value);
        assert_eq!(refused(&token.text()), TokenIsIdToken, "{claim}");
        let mut issuer = an_issuer();
        issuer.accept_id_tokens = true;
        assert_eq!(result(&issuer, token), Ok(()), "{claim}, where that is the setting");
    }
    // Older Keycloaks put `nonce` into access tokens too, and say what they are.
    assert!(verify(&a_token().with("nonce", "n").with("typ", "Bearer").text()).is_ok());
    assert_eq!(
        refused(&a_token().with("at_hash", "h").with("typ", "Bearer").text()),
        TokenIsIdToken
    );
    assert!(verify(&a_token().with("token_use", "access").text()).is_ok());
}

#[test]
fn required_claims_are_there_and_as_required() {
    let requirement = |path: &str, values: &[Value]| Requirement {
        claim: ClaimPath::from_dotted(path).unwrap(),
        values: values.to_vec(),
    };
    let mut issuer = an_issuer();
    issuer.require =
        vec![requirement("azp", &[json!("cli"), json!("web")]), requirement("a.b", &[json!(true)])];
    let token = || a_token().with("azp", "cli").with("a", json!({"b": true}));
    assert_eq!(result(&issuer, token()), Ok(()));
    assert_eq!(result(&issuer, token().with("azp", "web")), Ok(()));
    assert_eq!(result(&issuer, token().with("azp", json!(["x", "web"]))), Ok(()));
    for other in [json!("CLI"), json!("cli "), json!(["x"]), json!([]), json!(null), json!(1)] {
        assert_eq!(
            result(&issuer, token().with("azp", other.clone())),
            Err(RequiredClaimMismatch),
            "{other}"
        );
    }
    assert_eq!(result(&issuer, token().without("azp")), Err(RequiredClaimAbsent));
    let mut any = an_issuer();
    any.require = vec![requirement("azp", &[json!("*")])];
    assert_eq!(result(&any, token()), Ok(()));
    assert_eq!(result(&any, token().with("azp", json!(null))), Err(RequiredClaimMismatch));
    assert_eq!(result(&any, token().without("azp")), Err(RequiredClaimAbsent));
    for other in [json!({}), json!(true), json!({"c": true})] {
        assert_eq!(result(&issuer, token().with("a", other)), Err(RequiredClaimAbsent));
    }
    for other in [json!({"b": "true"}), json!({"b": 1}), json!({"b": false})] {
        assert_eq!(result(&issuer, token().with("a", other)), Err(RequiredClaimMismatch));
    }
}

#[test]
fn subjects_begin_as_the_issuers_do() {
    let mut issuer = an_issuer();
    issuer.subject_prefix = Some("spiffe://prod.example/".to_owned());
    let sub = |sub: &str| result(&issuer, a_token().with("sub", sub));
    assert_eq!(sub("spiffe://prod.example/api"), Ok(()));
    for other in ["spiffe://prod.example.evil/api", "alice", "", "SPIFFE://prod.example/api"] {
        assert_eq!(sub(other), Err(SubjectPrefixMismatch), "{other}");
    }
}

/// RFC 8705: the token is worth nothing without the certificate whose hash it names.
#[test]
fn a_bound_token_needs_its_certificate() {
    let (ours, other) = ([7_u8; 32], [8_u8; 32]);
    let bound = |cnf: Value| a_token().with("cnf", cnf).text();
    let with = |text: &str, certificate: Option<&[u8; 32]>| {
        verify_bound(text, &an_issuer(), &key_set(&[es256()]), certificate)
            .map(|_| ())
            .map_err(|refusal| refusal.code)
    };
    let text = bound(json!({ "x5t#S256": base64url(ours) }));
    assert_eq!(with(&text, Some(&ours)), Ok(()));
    assert_eq!(with(&text, Some(&other)), Err(BindingMismatch));
    assert_eq!(with(&text, None), Err(BindingCertificateMissing));
    for unknown in [
        json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }),
        json!({ "jwk": {} }),
        json!({ "kid": "x" }),
        json!({ "x5t#S256": base64url(ours), "jkt": "x" }),
        json!({ "x5t#S256": 7 }),
        json!({ "x5t": base64url(ours) }),
        json!({}),
        json!(null),
        json!("x"),
        json!([]),
    ] {
        let text = bound(unknown.clone());
        assert_eq!(with(&text, Some(&ours)), Err(BindingUnsupported), "{unknown}");
        assert_eq!(with(&text, None), Err(BindingUnsupported), "{unknown}");
    }
    for odd in [format!("{}=", base64url(ours)), String::new(), base64url([7_u8; 31])] {
        assert_eq!(with(&bound(json!({ "x5t#S256": odd })), Some(&ours)), Err(BindingMismatch));
    }
}

#[test]
fn where_tokens_must_be_bound_others_are_refused() {
    let mut issuer = an_issuer();
    issuer.certificate_bound = true;
    assert_eq!(result(&issuer, a_token()), Err(BindingAbsent));
    let keys = key_set(&[es256()]);
    let refusal = verify_bound(&a_token().text(), &issuer, &keys, Some(&[7; 32])).unwrap_err();
    assert_eq!(refusal.code, BindingAbsent, "a certificate alone does not bind");
    let bound = a_token().with("cnf", json!({ "x5t#S256": base64url([7_u8; 32]) })).text();
    assert!(verify_bound(&bound, &issuer, &keys, Some(&[7; 32])).is_ok());
}
