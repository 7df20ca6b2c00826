//! The JSON Schema of audit events.

use std::sync::LazyLock;

use jsonschema::Validator;
use nkeys::KeyPair;
use serde_json::Value;

use crate::{
    audit::{Event, chain::Chain},
    names::InstanceId,
};

/// An event as it stands on the stream, by a chain of its own; it must fit the schema.
pub(crate) fn on_the_stream(event: &Event) -> Value {
    static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
        let text = include_str!("../../docs/audit-event.schema.json");
        let schema: Value = serde_json::from_str(text).unwrap();
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        jsonschema::draft202012::new(&schema).unwrap()
    });
    let signer = KeyPair::new_user();
    let mut chain = Chain::new(InstanceId::fresh());
    let sealed = event.seal(&mut chain, Some(&signer)).unwrap();
    let said: Value = serde_json::from_slice(&sealed.payload).unwrap();
    let errors: Vec<_> = SCHEMA
        .iter_errors(&said)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{said:#}");
    said
}
