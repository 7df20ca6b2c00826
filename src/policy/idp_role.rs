//! What the IdP calls the roles that give one of ours.

use std::fmt;

/// An IdP role, or all roles directly below a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum IdpRole {
    /// This one: names are compared exactly.
    Exact(String),
    /// What begins with this text, which ends in a separator, and goes on without another of the
    /// kind: `/groups/sales/*` is `/groups/sales/emea`, and not `/groups/sales/emea/admins`.
    Below(String),
}

/// What may stand before the `*`.
const SEPARATORS: [char; 5] = ['/', ':', '.', '-', '_'];

impl IdpRole {
    /// Reads a name or a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        match text.find('*') {
            _ if text.trim().is_empty() => Err("is empty"),
            None => Ok(Self::Exact(text.to_owned())),
            Some(at) if at + 1 < text.len() => Err("has a `*` before its end"),
            Some(at) => {
                let before = text.get(..at).unwrap_or_default();
                if !before.ends_with(SEPARATORS) {
                    return Err("has a `*` that stands for a piece of a word");
                }
                if !before.contains(char::is_alphanumeric) {
                    return Err("has nothing but a separator before its `*`");
                }
                Ok(Self::Below(before.to_owned()))
            }
        }
    }

    /// Whether it lies within the bounds of a team: a name, a pattern as here, or a text that ends
    /// in `*` behind a piece of a word or nothing, which leaves the tail open.
    pub(super) fn is_within(&self, bound: &str) -> bool {
        let Some(before) = bound.strip_suffix('*') else {
            return matches!(self, Self::Exact(name) if name == bound);
        };
        if !before.ends_with(SEPARATORS) {
            return self.to_string().starts_with(before);
        }
        let below = Self::Below(before.to_owned());
        match self {
            Self::Exact(name) => Self::that_match(name).any(|it| it == below),
            Self::Below(_) => *self == below,
        }
    }

    /// All that could give a role to somebody who has `idp_role`: a handful, however many there
    /// are in the maps.
    pub(super) fn that_match(idp_role: &str) -> impl Iterator<Item = Self> {
        let exact = Self::Exact(idp_role.to_owned());
        let below = SEPARATORS.into_iter().filter_map(|separator| {
            let (before, rest) = idp_role.rsplit_once(separator)?;
            (!rest.is_empty()).then(|| Self::Below(format!("{before}{separator}")))
        });
        std::iter::once(exact).chain(below)
    }
}

impl fmt::Display for IdpRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(beginning) => write!(f, "{beginning}*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_one_step_below_a_group() {
        let matches = |pattern: &str, role: &str| {
            let pattern = IdpRole::parse(pattern).unwrap();
            IdpRole::that_match(role).any(|it| it == pattern)
        };
        assert!(matches("/groups/sales/*", "/groups/sales/emea"));
        assert!(matches("/groups/sales/*", "/groups/sales/a:b"));
        assert!(matches("orders:*", "orders:write") && matches("team-*", "team-a"));
        for no in ["/groups/sales", "/groups/sales/", "/groups/sales/emea/admins", "groups/sales/x"]
        {
            assert!(!matches("/groups/sales/*", no), "{no}");
        }
        assert!(!matches("orders:*", "orders:write:all") && !matches("orders:*", "Orders:write"));
        assert!(!matches("orders:write", "orders:*"), "an IdP's `*` is no pattern");
    }

    #[test]
    fn bounds_reach_one_step_too() {
        let within =
            |role: &str, bound: &str| IdpRole::parse(role).is_ok_and(|it| it.is_within(bound));
        for good in ["/groups/sales/emea", "/groups/sales/*"] {
            assert!(within(good, "/groups/sales/*") && within(good, "*"), "{good}");
        }
        for far in
            ["/groups/sales/emea/admins", "/groups/sales/emea/*", "/groups/sales", "/groups/*"]
        {
            assert!(!within(far, "/groups/sales/*") && within(far, "*"), "{far}");
        }
        assert!(within("sales:x", "sales:*") && !within("sales:x:y", "sales:*"));
        assert!(!within("/a/b", "/*") && within("sales-x", "sal*") && !within("hr", "sal*"));
        assert!(within("hr", "hr") && !within("hr:x", "hr") && !within("hr:*", "hr:x"));
    }

    #[test]
    fn patterns_that_would_reach_too_far_are_none() {
        for wrong in ["", " ", "*", "/*", "ad*", "*:write", "a:*:b", "a:**", "::*"] {
            assert!(IdpRole::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
