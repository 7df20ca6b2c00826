//! A stream: read, watch, get, publish, manage.

use super::{
    Expansion, Resource, api,
    api::Api,
    consumer, notes, wishes,
    words::{self, Can},
};
use crate::document::{Fields, Place, Problem, Problems};

const CAN: &[&str] = &["read", "watch", "get", "publish", "manage"];

/// Reads a grant with `stream`; with `consumer` beside it, it is about that one.
pub(super) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Expansion> {
    let api = Api::read(fields, problems);
    let stream = words::name(fields, "stream", "a stream", problems);
    if fields.node("consumer").is_some() {
        return consumer::read(fields, &api, &stream?, problems);
    }
    if let Some(node) = fields.refused("deliver") {
        problems.add(Problem::error(
            &node.place,
            "`deliver` is that of one consumer, and the grant names none",
            "add `consumer = \"…\"`: the push consumer that delivers there",
        ));
    }
    let can = Can::read(fields, CAN, wishes::OF_A_STREAM, problems);
    let subjects = words::own_subjects(fields, "subjects", problems);
    let lookup = fields.bool("lookup", problems).unwrap_or(false);
    if let (Some(place), None) = (can.place("publish"), fields.node("subjects")) {
        problems.add(Problem::error(
            place,
            "publishing to a stream is publishing to its subjects, and the grant names none",
            "add `subjects = [\"…\"]`: those that the stream stores",
        ));
    }
    if !subjects.is_empty() {
        refuse_what_cannot_be_told_apart(&can, &subjects, problems);
    }

    let stream = stream?;
    let mut grant = Expansion::within(&api, Resource::Stream(stream.clone()));
    let filters: Vec<&str> = subjects.iter().map(|(text, _)| text.as_str()).collect();
    if can.has("read") {
        consumers(&mut grant, &api, &stream);
    }
    if can.has("watch") {
        watch(&mut grant, &api, &stream, &filters);
    }
    if can.has("get") {
        get(&mut grant, &api, &stream, &filters);
    }
    if can.has("publish") {
        grant.publishes(filters.iter().map(|subject| (*subject).to_owned()));
        grant.subjects = filters.iter().map(|subject| (*subject).to_owned()).collect();
        grant.notes([notes::PUBLISH, notes::HEADERS]);
    }
    if can.has("manage") {
        manage(&mut grant, &api, &stream);
    }
    if lookup {
        grant.publishes([api.call("STREAM.NAMES")]);
        grant.notes([notes::LOOKUP]);
    }
    Some(grant)
}

fn refuse_what_cannot_be_told_apart(
    can: &Can,
    subjects: &[(String, Place)],
    problems: &mut Problems,
) {
    can.refuse(
        "read",
        "`read` cannot be bounded by `subjects`",
        "messages are fetched by the consumer's name, and those that others made have other \
         filters. `watch` and `get` are bounded, as is one `consumer` with `manage`; what is \
         published goes into a grant of its own",
        problems,
    );
    can.refuse(
        "manage",
        "`manage` cannot be bounded by `subjects`",
        "the subject of a purge or an update has the stream's name only; put `manage` into a \
         grant of its own",
        problems,
    );
    if can.has("watch") || can.has("get") {
        words::refuse_last_star(subjects, problems);
    }
}

/// Consumers of any name: durable, ephemeral and ordered, pull and push.
fn consumers(grant: &mut Expansion, api: &Api, stream: &str) {
    grant.publishes([api.call(&format!("STREAM.INFO.{stream}"))]);
    grant.publishes(api.create_any(stream, "*"));
    grant.publishes([
        api.call(&format!("CONSUMER.DURABLE.CREATE.{stream}.*")),
        api.call(&format!("CONSUMER.INFO.{stream}.*")),
        api.call(&format!("CONSUMER.MSG.NEXT.{stream}.*")),
    ]);
    grant.publishes(api::acks(stream, "*"));
    grant.publishes(api::flow_control(stream, "*"));
    grant.notes([
        notes::ANY_CONSUMER,
        notes::CONSUMES,
        notes::DELIVER,
        notes::REPLIES,
        notes::INFO,
    ]);
}

/// Push consumers that acknowledge nothing, such as ordered ones; without filters: all.
pub(super) fn watch(grant: &mut Expansion, api: &Api, stream: &str, filters: &[&str]) {
    if filters.is_empty() {
        grant.publishes(api.create_any(stream, "*"));
    } else {
        grant.publishes(api.create_filtered(stream, "*", filters.iter().copied()));
    }
    grant.publishes([api.call(&format!("CONSUMER.INFO.{stream}.*"))]);
    grant.publishes(api::flow_control(stream, "*"));
    grant.notes([notes::CHANGED_CONSUMER, notes::DELIVER, notes::REPLIES]);
}

/// Single messages. Only the direct get of a subject's last one has the subject in its own.
pub(super) fn get(grant: &mut Expansion, api: &Api, stream: &str, subjects: &[&str]) {
    let direct = format!("DIRECT.GET.{stream}");
    if subjects.is_empty() {
        grant.publishes([
            api.call(&direct),
            api.call(&format!("{direct}.>")),
            // What clients ask where the stream does not allow direct gets.
            api.call(&format!("STREAM.MSG.GET.{stream}")),
        ]);
    } else {
        grant.publishes(subjects.iter().map(|subject| api.call(&format!("{direct}.{subject}"))));
    }
    grant.notes([notes::DIRECT_GET, notes::REPLIES]);
}

/// The stream itself and, beyond creating and reading them, its consumers.
fn manage(grant: &mut Expansion, api: &Api, stream: &str) {
    let of_stream = ["CREATE", "UPDATE", "INFO", "PURGE", "DELETE", "MSG.DELETE"];
    grant.publishes(of_stream.map(|call| api.call(&format!("STREAM.{call}.{stream}"))));
    let lists = ["NAMES", "LIST"];
    grant.publishes(lists.map(|call| api.call(&format!("CONSUMER.{call}.{stream}"))));
    let of_consumers = ["INFO", "DELETE", "PAUSE", "RESET", "UNPIN"];
    grant.publishes(of_consumers.map(|call| api.call(&format!("CONSUMER.{call}.{stream}.*"))));
    grant.notes([notes::MANAGE, notes::REPLIES, notes::INFO]);
}
