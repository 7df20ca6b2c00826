//! One consumer of a stream: read what it delivers, or manage it.

use super::{
    Expansion, Resource, api,
    api::Api,
    notes, wishes,
    words::{self, Can},
};
use crate::document::{Fields, Problem, Problems};

const CAN: &[&str] = &["read", "manage"];

/// Reads the rest of a grant with `stream` and `consumer`.
pub(super) fn read(
    fields: &mut Fields<'_>,
    api: &Api,
    stream: &str,
    problems: &mut Problems,
) -> Option<Expansion> {
    let name = words::name(fields, "consumer", "a consumer", problems);
    let can = Can::read(fields, CAN, wishes::OF_A_CONSUMER, problems);
    let filters = words::own_subjects(fields, "subjects", problems);
    let deliver = deliver(fields, problems);
    if let (Some((_, place)), false) = (filters.first(), can.has("manage")) {
        problems.add(Problem::error(
            place,
            "`subjects` cannot bound what is read of a consumer that exists",
            "its filter stands in its configuration, not in the subjects of those who read; leave \
             `subjects` out, or add `manage` to bound what the consumer is created with",
        ));
    }
    words::refuse_last_star(&filters, problems);

    let name = name?;
    let mut grant = Expansion::within(api, Resource::Stream(stream.to_owned()));
    if can.has("read") {
        grant.publishes([
            api.call(&format!("CONSUMER.INFO.{stream}.{name}")),
            api.call(&format!("CONSUMER.MSG.NEXT.{stream}.{name}")),
        ]);
        grant.publishes(api::acks(stream, &name));
        grant.notes([notes::CONSUMES, notes::REPLIES]);
    }
    if can.has("manage") {
        if filters.is_empty() {
            grant.publishes(api.create_any(stream, &name));
            grant.publishes([api.call(&format!("CONSUMER.DURABLE.CREATE.{stream}.{name}"))]);
            grant.notes([notes::ANY_FILTER]);
        } else {
            let filters = filters.iter().map(|(text, _)| text.as_str());
            grant.publishes(api.create_filtered(stream, &name, filters));
            grant.notes([notes::FOREIGN_FILTER]);
        }
        let calls = ["INFO", "DELETE", "PAUSE", "RESET", "UNPIN"];
        grant.publishes(calls.map(|call| api.call(&format!("CONSUMER.{call}.{stream}.{name}"))));
        grant.notes([notes::MANAGE_CONSUMER, notes::DELIVER, notes::REPLIES]);
    }
    // What a push consumer delivers, and the answers that its flow control waits for: to a
    // subject of its own, or, where the grant is to create it, to the creator's inbox.
    if deliver.is_some() || (can.has("read") && can.has("manage")) {
        grant.publishes(api::flow_control(stream, &name));
    }
    if let Some(deliver) = deliver {
        grant.subjects.extend(deliver.split(' ').next().map(str::to_owned));
        grant.subscribe.push(deliver);
    }
    Some(grant)
}

/// The deliver subject of a push consumer, with its deliver group where it has one.
fn deliver(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<String> {
    let (text, place) = fields.string("deliver", problems)?;
    let (subject, group) = text.split_once(' ').unwrap_or((text, ""));
    if subject.contains(['*', '>']) {
        problems.add(Problem::error(
            place,
            format!("`{text}` is not a deliver subject"),
            "a push consumer delivers to one subject without wildcards; its deliver group, if it \
             has one, follows after a space",
        ));
        return None;
    }
    if !text.contains(' ') {
        return words::own_subject(subject, place, problems).then(|| text.to_owned());
    }
    words::literal_name(group, place, "a deliver group", problems)?;
    words::own_subject(subject, place, problems).then(|| text.to_owned())
}
