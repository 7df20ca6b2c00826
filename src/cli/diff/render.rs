//! How a comparison is written.

use serde_json::{Value, json};

use super::super::markdown;
use crate::{
    policy::{Change, DiffSide, Effect, Fate, PolicyDiff, RoleDiff},
    printable,
};

const UNCHANGED: &str = "no change in what anybody may do";

/// For people.
pub(super) fn text(diff: &PolicyDiff, colour: bool) -> String {
    let paint = |code: &str, text: &str| {
        if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let mut out = String::new();
    for role in &diff.roles {
        out += &paint("1", &printable::text(&title(role)));
        out += &format!("\n  {}\n", held_by(role, printable::text));
        for change in &role.changes {
            let (sign, code) = match change.side {
                DiffSide::Old => ("-", "31"),
                DiffSide::New => ("+", "32"),
            };
            let line = format!("{sign} {}", said(change));
            let mark = match change.effect {
                Effect { wider: true, .. } => format!("  {}", paint("1;33", "WIDER")),
                _ => String::new(),
            };
            out += &format!("  {}{mark}", paint(code, &printable::text(&line)));
            out += &format!("{}\n", printable::text(&note(change)));
            out += &format!("      {}\n", printable::text(&change.at));
        }
        out.push('\n');
    }
    out + &printable::text(&summary(diff)) + "\n"
}

/// For a comment on a pull request.
pub(super) fn markdown(diff: &PolicyDiff) -> String {
    let mut out = format!("**hallpass diff**: {}\n", markdown::text(&summary(diff)));
    for role in &diff.roles {
        out += &format!("\n#### {}\n\n", markdown::text(&title(role)));
        out += &format!("{}\n\n", held_by(role, markdown::code));
        let line = |change: &Change| {
            let sign = if change.side == DiffSide::Old { '-' } else { '+' };
            let mark = if change.effect.wider { "  WIDER" } else { "" };
            format!("{sign} {}{mark}{}  # {}", said(change), note(change), change.at)
        };
        let lines: Vec<_> = role.changes.iter().map(line).collect();
        out += &markdown::block("diff", &lines);
    }
    out
}

/// For programs.
pub(super) fn json(diff: &PolicyDiff) -> serde_json::Result<Value> {
    Ok(json!({
        "wider": diff.wider(),
        "narrower": diff.narrower(),
        "unchanged": diff.unchanged,
        "roles": serde_json::to_value(&diff.roles)?,
    }))
}

fn title(role: &RoleDiff) -> String {
    let fate = match role.fate {
        Fate::Added => "new, ",
        Fate::Removed => "gone, ",
        Fate::Changed => "",
    };
    let effect = if role.effect.wider { "WIDER" } else { "narrower" };
    format!("role {}: {fate}{effect}", role.role)
}

/// With each name quoted as it has to be.
fn held_by(role: &RoleDiff, quoted: fn(&str) -> String) -> String {
    let idp_roles: Vec<_> = role.idp_roles.iter().map(|name| quoted(name)).collect();
    let issuers: Vec<_> = role.issuers.iter().map(|issuer| quoted(issuer.as_str())).collect();
    let (roles, issuers) = (idp_roles.join(", "), issuers.join(", "));
    format!(
        "held by IdP roles {roles} of {issuers}, in the account {}",
        quoted(role.account.as_str())
    )
}

fn said(change: &Change) -> String {
    format!("{} {}", change.aspect.as_str(), change.text)
}

fn note(change: &Change) -> String {
    change.note.as_ref().map(|note| format!("  ({note})")).unwrap_or_default()
}

fn summary(diff: &PolicyDiff) -> String {
    if diff.roles.is_empty() {
        return format!("{UNCHANGED} ({})", roles(diff.unchanged));
    }
    let (wider, narrower) = (diff.wider(), diff.narrower());
    format!("{} wider, {narrower} narrower, {} unchanged", roles(wider), diff.unchanged)
}

fn roles(count: usize) -> String {
    format!("{count} role{}", if count == 1 { "" } else { "s" })
}
