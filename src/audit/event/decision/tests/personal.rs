//! What the settings hide is nowhere in the event.

use data_encoding::HEXLOWER;

use super::*;

/// Every value of the login that says something of a person. Parts of them count too.
const DISTINCTIVE: [&str; 14] = [
    "subject-11d1",
    "token-id-22d2",
    "client-33d3",
    "actor-44d4",
    "actor-55d5",
    "tenant-66d6",
    "group-77e1",
    "group-88e2",
    "mail-99d9",
    "team-12f1",
    "extra-13f3",
    "14159265",
    "name-15f5",
    "192.0.2.165",
];

fn leaks(told: &Value) -> Vec<&'static str> {
    let text = told.to_string();
    let certificate = "16161616";
    let values = DISTINCTIVE.into_iter().chain([certificate]);
    values.filter(|value| text.contains(value)).collect()
}

#[test]
fn all_of_it_is_told_unless_something_is_set() {
    let told = Login::new().told(&privacy(&[], &[]), None);
    assert_eq!(leaks(&told).len(), DISTINCTIVE.len() + 1);
    assert!(told["data"].get("privacy").is_none());
}

#[test]
fn nothing_is_left_where_all_is_left_out_or_pseudonymized() {
    let all = PersonalField::ALL;
    let (login, words) = (Login::new(), all.iter().map(|it| it.as_str()).collect::<Vec<_>>());
    let refusal = Refusal::from(Code::AuditUnavailable);
    for refusal in [None, Some(&refusal)] {
        let omitted = login.told(&privacy(all, &[]), refusal);
        assert_eq!(leaks(&omitted), Vec::<&str>::new(), "{omitted}");
        assert!(!omitted.to_string().contains("pseudonym:"), "{omitted}");
        assert_eq!(omitted["data"]["privacy"], json!({ "omitted": words, "pseudonymized": [] }));
        let blinded = login.told(&privacy(&[], all), refusal);
        assert_eq!(leaks(&blinded), Vec::<&str>::new(), "{blinded}");
        assert_eq!(blinded["data"]["privacy"], json!({ "omitted": [], "pseudonymized": words }));
    }
    let omitted = login.told(&privacy(all, &[]), None);
    let grant = omitted["data"]["grant"].as_object().unwrap();
    assert!(["publish", "subscribe", "digest"].iter().all(|name| !grant.contains_key(*name)));
}

/// A value that one setting hides stands in other fields too.
#[test]
fn what_one_field_hides_no_other_tells() {
    let login = Login::new();
    for (field, values) in [
        (PersonalField::Subject, &["subject-11d1"][..]),
        (
            PersonalField::Claims,
            &["tenant-66d6", "mail-99d9", "team-12f1", "extra-13f3", "14159265"],
        ),
        (PersonalField::IdpRoles, &["group-77e1", "group-88e2"]),
        (PersonalField::Address, &["192.0.2.165"]),
        (PersonalField::Actors, &["actor-44d4", "actor-55d5"]),
    ] {
        for privacy in [privacy(&[field], &[]), privacy(&[], &[field])] {
            let told = login.told(&privacy, None);
            let leaked = leaks(&told);
            assert!(values.iter().all(|it| !leaked.contains(it)), "{field:?} {leaked:?} {told}");
            assert!(leaked.len() > 5, "the others are told: {leaked:?}");
        }
    }
}

#[test]
fn a_permission_is_hidden_only_where_it_holds_what_is_hidden() {
    let login = Login::new();
    let omitted = login.told(&privacy(&[PersonalField::Subject], &[]), None);
    let grant = &omitted["data"]["grant"];
    assert_eq!(grant["subscribe"]["allow"], json!(["lists.team-12f1", "work.tenant-66d6"]));
    assert_eq!(grant["publish"]["allow"], json!([]), "not `null`, which is nothing");
    let count = grant["permissions_omitted"].as_u64().unwrap();
    assert!(count >= 3, "{grant}");
    assert!(grant.get("digest").is_none(), "it would tell whether a guess is right");
    let blinded = login.told(&privacy(&[], &[PersonalField::Subject]), None);
    let grant = &blinded["data"]["grant"];
    let is_pseudonym = |value: &Value| value.as_str().unwrap().starts_with("pseudonym:");
    assert!(is_pseudonym(&grant["publish"]["allow"][0]), "{grant}");
    assert!(grant["digest"].as_str().unwrap().starts_with("hmac-sha256:"));
    let data = &blinded["data"];
    assert_eq!(data["identity"]["subject"], data["token"]["subject"], "the same has the same");
    assert!(is_pseudonym(&data["identity"]["user_name"]));
}

#[test]
fn a_claim_that_is_the_hidden_subject_is_hidden_too() {
    let login = Login::with(|token| token.with("mail", "subject-11d1"));
    let told = login.told(&privacy(&[PersonalField::Subject], &[]), None);
    assert!(!leaks(&told).contains(&"subject-11d1"), "{told}");
    assert_eq!(told["data"]["identity"]["claims"]["org.tenant"], "tenant-66d6");
}

#[test]
fn a_claim_that_is_a_hidden_address_or_certificate_is_hidden_too() {
    let certificate = Login::new().findings.certificate.map(|it| HEXLOWER.encode(&it)).unwrap();
    for (field, value) in
        [(PersonalField::Address, "192.0.2.165"), (PersonalField::Certificate, &certificate)]
    {
        let login = Login::with(|token| token.with("mail", value));
        let told = login.told(&privacy(&[field], &[]), None);
        assert!(!told.to_string().contains(value), "{field:?} {told}");
        assert_eq!(told["data"]["identity"]["claims"]["org.tenant"], "tenant-66d6");
    }
}

#[test]
fn of_somebody_unknown_the_name_may_repeat_whatever_is_hidden() {
    let mut login = Login::new();
    login.findings.identity = None;
    let refusal = Refusal::from(Code::TokenExpired);
    for (field, is_told) in [
        (PersonalField::Claims, false),
        (PersonalField::ClientId, false),
        (PersonalField::Address, true),
    ] {
        let told = login.told(&privacy(&[field], &[]), Some(&refusal));
        assert_eq!(leaks(&told).contains(&"name-15f5"), is_told, "{field:?} {told}");
    }
}
