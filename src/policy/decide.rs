//! The decision: an identity, the facts and the maps in, [`Decision`] out. Pure.

mod choose;

use std::sync::Arc;

use choose::{Chosen, choose};
use jiff::Timestamp;

use super::{
    compile::{PolicySet, Role, RuleRef},
    decision::{
        Decision, EndedBy, Entitlement, GivenRole, Grant, Outcome, Permissions, Reasons, Side,
        Supposition,
    },
    depth, groups,
    map::{LONGEST_SESSION, Lists, Rule},
    responses,
    template::FillError,
};
use crate::{
    code::{Code, Refusal},
    connection::Connection,
    credential::Wish,
    identity::{Identity, Who},
    names::RoleName,
    subject::Permission,
};

/// More permissions than a session needs, and fewer than make the user JWT too large to send.
const MOST_PERMISSIONS: usize = 1024;

/// How many bytes the permissions may have as text, and the places of the rules as well: the user
/// JWT and the audit event must each fit into a message, which has a mebibyte unless the server
/// says otherwise, and a JWT in a JWT is encoded twice.
const MOST_BYTES: usize = 256 * 1024;

/// More roles than anybody is given on purpose.
const MOST_ROLES: usize = 512;
/// What a refusal tells of the rules.
const MOST_RULES_TOLD: usize = 256;

/// What is true at the moment of the decision, as plain data.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The time.
    pub now: Timestamp,
    /// The end of the token's or the certificate's validity.
    pub expires_at: Timestamp,
    /// What the client asks for of what it may have.
    pub wish: Wish,
    /// How the client is connected.
    pub connection: Connection,
}

/// Decides.
///
/// Several roles: union of allows, union of denies (which win), shortest session. Roles of
/// several accounts are never merged. Where the client asks for less, the roles that it does
/// without still deny and still shorten: less is never more.
#[must_use]
pub fn decide(policy: &PolicySet, identity: &Identity, facts: &Facts) -> Decision {
    let (outcome, reasons) = resolve(policy, identity.who(), facts);
    let outcome = match outcome {
        Ok(entitlement) => Outcome::Granted(Grant(Box::new(entitlement))),
        Err(refusal) => Outcome::Denied(refusal),
    };
    Decision { outcome, reasons }
}

/// What [`decide`] would say, if an issuer vouched for this.
#[must_use]
pub fn suppose(policy: &PolicySet, who: &Who, facts: &Facts) -> Supposition {
    let (outcome, reasons) = resolve(policy, who, facts);
    Supposition { outcome, reasons }
}

fn resolve(
    policy: &PolicySet,
    who: &Who,
    facts: &Facts,
) -> (Result<Entitlement, Refusal>, Reasons) {
    let given = policy.held(&who.issuer, &who.idp_roles).into_values();
    let (given, by): (Vec<Arc<Role>>, Vec<GivenRole>) = given
        .map(|(role, by)| {
            let at = RuleRef::new(&role.written.name, &role.written.at);
            (role, GivenRole { role: at, by: by.into_iter().map(str::to_owned).collect() })
        })
        .unzip();
    let mut reasons = Reasons { given: by, ..Reasons::default() };
    if given.len() > MOST_ROLES {
        let detail =
            Some(format!("{} roles are given, and {MOST_ROLES} are the most", given.len()));
        reasons.given.truncate(MOST_ROLES);
        return (Err(Refusal { code: Code::PermissionsTooMany, detail }), reasons);
    }
    let outcome = match choose(&given, who, facts, &mut reasons) {
        Err(refusal) => {
            reasons.roles = names(&given);
            reasons.rules = places(&given);
            Err(refusal)
        }
        Ok(chosen) => {
            reasons.roles = names(&chosen.asked_for);
            reasons.rules = places(&chosen.of_account);
            let outcome = entitle(&chosen, who, facts, &mut reasons.rules);
            if outcome.is_err() {
                reasons.rules.truncate(MOST_RULES_TOLD);
            }
            outcome
        }
    };
    (outcome, reasons)
}

fn names(roles: &[Arc<Role>]) -> Vec<RoleName> {
    roles.iter().map(|role| role.written.name.clone()).collect()
}

fn places(roles: &[Arc<Role>]) -> Vec<RuleRef> {
    roles.iter().map(|role| RuleRef::new(&role.written.name, &role.written.at)).collect()
}

fn entitle(
    chosen: &Chosen,
    who: &Who,
    facts: &Facts,
    rules: &mut Vec<RuleRef>,
) -> Result<Entitlement, Refusal> {
    let Chosen { account, of_account, asked_for, .. } = chosen;
    let mut count = 0;
    let mut list = |roles: &[Arc<Role>], list: fn(&Lists) -> &[Arc<Rule>]| {
        fill(roles, list, who, rules, &mut count)
    };
    let publish = Side::of(
        list(asked_for, |lists| &lists.publish)?,
        list(of_account, |lists| &lists.deny_publish)?,
    );
    let subscribe = {
        let mut allow = list(asked_for, |lists| &lists.subscribe)?;
        groups::allow(&mut allow);
        let mut deny = list(of_account, |lists| &lists.deny_subscribe)?;
        depth::deny(&allow, &mut deny);
        // Also what all held roles together are denied so: less is never more. Where they cannot
        // be filled, nobody has them together.
        let (mut unnoted, mut uncounted) = (Vec::new(), 0);
        let all = fill(of_account, |lists| &lists.subscribe, who, &mut unnoted, &mut uncounted);
        if let Ok(all) = all {
            depth::deny(&all, &mut deny);
        }
        Side::of(allow, deny)
    };
    let responses = match responses::greatest(asked_for) {
        None => None,
        Some(responses) => {
            // Of all roles that are held: a second connection could bring those that this one
            // does without.
            let (mut unnoted, mut uncounted) = (Vec::new(), 0);
            let mut all = |list: fn(&Lists) -> &[Arc<Rule>]| {
                fill(of_account, list, who, &mut unnoted, &mut uncounted)
            };
            let (mut publish, mut subscribe) =
                (all(|lists| &lists.publish)?, all(|lists| &lists.subscribe)?);
            // And of those whose conditions are met by another connection. One that cannot be
            // filled brings nobody in.
            for role in &chosen.unmet {
                let all = |list: fn(&Lists) -> &[Arc<Rule>]| {
                    let role = std::slice::from_ref(role);
                    fill(role, list, who, &mut Vec::new(), &mut 0).unwrap_or_default()
                };
                publish.extend(all(|lists| &lists.publish));
                subscribe.extend(all(|lists| &lists.subscribe));
            }
            responses::bounded(of_account, publish.keys(), subscribe.keys())?;
            Some(responses)
        }
    };
    let texts = bytes(&publish) + bytes(&subscribe);
    let places: usize = rules.iter().map(|rule| rule.role.as_str().len() + rule.at.len()).sum();
    if texts > MOST_BYTES || places > MOST_BYTES {
        let detail = Some(format!("as text they have more than {MOST_BYTES} bytes"));
        return Err(Refusal { code: Code::PermissionsTooMany, detail });
    }
    let (ends_at, ends_by) = session_end(chosen, facts)?;
    Ok(Entitlement {
        user_name: who.user_name(),
        account: account.clone(),
        publish,
        subscribe,
        responses,
        ends_at,
        ends_by,
    })
}

/// How long a side's permissions are as text.
fn bytes(side: &Side) -> usize {
    let length = |list: &Permissions| -> usize {
        let queue = |permission: &Permission| {
            permission.queue.as_ref().map_or(0, |queue| queue.as_str().len() + 1)
        };
        // Quotes and a comma.
        list.keys().map(|it| it.subject.as_str().len() + queue(it) + 3).sum()
    };
    match side {
        Side::Nothing => 0,
        Side::Some { allow, deny } => length(allow) + length(deny),
    }
}

/// The permissions of one list of all roles, filled with the identity's values.
fn fill(
    roles: &[Arc<Role>],
    list: fn(&Lists) -> &[Arc<Rule>],
    who: &Who,
    rules: &mut Vec<RuleRef>,
    count: &mut usize,
) -> Result<Permissions, Refusal> {
    let mut permissions = Permissions::new();
    for role in roles {
        for rule in list(&role.whole.lists) {
            let at = RuleRef::new(&role.written.name, &rule.at);
            let filled = rule.template.fill(who).map_err(|error| denial(error, &at));
            // Several subjects of one line are one place to look.
            if rules.last() != Some(&at) {
                rules.push(at.clone());
            }
            for permission in filled? {
                permissions.entry(permission).or_default().insert(at.clone());
            }
            if *count + permissions.len() > MOST_PERMISSIONS {
                let detail = format!("the bound is {MOST_PERMISSIONS}, and reached at {}", at.at);
                return Err(Refusal { code: Code::PermissionsTooMany, detail: Some(detail) });
            }
        }
    }
    *count += permissions.len();
    Ok(permissions)
}

fn denial(error: FillError, rule: &RuleRef) -> Refusal {
    let (code, detail) = match error {
        FillError::Absent { variable, path } => {
            (Code::ClaimAbsent, format!("{} needs the claim `{path}` for {{{variable}}}", rule.at))
        }
        FillError::Unusable { variable, why } => {
            (Code::ClaimUnusable, format!("the value for {{{variable}}} at {} {why}", rule.at))
        }
        FillError::TooMany { variable, most } => (
            Code::ClaimTooMany,
            format!("the values for {{{variable}}} at {} are more than {most}", rule.at),
        ),
    };
    Refusal { code, detail: Some(detail) }
}

/// The end of the token or certificate, of the shortest session or of the hours, whichever is
/// first; whole seconds, downwards, because that is what a JWT can say.
fn session_end(chosen: &Chosen, facts: &Facts) -> Result<(Timestamp, EndedBy), Refusal> {
    let too_short = || Refusal { code: Code::SessionTooShort, detail: None };
    let after = |span| facts.now.saturating_add(span).unwrap_or(Timestamp::MAX);
    let sessions = chosen.of_account.iter().filter_map(|role| {
        let session = role.whole.session.as_ref()?;
        let at = RuleRef::new(&role.written.name, &session.at);
        Some((after(session.longest), EndedBy::Session(at)))
    });
    let hours = chosen.until.iter().map(|(until, at)| (*until, EndedBy::Hours(at.clone())));
    let others =
        [(facts.expires_at, EndedBy::Credential), (after(LONGEST_SESSION), EndedBy::Longest)];
    let ends = sessions.chain(hours).chain(others).min_by_key(|(at, _)| *at);
    let (at, by) = ends.ok_or_else(too_short)?;
    let at = Timestamp::from_second(at.as_second()).map_err(|_| too_short())?;
    if at > facts.now { Ok((at, by)) } else { Err(too_short()) }
}

#[cfg(test)]
mod tests;
