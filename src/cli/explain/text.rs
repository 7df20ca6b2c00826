//! An explanation for people.

use crate::policy::{
    ExplainedGrant, ExplainedPermission, ExplainedRole, ExplainedSide, Explanation,
};

pub(super) fn lines(explanation: &Explanation) -> Vec<String> {
    let mut lines = vec![format!("identity  {}", explanation.user_name)];
    match (&explanation.granted, &explanation.refused) {
        (Some(grant), _) => {
            lines.push(format!("account   {}", grant.account));
            lines.push(format!("until     {}, ended by {}", grant.ends_at, grant.ended_by));
        }
        (None, Some(refusal)) => lines.push(format!("refused   {}: {}", refusal.code, refusal.why)),
        (None, None) => {}
    }
    lines.push(String::new());
    lines.push("roles".to_owned());
    for role in &explanation.roles {
        lines.extend(role_lines(role));
    }
    if explanation.roles.is_empty() {
        let given: Vec<_> = explanation.idp_roles.iter().map(|role| format!("`{role}`")).collect();
        lines.push(format!("  none: the IdP's roles are {}", list(&given)));
    }
    if let Some(grant) = &explanation.granted {
        lines.extend(grant_lines(grant));
    }
    if !explanation.answers.is_empty() {
        lines.push(String::new());
    }
    for answer in &explanation.answers {
        let can = if answer.can { "yes" } else { "no" };
        lines.push(format!("{can}: {}: {}", answer.question, answer.why));
    }
    lines
}

fn list(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn role_lines(role: &ExplainedRole) -> Vec<String> {
    let by: Vec<_> = role.by.iter().map(|idp_role| format!("`{idp_role}`")).collect();
    let counts = match (&role.unmet, role.counts) {
        (Some(_), _) => "not held",
        (None, true) => "held",
        (None, false) => "held, and does not count here",
    };
    let mut lines = vec![format!("  {} ({}): {counts}", role.role, role.at)];
    if let Some(description) = &role.description {
        lines.push(format!("    {description}"));
    }
    lines.push(format!("    by the IdP's {}", list(&by)));
    if !role.inherits.is_empty() {
        let names: Vec<_> = role.inherits.iter().map(ToString::to_string).collect();
        lines.push(format!("    inherits from {}", list(&names)));
    }
    lines.extend(role.conditions.iter().map(|condition| format!("    only {condition}")));
    if let Some(unmet) = &role.unmet {
        lines.push(format!("    not met: {unmet}"));
    }
    lines
}

fn grant_lines(grant: &ExplainedGrant) -> Vec<String> {
    let mut lines = Vec::new();
    for (what, side) in [("publish", &grant.publish), ("subscribe", &grant.subscribe)] {
        lines.push(String::new());
        lines.push(what.to_owned());
        lines.extend(side_lines(side));
    }
    if let Some(responses) = &grant.responses {
        lines.push(String::new());
        lines.push("answer requests".to_owned());
        lines.push(format!("  {responses}"));
    }
    if !grant.notes.is_empty() {
        lines.push(String::new());
        lines.push("to know".to_owned());
        lines.extend(grant.notes.iter().map(|note| format!("  {note}")));
    }
    lines
}

fn side_lines(side: &ExplainedSide) -> Vec<String> {
    if side.allow.is_empty() {
        return vec!["  nothing".to_owned()];
    }
    let all = side.allow.iter().chain(&side.deny);
    let width = all.map(|it| it.subject.to_string().chars().count()).max().unwrap_or(0);
    let line = |sign: &str, permission: &ExplainedPermission| {
        let by: Vec<_> =
            permission.by.iter().map(|rule| format!("{} ({})", rule.role, rule.at)).collect();
        let subject = permission.subject.to_string();
        format!("  {sign} {subject:<width$}  {}", by.join(", "))
    };
    let allowed = side.allow.iter().map(|it| line("allow", it));
    allowed.chain(side.deny.iter().map(|it| line("deny ", it))).collect()
}
