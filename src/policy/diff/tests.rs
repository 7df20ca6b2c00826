//! Each kind of change, and what it does.

use super::*;
use crate::testkit::maps;

mod held;
mod lists;
mod supposed;

const ONE: &str = "account = \"APP\"\n[claims]\ntenant = \"tenant_id\"\n";

fn policy(text: &str) -> PolicySet {
    maps(&[("a.toml", &format!("{ONE}{text}"))]).targets(&["APP", "B"]).policy()
}

fn between(old: &str, new: &str) -> PolicyDiff {
    PolicyDiff::between(&policy(old), &policy(new))
}

/// Each change as `+ publish a.b WIDER`, those without effect too.
fn lines(diff: &PolicyDiff) -> Vec<String> {
    let line = |change: &Change| {
        let sign = if change.side == DiffSide::Old { '-' } else { '+' };
        let mut line = format!("{sign} {} {}", change.aspect.as_str(), change.text);
        if change.effect.wider {
            line += " WIDER";
        }
        if change.effect.narrower {
            line += " narrower";
        }
        line
    };
    diff.roles.iter().flat_map(|role| role.changes.iter().map(line)).collect()
}

/// Changes of what one role says.
fn role(old: &str, new: &str) -> Vec<String> {
    let in_role = |text: &str| format!("[roles.r]\n{text}\n");
    let (there, back) =
        (between(&in_role(old), &in_role(new)), between(&in_role(new), &in_role(old)));
    assert_eq!(there.roles.is_empty(), back.roles.is_empty(), "a change is one both ways");
    lines(&there)
}
