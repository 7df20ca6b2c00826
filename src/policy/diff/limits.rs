//! Answers to requests, and the longest session.

use std::{sync::Arc, time::Duration};

use super::{Aspect, Change, DiffSide, Effect};
use crate::policy::{compile::Role, map::Responses};

pub(super) fn responses(old: Option<&Responses>, new: Option<&Responses>) -> Vec<Change> {
    let bound = |responses: &Responses| (responses.max, responses.expires);
    let (was, is) = (old.map(bound), new.map(bound));
    let (wider, narrower) = (exceeds(is, was), exceeds(was, is));
    if !wider && !narrower {
        return Vec::new();
    }
    let line = |side, responses: &Responses, effect| {
        let (max, expires) = (responses.max, span(responses.expires));
        let text = format!("{max} within {expires}");
        let at = Arc::clone(&responses.at);
        Change { side, aspect: Aspect::Responses, text, at, effect, note: None }
    };
    let was = old.map(|old| line(DiffSide::Old, old, Effect { wider: false, narrower }));
    let is = new.map(|new| line(DiffSide::New, new, Effect { wider, narrower: false }));
    was.into_iter().chain(is).collect()
}

/// Whether one allows an answer that the other does not: so many, for so long.
pub(super) fn exceeds(one: Option<(u32, Duration)>, other: Option<(u32, Duration)>) -> bool {
    match (one, other) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some((max, expires)), Some((most, longest))) => max > most || expires > longest,
    }
}

pub(super) fn session(old: &Role, new: &Role) -> Vec<Change> {
    let (was, is) = (old.whole.longest(), new.whole.longest());
    // None is as long as the token.
    let longer = |one: Option<Duration>, other: Option<Duration>| match (one, other) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(one), Some(other)) => one > other,
    };
    let effect = Effect { wider: longer(is, was), narrower: longer(was, is) };
    if !effect.any() {
        return Vec::new();
    }
    // The line of the new side tells, unless there is none.
    let (first, second) =
        if is.is_some() { (Effect::default(), effect) } else { (effect, Effect::default()) };
    one(old, DiffSide::Old, first).into_iter().chain(one(new, DiffSide::New, second)).collect()
}

/// The session of a role that is on one side only.
pub(super) fn all(role: &Role, side: DiffSide) -> Option<Change> {
    one(role, side, Effect::default())
}

fn one(role: &Role, side: DiffSide, effect: Effect) -> Option<Change> {
    let session = role.whole.session.as_ref()?;
    let text = format!("at most {}", span(session.longest));
    let at = Arc::clone(&session.at);
    Some(Change { side, aspect: Aspect::Session, text, at, effect, note: None })
}

/// `1h 30m`, as maps write it.
pub(in crate::policy) fn span(span: Duration) -> String {
    jiff::SignedDuration::try_from(span)
        .map_or_else(|_| format!("{span:?}"), |it| format!("{it:#}"))
}
