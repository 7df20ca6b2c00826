//! The trap in `allow_responses`: the sender of a request chooses where its answer goes.
//!
//! The server lets a holder answer whatever was received, on the reply subject that came with
//! it, over any deny. Who may publish a subject and also receives it can write himself a request
//! with any reply subject, and so publish anywhere. hallpass does not issue that: it would be a
//! limit that the server ignores.

use std::{collections::BTreeSet, sync::Arc};

use super::map::{Responses, Role, Rule};
use crate::{
    code::{Code, Refusal},
    document::{Problem, Problems},
    subject::SubjectPattern,
};

/// The permission of several roles together: the greatest as one of them wrote it. Taking the
/// parts apart (the count of one, the time of another) would allow what no map says.
pub(super) fn greatest(roles: &[Arc<Role>]) -> Option<Responses> {
    roles.iter().filter_map(|role| role.responses).max()
}

/// Refuses responses to somebody who may publish, by any of these roles, what they also receive.
pub(super) fn bounded(
    held: &[Arc<Role>],
    publish: &BTreeSet<SubjectPattern>,
    subscribe: &BTreeSet<SubjectPattern>,
) -> Result<(), Refusal> {
    if !meet(publish, subscribe) {
        return Ok(());
    }
    let names: Vec<_> = held.iter().map(|role| role.name.as_str()).collect();
    let detail = Some(format!(
        "roles {}: a subject may be published and received, and one of them allows responses",
        names.join(", ")
    ));
    Err(Refusal { code: Code::ResponsesUnbounded, detail })
}

fn meet(publish: &BTreeSet<SubjectPattern>, subscribe: &BTreeSet<SubjectPattern>) -> bool {
    publish.iter().any(|publish| subscribe.iter().any(|subscribe| publish.overlaps(subscribe)))
}

/// Says so where one role alone would do it.
pub(super) fn check(role: &Role, problems: &mut Problems) {
    if role.responses.is_none() {
        return;
    }
    let pairs = |publish: &'_ Rule| -> Option<usize> {
        let reach = publish.template.reach();
        role.subscribe.iter().position(|subscribe| reach.overlaps(&subscribe.template.reach()))
    };
    for publish in &role.publish {
        let Some(subscribe) = pairs(publish).and_then(|index| role.subscribe.get(index)) else {
            continue;
        };
        problems.add(
            Problem::error(
                &publish.place,
                format!(
                    "role `{}` may publish what it receives, and allows responses: its holder \
                     could answer himself, on any subject",
                    role.name
                ),
                "split it: one role that answers requests, one that publishes these subjects; who holds \
                 both is refused",
            )
            .related(&subscribe.place, "received here"),
        );
    }
}
