//! Who it is: a verified token and its issuer's mapping in, [`Identity`] out. Pure.

use std::{collections::BTreeSet, fmt};

use serde_json::{Map, Value};

use crate::{code::Code, config::IssuerSettings, idp::token::VerifiedToken, names::IssuerName};

/// Somebody whom an issuer vouches for.
///
/// Only [`Identity::of`] makes one.
#[derive(Clone)]
pub struct Identity {
    issuer: IssuerName,
    subject: String,
    idp_roles: BTreeSet<String>,
    claims: Map<String, Value>,
}

impl fmt::Debug for Identity {
    /// No claim value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// OpenID Connect Core, section 2: "MUST NOT exceed 255 ASCII characters".
const MAX_SUBJECT_BYTES: usize = 255;

impl Identity {
    /// Reads who a token is about and which roles the issuer gives them.
    ///
    /// # Errors
    /// A claim that is absent or unreadable is an error, never "no roles" and never "all".
    pub fn of(token: &VerifiedToken, issuer: &IssuerSettings) -> Result<Self, Code> {
        let subject = token.subject();
        if subject.is_empty()
            || subject.len() > MAX_SUBJECT_BYTES
            || subject.chars().any(char::is_control)
        {
            return Err(Code::SubjectUnusable);
        }
        let roles = issuer.roles_claim.find(token.claims()).ok_or(Code::RolesClaimAbsent)?;
        Ok(Identity {
            issuer: token.issuer().clone(),
            subject: subject.to_owned(),
            idp_roles: roles_of(roles)?,
            claims: token.claims().clone(),
        })
    }

    /// The issuer, by our name for it.
    #[must_use]
    pub fn issuer(&self) -> &IssuerName {
        &self.issuer
    }

    /// `sub`: unique within the issuer.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The roles as the issuer calls them.
    #[must_use]
    pub fn idp_roles(&self) -> &BTreeSet<String> {
        &self.idp_roles
    }

    /// All claims of the token.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The connection's user name: `issuer:subject`, so that two issuers' `alice` are two.
    /// An issuer name has no `:`, so no two identities share a user name.
    #[must_use]
    pub fn user_name(&self) -> String {
        format!("{}:{}", self.issuer, self.subject)
    }
}

/// A list of strings, or one string of words (as OAuth's `scope` is).
fn roles_of(value: &Value) -> Result<BTreeSet<String>, Code> {
    match value {
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or(Code::RolesClaimUnreadable))
            .collect(),
        Value::String(text) => Ok(text.split_ascii_whitespace().map(str::to_owned).collect()),
        _ => Err(Code::RolesClaimUnreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn roles_are_a_list_or_words_and_nothing_else() {
        let names = |value| roles_of(&value).map(|roles| roles.into_iter().collect::<Vec<_>>());
        assert_eq!(names(json!(["b", "a", "b"])), Ok(vec!["a".into(), "b".into()]));
        assert_eq!(names(json!("read  write")), Ok(vec!["read".into(), "write".into()]));
        assert_eq!(names(json!([])), Ok(vec![]));
        for unreadable in [json!(null), json!(1), json!({"a": 1}), json!(["a", 1]), json!(true)] {
            assert_eq!(names(unreadable), Err(Code::RolesClaimUnreadable));
        }
    }
}
