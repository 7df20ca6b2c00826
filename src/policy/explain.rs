//! What would be decided and why, in words. Pure.

mod answer;

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use serde::Serialize;

pub(super) use answer::answer;

use super::{
    EndedBy, Entitlement, Facts, Permissions, PolicySet, Question, RuleRef, Side, Supposition,
    compile::Role, idp_role::IdpRole, notes, suppose,
};
use crate::{
    code::Code,
    document::as_written,
    identity::Who,
    names::{AccountName, RoleName},
    subject::Permission,
};

/// What somebody would get, and why.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// `issuer:subject`.
    pub user_name: String,
    /// The issuer's roles.
    pub idp_roles: BTreeSet<String>,
    /// Those of them that no map knows for this issuer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_idp_roles: Vec<String>,
    /// The roles that those give.
    pub roles: Vec<ExplainedRole>,
    /// The values in their subjects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ExplainedValue>,
    /// Why nobody would be let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<ExplainedRefusal>,
    /// What would be granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<ExplainedGrant>,
    /// What was asked, and the answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
}

/// A role and how somebody came by it.
#[derive(Debug, Serialize)]
pub struct ExplainedRole {
    /// Its name.
    pub role: RoleName,
    /// `file:line`.
    pub at: String,
    /// What its file says it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The issuer's roles that give it.
    pub by: Vec<ExplainedSource>,
    /// The roles that it inherits from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inherits: Vec<RoleName>,
    /// Whether it counts: it is held, and asked for.
    pub counts: bool,
    /// What is asked for, `condition (file:line)`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
    /// Which conditions are not met.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmet: Vec<String>,
}

/// A role of the issuer's that gives one of the maps'.
#[derive(Debug, Serialize)]
pub struct ExplainedSource {
    /// As the issuer calls it.
    pub idp_role: String,
    /// As the map says it: the same, or a pattern.
    pub as_written: String,
    /// `file:line`.
    pub at: String,
}

/// A value of the identity that stands in subjects.
#[derive(Debug, Serialize)]
pub struct ExplainedValue {
    /// As subjects name it.
    pub placeholder: String,
    /// The claim, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// What it is, or why it is nothing.
    pub value: Result<Vec<String>, String>,
}

/// A refusal.
#[derive(Debug, Serialize)]
pub struct ExplainedRefusal {
    /// The stable code.
    pub code: Code,
    /// What it means here.
    pub why: String,
}

/// What would be granted.
#[derive(Debug, Serialize)]
pub struct ExplainedGrant {
    /// The account.
    pub account: AccountName,
    /// When the session would end.
    pub ends_at: Timestamp,
    /// What ends it.
    pub ended_by: String,
    /// What may be published.
    pub publish: ExplainedSide,
    /// What may be subscribed to.
    pub subscribe: ExplainedSide,
    /// How requests may be answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responses: Option<String>,
    /// What the server cannot tell apart, and what is delivered by a detour.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One direction.
#[derive(Debug, Serialize)]
pub struct ExplainedSide {
    /// What is allowed.
    pub allow: Vec<ExplainedPermission>,
    /// What is denied of it.
    pub deny: Vec<ExplainedPermission>,
}

/// A permission and the rules that it comes from.
#[derive(Debug, Serialize)]
pub struct ExplainedPermission {
    /// The server's text.
    pub subject: Permission,
    /// The rules.
    pub by: BTreeSet<RuleRef>,
}

/// The answer to a question.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// What was asked.
    pub question: String,
    /// Whether it is possible.
    pub can: bool,
    /// Why, or why not.
    pub why: String,
}

/// Explains what [`super::decide()`] would say about somebody.
#[must_use]
pub fn explain(
    policy: &PolicySet,
    who: &Who,
    facts: &Facts,
    questions: &[Question],
) -> Explanation {
    let Supposition { outcome, reasons } = suppose(policy, who, facts);
    let role = |given: &super::GivenRole| {
        let name = &given.role.role;
        let known = policy.by_name().get(name);
        let unmet = reasons.unmet.iter().filter(|unmet| unmet.role.role == *name);
        let unmet: Vec<_> =
            unmet.map(|unmet| format!("{} ({})", unmet.why, unmet.role.at)).collect();
        ExplainedRole {
            role: name.clone(),
            at: given.role.at.to_string(),
            description: known.and_then(|role| role.written.description.clone()),
            by: given.by.iter().map(|idp_role| source(known, idp_role)).collect(),
            inherits: known
                .map(|role| role.written.inherits.iter().map(|(name, _)| name.clone()).collect())
                .unwrap_or_default(),
            counts: outcome.is_ok() && reasons.roles.contains(name),
            conditions: known
                .map(|role| &role.whole.conditions)
                .into_iter()
                .flatten()
                .map(|condition| format!("{} ({})", condition.describe(), condition.at))
                .collect(),
            unmet,
        }
    };
    let answers = questions.iter().map(|question| {
        let (can, why) = match &outcome {
            Ok(entitlement) => {
                let verdict = entitlement.can(question);
                (verdict.allowed, answer(policy, &reasons.roles, question, &verdict))
            }
            Err(refusal) => (false, format!("the login is refused as `{}`", refusal.code)),
        };
        Answer { question: question.to_string(), can, why }
    });
    Explanation {
        user_name: who.user_name(),
        idp_roles: who.idp_roles.clone(),
        unknown_idp_roles: who
            .idp_roles
            .iter()
            .filter(|idp_role| !reasons.given.iter().any(|given| given.by.contains(idp_role)))
            .cloned()
            .collect(),
        values: values(policy, &reasons.given, who),
        roles: reasons.given.iter().map(role).collect(),
        answers: answers.collect(),
        refused: outcome.as_ref().err().map(|refusal| ExplainedRefusal {
            code: refusal.code,
            why: refusal.detail.clone().unwrap_or_else(|| refusal.code.meaning().to_owned()),
        }),
        granted: outcome.as_ref().ok().map(|entitlement| {
            let held = reasons.roles.iter().filter_map(|name| policy.by_name().get(name));
            let lists = held.map(|role| &role.whole.lists);
            let rules = lists.flat_map(|lists| lists.publish.iter().chain(&lists.subscribe));
            granted(entitlement, notes::of_entitlement(rules, entitlement.publish()))
        }),
    }
}

/// Which entry of a role's `idp_roles` an issuer's role meets.
fn source(role: Option<&Arc<Role>>, idp_role: &str) -> ExplainedSource {
    let matching: Vec<_> = IdpRole::that_match(idp_role).collect();
    let entries = role.iter().flat_map(|role| &role.written.idp_roles);
    let entry = entries.into_iter().find(|(entry, _)| matching.contains(entry));
    ExplainedSource {
        idp_role: idp_role.to_owned(),
        as_written: entry.map_or_else(|| idp_role.to_owned(), |(entry, _)| entry.to_string()),
        at: entry.map(|(_, place)| place.to_string()).unwrap_or_default(),
    }
}

/// The values in the subjects of some roles, each once.
fn values(policy: &PolicySet, given: &[super::GivenRole], who: &Who) -> Vec<ExplainedValue> {
    let mut values: Vec<ExplainedValue> = Vec::new();
    let roles = given.iter().filter_map(|given| policy.by_name().get(&given.role.role));
    let rules = roles.flat_map(|role| role.whole.lists.named().map(|(_, rules)| rules)).flatten();
    for variable in rules.flat_map(|rule| rule.template.variables()) {
        let placeholder = format!("{{{}}}", variable.name());
        let claim = variable.path().map(ToString::to_string);
        if values.iter().any(|it| it.placeholder == placeholder && it.claim == claim) {
            continue;
        }
        let value = variable.values(who).map_err(|error| error.to_string());
        let value = value.map(|all| all.iter().map(|it| it.as_str().to_owned()).collect());
        values.push(ExplainedValue { placeholder, claim, value });
    }
    values
}

fn granted(entitlement: &Entitlement, notes: Vec<String>) -> ExplainedGrant {
    ExplainedGrant {
        account: entitlement.account().clone(),
        ends_at: entitlement.ends_at(),
        ended_by: ended_by(entitlement.ends_by()),
        publish: side(entitlement.publish()),
        subscribe: side(entitlement.subscribe()),
        responses: entitlement.responses().map(|responses| {
            format!(
                "{} within {} for each request, on the subject that it names, whatever is denied ({})",
                messages(responses.max),
                as_written(responses.expires),
                responses.at
            )
        }),
        notes,
    }
}

fn messages(count: u32) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

fn side(side: &Side) -> ExplainedSide {
    let list = |permissions: &Permissions| {
        let each = |(subject, by): (&Permission, &BTreeSet<RuleRef>)| ExplainedPermission {
            subject: subject.clone(),
            by: by.clone(),
        };
        permissions.iter().map(each).collect()
    };
    match side {
        Side::Nothing => ExplainedSide { allow: Vec::new(), deny: Vec::new() },
        Side::Some { allow, deny } => ExplainedSide { allow: list(allow), deny: list(deny) },
    }
}

/// What ends a session, in words.
pub(super) fn ended_by(end: &EndedBy) -> String {
    match end {
        EndedBy::Credential => "the token or the certificate".to_owned(),
        EndedBy::Session(rule) => format!("`session` of role `{}` ({})", rule.role, rule.at),
        EndedBy::Hours(rule) => format!("`hours` of role `{}` ({})", rule.role, rule.at),
        EndedBy::Longest => "the longest session there is".to_owned(),
    }
}
