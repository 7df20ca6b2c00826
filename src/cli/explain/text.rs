//! An explanation for people.

use crate::policy::{
    ExplainedGrant, ExplainedPermission, ExplainedRole, ExplainedSide, ExplainedValue, Explanation,
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
        lines.extend(role_lines(role, explanation.refused.is_some()));
    }
    if explanation.roles.is_empty() {
        let given: Vec<_> = explanation.idp_roles.iter().map(|role| format!("`{role}`")).collect();
        lines.push(format!("  none: the IdP's roles are {}", list(&given)));
    }
    if !explanation.roles.is_empty() && !explanation.unknown_idp_roles.is_empty() {
        let unknown: Vec<_> =
            explanation.unknown_idp_roles.iter().map(|role| format!("`{role}`")).collect();
        lines.push(format!("  no map knows the IdP's {}", list(&unknown)));
    }
    if !explanation.values.is_empty() {
        lines.push(String::new());
        lines.push("values".to_owned());
        lines.extend(explanation.values.iter().map(value_line));
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

fn role_lines(role: &ExplainedRole, refused: bool) -> Vec<String> {
    let by: Vec<_> = role
        .by
        .iter()
        .map(|by| {
            let pattern = if by.as_written == by.idp_role {
                String::new()
            } else {
                format!(" by `{}`", by.as_written)
            };
            format!("`{}`{pattern} ({})", by.idp_role, by.at)
        })
        .collect();
    let counts = match (role.unmet.is_empty(), role.counts || refused) {
        (false, _) => "not held",
        (true, true) => "held",
        (true, false) => "held, and does not count here",
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
    lines.extend(role.unmet.iter().map(|unmet| format!("    not met: {unmet}")));
    lines
}

fn value_line(value: &ExplainedValue) -> String {
    let claim = value.claim.as_ref().map(|path| format!(", claim `{path}`")).unwrap_or_default();
    match &value.value {
        Ok(values) => format!("  {} = {}{claim}", value.placeholder, list(values)),
        Err(why) => format!("  {}: {why}", value.placeholder),
    }
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
