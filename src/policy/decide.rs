//! The decision: an identity, the facts and the maps in, [`Decision`] out. Pure.

use std::{collections::BTreeSet, fmt, sync::Arc};

use jiff::Timestamp;

use super::{
    compile::{PolicySet, RuleRef},
    map::{LONGEST_SESSION, Role, Rule},
    responses,
    template::FillError,
};
use crate::{
    code::{Code, Refusal},
    credential::Wish,
    identity::Identity,
    names::{AccountName, RoleName},
    subject::SubjectPattern,
};

pub use super::map::Responses;

/// What is true at the moment of the decision, as plain data.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The time.
    pub now: Timestamp,
    /// The end of the token's or the certificate's validity.
    pub expires_at: Timestamp,
    /// What the client asks for of what it may have.
    pub wish: Wish,
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
/// several accounts are never merged. Where the client asks for less, the roles that it does
/// without still deny and still shorten: less is never more.
#[must_use]
pub fn decide(policy: &PolicySet, identity: &Identity, facts: &Facts) -> Decision {
    let held: Vec<Arc<Role>> =
        policy.held(identity.issuer(), identity.idp_roles()).into_values().collect();
    let names =
        |roles: &[Arc<Role>]| roles.iter().map(|role| role.name.clone()).collect::<Vec<_>>();
    let places = |roles: &[Arc<Role>]| {
        roles.iter().map(|role| RuleRef::new(&role.name, &role.at)).collect::<Vec<_>>()
    };
    let (granted, roles, rules) = match choose(&held, identity, &facts.wish) {
        Err(denial) => (Err(denial), names(&held), places(&held)),
        Ok(chosen) => {
            let mut rules = places(&chosen.of_account);
            let granted = grant(&chosen, identity, facts, &mut rules);
            (granted, names(&chosen.asked_for), rules)
        }
    };
    let outcome = match granted {
        Ok(grant) => Outcome::Granted(grant),
        Err(denial) => Outcome::Denied(denial),
    };
    Decision { outcome, roles, rules }
}

/// The held roles that count.
struct Chosen {
    account: AccountName,
    /// Those of the account: they deny, and end the session.
    of_account: Vec<Arc<Role>>,
    /// Those of them that are asked for: they allow.
    asked_for: Vec<Arc<Role>>,
}

fn choose(held: &[Arc<Role>], identity: &Identity, wish: &Wish) -> Result<Chosen, Refusal> {
    let refusal = |code, detail: String| Err(Refusal { code, detail: Some(detail) });
    if held.is_empty() {
        // None at all is for the IdP to mend, some is for the maps.
        let count = identity.idp_roles().len();
        if count == 0 {
            return Err(Code::RolesClaimEmpty.into());
        }
        let detail =
            format!("the token's number of roles is {count}, and no map's `idp_roles` names one");
        return refusal(Code::NoRole, detail);
    }
    let of = |account: &AccountName| -> Vec<Arc<Role>> {
        held.iter().filter(|role| role.account == *account).cloned().collect()
    };
    let candidates = match &wish.account {
        None => held.to_vec(),
        Some(account) => of(account),
    };
    if candidates.is_empty() {
        return Err(Code::AccountNotHeld.into());
    }
    let is_asked_for =
        |role: &Arc<Role>| wish.roles.as_ref().is_none_or(|names| names.contains(&role.name));
    let asked_for: Vec<_> = candidates.into_iter().filter(is_asked_for).collect();
    let has = |name: &RoleName| asked_for.iter().any(|role| role.name == *name);
    if let Some(missing) = wish.roles.iter().flatten().find(|name| !has(name)) {
        return refusal(Code::RoleNotHeld, format!("`{missing}` is asked for"));
    }
    let accounts: BTreeSet<&AccountName> = asked_for.iter().map(|role| &role.account).collect();
    match (accounts.first(), accounts.len()) {
        (Some(&account), 1) => {
            let account = account.clone();
            Ok(Chosen { of_account: of(&account), account, asked_for })
        }
        _ => {
            let names: Vec<_> = accounts.iter().map(|account| account.as_str()).collect();
            refusal(
                Code::AccountAmbiguous,
                format!(
                    "roles of the accounts {}: the user name `hallpass-want:account=…` picks one",
                    names.join(", ")
                ),
            )
        }
    }
}

fn grant(
    chosen: &Chosen,
    identity: &Identity,
    facts: &Facts,
    rules: &mut Vec<RuleRef>,
) -> Result<Grant, Refusal> {
    let Chosen { account, of_account, asked_for } = chosen;
    let mut list = |roles, list: fn(&Role) -> &[Rule]| fill(roles, list, identity, rules);
    let publish = Side::of(
        list(asked_for, |role| &role.publish)?,
        list(of_account, |role| &role.deny_publish)?,
    );
    let subscribe = Side::of(
        list(asked_for, |role| &role.subscribe)?,
        list(of_account, |role| &role.deny_subscribe)?,
    );
    let responses = match responses::greatest(asked_for) {
        None => None,
        Some(responses) => {
            // Of all roles that are held: a second connection could bring those that this one
            // does without.
            let mut unnoted = Vec::new();
            let mut all =
                |list: fn(&Role) -> &[Rule]| fill(of_account, list, identity, &mut unnoted);
            let (publish, subscribe) = (all(|role| &role.publish)?, all(|role| &role.subscribe)?);
            responses::bounded(of_account, &publish, &subscribe)?;
            Some(responses)
        }
    };
    Ok(Grant {
        user_name: identity.user_name(),
        account: account.clone(),
        publish,
        subscribe,
        responses,
        ends_at: session_end(of_account, facts)?,
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

/// The end of the token or certificate, or the shortest session, whichever is first; whole
/// seconds, downwards, because that is what a JWT can say.
fn session_end(held: &[Arc<Role>], facts: &Facts) -> Result<Timestamp, Refusal> {
    let too_short = Refusal { code: Code::SessionTooShort, detail: None };
    let longest = held.iter().filter_map(|role| role.session).min().unwrap_or(LONGEST_SESSION);
    let by_role = facts.now.saturating_add(longest).unwrap_or(Timestamp::MAX);
    let ends_at = Timestamp::from_second(by_role.min(facts.expires_at).as_second())
        .map_err(|_| too_short.clone())?;
    if ends_at > facts.now { Ok(ends_at) } else { Err(too_short) }
}

#[cfg(test)]
mod tests;
