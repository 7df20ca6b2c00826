//! The decision: an identity, the facts and the maps in, [`Decision`] out. Pure.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    compile::{PolicySet, RuleRef},
    map::{Role, Rule},
    responses,
    template::FillError,
};
use crate::{
    code::{Code, Refusal},
    identity::Identity,
    names::{AccountName, RoleName},
    subject::SubjectPattern,
};

pub use super::map::Responses;

/// What is true at the moment of the decision, as plain data.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The time.
    pub now: Timestamp,
    /// The end of the token's validity.
    pub token_expires_at: Timestamp,
}

/// What was decided, and why. Only [`decide`] makes one.
#[derive(Debug)]
pub struct Decision {
    outcome: Outcome,
    roles: Vec<RoleName>,
    rules: Vec<RuleRef>,
}

/// Yes or no.
#[derive(Debug)]
pub enum Outcome {
    /// In.
    Granted(Grant),
    /// Out.
    Denied(Refusal),
}

/// What an identity may do, and until when.
pub struct Grant {
    user_name: String,
    account: AccountName,
    publish: Side,
    subscribe: Side,
    responses: Option<Responses>,
    ends_at: Timestamp,
}

impl fmt::Debug for Grant {
    /// No subject: claims are in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("account", &self.account).finish_non_exhaustive()
    }
}

/// One side of the permissions. That nothing is allowed is a value of its own, because the
/// server reads an empty list as everything.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Side {
    /// Nothing at all.
    Nothing,
    /// What is allowed (never empty) less what is denied.
    Some {
        /// Allowed patterns.
        allow: BTreeSet<SubjectPattern>,
        /// Denied patterns, which win.
        deny: BTreeSet<SubjectPattern>,
    },
}

impl Side {
    /// What is allowed, if anything is.
    pub(super) fn allowed(&self) -> Option<&BTreeSet<SubjectPattern>> {
        match self {
            Self::Nothing => None,
            Self::Some { allow, .. } => Some(allow),
        }
    }

    fn of(allow: BTreeSet<SubjectPattern>, deny: BTreeSet<SubjectPattern>) -> Self {
        if allow.is_empty() { Self::Nothing } else { Self::Some { allow, deny } }
    }
}

impl Decision {
    /// Yes or no.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The roles that are held, by name.
    #[must_use]
    pub fn roles(&self) -> &[RoleName] {
        &self.roles
    }

    /// The rules that decided, with file and line.
    #[must_use]
    pub fn rules(&self) -> &[RuleRef] {
        &self.rules
    }
}

impl Grant {
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
    pub fn responses(&self) -> Option<Responses> {
        self.responses
    }

    /// When the session ends: never after the token.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.ends_at
    }
}

/// Decides.
///
/// Several roles: union of allows, union of denies (which win), shortest session. Roles of
/// several accounts are never merged.
#[must_use]
pub fn decide(policy: &PolicySet, identity: &Identity, facts: &Facts) -> Decision {
    let held: Vec<Arc<Role>> =
        policy.held(identity.issuer(), identity.idp_roles()).into_values().collect();
    let roles = held.iter().map(|role| role.name.clone()).collect();
    let mut rules = held.iter().map(|role| RuleRef::new(&role.name, &role.at)).collect();
    let outcome = match grant(&held, identity, facts, &mut rules) {
        Ok(grant) => Outcome::Granted(grant),
        Err(denial) => Outcome::Denied(denial),
    };
    Decision { outcome, roles, rules }
}

fn grant(
    held: &[Arc<Role>],
    identity: &Identity,
    facts: &Facts,
    rules: &mut Vec<RuleRef>,
) -> Result<Grant, Refusal> {
    let accounts: BTreeSet<&AccountName> = held.iter().map(|role| &role.account).collect();
    let account = match (accounts.first(), accounts.len()) {
        (None, _) => {
            // None at all is for the IdP to mend, some is for the maps.
            let count = identity.idp_roles().len();
            let detail = Some(format!(
                "the token's number of roles is {count}, and no map's `idp_roles` names one"
            ));
            return Err(Refusal { code: Code::NoRole, detail });
        }
        (Some(account), 1) => (*account).clone(),
        (Some(_), _) => {
            let names: Vec<_> = accounts.iter().map(|account| account.as_str()).collect();
            let detail = Some(format!("roles of the accounts {}", names.join(", ")));
            return Err(Refusal { code: Code::AccountAmbiguous, detail });
        }
    };
    let mut side = |list: fn(&Role) -> &[Rule]| fill(held, list, identity, rules);
    let publish = Side::of(side(|role| &role.publish)?, side(|role| &role.deny_publish)?);
    let subscribe = Side::of(side(|role| &role.subscribe)?, side(|role| &role.deny_subscribe)?);
    let responses = responses::merge(held, &publish, &subscribe)?;
    Ok(Grant {
        user_name: identity.user_name(),
        account,
        publish,
        subscribe,
        responses,
        ends_at: session_end(held, facts)?,
    })
}

/// The subjects of one list of all roles, filled with the identity's values.
fn fill(
    held: &[Arc<Role>],
    list: fn(&Role) -> &[Rule],
    identity: &Identity,
    rules: &mut Vec<RuleRef>,
) -> Result<BTreeSet<SubjectPattern>, Refusal> {
    let mut patterns = BTreeSet::new();
    for role in held {
        for rule in list(role) {
            let at = RuleRef::new(&role.name, &rule.at);
            let filled = rule.template.fill(identity).map_err(|error| denial(error, &at));
            // Several subjects of one line are one place to look.
            if rules.last() != Some(&at) {
                rules.push(at);
            }
            patterns.insert(filled?);
        }
    }
    Ok(patterns)
}

fn denial(error: FillError, rule: &RuleRef) -> Refusal {
    let (code, detail) = match error {
        FillError::Absent { variable, path } => {
            (Code::ClaimAbsent, format!("{} needs the claim `{path}` for {{{variable}}}", rule.at))
        }
        FillError::Unusable { variable, why } => {
            (Code::ClaimUnusable, format!("the value for {{{variable}}} at {} {why}", rule.at))
        }
    };
    Refusal { code, detail: Some(detail) }
}

/// The token's end or the shortest session, whichever is first; whole seconds, downwards,
/// because that is what a JWT can say.
fn session_end(held: &[Arc<Role>], facts: &Facts) -> Result<Timestamp, Refusal> {
    let too_short = Refusal { code: Code::SessionTooShort, detail: None };
    let longest = held.iter().filter_map(|role| role.session).min().unwrap_or(Duration::MAX);
    let by_role = facts.now.saturating_add(longest).unwrap_or(Timestamp::MAX);
    let ends_at = Timestamp::from_second(by_role.min(facts.token_expires_at).as_second())
        .map_err(|_| too_short.clone())?;
    if ends_at > facts.now { Ok(ends_at) } else { Err(too_short) }
}

#[cfg(test)]
mod tests;
