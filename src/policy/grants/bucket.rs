//! A key-value bucket: read, watch, write and delete, on all keys or on some.

use super::{
    Expansion, Resource,
    api::Api,
    notes, stream, wishes,
    words::{self, Can},
};
use crate::document::{Fields, Place, Problem, Problems};

const CAN: &[&str] = &["read", "watch", "write", "delete"];

/// Reads a grant with `kv`.
pub(super) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Expansion> {
    let api = Api::read(fields, problems);
    let bucket = words::plain_name(fields, "kv", "a bucket", problems);
    let keys = words::keys(fields, problems);
    let can = Can::read(fields, CAN, wishes::OF_A_BUCKET, problems);
    refuse_what_cannot_be_told_apart(&can, &keys, problems);

    let bucket = bucket?;
    let stream = format!("KV_{bucket}");
    let all = keys.is_empty() || keys.iter().any(|(key, _)| key == ">");
    let keys: Vec<&str> =
        if all { vec![">"] } else { keys.iter().map(|(key, _)| &**key).collect() };
    let stored: Vec<String> = keys.iter().map(|key| format!("$KV.{bucket}.{key}")).collect();
    let bounds: Vec<&str> = if all { Vec::new() } else { stored.iter().map(|s| &**s).collect() };

    let mut grant = Expansion::within(&api, Resource::Bucket(bucket.clone()));
    // With this, clients learn how the bucket is to be read before they do anything.
    grant.publishes([api.call(&format!("STREAM.INFO.{stream}"))]);
    if can.has("read") {
        stream::get(&mut grant, &api, &stream, &bounds);
    }
    if can.has("watch") {
        stream::watch(&mut grant, &api, &stream, &bounds);
    }
    if can.has("write") {
        grant.publishes(keys.iter().map(|key| api.key(&bucket, key)));
        grant.notes([notes::KEY_DELETE]);
        if !all {
            grant.notes([notes::ROLLUP]);
        }
        grant.notes([notes::HEADERS]);
    }
    grant.notes([notes::REPLIES, notes::INFO]);
    Some(grant)
}

fn refuse_what_cannot_be_told_apart(can: &Can, keys: &[(String, Place)], problems: &mut Problems) {
    const HELP: &str = "a delete is a write to the same subject with a header, and the server looks at subjects \
                        only: grant `write` and `delete` together";
    if let (Some(place), false) = (can.place("write"), can.has("delete")) {
        problems.add(Problem::error(place, "`write` cannot be granted without `delete`", HELP));
    }
    if let (Some(place), false) = (can.place("delete"), can.has("write")) {
        problems.add(Problem::error(place, "`delete` cannot be granted without `write`", HELP));
    }
    if can.has("read") || can.has("watch") {
        words::refuse_last_star(keys, problems);
    }
}
