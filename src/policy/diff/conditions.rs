//! The conditions of a role: all of them are met by who holds it.

use std::sync::Arc;

use super::{Around, Aspect, Change, DiffSide, Effect, holders::fewer};
use crate::policy::{
    compile::Role,
    condition::{Condition, Test},
    hours::Window,
    template::ClaimValue,
};

pub(super) fn changes(old: &Role, new: &Role, around: &Around<'_>) -> Vec<Change> {
    let (was, is) = (&old.whole.conditions, &new.whole.conditions);
    let implied = |test: &Test, by: &[Arc<Condition>]| by.iter().any(|it| implies(&it.test, test));
    let same = |test: &Test, others: &[Arc<Condition>]| {
        others.iter().any(|it| implies(&it.test, test) && implies(test, &it.test))
    };
    let mut changes = Vec::new();
    for condition in was.iter().filter(|it| !same(&it.test, is)) {
        let effect = Effect { wider: !implied(&condition.test, is), narrower: false };
        changes.push(line(condition, DiffSide::Old, effect, None));
    }
    for condition in is.iter().filter(|it| !same(&it.test, was)) {
        let (effect, note) = fewer(old, !implied(&condition.test, was), around);
        changes.push(line(condition, DiffSide::New, effect, note));
    }
    if !changes.iter().any(|change| change.effect.any()) {
        changes.clear();
    }
    changes
}

/// The conditions of a role that is on one side only.
pub(super) fn all(role: &Role, side: DiffSide) -> impl Iterator<Item = Change> + '_ {
    role.whole.conditions.iter().map(move |it| line(it, side, Effect::default(), None))
}

fn line(condition: &Condition, side: DiffSide, effect: Effect, note: Option<String>) -> Change {
    let at = Arc::clone(&condition.at);
    Change { side, aspect: Aspect::Condition, text: condition.describe(), at, effect, note }
}

/// Whether who meets `one` meets `other`, as far as that is easy to tell.
fn implies(one: &Test, other: &Test) -> bool {
    match (one, other) {
        (Test::Claim(ours, some), Test::Claim(theirs, others)) => {
            is_no_looser(ours, theirs) && some.iter().all(|value| others.contains(value))
        }
        (Test::ConnectionTypes(some), Test::ConnectionTypes(others)) => some.is_subset(others),
        (Test::Sources(some), Test::Sources(others)) => {
            some.iter().all(|network| others.iter().any(|other| other.contains(network)))
        }
        (Test::Hours(some), Test::Hours(others)) => {
            some.iter().all(|window| others.iter().any(|other| lies_in(window, other)))
        }
        (Test::Certificate, Test::Certificate) | (Test::Edge, Test::Edge) => true,
        _ => false,
    }
}

/// Absent is not met, unless there is a default.
fn is_no_looser(one: &ClaimValue, other: &ClaimValue) -> bool {
    one.path == other.path && (one.default.is_none() || one.default == other.default)
}

fn lies_in(window: &Window, other: &Window) -> bool {
    let days = window.days.iter().zip(other.days).all(|(ours, theirs)| !ours || theirs);
    let same = window.from == other.from && window.to == other.to;
    let by_day = window.from < window.to && other.from < other.to;
    let inside = by_day && other.from <= window.from && window.to <= other.to;
    window.zone == other.zone && days && (same || inside)
}
