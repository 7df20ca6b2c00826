use super::*;

#[test]
fn a_good_token_is_what_it_says() {
    let token = verify(&a_token().with_role("clerk").text()).unwrap();
    assert_eq!(token.issuer().as_str(), "corp");
    assert_eq!(token.subject(), "alice");
    assert_eq!(token.expires_at().as_second(), NOW + 3600);
    assert_eq!(token.claims()["roles"], json!(["clerk"]));
}

#[test]
fn keys_of_both_kinds_verify() {
    assert!(verify(&a_token().by(es256()).text()).is_ok());
    assert!(verify(&a_token().by(rsa()).text()).is_ok());
}

#[test]
fn the_fixtures_of_raw_texts_are_good_too() {
    assert!(verify(&bearer(HEADER, CLAIMS, es256())).is_ok());
}

#[test]
fn the_facts_are_those_of_the_token() {
    let (text, issuer) = (a_token().text(), an_issuer());
    let key = key_set(&[es256()]).find(Some("es"), Algorithm::ES256).unwrap();
    let signed = UnverifiedToken::parse(&text).unwrap().verify_signature(&issuer, &key).unwrap();
    let facts = signed.facts();
    let texts = [facts.subject, facts.id, facts.key_id, facts.token_type].map(Option::unwrap);
    assert_eq!(texts, ["alice", "token-1", "es", "at+jwt"]);
    assert_eq!((facts.issuer.as_str(), facts.algorithm), ("corp", Some(Algorithm::ES256)));
    let times =
        [facts.issued_at, facts.not_before, facts.expires_at].map(|it| it.map(|it| it.to_string()));
    assert_eq!(
        times,
        [Some("2027-01-15T07:59:50Z".into()), None, Some("2027-01-15T09:00:00Z".into())]
    );
    assert!(!facts.introspected);
}

#[test]
fn the_facts_of_odd_claims_are_absent_and_long_ones_are_cut() {
    let (issuer, long) = (an_issuer(), "é".repeat(400));
    let token = a_token().with("sub", long).with("jti", 1).with("exp", "soon").with("iat", 1.5);
    let text = token.text();
    let key = key_set(&[es256()]).find(Some("es"), Algorithm::ES256).unwrap();
    let facts =
        UnverifiedToken::parse(&text).unwrap().verify_signature(&issuer, &key).unwrap().facts();
    assert_eq!(facts.subject, Some("é".repeat(255)));
    assert_eq!((facts.id, facts.issued_at, facts.expires_at), (None, None, None));
}
