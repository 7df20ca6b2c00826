//! Where in a token a claim stands.

use std::fmt;

use serde_json::{Map, Value};

/// A path to a claim: `tenant_id`, `realm_access.roles`, or a list of keys where a key
/// itself holds a dot (`["https://example.com/roles"]`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct ClaimPath(Vec<String>);

impl ClaimPath {
    /// The path with these keys.
    ///
    /// # Errors
    /// Where there is no key or an empty one.
    pub fn from_keys(keys: Vec<String>) -> Result<Self, &'static str> {
        if keys.is_empty() || keys.iter().any(String::is_empty) {
            return Err("a claim path is one or more keys, none of them empty");
        }
        Ok(Self(keys))
    }

    /// The path that a dotted text names.
    ///
    /// # Errors
    /// Where a key is empty.
    pub fn from_dotted(text: &str) -> Result<Self, &'static str> {
        Self::from_keys(text.split('.').map(str::to_owned).collect())
    }

    /// The path as a text that no other path has: dotted, or as the JSON text of its keys where a
    /// key has dots itself.
    #[must_use]
    pub fn to_text(&self) -> String {
        let dotted = self.to_string();
        if dotted.starts_with('[') || Self::from_dotted(&dotted).as_ref() != Ok(self) {
            return Value::from(self.0.clone()).to_string();
        }
        dotted
    }

    /// The path of a text that [`Self::to_text`] made.
    ///
    /// # Errors
    /// Where it is none.
    pub fn from_text(text: &str) -> Result<Self, &'static str> {
        if text.starts_with('[') {
            let keys = serde_json::from_str(text).map_err(|_| "no JSON list of keys")?;
            return Self::from_keys(keys);
        }
        Self::from_dotted(text)
    }

    /// The first key.
    #[must_use]
    pub fn root(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// Whether the path leads through the other one, or is it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The keys, outermost first.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.0
    }

    /// What stands at the path: `None` where any key of it is absent or lies in something
    /// that is not an object.
    #[must_use]
    pub fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter().try_fold(claims.get(first)?, |value, key| value.as_object()?.get(key))
    }

    /// Whether the path ends too soon: at a value that is not an object, where a key of it would
    /// have to be.
    #[must_use]
    pub fn is_blocked(&self, claims: &Map<String, Value>) -> bool {
        let Some((first, rest)) = self.0.split_first() else { return false };
        let mut at = claims.get(first);
        for key in rest {
            match at {
                Some(Value::Object(object)) => at = object.get(key),
                Some(_) => return true,
                None => return false,
            }
        }
        false
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_reach_nested_values_and_keys_with_dots() {
        let claims = serde_json::json!({"a": {"b": 1}, "x.y": {"z": 2}, "s": "text"});
        let claims = claims.as_object().unwrap();
        let dotted = |text| ClaimPath::from_dotted(text).unwrap();
        assert_eq!(dotted("a.b").find(claims), Some(&1.into()));
        assert_eq!(dotted("x.y.z").find(claims), None);
        let keys = ClaimPath::from_keys(vec!["x.y".into(), "z".into()]).unwrap();
        assert_eq!(keys.find(claims), Some(&2.into()));
        assert_eq!(dotted("s.t").find(claims), None);
        assert!(dotted("s.t").is_blocked(claims) && dotted("a.b.c.d").is_blocked(claims));
        assert!(!dotted("a.b").is_blocked(claims) && !dotted("n.t").is_blocked(claims));
        assert!(!dotted("a.n.t").is_blocked(claims), "absent is not unreadable");
        assert!(ClaimPath::from_dotted("a..b").is_err());
    }

    #[test]
    fn each_path_has_a_text_of_its_own() {
        for (keys, text) in [
            (&["a"][..], "a"),
            (&["a", "b"], "a.b"),
            (&["a.b"], r#"["a.b"]"#),
            (&["https://x.y/z", "q\""], r#"["https://x.y/z","q\""]"#),
            (&["[a"], r#"["[a"]"#),
        ] {
            let path = ClaimPath::from_keys(keys.iter().map(ToString::to_string).collect());
            assert_eq!(path.as_ref().unwrap().to_text(), text);
            assert_eq!(ClaimPath::from_text(text), path);
        }
    }
}
