//! Which of the roles that somebody is given count: conditions, the wish, one account.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::Facts;
use crate::{
    code::{Code, Refusal},
    identity::Who,
    names::{AccountName, RoleName},
    policy::{
        compile::{Role, RuleRef},
        condition::Unmet,
        decision::{Reasons, UnmetRole},
    },
};

/// The held roles that count.
pub(super) struct Chosen {
    pub(super) account: AccountName,
    /// Those of the account: they deny, and end the session.
    pub(super) of_account: Vec<Arc<Role>>,
    /// Those of them that are asked for: they allow.
    pub(super) asked_for: Vec<Arc<Role>>,
    /// Those of the account that are given, and not held on this connection.
    pub(super) unmet: Vec<Arc<Role>>,
    /// The first end of a condition.
    pub(super) until: Option<(Timestamp, RuleRef)>,
}

/// Which of the given roles count, or why nobody is let in.
pub(super) fn choose(
    given: &[Arc<Role>],
    who: &Who,
    facts: &Facts,
    reasons: &mut Reasons,
) -> Result<Chosen, Refusal> {
    let wish = &facts.wish;
    let refusal = |code, detail: String| Err(Refusal { code, detail: Some(detail) });
    if given.is_empty() {
        // None at all is for the IdP to mend, some is for the maps.
        let count = who.idp_roles.len();
        if count == 0 {
            return Err(Code::RolesClaimEmpty.into());
        }
        let detail =
            format!("the token's number of roles is {count}, and no map's `idp_roles` names one");
        return refusal(Code::NoRole, detail);
    }
    let mut candidates = given.to_vec();
    if let Some(account) = &wish.account {
        candidates.retain(|role| role.written.account == *account);
        if candidates.is_empty() {
            return Err(Code::AccountNotHeld.into());
        }
    }
    let (mut held, mut not_held) = (Vec::new(), Vec::new());
    for role in candidates {
        match conditions(&role, who, facts) {
            Ok(until) => held.push((role, until)),
            Err(Judged::Unmet(unmet)) => {
                reasons.unmet.extend(unmet);
                not_held.push(role);
            }
            Err(Judged::Refused(refusal)) => return Err(refusal),
        }
    }
    let unmet = |role: Option<&RoleName>| {
        let of_role = |it: &&UnmetRole| role.is_none_or(|name| it.role.role == *name);
        let mut unmet = reasons.unmet.iter().filter(of_role);
        let first = unmet.clone().next()?;
        // What an edge would have attested, other conditions may be about.
        let unmet = unmet.find(|it| it.code == Code::EdgeMissing).unwrap_or(first);
        let RuleRef { role, at } = &unmet.role;
        let detail = Some(format!("role `{role}` at {at}: {}", unmet.why));
        Some(Refusal { code: unmet.code, detail })
    };
    if held.is_empty() {
        return Err(unmet(None).unwrap_or_else(|| Code::NoRole.into()));
    }
    let is_asked_for =
        |role: &Role| wish.roles.as_ref().is_none_or(|names| names.contains(&role.written.name));
    let asked_for: Vec<_> =
        held.iter().map(|(role, _)| role).filter(|role| is_asked_for(role)).cloned().collect();
    let has = |name: &RoleName| asked_for.iter().any(|role| role.written.name == *name);
    if let Some(missing) = wish.roles.iter().flatten().find(|name| !has(name)) {
        let not_held =
            Refusal { code: Code::RoleNotHeld, detail: Some(format!("`{missing}` is asked for")) };
        return Err(unmet(Some(missing)).unwrap_or(not_held));
    }
    let accounts: BTreeSet<&AccountName> =
        asked_for.iter().map(|role| &role.written.account).collect();
    match (accounts.first(), accounts.len()) {
        (Some(&account), 1) => {
            let account = account.clone();
            let of_account = held.into_iter().filter(|(role, _)| role.written.account == account);
            let (of_account, untils): (Vec<_>, Vec<_>) = of_account.unzip();
            let until = untils.into_iter().flatten().min_by_key(|(until, _)| *until);
            not_held.retain(|role| role.written.account == account);
            Ok(Chosen { account, of_account, asked_for, unmet: not_held, until })
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

/// Why a role is not among those that are held.
enum Judged {
    /// By each condition that is not met.
    Unmet(Vec<UnmetRole>),
    Refused(Refusal),
}

/// Until when all conditions of a role are met, where that has an end.
fn conditions(
    role: &Role,
    who: &Who,
    facts: &Facts,
) -> Result<Option<(Timestamp, RuleRef)>, Judged> {
    let (mut first, mut unmet) = (None, Vec::new());
    for condition in &role.whole.conditions {
        let at = || RuleRef::new(&role.written.name, &condition.at);
        match condition.judge(who, facts) {
            Ok(None) => {}
            Ok(Some(until)) => {
                if first.as_ref().is_none_or(|(first, _)| until < *first) {
                    first = Some((until, at()));
                }
            }
            Err(Unmet::Not(why)) => {
                unmet.push(UnmetRole { role: at(), why, code: Code::ConditionUnmet });
            }
            Err(Unmet::NoEdge) => {
                let why = "no edge attested the connection".to_owned();
                unmet.push(UnmetRole { role: at(), why, code: Code::EdgeMissing });
            }
            Err(Unmet::Unreadable(refusal)) => return Err(Judged::Refused(refusal)),
        }
    }
    if unmet.is_empty() { Ok(first) } else { Err(Judged::Unmet(unmet)) }
}
