//! What was decided, and why. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Deref,
};

use jiff::Timestamp;

use super::{compile::RuleRef, map::Responses};
use crate::{
    code::{Code, Refusal},
    names::{AccountName, RoleName},
    subject::Permission,
};

/// What was decided about an [`crate::identity::Identity`]. Only [`super::decide()`] makes one.
#[derive(Debug)]
pub struct Decision {
    pub(super) outcome: Outcome,
    pub(super) reasons: Reasons,
}

/// Yes or no.
#[derive(Debug)]
pub enum Outcome {
    /// In.
    Granted(Grant),
    /// Out.
    Denied(Refusal),
}

/// What somebody whom an issuer vouches for may do: what a user JWT is made of.
#[derive(Debug)]
pub struct Grant(pub(super) Box<Entitlement>);

impl Deref for Grant {
    type Target = Entitlement;

    fn deref(&self) -> &Entitlement {
        &self.0
    }
}

/// What would be decided. Nobody vouches for the question, so nothing is issued for the answer:
/// there is no [`Grant`] in it. Only [`super::suppose`] makes one.
#[derive(Debug)]
pub struct Supposition {
    /// What somebody could do, or why they would be refused.
    pub outcome: Result<Entitlement, Refusal>,
    /// Why.
    pub reasons: Reasons,
}

/// Why something was decided.
#[derive(Debug, Default)]
pub struct Reasons {
    /// The roles that the IdP's roles give, whether their conditions are met or not.
    pub given: Vec<GivenRole>,
    /// Those of them whose conditions are not met.
    pub unmet: Vec<UnmetRole>,
    /// The roles that count, by name.
    pub roles: Vec<RoleName>,
    /// The rules that decided, with file and line.
    pub rules: Vec<RuleRef>,
}

/// A role and how somebody came by it.
#[derive(Clone)]
pub struct GivenRole {
    /// The role, and where it is defined.
    pub role: RuleRef,
    /// The IdP's roles that give it.
    pub by: Vec<String>,
}

impl fmt::Debug for GivenRole {
    /// No claim value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenRole").field("role", &self.role).finish_non_exhaustive()
    }
}

/// A role that is not held, because a condition is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmetRole {
    /// The role, and where the condition stands.
    pub role: RuleRef,
    /// What is not met, without claim values.
    pub why: String,
    /// What a login is refused for that needs the role.
    pub code: Code,
}

/// What an identity may do, and until when.
pub struct Entitlement {
    pub(super) user_name: String,
    pub(super) account: AccountName,
    pub(super) publish: Side,
    pub(super) subscribe: Side,
    pub(super) responses: Option<Responses>,
    pub(super) ends_at: Timestamp,
    pub(super) ends_by: EndedBy,
}

impl fmt::Debug for Entitlement {
    /// No subject: claims are in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entitlement").field("account", &self.account).finish_non_exhaustive()
    }
}

/// What a session's end comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndedBy {
    /// The token or the certificate is valid until then.
    Credential,
    /// A role's `session`.
    Session(RuleRef),
    /// A role's `hours`.
    Hours(RuleRef),
    /// No session is longer.
    Longest,
}

/// One side of the permissions. That nothing is allowed is a value of its own, because the
/// server reads an empty list as everything.
#[derive(Clone, PartialEq, Eq)]
pub enum Side {
    /// Nothing at all.
    Nothing,
    /// What is allowed (never empty) less what is denied.
    Some {
        /// What is allowed, and by which rules.
        allow: Permissions,
        /// What is denied, which wins, and by which rules.
        deny: Permissions,
    },
}

/// Permissions, each with the rules that give it.
pub type Permissions = BTreeMap<Permission, BTreeSet<RuleRef>>;

impl Side {
    pub(super) fn of(allow: Permissions, deny: Permissions) -> Self {
        if allow.is_empty() { Self::Nothing } else { Self::Some { allow, deny } }
    }
}

impl fmt::Debug for Side {
    /// No subject: claims are in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Some { .. } => "Some",
        })
    }
}

impl serde::Serialize for Side {
    /// `null`, or `allow` and `deny` as lists of the server's texts.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Lists<'a> {
            allow: Vec<&'a Permission>,
            deny: Vec<&'a Permission>,
        }
        match self {
            Self::Nothing => serializer.serialize_unit(),
            Self::Some { allow, deny } => {
                Lists { allow: allow.keys().collect(), deny: deny.keys().collect() }
                    .serialize(serializer)
            }
        }
    }
}

impl Decision {
    /// Yes or no.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Why.
    #[must_use]
    pub fn reasons(&self) -> &Reasons {
        &self.reasons
    }
}

impl Entitlement {
    /// The connection's user name.
    #[must_use]
    pub fn user_name(&self) -> &str {
        &self.user_name
    }

    /// The account, exactly one.
    #[must_use]
    pub fn account(&self) -> &AccountName {
        &self.account
    }

    /// What may be published.
    #[must_use]
    pub fn publish(&self) -> &Side {
        &self.publish
    }

    /// What may be subscribed to.
    #[must_use]
    pub fn subscribe(&self) -> &Side {
        &self.subscribe
    }

    /// Whether requests may be answered.
    #[must_use]
    pub fn responses(&self) -> Option<&Responses> {
        self.responses.as_ref()
    }

    /// When the session ends: never after the token.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.ends_at
    }

    /// What that comes from.
    #[must_use]
    pub fn ends_by(&self) -> &EndedBy {
        &self.ends_by
    }
}
