//! The JSON Schema of subject maps, as editors hold it against a file.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

/// What the schema says against a map or a file of test cases that is TOML.
pub(crate) fn refused_by_the_schema(text: &str) -> Vec<String> {
    static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
        let schema: Value = serde_json::from_str(crate::setup::MAP_SCHEMA).unwrap();
        jsonschema::draft7::meta::validate(&schema).unwrap();
        jsonschema::draft7::new(&schema).unwrap()
    });
    let file: Value = toml::from_str(text).unwrap();
    SCHEMA.iter_errors(&file).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
