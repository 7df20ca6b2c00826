//! What one person could do and what they could by other maps. Pure.
//!
//! The same notion of wider as of roles, with nothing left to fill in: subjects instead of
//! templates. What a deny takes back anyway is neither gained nor lost.

use std::time::Duration;

use jiff::Timestamp;

use super::{Aspect, DiffSide, Effect, limits};
use crate::{
    policy::decision::{Entitlement, Side},
    subject::Permission,
};

/// What somebody may do, without the reasons.
#[derive(Clone, PartialEq, Eq)]
pub struct Entitled {
    /// What may be published.
    pub publish: Listed,
    /// What may be subscribed to.
    pub subscribe: Listed,
    /// How many answers to a request, and for how long.
    pub responses: Option<(u32, Duration)>,
    /// When the session ends.
    pub ends_at: Timestamp,
}

impl std::fmt::Debug for Entitled {
    /// No subject: claims are in them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entitled").field("ends_at", &self.ends_at).finish_non_exhaustive()
    }
}

/// One direction. Where nothing is allowed, nothing at all.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// What is allowed.
    pub allow: Vec<Permission>,
    /// What is denied, which wins.
    pub deny: Vec<Permission>,
}

/// What one side has and the other does not.
#[derive(Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which side has it.
    pub side: DiffSide,
    /// What it is about.
    pub aspect: Aspect,
    /// The subject; none of responses and of the session.
    pub permission: Option<Permission>,
    /// What it does.
    pub effect: Effect,
}

impl From<&Entitlement> for Entitled {
    fn from(entitlement: &Entitlement) -> Self {
        let listed = |side: &Side| match side {
            Side::Nothing => Listed::default(),
            Side::Some { allow, deny } => Listed {
                allow: allow.keys().cloned().collect(),
                deny: deny.keys().cloned().collect(),
            },
        };
        Self {
            publish: listed(entitlement.publish()),
            subscribe: listed(entitlement.subscribe()),
            responses: entitlement.responses().map(|it| (it.max, it.expires)),
            ends_at: entitlement.ends_at(),
        }
    }
}

impl Entitled {
    /// What comes and what goes, where this becomes the other.
    #[must_use]
    pub fn differences(&self, new: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        listed((Aspect::Publish, Aspect::DenyPublish), &self.publish, &new.publish, &mut found);
        let aspects = (Aspect::Subscribe, Aspect::DenySubscribe);
        listed(aspects, &self.subscribe, &new.subscribe, &mut found);
        let wider = limits::exceeds(new.responses, self.responses);
        let narrower = limits::exceeds(self.responses, new.responses);
        limited(Aspect::Responses, Effect { wider, narrower }, &mut found);
        let (was, is) = (self.ends_at, new.ends_at);
        let longer = Effect { wider: is > was, narrower: is < was };
        limited(Aspect::Session, longer, &mut found);
        found
    }

    /// The same, with nothing allowed on the one side.
    #[must_use]
    pub fn all(&self, side: DiffSide) -> Vec<Difference> {
        let nothing = Self {
            publish: Listed::default(),
            subscribe: Listed::default(),
            responses: None,
            ends_at: self.ends_at,
        };
        match side {
            DiffSide::Old => self.differences(&nothing),
            DiffSide::New => nothing.differences(self),
        }
    }
}

fn limited(aspect: Aspect, effect: Effect, found: &mut Vec<Difference>) {
    if effect.any() {
        // Where it is both (more answers, for a shorter time), the new side says so.
        let side = if effect.wider { DiffSide::New } else { DiffSide::Old };
        found.push(Difference { side, aspect, permission: None, effect });
    }
}

fn listed(
    (allow, deny): (Aspect, Aspect),
    old: &Listed,
    new: &Listed,
    found: &mut Vec<Difference>,
) {
    let lost = only(old, new).map(|it| (DiffSide::Old, allow, it, Effect::NARROWER));
    found.extend(lost.map(difference));
    // Members of other groups could, and cannot: or the other way round.
    let left = to_groups(new, old).map(|it| (DiffSide::New, allow, it, Effect::NARROWER));
    found.extend(left.map(difference));
    let gained = only(new, old).map(|it| (DiffSide::New, allow, it, Effect::WIDER));
    found.extend(gained.map(difference));
    let opened = to_groups(old, new).map(|it| (DiffSide::Old, allow, it, Effect::WIDER));
    found.extend(opened.map(difference));
    let freed = denied(old, new).map(|it| (DiffSide::Old, deny, it, Effect::WIDER));
    found.extend(freed.map(difference));
    let taken = denied(new, old).map(|it| (DiffSide::New, deny, it, Effect::NARROWER));
    found.extend(taken.map(difference));
}

fn difference(
    (side, aspect, permission, effect): (DiffSide, Aspect, &Permission, Effect),
) -> Difference {
    Difference { side, aspect, permission: Some(permission.clone()), effect }
}

/// What one allows and the other does not.
fn only<'a>(one: &'a Listed, other: &'a Listed) -> impl Iterator<Item = &'a Permission> {
    let is_allowed = |it: &Permission| {
        // Where some groups are named, a permission that names none lets no other group in.
        let names_groups = it.queue.is_some()
            && other.allow.iter().any(|by| by.queue.is_some() && overlap(by, it));
        other.allow.iter().any(|by| by.covers(it) && (by.queue.is_some() || !names_groups))
    };
    one.allow
        .iter()
        .filter(move |it| !is_allowed(it) && !one.deny.iter().any(|deny| deny.covers(it)))
}

/// What one leaves to a queue group, of what both allow everybody.
fn to_groups<'a>(one: &'a Listed, other: &'a Listed) -> impl Iterator<Item = &'a Permission> {
    let leaves = |it: &Permission, listed: &Listed| {
        listed.allow.iter().any(|all| all.queue.is_none() && overlap(all, it))
    };
    let is_everything = |it: &Permission| it.queue.as_ref().is_some_and(|it| it.as_str() == ">");
    one.allow.iter().filter(move |it| {
        it.queue.is_some()
            && !is_everything(it)
            && leaves(it, one)
            && leaves(it, other)
            && !other.allow.iter().any(|by| by.queue.is_some() && by.subject.covers(&it.subject))
    })
}

/// What one denies and the other does not, of what both allow.
fn denied<'a>(one: &'a Listed, other: &'a Listed) -> impl Iterator<Item = &'a Permission> {
    let allows = |it: &Permission, listed: &Listed| listed.allow.iter().any(|by| overlap(by, it));
    one.deny.iter().filter(move |it| {
        !other.deny.iter().any(|by| by.covers(it)) && allows(it, one) && allows(it, other)
    })
}

fn overlap(one: &Permission, other: &Permission) -> bool {
    one.subject.overlaps(&other.subject)
}

#[cfg(test)]
mod tests;
