//! An object store: read and write.

use super::{
    Expansion, Resource, api,
    api::Api,
    notes, wishes,
    words::{self, Can},
};
use crate::document::{Fields, Problem, Problems};

const CAN: &[&str] = &["read", "write"];

/// Reads a grant with `object_store`.
pub(super) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Expansion> {
    let api = Api::read(fields, problems);
    let store = words::plain_name(fields, "object_store", "an object store", problems);
    let can = Can::read(fields, CAN, wishes::OF_AN_OBJECT_STORE, problems);
    let lookup = fields.bool("lookup", problems).unwrap_or(false);
    if let Some(node) = fields.refused("names") {
        problems.add(Problem::error(
            &node.place,
            "a grant cannot be bounded to names of objects",
            "an object's chunks lie under an id of its own, so no subject says whose they are; \
             give what is to be apart a store of its own",
        ));
    }
    if let (Some(place), false) = (can.place("write"), can.has("read")) {
        problems.add(Problem::error(
            place,
            "`write` cannot be granted without `read`",
            "before it writes, a client asks what stands under the name, by a call that reads \
             any message of the store: grant `read` and `write` together",
        ));
    }

    let store = store?;
    let stream = format!("OBJ_{store}");
    let mut grant = Expansion::within(&api, Resource::ObjectStore(store.clone()));
    grant.publishes([api.call(&format!("STREAM.INFO.{stream}"))]);
    if can.has("read") {
        grant.publishes([
            // The metadata: nats-py and the npm client ask the one, the Go client the other.
            api.call(&format!("STREAM.MSG.GET.{stream}")),
            api.call(&format!("DIRECT.GET.{stream}.$O.{store}.M.*")),
            // The chunks, and watching the metadata.
            api.call(&format!("CONSUMER.CREATE.{stream}")),
            api.call(&format!("CONSUMER.CREATE.{stream}.*.$O.{store}.>")),
            api.call(&format!("CONSUMER.INFO.{stream}.*")),
        ]);
        grant.publishes(api::flow_control(&stream, "*"));
        grant.notes([notes::OBJECTS, notes::CHANGED_CONSUMER, notes::DELIVER, notes::DIRECT_GET]);
    }
    if can.has("write") {
        grant.publishes([
            format!("$O.{store}.C.*"),
            format!("$O.{store}.M.*"),
            api.call(&format!("STREAM.PURGE.{stream}")),
        ]);
        grant.notes([notes::OBJECT_WRITE]);
    }
    if lookup {
        grant.publishes([api.call("STREAM.NAMES")]);
        grant.notes([notes::LOOKUP]);
    }
    grant.notes([notes::REPLIES, notes::INFO]);
    Some(grant)
}
