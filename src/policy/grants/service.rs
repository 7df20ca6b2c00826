//! A service of the micro framework: call, serve, discover.
//!
//! Source: <https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-32.md>.

use super::{
    Expansion, Resource, notes, wishes,
    words::{self, Can},
};
use crate::document::{Fields, Problem, Problems};

const CAN: &[&str] = &["call", "serve", "discover"];

/// What a service is asked about itself.
const VERBS: [&str; 3] = ["PING", "INFO", "STATS"];

/// The queue group of an endpoint that names none.
const QUEUE: &str = "q";

/// Reads a grant with `service`.
pub(super) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Expansion> {
    let name = words::plain_name(fields, "service", "a service", problems);
    let can = Can::read(fields, CAN, wishes::OF_A_SERVICE, problems);
    let subjects = words::own_subjects(fields, "subjects", problems);
    let queue = match fields.string("queue", problems) {
        Some((text, place)) => words::literal_name(text, place, "a queue group", problems)?,
        None => QUEUE.to_owned(),
    };
    for word in ["call", "serve"] {
        if let (Some(place), None) = (can.place(word), fields.node("subjects")) {
            problems.add(Problem::error(
                place,
                format!("`{word}` needs the subjects of the service's endpoints"),
                "add `subjects = [\"…\"]`; a service's name is part of discovery only",
            ));
        }
    }
    if can.has("serve") && (can.has("call") || can.has("discover")) {
        can.refuse(
            "serve",
            "`serve` cannot be granted together with `call` or `discover`",
            "who receives what he may publish could answer himself, on any subject; split it into \
             two roles, which one person cannot hold both",
            problems,
        );
    }

    let name = name?;
    let mut grant = Expansion::of(Resource::Service(name.clone()));
    grant.needs_inbox = can.has("call") || can.has("discover");
    grant.subjects = subjects.iter().map(|(text, _)| text.clone()).collect();
    if can.has("call") {
        grant.publishes(grant.subjects.clone());
        grant.notes([notes::CALL]);
    }
    if can.has("discover") {
        grant.publishes(about(&name));
    }
    if can.has("serve") {
        grant.responses = true;
        grant.subscribe.extend(grant.subjects.iter().map(|subject| format!("{subject} {queue}")));
        grant.subscribe.extend(VERBS.map(|verb| format!("$SRV.{verb}")));
        grant.subscribe.extend(about(&name));
        grant.notes([notes::SERVE]);
    }
    Some(grant)
}

/// What asks all instances of a service about themselves, and one of them.
fn about(name: &str) -> Vec<String> {
    VERBS
        .iter()
        .flat_map(|verb| [format!("$SRV.{verb}.{name}"), format!("$SRV.{verb}.{name}.*")])
        .collect()
}
