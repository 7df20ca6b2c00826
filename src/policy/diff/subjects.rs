//! The lists of a role: what was allowed and denied, and what is.

use std::sync::Arc;

use super::{Around, Aspect, Change, DiffSide, Effect};
use crate::{
    policy::{
        compile::Role,
        map::{Lists, Origin, Rule},
        template::{ClaimValue, Template, Variable},
    },
    subject::SubjectPattern,
};

type Rules = [Arc<Rule>];
type Of = fn(&Lists) -> &Vec<Arc<Rule>>;

/// Allow and deny of each direction.
const DIRECTIONS: [((Aspect, Of), (Aspect, Of)); 2] = [
    ((Aspect::Publish, |lists| &lists.publish), (Aspect::DenyPublish, |lists| &lists.deny_publish)),
    (
        (Aspect::Subscribe, |lists| &lists.subscribe),
        (Aspect::DenySubscribe, |lists| &lists.deny_subscribe),
    ),
];

/// What the lists of a role gain and lose.
pub(super) fn changes(old: &Lists, new: &Lists, around: &Around<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    for ((allow, allowed), (deny, denied)) in DIRECTIONS {
        for changed in [
            allows(allow, allowed(old), allowed(new), around),
            denies(deny, denied(old), denied(new)),
        ] {
            // Lines that say again what another says are shown beside those that do something.
            if changed.iter().any(|change| change.effect.any()) {
                changes.extend(changed);
            }
        }
    }
    changes
}

/// The lists of a role that goes away.
pub(super) fn all(lists: &Lists, around: &Around<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    for ((allow, allowed), (deny, denied)) in DIRECTIONS {
        let narrower = |rule| change(DiffSide::Old, allow, rule, Effect::NARROWER, None);
        changes.extend(apart(allowed(lists), &[]).into_iter().map(narrower));
        for rule in apart(denied(lists), &[]) {
            let wider = around.new.iter().any(|other| overlaps(allowed(&other.whole.lists), rule));
            changes.push(change(
                DiffSide::Old,
                deny,
                rule,
                Effect { wider, narrower: false },
                None,
            ));
        }
    }
    changes
}

/// Whether a role takes something from who holds `other` too.
pub(super) fn takes_from(role: &Role, other: &Role) -> bool {
    let (lists, others) = (&role.whole.lists, &other.whole.lists);
    let denies = DIRECTIONS.iter().any(|((_, allowed), (_, denied))| {
        denied(lists).iter().any(|deny| overlaps(allowed(others), deny))
    });
    let groups = |rule: &&Arc<Rule>| is_queued(rule);
    denies || lists.subscribe.iter().filter(groups).any(|rule| leaves_to_groups(rule, others))
}

fn allows(aspect: Aspect, old: &Rules, new: &Rules, around: &Around<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    let here = |roles: &[&Role], rule: &Rule, is: fn(&Rule, &Lists) -> bool| {
        aspect == Aspect::Subscribe && roles.iter().any(|role| is(rule, &role.whole.lists))
    };
    for was in apart(old, new) {
        // A subject for everybody is one for the members of a group, unless another rule leaves
        // it to groups.
        let by = new.iter().find(|is| {
            covers(&is.template, &was.template, |is, was| no_looser(was, is))
                && (is_queued(is) || !is_queued(was) || !here(&around.new, was, overlaps_queued))
        });
        let left = is_queued(was) && !new.iter().any(|is| is_queued(is) && spans(is, was));
        let opened = left && here(&around.new, was, leaves_to_groups);
        let effect = Effect { wider: opened, narrower: by.is_none() };
        let note = match by {
            _ if opened => Some("it left the subject to the queue group".to_owned()),
            Some(by) => Some(format!("still allowed by `{}`", by.template)),
            None => None,
        };
        changes.push(change(DiffSide::Old, aspect, was, effect, note));
    }
    for is in apart(new, old) {
        let by = old.iter().find(|was| {
            covers(&was.template, &is.template, |was, is| no_looser(is, was))
                && (is_queued(was) || !is_queued(is) || !here(&around.old, is, overlaps_queued))
        });
        let left = is_queued(is) && !old.iter().any(|was| is_queued(was) && spans(was, is));
        let closed = left && here(&around.new, is, leaves_to_groups);
        let effect = Effect { wider: by.is_none(), narrower: closed };
        let note = match by {
            _ if closed => Some("it leaves the subject to the queue group".to_owned()),
            Some(by) => Some(format!("was allowed by `{}`", by.template)),
            None => None,
        };
        changes.push(change(DiffSide::New, aspect, is, effect, note));
    }
    changes
}

fn denies(aspect: Aspect, old: &Rules, new: &Rules) -> Vec<Change> {
    let mut changes = Vec::new();
    for was in apart(old, new) {
        let by = new.iter().find(|is| covers(&is.template, &was.template, no_looser));
        let note = by.map(|by| format!("still denied by `{}`", by.template));
        let effect = Effect { wider: by.is_none(), narrower: false };
        changes.push(change(DiffSide::Old, aspect, was, effect, note));
    }
    for is in apart(new, old) {
        let by = old.iter().find(|was| covers(&was.template, &is.template, no_looser));
        let note = by.map(|by| format!("was denied by `{}`", by.template));
        let effect = Effect { wider: false, narrower: by.is_none() };
        changes.push(change(DiffSide::New, aspect, is, effect, note));
    }
    changes
}

/// What a login must bring, so that all templates of the role can be filled: who does not is
/// refused.
pub(super) fn needs(old: &Lists, new: &Lists) -> Vec<Change> {
    let of = |lists: &Lists| -> Vec<(Arc<str>, String)> {
        let mut found: Vec<(Arc<str>, String)> = Vec::new();
        for rule in lists.named().into_iter().flat_map(|(_, rules)| rules) {
            for need in rule.template.variables().iter().filter_map(need) {
                if !found.iter().any(|(_, known)| *known == need) {
                    found.push((Arc::clone(&rule.at), need));
                }
            }
        }
        found
    };
    let (old, new) = (of(old), of(new));
    let missing = |from: &[(Arc<str>, String)], in_: &[(Arc<str>, String)], side, effect| {
        let only: Vec<_> = from
            .iter()
            .filter(|(_, need)| !in_.iter().any(|(_, it)| it == need))
            .cloned()
            .collect();
        only.into_iter().map(move |(at, text)| {
            let note = match side {
                DiffSide::Old => "a login without it was refused",
                DiffSide::New => "a login without it is refused",
            };
            Change { side, aspect: Aspect::Needs, text, at, effect, note: Some(note.to_owned()) }
        })
    };
    missing(&old, &new, DiffSide::Old, Effect::WIDER)
        .chain(missing(&new, &old, DiffSide::New, Effect::NARROWER))
        .collect()
}

fn need(variable: &Variable) -> Option<String> {
    match variable {
        Variable::Subject | Variable::Name => Some("a `sub` that is one token".to_owned()),
        // Ours, and always legal.
        Variable::Issuer => None,
        Variable::Claim(claim) if claim.default.is_some() => {
            Some(format!("the claim `{}`, if it is there, to be legal in a subject", claim.path))
        }
        Variable::Claim(claim) => Some(format!("the claim `{}`", claim.path)),
    }
}

fn change(
    side: DiffSide,
    aspect: Aspect,
    rule: &Rule,
    effect: Effect,
    note: Option<String>,
) -> Change {
    let note = note.or_else(|| match &rule.origin {
        Origin::Subject => None,
        Origin::Inbox => Some("`inbox`".to_owned()),
        Origin::Grant(granted) => Some(format!("granted: {}", granted.resource)),
    });
    Change { side, aspect, text: text(&rule.template), at: Arc::clone(&rule.at), effect, note }
}

/// A template, with what is said of its claims elsewhere in the file.
fn text(template: &Template) -> String {
    let mut text = template.to_string();
    for variable in template.variables() {
        let Variable::Claim(claim) = variable else { continue };
        if let Some(default) = &claim.default {
            text += &format!(" (`{}` by default `{}`)", claim.path, default.as_str());
        }
        if let Some(most) = claim.at_most {
            text += &format!(" (`{}` at most {most} values)", claim.path);
        }
    }
    text
}

/// The rules of a list that the other does not have, each once.
fn apart<'a>(list: &'a Rules, other: &Rules) -> Vec<&'a Rule> {
    let mut found: Vec<&Rule> = Vec::new();
    for rule in list {
        let known = |it: &Rule| same(&it.template, &rule.template);
        if !other.iter().any(|it| known(it)) && !found.iter().any(|it| known(it)) {
            found.push(rule);
        }
    }
    found
}

fn same(one: &Template, other: &Template) -> bool {
    let alike = |one: &Variable, other: &Variable| match (one, other) {
        (Variable::Claim(one), Variable::Claim(other)) => {
            one.path == other.path && one.default == other.default && one.at_most == other.at_most
        }
        (one, other) => one == other,
    };
    let (ours, theirs) = (one.variables(), other.variables());
    one.to_string() == other.to_string()
        && ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(one, other)| alike(one, other))
}

/// Whether `outer` permits all that `inner` does, whoever they are filled for: a placeholder is
/// covered by itself and by a wildcard. `fits` compares the claims that both name, the outer
/// first.
fn covers(
    outer: &Template,
    inner: &Template,
    fits: impl Fn(&ClaimValue, &ClaimValue) -> bool,
) -> bool {
    if !outer.as_literal().covers(inner.as_literal()) {
        return false;
    }
    let claims = |template: &Template| -> Vec<Arc<ClaimValue>> {
        let claim = |variable: &Variable| match variable {
            Variable::Claim(claim) => Some(Arc::clone(claim)),
            _ => None,
        };
        template.variables().iter().filter_map(claim).collect()
    };
    let (ours, theirs) = (claims(outer), claims(inner));
    let twins = theirs
        .iter()
        .enumerate()
        .any(|(at, one)| theirs.iter().skip(at + 1).any(|it| it.path == one.path));
    // A list under two names is each value with each, under one name each with itself.
    if twins {
        return outer == inner;
    }
    // Two paths may read alike: `["a.b"]` and `a.b`.
    let alike =
        |one: &ClaimValue, other: &ClaimValue| one.path.to_string() == other.path.to_string();
    theirs.iter().all(|inner| {
        ours.iter()
            .filter(|outer| alike(outer, inner))
            .all(|outer| outer.path == inner.path && fits(outer, inner))
    })
}

/// Whether a claim brings nothing that the same claim of the other side does not bring.
fn no_looser(one: &ClaimValue, other: &ClaimValue) -> bool {
    let default = one.default.is_none() || one.default == other.default;
    // Without a number it is no list.
    default && one.at_most <= other.at_most
}

fn is_queued(rule: &Rule) -> bool {
    rule.template.reach().queue.is_some()
}

/// Whether the subjects of one are all among those of the other, whatever the queue groups.
fn spans(outer: &Rule, inner: &Rule) -> bool {
    outer.template.as_literal().subject.covers(&inner.template.as_literal().subject)
}

fn reach(rule: &Rule) -> &SubjectPattern {
    &rule.template.reach().subject
}

fn overlaps(rules: &Rules, rule: &Rule) -> bool {
    rules.iter().any(|it| reach(it).overlaps(reach(rule)))
}

/// Whether some rule of the lists is about the same subjects, for queue groups.
fn overlaps_queued(rule: &Rule, lists: &Lists) -> bool {
    lists.subscribe.iter().any(|it| is_queued(it) && reach(it).overlaps(reach(rule)))
}

/// Whether a rule for a queue group keeps other groups from what the lists allow everybody: the
/// server lets only the named groups in, where a subject is named with some.
fn leaves_to_groups(rule: &Rule, lists: &Lists) -> bool {
    lists.subscribe.iter().any(|it| !is_queued(it) && reach(it).overlaps(reach(rule)))
}
