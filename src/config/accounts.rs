//! `[accounts]`: where people may be let into, and where nobody is.

use std::collections::BTreeSet;

use super::Layers;
use crate::{
    document::{Fields, Node, Problem, Problems, parse_at},
    names::AccountName,
};

pub(super) fn accounts(
    node: &Node,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<BTreeSet<AccountName>> {
    // As written: another problem in those sections must not hide one in this.
    let account_of = |section| layers.root.get(section)?.get("account")?.as_str();
    let (callout, audit) = (account_of("callout"), account_of("audit"));
    let mut fields = Fields::of(node, "`[accounts]`", problems);
    let system = fields.parsed::<AccountName>("system", problems);
    fields.required("targets", problems)?;
    let given = fields.strings("targets", problems);
    fields.finish(problems);
    let mut targets = BTreeSet::new();
    for (text, place) in given {
        let Some(account) = parse_at::<AccountName>(text, place, problems) else { continue };
        let reserved = if Some(text) == callout {
            Some("the callout account: its users can read or answer other people's logins")
        } else if Some(text) == audit {
            Some("the audit account: its users are not the clients that are audited")
        } else if Some(&account) == system.as_ref() || matches!(text, "SYS" | "$SYS") {
            Some("the system account")
        } else if text == "$G" {
            Some("the global account: users without an account of their own end up there")
        } else {
            None
        };
        if let Some(why) = reserved {
            problems.add(
                Problem::error(place, format!("`{account}` cannot be a target: it is {why}"))
                    .help("nobody is let into it by a token; name the accounts of applications"),
            );
        }
        targets.insert(account);
    }
    Some(targets)
}
