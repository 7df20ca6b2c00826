//! What must be true of claims that let somebody in.

use std::fmt;

use hallpass::{
    config::IssuerSettings,
    identity::Identity,
    idp::token::{AuthenticToken, CHECKS, CertificateHash},
};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

use super::parties::{NOW, base64url, now};

/// The certificate that a client has who has one.
const CERTIFICATE: CertificateHash = [7; 32];

/// Judges claims as the token path does, and holds the verdict against the claims. Whether they
/// let somebody in who has no certificate.
pub(super) fn hold(
    token: &AuthenticToken,
    issuer: &IssuerSettings,
    claims: &Map<String, Value>,
) -> bool {
    let verdict = |certificate| {
        let token = token.judge(issuer, now(), certificate).map_err(|refusal| refusal.code)?;
        let identity = Identity::of(&token, issuer).map_err(|refusal| refusal.code)?;
        let (name, roles) = (identity.who().user_name(), identity.who().idp_roles.clone());
        Ok::<_, hallpass::code::Code>((name, roles, token.expires_at()))
    };
    let facts = token.facts();
    assert!(facts.subject.is_none_or(|subject| subject.chars().count() <= 255));

    // All checks, as they are run for people who ask why: one of them says no, or all say yes.
    let judged = token.judged(issuer, now(), None);
    let all = CHECKS.iter().filter(|check| (check.run)(&judged).is_err()).count();
    assert_eq!(all == 0, token.judge(issuer, now(), None).is_ok());

    let alone = verdict(None);
    assert_eq!(alone, verdict(None), "another verdict on the same claims");
    let bound = verdict(Some(&CERTIFICATE));
    if claims.contains_key("cnf") {
        assert!(alone.is_err(), "bound to something that was not shown");
        let binding = json!({ "x5t#S256": base64url(CERTIFICATE) });
        assert!(bound.is_err() || claims["cnf"] == binding);
    } else {
        assert_eq!(alone, bound, "a certificate that nothing asks for");
    }

    let Ok((user_name, roles, expires_at)) = bound.as_ref() else { return false };
    let date = |name: &str| claims.get(name).map(|date| date.as_i64().expect("whole seconds"));
    let expires = date("exp").expect("an end");
    assert!(expires > NOW);
    assert_eq!(expires, expires_at.as_second());
    let latest = NOW + issuer.leeway.as_secs().cast_signed();
    assert!(["iat", "nbf"].into_iter().filter_map(date).all(|begin| begin <= latest));
    let lifetime = expires - date("iat").unwrap_or(NOW);
    assert!(lifetime <= issuer.max_lifetime.as_secs().cast_signed());
    assert!(token.judge(issuer, *expires_at, None).is_err(), "it lets in when it has ended");

    let asked = facts.introspected && !claims.contains_key("iss");
    assert!(asked || issuer.spellings().any(|spelling| claims["iss"] == spelling));
    let ours = |value: &Value| value.as_str().is_some_and(|aud| issuer.audiences.contains(aud));
    match &claims["aud"] {
        Value::Array(several) => {
            assert!(several.iter().all(Value::is_string) && several.iter().any(ours));
        }
        one => assert!(ours(one)),
    }
    let subject = claims["sub"].as_str().expect("a text");
    assert!(!subject.is_empty() && !subject.contains(char::is_control));
    assert_eq!(*user_name, format!("{}:{subject}", issuer.name));
    // Every role is written in the claims: in one string of them, whole or as a word, or a key.
    assert!(roles.iter().all(|role| claims.values().any(|value| says(value, role))));
    for requirement in &issuer.require {
        assert!(requirement.claim.find(claims).is_some());
    }
    alone.is_ok()
}

fn says(value: &Value, role: &str) -> bool {
    match value {
        Value::String(text) => text == role || text.split_ascii_whitespace().any(|it| it == role),
        Value::Array(items) => items.iter().any(|item| says(item, role)),
        Value::Object(map) => map.iter().any(|(name, value)| name == role || says(value, role)),
        _ => false,
    }
}

/// Of two members with one name readers differ in which they take.
pub(super) fn holds_no_member_twice(json: &[u8]) {
    serde_json::from_slice::<NoTwins>(json).expect("JSON without a member twice");
}

/// Any JSON in which no object has a member twice, at any depth.
struct NoTwins;

impl<'de> Deserialize<'de> for NoTwins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for NoTwins {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut names = Vec::new();
        while let Some((name, _)) = members.next_entry::<String, Self>()? {
            names.push(name);
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "a member twice");
        Ok(self)
    }
}
