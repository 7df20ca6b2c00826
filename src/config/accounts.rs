//! `[accounts]`: where people may be let into, and where nobody is.

use std::collections::BTreeSet;

use super::Layers;
use crate::{
    document::{Fields, Node, Problem, Problems, parse_at},
    names::AccountName,
};

const TARGETS: &str = "`targets = [\"APP\"]`: the accounts of applications";

pub(super) fn accounts(
    node: &Node,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<BTreeSet<AccountName>> {
    // As written: another problem in those sections must not hide one in this.
    let account_of = |section| account(layers, section, "account").and_then(Node::as_str);
    let (callout, audit) = (account_of("callout"), account_of("audit"));
    let mut fields = Fields::of(node, "`[accounts]`", problems);
    let system = fields.required_parsed::<AccountName>("system", "`system = \"SYS\"`", problems);
    let named = fields.required("targets", TARGETS, problems);
    let before = problems.len();
    let given = fields.strings("targets", problems);
    if let (Some(node), true, true) = (named, given.is_empty(), problems.len() == before) {
        let message = "`targets` is empty: nobody could be let in anywhere";
        problems.add(Problem::error(&node.place, message, format!("write {TARGETS}")));
    }
    fields.finish(problems);
    let mut targets = BTreeSet::new();
    for (text, place) in given {
        let help = "write it as in the server's configuration";
        let Some(account) = parse_at::<AccountName>(text, place, help, problems) else { continue };
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
            problems.add(Problem::error(
                place,
                format!("`{account}` cannot be a target: it is {why}"),
                "nobody is let into it by a token; name the accounts of applications",
            ));
        }
        targets.insert(account);
    }
    named?;
    system?;
    Some(targets)
}

/// Callout, audit and system account are three: who is in one of them must not reach another.
pub(super) fn apart(layers: &Layers, problems: &mut Problems) {
    let callout = ("callout.account", account(layers, "callout", "account"));
    let audit = ("audit.account", account(layers, "audit", "account"));
    let system = ("accounts.system", account(layers, "accounts", "system"));
    for ((first, one), (second, other)) in [(callout, audit), (callout, system), (audit, system)] {
        let (Some(one), Some(other)) = (one, other) else { continue };
        if let (Some(name), true) = (one.as_str(), one.as_str() == other.as_str()) {
            let message = format!("`{first}` and `{second}` are both `{name}`");
            let help = "give each an account of its own, as in `nats-server.conf`";
            problems.add(
                Problem::error(&other.place, message, help).related(&one.place, "the other one"),
            );
        }
    }
}

/// The accounts that maps may target, as far as they can be read; `None`: none of them.
pub(super) fn targets(layers: &Layers) -> Option<BTreeSet<AccountName>> {
    // What is wrong with them is told elsewhere.
    let mut told = Problems::default();
    let mut fields = Fields::of(layers.root.get("accounts")?, "", &mut told);
    let given = fields.strings("targets", &mut told);
    let targets: BTreeSet<_> = given.iter().filter_map(|(text, _)| text.parse().ok()).collect();
    (!targets.is_empty()).then_some(targets)
}

fn account<'a>(layers: &'a Layers, section: &str, key: &str) -> Option<&'a Node> {
    layers.root.get(section)?.get(key)
}
