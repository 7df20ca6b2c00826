//! The event of a change of an issuer's keys.

use jiff::Timestamp;
use serde::Serialize;

use super::{Event, Kind, Recorded};
use crate::{
    idp::{KeySet, VerificationKey},
    names::IssuerName,
};

/// The characters of a `kid` that are told: the IdP chose it. How many keys a set has is bounded
/// where it is read.
const LONGEST: usize = 128;

/// Where an issuer's keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeysSource {
    /// Where the issuer's discovery document says.
    Discovery,
    /// At the address that the configuration names.
    JwksUri,
    /// In a file.
    File,
}

/// A change of an issuer's keys.
#[derive(Debug, Clone, Copy)]
pub struct KeysEvent<'a> {
    /// Whose keys.
    pub issuer: &'a IssuerName,
    /// Where they are read.
    pub source: KeysSource,
    /// The keys from before; `None` where these are the first.
    pub before: Option<&'a KeySet>,
    /// The keys that are in force.
    pub now: &'a KeySet,
    /// When.
    pub at: Timestamp,
}

#[derive(Serialize)]
struct Data<'a> {
    outcome: &'static str,
    issuer: &'a IssuerName,
    source: KeysSource,
    /// Whether these are the first keys since this instance started.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    first: bool,
    added: Vec<Key<'a>>,
    removed: Vec<Key<'a>>,
    current: Vec<Key<'a>>,
    at: Timestamp,
    hallpass: Recorded<'a>,
}

/// A key is known by its thumbprint; what the IdP calls it may change hands.
#[derive(Serialize)]
struct Key<'a> {
    id: Option<String>,
    thumbprint: &'a str,
}

impl<'a> From<&'a VerificationKey> for Key<'a> {
    fn from(key: &'a VerificationKey) -> Self {
        let id = key.id().map(|id| id.chars().take(LONGEST).collect());
        Self { id, thumbprint: key.thumbprint() }
    }
}

/// Writes the event.
///
/// # Errors
/// Where it cannot be written as JSON, which no known value causes.
pub fn keys(event: KeysEvent<'_>, recorded: Recorded<'_>) -> Result<Event, serde_json::Error> {
    let KeysEvent { issuer, source, before, now, at } = event;
    let nothing = KeySet::default();
    let old = before.unwrap_or(&nothing);
    let data = Data {
        outcome: "changed",
        issuer,
        source,
        first: before.is_none(),
        added: now.iter().filter(|key| !old.names(key)).map(Key::from).collect(),
        removed: old.iter().filter(|key| !now.names(key)).map(Key::from).collect(),
        current: now.iter().map(Key::from).collect(),
        at,
        hallpass: recorded,
    };
    Event::new(Kind::Keys, "changed", None, issuer.as_str(), at, &data)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        names::InstanceId,
        policy::PolicySet,
        testkit::{Key, on_the_stream},
    };

    fn set(ids: &[&'static str]) -> KeySet {
        let key = |id: &&'static str| Key::es256(id).jwk();
        let keys: Vec<_> = ids.iter().map(key).collect();
        let text = json!({ "keys": keys }).to_string();
        KeySet::from_json(text.as_bytes(), crate::idp::Accepted::default()).unwrap()
    }

    fn event(before: Option<&KeySet>, now: &KeySet) -> Value {
        let issuer = "corp".parse().unwrap();
        let maps = PolicySet::default();
        let at = Timestamp::UNIX_EPOCH;
        let event = KeysEvent { issuer: &issuer, source: KeysSource::JwksUri, before, now, at };
        let event = keys(event, Recorded::new(InstanceId::fresh(), &maps)).unwrap();
        assert_eq!(event.topic(), "keys._.changed");
        on_the_stream(&event)
    }

    fn ids(told: &Value) -> Vec<&str> {
        told.as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap()).collect()
    }

    #[test]
    fn the_first_keys_are_all_new() {
        let told = event(None, &set(&["a", "b"]));
        assert_eq!(told["type"], "hallpass.keys");
        assert_eq!(told["subject"], "corp");
        let data = &told["data"];
        assert_eq!(data["issuer"], "corp");
        assert_eq!(data["source"], "jwks_uri");
        assert_eq!(data["first"], true);
        assert_eq!(ids(&data["added"]), ["a", "b"]);
        assert_eq!(ids(&data["removed"]), [""; 0]);
        assert_eq!(ids(&data["current"]), ["a", "b"]);
        assert_eq!(data["current"][0]["thumbprint"].as_str().unwrap().len(), 43);
    }

    #[test]
    fn what_came_and_what_went_is_told() {
        let told = event(Some(&set(&["a", "b"])), &set(&["c"]));
        let data = &told["data"];
        assert!(data.get("first").is_none());
        assert_eq!(ids(&data["added"]), ["c"]);
        assert_eq!(ids(&data["removed"]), ["a", "b"]);
        assert_eq!(ids(&data["current"]), ["c"]);
        let withdrawn = event(Some(&set(&["a"])), &set(&[]));
        assert_eq!(ids(&withdrawn["data"]["removed"]), ["a"]);
    }

    #[test]
    fn another_key_under_the_same_name_is_another_key() {
        let (before, now) = (set(&["a"]), set(&["a"]));
        assert!(!before.is_the_same_as(&now));
        let told = event(Some(&before), &now);
        let data = &told["data"];
        assert_eq!((ids(&data["added"]), ids(&data["removed"])), (vec!["a"], vec!["a"]));
        assert_ne!(data["added"][0]["thumbprint"], data["removed"][0]["thumbprint"]);
    }

    #[test]
    fn a_long_name_is_cut() {
        let long: &'static str = "é".repeat(1000).leak();
        let told = event(None, &set(&[long]));
        let id = told["data"]["added"][0]["id"].as_str().unwrap();
        assert_eq!(id, "é".repeat(128));
    }
}
