//! An event has all that a decision depends on: what is read back decides the same again.

use std::sync::Arc;

use super::*;
use crate::{
    claim_path::ClaimPath,
    identity::Who,
    policy::{Entitlement, suppose},
};

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Claims with this value at this path.
fn put(claims: &mut Value, path: &str, value: &Value) {
    let keys = serde_json::to_value(ClaimPath::from_text(path).unwrap()).unwrap();
    let mut at = claims;
    for key in keys.as_array().unwrap() {
        at = &mut at[text(key)];
    }
    *at = value.clone();
}

/// Everything of [`Who`] and of [`Facts`], by name: a new field has to be in events too.
fn read_back(data: &Value) -> (Who, Facts) {
    let identity = &data["identity"];
    let mut claims = json!({});
    for (path, value) in identity["claims"].as_object().unwrap() {
        put(&mut claims, path, value);
    }
    let Value::Object(claims) = claims else { panic!("{claims}") };
    let list =
        |value: &Value| -> Vec<String> { value.as_array().unwrap().iter().map(text).collect() };
    let who = Who {
        issuer: text(&identity["issuer"]).parse().unwrap(),
        subject: text(&identity["subject"]),
        idp_roles: list(&identity["idp_roles"]).into_iter().collect(),
        claims: Arc::new(claims),
    };
    let (wish, connection) = (&data["wish"], &data["connection"]);
    let facts = Facts {
        now: text(&data["decided_at"]).parse().unwrap(),
        expires_at: text(&data["credential"]["expires_at"]).parse().unwrap(),
        wish: Wish {
            account: wish["account"].as_str().map(|it| it.parse().unwrap()),
            roles: Some(list(&wish["roles"]).iter().map(|it| it.parse().unwrap()).collect()),
        },
        connection: Connection {
            kind: connection["type"].as_str().map(|it| it.parse().unwrap()),
            source: connection["source"].as_str().map(|it| it.parse().unwrap()),
            certificate: connection["certificate"].as_bool().unwrap(),
            attested: connection["attested"].as_bool().unwrap(),
        },
    };
    (who, facts)
}

#[test]
fn what_is_read_back_decides_the_same_again() {
    let login = Login::new();
    let told = login.told(&privacy(&[], &[]), None);
    let (who, facts) = read_back(&told["data"]);
    let decided = |it: &Entitlement| {
        let sides = serde_json::to_value([it.publish(), it.subscribe()]).unwrap();
        (it.account().clone(), sides, it.ends_at(), it.user_name().to_owned())
    };
    let first = login.findings.decision.as_ref().unwrap();
    let Outcome::Granted(grant) = first.outcome() else { panic!("{first:?}") };
    let again = suppose(&login.policy, &who, &facts);
    assert_eq!(decided(&again.outcome.unwrap()), decided(grant));
    assert_eq!(again.reasons.unmet, first.reasons().unmet);
    let facts =
        |facts: &Facts| (facts.now, facts.expires_at, facts.wish.clone(), facts.connection.clone());
    let (_, read) = read_back(&told["data"]);
    assert_eq!(facts(&read), facts(login.findings.facts.as_ref().unwrap()));
}
