//! The schema of events is a promise to who reads them: what version 1 says stays.
//!
//! `schema/version-1.txt` has all that the schema says but its descriptions, a line each. A line
//! that goes or changes is another version; a new one is added to the file by whoever is sure that
//! who reads version 1 may pass over it.

use std::{collections::BTreeSet, path::Path};

use hallpass::audit::event::SCHEMA;
use serde_json::Value;

const PINNED: &str = include_str!("schema/version-1.txt");

fn schema() -> Value {
    serde_json::from_str(include_str!("../../docs/audit-event.schema.json")).unwrap()
}

/// What a schema says: each place with its value; where the order means nothing, without it.
fn statements(value: &Value, place: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let is_a_member = place.ends_with("properties") || place.ends_with("$defs");
                // A member may be called like this; as a word of the schema it is for people.
                if is_a_member || !["description", "title", "$comment"].contains(&name.as_str()) {
                    statements(value, &format!("{place}/{name}"), found);
                }
            }
        }
        Value::Array(items) if items.iter().all(|it| !it.is_object() && !it.is_array()) => {
            found.extend(items.iter().map(|item| format!("{place} {item}")));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                statements(item, &format!("{place}/{index}"), found);
            }
        }
        simple => {
            found.insert(format!("{place} {simple}"));
        }
    }
}

#[test]
fn what_version_1_says_of_events_stays() {
    let mut now = BTreeSet::new();
    statements(&schema(), "", &mut now);
    let pinned: BTreeSet<String> = PINNED.lines().map(str::to_owned).collect();
    assert!(pinned.len() > 300, "the pinned schema was not read");
    let lines = |set: BTreeSet<&String>| set.into_iter().cloned().collect::<Vec<_>>().join("\n");
    let gone = lines(pinned.difference(&now).collect());
    let new = lines(now.difference(&pinned).collect());
    let file = Path::new(file!()).with_extension("").join("version-1.txt");
    assert!(
        gone.is_empty(),
        "who reads version 1 relies on what is not so any more:\n{gone}\n\nnow it says:\n{new}\n\n\
         make version 2 (`dataschema`, a schema and a pinned file of its own), or take it back; \
         see `Versions` in docs/audit.md"
    );
    assert!(
        new.is_empty(),
        "the schema says more than version 1 did; where who reads it may pass over that (see \
         `Versions` in docs/audit.md), add these lines to {}:\n{new}",
        file.display()
    );
}

#[test]
fn events_name_the_version_that_is_pinned() {
    let schema = schema();
    let version = schema["properties"]["dataschema"]["const"].as_str().unwrap();
    assert_eq!((version, schema["$id"].as_str()), ("urn:hallpass:audit:1", Some(version)));
    assert_eq!(version, SCHEMA, "what events say");
    let page = include_str!("../../docs/audit.md");
    assert!(page.contains(&format!("`dataschema` | `{version}`")), "what the page says");
}
