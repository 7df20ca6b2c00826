//! Inheritance: a role's rules and conditions, and those of the roles it inherits from.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::{Whole, Written};
use crate::{
    document::{Place, Problem, Problems, did_you_mean},
    names::RoleName,
    policy::map::Lists,
};

/// More steps than anybody follows; and what walks them is recursive.
const MOST_STEPS: usize = 32;

/// Every role with all that it inherits.
pub(super) fn wholes(
    written: &BTreeMap<RoleName, Written>,
    problems: &mut Problems,
) -> BTreeMap<RoleName, Whole> {
    let mut walk = Walk { written, done: BTreeMap::new(), path: Vec::new(), problems };
    for role in written.values() {
        walk.visit(role);
    }
    walk.done
}

struct Walk<'a> {
    written: &'a BTreeMap<RoleName, Written>,
    done: BTreeMap<RoleName, Whole>,
    /// From the role that was asked for to the one that is visited.
    path: Vec<&'a RoleName>,
    problems: &'a mut Problems,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, role: &'a Written) {
        if self.done.contains_key(&role.name) {
            return;
        }
        self.path.push(&role.name);
        let mut whole = Whole {
            lists: role.lists.clone(),
            conditions: role.conditions.clone(),
            responses: role.responses.clone(),
            session: role.session.clone(),
        };
        for (name, place) in &role.inherits {
            let Some(parent) = self.parent(role, name, place) else { continue };
            self.visit(parent);
            if let Some(inherited) = self.done.get(name) {
                whole.take(inherited);
            }
        }
        self.path.pop();
        self.done.insert(role.name.clone(), whole);
    }

    /// The role to inherit from, if it may be.
    fn parent(&mut self, role: &Written, name: &RoleName, place: &Place) -> Option<&'a Written> {
        let error = |message: String, help: String| Problem::error(place, message, help);
        let Some(parent) = self.written.get(name) else {
            let near = did_you_mean(name.as_str(), self.written.keys().map(RoleName::as_str));
            let help = near.map_or_else(
                || "name a role of the maps, as in `[roles.NAME]`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.problems.add(error(format!("there is no role `{name}` to inherit from"), help));
            return None;
        };
        if let Some(start) = self.path.iter().position(|on_path| *on_path == name) {
            let names = self.path.get(start..).unwrap_or_default().iter();
            let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
            let message = if names.len() == 1 {
                format!("role `{name}` inherits from itself")
            } else {
                format!("role `{name}` inherits from itself, by way of {}", names.join(", "))
            };
            self.problems.add(error(message, "take one of the steps away".to_owned()));
            return None;
        }
        if self.path.len() >= MOST_STEPS {
            let message = format!("roles are inherited over more than {MOST_STEPS} steps");
            self.problems.add(error(message, "inherit from fewer roles directly".to_owned()));
            return None;
        }
        if parent.account != role.account {
            let (ours, theirs) = (&role.account, &parent.account);
            self.problems.add(
                error(
                    format!("role `{name}` leads to the account `{theirs}`, this one to `{ours}`"),
                    "a connection has one account; inherit within it".to_owned(),
                )
                .related(&parent.place, "defined here"),
            );
            return None;
        }
        Some(parent)
    }
}

impl Whole {
    /// Takes over what another role says: all that it allows, all that it denies, whatever it
    /// asks for.
    fn take(&mut self, other: &Self) {
        let Lists { publish, subscribe, deny_publish, deny_subscribe } = &other.lists;
        add(&mut self.lists.publish, publish);
        add(&mut self.lists.subscribe, subscribe);
        add(&mut self.lists.deny_publish, deny_publish);
        add(&mut self.lists.deny_subscribe, deny_subscribe);
        add(&mut self.conditions, &other.conditions);
        self.responses = self.responses.take().max(other.responses.clone());
        self.session = match (self.session.take(), other.session.clone()) {
            (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
    }
}

/// Adds what is not there yet: two ways may lead to one role.
fn add<T>(ours: &mut Vec<Arc<T>>, theirs: &[Arc<T>]) {
    if theirs.is_empty() {
        return;
    }
    let known: HashSet<*const T> = ours.iter().map(Arc::as_ptr).collect();
    ours.extend(theirs.iter().filter(|it| !known.contains(&Arc::as_ptr(it))).cloned());
}
