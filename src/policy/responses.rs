//! The trap in `allow_responses`: the sender of a request chooses where its answer goes.
//!
//! The server lets a holder answer whatever was received, on the reply subject that came with
//! it, over any deny. Who may publish a subject and also receives it can write himself a request
//! with any reply subject, and so publish anywhere. hallpass does not issue that: it would be a
//! limit that the server ignores.

use std::sync::Arc;

use super::{
    compile::Role,
    depth,
    map::{Responses, Rule},
};
use crate::{
    code::{Code, Refusal},
    document::{Place, Problem, Problems},
    subject::{Permission, SubjectPattern},
};

/// The permission of several roles together: the greatest as one of them wrote it. Taking the
/// parts apart (the count of one, the time of another) would allow what no map says.
pub(super) fn greatest(roles: &[Arc<Role>]) -> Option<Responses> {
    roles.iter().filter_map(|role| role.whole.responses.clone()).max()
}

/// Refuses responses to somebody who may publish, by any of these roles, what they also receive.
pub(super) fn bounded<'a>(
    held: &[Arc<Role>],
    mut publish: impl Iterator<Item = &'a Permission>,
    subscribe: impl Iterator<Item = &'a Permission> + Clone,
) -> Result<(), Refusal> {
    let subjects = || subscribe.clone().map(|it| &it.subject);
    let deeper: Vec<_> = subjects()
        .filter_map(depth::beyond)
        .filter(|beyond| depth::is_open(beyond, subjects()))
        .collect();
    let overlap = |one: &SubjectPattern| subjects().chain(&deeper).any(|it| one.overlaps(it));
    if !publish.any(|publish| overlap(&publish.subject)) {
        return Ok(());
    }
    let names: Vec<_> = held.iter().map(|role| role.written.name.as_str()).collect();
    let detail = Some(format!(
        "roles {}: a subject may be published and received, and one of them allows responses",
        names.join(", ")
    ));
    Err(Refusal { code: Code::ResponsesUnbounded, detail })
}

/// Says so where one role alone would do it.
pub(super) fn check(role: &Role, problems: &mut Problems) {
    if role.whole.responses.is_none() {
        return;
    }
    let lists = &role.whole.lists;
    let reaches = || lists.subscribe.iter().map(|rule| &rule.template.reach().subject);
    // What each subscription brings, found once: there may be thousands of both kinds.
    let brought: Vec<_> = lists
        .subscribe
        .iter()
        .map(|subscribe| {
            let template = &subscribe.template;
            // A value in the last place is no wildcard, and brings nothing from below.
            let deeper = depth::beyond(&template.as_literal().subject)
                .and_then(|_| depth::beyond(&template.reach().subject))
                .filter(|deeper| depth::is_open(deeper, reaches()));
            (subscribe, deeper)
        })
        .collect();
    let received = |publish: &Rule| {
        let reach = &publish.template.reach().subject;
        let overlaps = |(subscribe, deeper): &&(&Arc<Rule>, Option<SubjectPattern>)| {
            reach.overlaps(&subscribe.template.reach().subject)
                || deeper.as_ref().is_some_and(|deeper| reach.overlaps(deeper))
        };
        brought.iter().find(overlaps).map(|(subscribe, _)| *subscribe)
    };
    // A grant is many rules at one place.
    let mut said: Vec<&Place> = Vec::new();
    for publish in &lists.publish {
        if said.iter().any(|place| place.is_same(&publish.place)) {
            continue;
        }
        let Some(subscribe) = received(publish) else { continue };
        said.push(&publish.place);
        problems.add(
            Problem::error(
                &publish.place,
                format!(
                    "role `{}` may publish what it receives, and allows responses: its holder \
                     could answer himself, on any subject",
                    role.written.name
                ),
                "split it: one role that answers requests, one that publishes these subjects; who holds \
                 both is refused",
            )
            .related(&subscribe.place, "received here"),
        );
    }
}
