//! Names with a tail left open: `orders-*`.

use std::{fmt, str::FromStr};

/// A name, or with `*` at the end all names that begin like it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamePattern(String);

impl NamePattern {
    /// Whether it stands for all that `other` stands for. A name is a pattern without `*`.
    #[must_use]
    pub fn covers(&self, other: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => other.starts_with(beginning),
            None => self.0 == other,
        }
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NamePattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.find('*') {
            _ if text.trim().is_empty() => Err("is empty"),
            Some(at) if at + 1 < text.len() => Err("has a `*` before its end"),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_may_be_open_and_nothing_else() {
        let covers = |pattern: &str, name| pattern.parse::<NamePattern>().unwrap().covers(name);
        assert!(covers("a-*", "a-b") && covers("a-*", "a-") && covers("*", "x"));
        assert!(covers("a-*", "a-b*") && !covers("a-b*", "a-*"));
        assert!(covers("a", "a") && !covers("a", "ab") && !covers("a-*", "a"));
        for wrong in ["", " ", "*a", "a*b", "a**"] {
            assert!(wrong.parse::<NamePattern>().is_err(), "{wrong:?}");
        }
    }
}
