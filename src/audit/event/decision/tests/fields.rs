//! What a decision's event says, and that the page and the schema say it too.

use super::*;

#[test]
fn it_says_who_by_what_and_what_for() {
    let told = Login::new().told(&privacy(&[], &[]), None);
    let data = &told["data"];
    assert_eq!(
        data["identity"],
        json!({
            "issuer": "corp", "subject": "subject-11d1", "user_name": "corp:subject-11d1",
            "client_id": "client-33d3",
            "actors": [
                { "issuer": "https://actors.example", "subject": "actor-44d4" },
                { "subject": "actor-55d5" },
            ],
            "idp_roles": ["group-77e1", "group-88e2"],
            "claims": {
                "org.tenant": "tenant-66d6", "mail": "mail-99d9",
                r#"["https://x.example/team"]"#: "team-12f1",
                "extra.deep": ["extra-13f3", 14_159_265],
            },
        })
    );
    assert_eq!(data["token"]["not_before"], "2027-01-15T07:59:55Z");
    assert_eq!(data["wish"], json!({ "account": "APP", "roles": ["answering", "clerk"] }));
    assert_eq!(
        data["connection"],
        json!({
            "type": "STANDARD", "source": "192.0.2.165", "certificate": true, "attested": false,
        })
    );
    assert_eq!(data["decided_at"], now().to_string());
    assert_eq!(data["credential"]["carrier"], "auth_token");
    assert_eq!(data["credential"]["expires_at"], "2027-01-15T09:00:00Z");
    assert_eq!(
        data["client"]["tls"],
        json!({
            "version": "1.3", "cipher": "TLS_AES_128_GCM_SHA256",
            "certificate_sha256": "16".repeat(32),
        })
    );
    assert_eq!(
        data["latency"],
        json!({ "request": 1000, "credential": 0, "token": 0, "policy": 0, "total": 7000 })
    );
    let role = |list: &str, at: usize| data[list][at]["role"].clone();
    assert_eq!((role("given", 0), role("given", 1)), ("answering".into(), "clerk".into()));
    assert_eq!(data["given"][0]["by"], json!(["group-88e2"]));
    assert_eq!(role("unmet", 0), "night");
    assert_eq!(data["unmet"][0]["why"], "the claim `mail` has another value");
    assert_eq!(data["roles"], json!(["answering", "clerk"]));
}

#[test]
fn the_digest_is_that_of_what_the_event_says() {
    use sha2::{Digest as _, Sha256};
    let told = Login::new().told(&privacy(&[], &[]), None);
    let grant = &told["data"]["grant"];
    assert_eq!(grant["jwt_id"], told["data"]["decision"]);
    assert_eq!(grant["ends_at"], "2027-01-15T08:10:00Z");
    assert_eq!(
        (&grant["ends_by"]["by"], &grant["ends_by"]["role"]),
        (&"session".into(), &"clerk".into())
    );
    // Members sorted by name, as `serde_json` has them in a map: RFC 8785.
    let names = ["account", "publish", "responses", "subscribe"];
    let members: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), grant[name].clone())).collect();
    assert_eq!(members["responses"], json!({ "max": 2, "expires_ms": 3000 }));
    let hash = Sha256::digest(Value::Object(members).to_string());
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(grant["digest"], format!("sha256:{digits}"));
}

#[test]
fn what_is_too_much_is_cut_and_the_event_says_so() {
    let deep = |depth: usize| {
        (0..depth)
            .fold(json!({ "sub": "last" }), |act, n| json!({ "sub": n.to_string(), "act": act }))
    };
    let login = Login::with(|token| {
        (0..600)
            .fold(token, |token, n| token.with_role(&format!("r{n}")))
            .with("act", deep(10))
            .with("mail", "m".repeat(2000))
            .with("extra", "no object")
    });
    let told = login.told(&privacy(&[], &[]), None);
    let identity = &told["data"]["identity"];
    assert_eq!(identity["actors"].as_array().unwrap().len(), 8);
    assert_eq!(identity["actors"][0]["subject"], "9", "the outermost first");
    assert_eq!(identity["idp_roles"].as_array().unwrap().len(), 512);
    assert_eq!(identity["idp_roles_cut"], true);
    assert_eq!(identity["claims_cut"], json!(["mail", "extra.deep"]), "too large; in no object");
    assert!(identity["claims"].get("mail").is_none());
    assert!(identity.get("claims_absent").is_none(), "{identity}");
}

#[test]
fn what_is_not_there_is_told_from_what_was_not_looked_at() {
    let login = Login::with(|token| token.without("extra"));
    let told = login.told(&privacy(&[], &[]), None);
    assert_eq!(told["data"]["identity"]["claims_absent"], json!(["extra.deep"]));
    let hidden = login.told(&privacy(&[PersonalField::Claims], &[]), None);
    assert!(hidden["data"]["identity"].get("claims_absent").is_none(), "{hidden}");
}

#[test]
fn a_role_that_is_left_out_as_a_hidden_subject_is_missing() {
    let login = Login::with(|token| token.with_role("subject-11d1"));
    let told = login.told(&privacy(&[PersonalField::Subject], &[]), None);
    assert_eq!(told["data"]["identity"]["idp_roles_cut"], true);
    let shown = login.told(&privacy(&[], &[]), None);
    assert!(shown["data"]["identity"].get("idp_roles_cut").is_none());
}

/// The names of all members; of claims, which are called as maps call them, none.
fn names(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                found.insert(name.clone());
                if name != "claims" {
                    names(value, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        _ => {}
    }
}

#[test]
fn every_field_is_in_the_page_and_in_the_schema() {
    let page = include_str!("../../../../../docs/audit.md");
    let schema = include_str!("../../../../../docs/audit-event.schema.json");
    let login = Login::with(|token| token.with("mail", "m".repeat(2000)));
    let refusal = Refusal { code: Code::AuditUnavailable, detail: Some("why".to_owned()) };
    let mut found = BTreeSet::new();
    for told in [
        login.told(&privacy(&[PersonalField::TokenId], &[]), None),
        login.told(&privacy(&[], &[]), Some(&refusal)),
    ] {
        names(&told, &mut found);
    }
    assert!(found.len() > 70, "{}: {found:?}", found.len());
    for name in ["permissions_omitted", "given_cut", "idp_roles_cut", "claims_absent"] {
        found.insert(name.to_owned());
    }
    let missing = |text: &str, before: &str, after: &str| -> Vec<String> {
        let is_missing = |name: &&String| !text.contains(&format!("{before}{name}{after}"));
        found.iter().filter(is_missing).cloned().collect()
    };
    assert_eq!(missing(page, "`", "`"), Vec::<String>::new());
    assert_eq!(missing(schema, "\"", "\":"), Vec::<String>::new());
}
