//! Roles that nobody can get, and roles that do not tell two people apart.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use ipnet::IpNet;

use super::Role;
use crate::{
    connection::ConnectionType,
    document::{Place, Problem, Problems},
    policy::{
        condition::{Condition, Test},
        map::{Origin, Rule},
        template::Variable,
    },
};

/// Warns of a role that nobody can hold. `inherited`: whether another role inherits from it;
/// `edge`: whether one can attest a connection.
pub(super) fn by_nobody(role: &Role, inherited: bool, edge: bool, problems: &mut Problems) {
    let written = &role.written;
    let mut say = |place: &Place, why: &str, help: &str| {
        let message = format!("nobody can hold role `{}`: {why}", written.name);
        problems.add(Problem::warning(place, message, help));
    };
    if written.idp_roles.is_empty() && !inherited {
        let help = "name some; without `idp_roles` it is the role's own name";
        say(&written.place, "it names no IdP role", help);
    }
    // Said where it is written, and not once more by each role that inherits it.
    let asks_for_edge = |it: &&Arc<Condition>| !edge && matches!(it.test, Test::Edge);
    for condition in written.conditions.iter().filter(asks_for_edge) {
        let help = "an edge attests connections by a key that `[edge.keys]` names in the \
                    configuration; leave `edge` out, or the role to nobody";
        say(&condition.place, "no edge can attest a connection", help);
    }
    let conditions = || role.whole.conditions.iter().map(|condition| &condition.test);
    let kinds = conditions().filter_map(|test| match test {
        // An empty list has been reported.
        Test::ConnectionTypes(kinds) if !kinds.is_empty() => Some(kinds.clone()),
        _ => None,
    });
    let sources = conditions().filter_map(|test| match test {
        Test::Sources(networks) if !networks.is_empty() => Some(networks.clone()),
        _ => None,
    });
    let help = "a role asks for all that the roles do from which it inherits; widen one of them, \
                or take the rules into a role without the condition";
    if kinds.reduce(in_both).is_some_and(|left| left.is_empty()) {
        let why = "no connection type is among its own and those that it inherits";
        say(&written.place, why, help);
    }
    if sources.reduce(overlaps).is_some_and(|left| left.is_empty()) {
        let why = "no address is in its own `sources` and in those that it inherits";
        say(&written.place, why, help);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `reduce` takes")]
fn in_both(
    one: BTreeSet<ConnectionType>,
    other: BTreeSet<ConnectionType>,
) -> BTreeSet<ConnectionType> {
    one.intersection(&other).copied().collect()
}

/// What lies in networks of both; of two networks that meet, one lies in the other.
#[expect(clippy::needless_pass_by_value, reason = "what `reduce` takes")]
fn overlaps(one: Vec<IpNet>, other: Vec<IpNet>) -> Vec<IpNet> {
    let narrower = |a: &IpNet, b: &IpNet| match (a.contains(b), b.contains(a)) {
        (true, _) => Some(*b),
        (_, true) => Some(*a),
        _ => None,
    };
    one.iter().flat_map(|a| other.iter().filter_map(move |b| narrower(a, b))).collect()
}

/// Warns of an inbox and of grants that are the same for people of several issuers: `sub` is
/// unique with one issuer only.
pub(super) fn by_namesakes<'a>(
    role: &'a Role,
    said: &mut HashSet<*const Rule>,
    problems: &mut Problems,
) {
    let written = &role.written;
    if role.issuers.len() < 2 || written.idp_roles.is_empty() {
        return;
    }
    let is_shared = |rule: &&'a Arc<Rule>| {
        let has = |variable| rule.template.variables().contains(variable);
        has(&Variable::Subject) && !has(&Variable::Issuer) && !has(&Variable::Name)
    };
    let lists = &role.whole.lists;
    let mut grants = Vec::new();
    for rule in lists.publish.iter().chain(&lists.subscribe).filter(is_shared) {
        let (what, does) = match &rule.origin {
            Origin::Grant(granted) => {
                if grants.contains(&Arc::as_ptr(granted)) {
                    continue;
                }
                grants.push(Arc::as_ptr(granted));
                (format!("its grant of {}", granted.resource), "has what is")
            }
            Origin::Inbox => ("its inbox".to_owned(), "reads the replies"),
            Origin::Subject if rule.template.as_str().starts_with("_INBOX.") => {
                (format!("`{}`", rule.template.as_str()), "reads the replies")
            }
            Origin::Subject => continue,
        };
        // Once, where several roles inherit it.
        if !said.insert(Arc::as_ptr(rule)) {
            continue;
        }
        problems.add(Problem::warning(
            &rule.place,
            format!(
                "role `{}` believes several issuers, and {what} does not tell them apart: alice \
                 of one issuer {does} of alice of the other",
                written.name
            ),
            "write `{name}`, which has the issuer in it, in place of `{subject}`",
        ));
    }
}
