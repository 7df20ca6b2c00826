//! The JSON Schema that editors have is held against the loader: what one refuses the other does
//! not take, and each key is in both. That what is good fits the schema, `testkit` asserts
//! wherever maps are loaded.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::{
    code::{Code, Stage},
    setup::MAP_SCHEMA,
    testkit::refused_by_the_schema,
};

/// A key that is near to none.
const PROBE: &str = "zzzzzzzzzzzz";

/// Each table of a map: its place in the schema, and a map with `…` where its keys stand.
const TABLES: [(&str, &str); 8] = [
    ("", "account = \"APP\"\n…\n"),
    ("/definitions/claimTable", "account = \"APP\"\n[claims]\nt = { … }\n"),
    ("/definitions/role", "account = \"APP\"\n[roles.r]\n…\n"),
    ("/definitions/responses", "account = \"APP\"\n[roles.r]\nallow_responses = { … }\n"),
    ("/definitions/when", "account = \"APP\"\n[roles.r]\nwhen = { … }\n"),
    ("/definitions/hours", "account = \"APP\"\n[roles.r]\nwhen = { hours = { … } }\n"),
    ("/definitions/test", "account = \"APP\"\n[[test]]\n…\n"),
    ("/definitions/asker", "account = \"APP\"\n[[test]]\nname = \"t\"\nas = { … }\n"),
];

/// Each form of a grant: its name in the schema, and the keys that make it that.
const GRANTS: [(&str, &[&str]); 5] = [
    ("streamGrant", &["stream"]),
    ("consumerGrant", &["stream", "consumer"]),
    ("kvGrant", &["kv"]),
    ("objectStoreGrant", &["object_store"]),
    ("serviceGrant", &["service"]),
];

fn schema_at(pointer: &str) -> Value {
    let schema: Value = serde_json::from_str(MAP_SCHEMA).unwrap();
    schema.pointer(pointer).unwrap_or_else(|| panic!("`{pointer}` is not in the schema")).clone()
}

/// What the loader says of a map with its cases: messages with their help.
fn told(text: &str) -> Vec<(String, String)> {
    let problems = maps(&[("a.toml", text)]).cases().err().unwrap_or_default();
    problems.iter().map(|it| (it.message.clone(), it.help.clone())).collect()
}

/// The keys that the loader offers instead of one that it does not know.
fn offered(map: &str, keys: &str) -> BTreeSet<String> {
    let told = told(&map.replace('…', &format!("{keys}{PROBE} = 1")));
    let unknown = format!("unknown key `{PROBE}` in ");
    let found = told.iter().find(|(message, _)| message.starts_with(&unknown));
    let (_, help) = found.unwrap_or_else(|| panic!("{map}: {told:?}"));
    let keys = help.strip_prefix("known keys: `").unwrap().trim_end_matches('`');
    keys.split("`, `").map(str::to_owned).collect()
}

/// The keys that the loader misses.
fn missed(map: &str, keys: &str) -> BTreeSet<String> {
    let told = told(&map.replace('…', keys));
    let missed = told.iter().filter_map(|(message, _)| message.split_once(" lacks `"));
    missed.map(|(_, key)| key.trim_end_matches('`').to_owned()).collect()
}

fn keys_of(table: &Value) -> BTreeSet<String> {
    table["properties"].as_object().unwrap().keys().cloned().collect()
}

fn required_of(table: &Value) -> BTreeSet<String> {
    let required = table["required"].as_array().into_iter().flatten();
    required.map(|key| key.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_table_has_the_keys_that_the_loader_knows_and_no_others() {
    for (pointer, map) in TABLES {
        let table = schema_at(pointer);
        assert_eq!(offered(map, ""), keys_of(&table), "{pointer}");
        assert_eq!(table["additionalProperties"], false, "{pointer}");
        // A file of test cases has no account.
        if !pointer.is_empty() {
            assert_eq!(missed(map, ""), required_of(&table), "{pointer}");
        }
    }
}

#[test]
fn every_grant_has_the_keys_that_the_loader_knows_and_no_others() {
    let map = "account = \"APP\"\n[roles.r]\ngrant = [{ … }]\n";
    let forms = schema_at("/definitions/grant/anyOf");
    let named: Vec<_> = GRANTS.map(|(name, _)| format!("#/definitions/{name}")).into();
    let forms: Vec<_> =
        forms.as_array().unwrap().iter().map(|it| it["$ref"].as_str().unwrap()).collect();
    assert_eq!(forms, named);
    for (name, keys) in GRANTS {
        let table = schema_at(&format!("/definitions/{name}"));
        let given: String = keys.iter().map(|key| format!("{key} = \"x\", ")).collect();
        let mut offered = offered(map, &given);
        if name == "streamGrant" {
            assert!(offered.remove("consumer"), "it makes another form of it");
        }
        assert_eq!(offered, keys_of(&table), "{name}");
        assert_eq!(table["additionalProperties"], false, "{name}");
        let mut missed = missed(map, given.trim_end_matches(", "));
        missed.extend(keys.iter().map(ToString::to_string));
        assert_eq!(missed, required_of(&table), "{name}");
        let told = told(&map.replace('…', &format!("{given}can = [\"{PROBE}\"]")));
        let words = told.iter().find_map(|(_, help)| help.strip_prefix("here one can `")).unwrap();
        let words: Vec<_> = words.trim_end_matches('`').split("`, `").collect();
        assert_eq!(table["properties"]["can"]["items"]["enum"], json!(words), "{name}");
    }
}

/// What hovering shows.
#[test]
fn every_key_is_explained() {
    fn walk(at: &str, value: &Value, unexplained: &mut Vec<String>) {
        let schema: Value = serde_json::from_str(MAP_SCHEMA).unwrap();
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            for (key, property) in properties {
                let target = property["$ref"].as_str().map(|it| it.trim_start_matches('#'));
                let property = target.map_or(property, |it| schema.pointer(it).unwrap());
                if property["description"].as_str().is_none_or(str::is_empty) {
                    unexplained.push(format!("{at}/{key}"));
                }
            }
        }
    }
    let mut unexplained = Vec::new();
    walk("", &schema_at(""), &mut unexplained);
    let definitions = schema_at("/definitions");
    for (name, definition) in definitions.as_object().unwrap() {
        walk(name, definition, &mut unexplained);
    }
    assert_eq!(unexplained, [""; 0]);
}

#[test]
fn the_codes_of_refusals_are_those_of_decisions() {
    let codes: Vec<_> = schema_at("/definitions/test/properties/refused/enum")
        .as_array()
        .unwrap()
        .iter()
        .map(|code| code.as_str().unwrap().to_owned())
        .collect();
    let decided = Code::ALL.iter().filter(|code| code.stage() == Stage::Policy);
    assert_eq!(codes, decided.map(ToString::to_string).collect::<Vec<_>>());
}

/// Taplo 0.9 follows both for ever, and ends with a full stack where keys are to be completed.
#[test]
fn nothing_in_the_schema_is_beyond_the_editors() {
    assert!(!MAP_SCHEMA.contains("\"allOf\""), "`anyOf` with one entry is the same");
    let definitions = schema_at("/definitions");
    let definitions = definitions.as_object().unwrap();
    let named = |text: &str| -> Vec<String> {
        let names = text.split("#/definitions/").skip(1);
        names.map(|it| it.split('"').next().unwrap().to_owned()).collect()
    };
    for name in definitions.keys() {
        let mut reached = BTreeSet::new();
        let mut next = named(&definitions[name].to_string());
        while let Some(one) = next.pop() {
            assert!(one != *name, "`{name}` holds itself");
            if reached.insert(one.clone()) {
                next.extend(named(&definitions[&one].to_string()));
            }
        }
    }
}

#[test]
fn connection_types_are_those_that_there_are() {
    let types = schema_at("/definitions/connectionType/anyOf/0/enum");
    let all = crate::connection::ConnectionType::ALL.map(|it| it.as_str());
    assert_eq!(types, json!(all));
}

/// Each is one slip in a map that is good without it.
#[test]
fn what_the_schema_refuses_the_loader_refuses_too() {
    let good = |line: &str| {
        format!(
            "account = \"APP\"\n[claims]\ntenant = \"tenant_id\"\n[roles.r]\npublish = [\"a\"]\n{line}\n"
        )
    };
    assert!(told(&good("")).is_empty());
    let lines = [
        "publish_deny = [\"a\"]",
        "subscribe = \"b\"",
        "subscribe = [1]",
        "subscribe = [\"\"]",
        "subscribe = [\"a..b\"]",
        "subscribe = [\"a.>.b\"]",
        "subscribe = [\"a.b*\"]",
        "subscribe = [\"a-{tenant}\"]",
        "subscribe = [\"x.{tenant}{tenant}\"]",
        "subscribe = [\"x.{tenant\"]",
        "subscribe = [\"a b c\"]",
        "subscribe = [\" a\"]",
        "deny_publish = [\"a workers\"]",
        "deny_subscribe = [\"a.b workers.>.x\"]",
        "idp_roles = \"x\"",
        "idp_roles = [\"*\"]",
        "idp_roles = [\"ad*\"]",
        "idp_roles = [\"a:*:b\"]",
        "issuers = [\"Corp\"]",
        "inherits = [\"a b\"]",
        "description = 1",
        "session = 3600",
        "session = \"forever\"",
        "inbox = \"_INBOX\"",
        "inbox = \"_INBOX.*.{subject}\"",
        "inbox = \"{tenant}.x\"",
        "inbox = \"_INBOX.{subject}.>\"",
        "allow_responses = 1",
        "allow_responses = \"yes\"",
        "allow_responses = { max = 0 }",
        "allow_responses = { max = 4294967296 }",
        "allow_responses = { expire = \"1s\" }",
        "allow_responses = { expires = 1 }",
        "when = { claims = { tenant = [] } }",
        "when = { claims = { tenant = 1.5 } }",
        "when = { claims = { tenant = [[1]] } }",
        "when = { connection_types = [] }",
        "when = { connection_types = [\"tcp\"] }",
        "when = { connection_types = [\"MQTT_WS\"] }",
        "when = { sources = [] }",
        "when = { sources = [\"example.com\"] }",
        "when = { hours = [] }",
        "when = { hours = {} }",
        "when = { hours = { zone = \"\" } }",
        "when = { hours = { zone = \"UTC\", from = \"8:00\" } }",
        "when = { hours = { zone = \"UTC\", to = \"24:01\" } }",
        "when = { hours = { zone = \"UTC\", days = [\"monday\"] } }",
        "when = { hours = { zone = \"UTC\", days = [] } }",
        "when = { certificate = false }",
        "when = { certificate = 1 }",
        "when = { edge = false }",
        "when = { source = [\"10.0.0.0/8\"] }",
        "subs = 10",
        "payload = 1024",
        "data = 1024",
        "grant = {}",
        "grant = [{}]",
        "grant = [{ can = [\"read\"] }]",
        "grant = [{ stream = \"S\" }]",
        "grant = [{ stream = \"S\", can = [] }]",
        "grant = [{ stream = \"S\", can = [\"reed\"] }]",
        "grant = [{ stream = \"S\", kv = \"b\", can = [\"read\"] }]",
        "grant = [{ stream = \"S.T\", can = [\"read\"] }]",
        "grant = [{ stream = \"x{tenant}\", can = [\"read\"] }]",
        "grant = [{ stream = \"S\", can = [\"publish\"], subjects = [] }]",
        "grant = [{ stream = \"S\", can = [\"publish\"], subjects = [\"$JS.API\"] }]",
        "grant = [{ stream = \"S\", can = [\"publish\"], subjects = [\"*.a\"] }]",
        "grant = [{ stream = \"S\", can = [\"read\"], lookup = 1 }]",
        "grant = [{ stream = \"S\", can = [\"read\"], domain = \"a.b\" }]",
        "grant = [{ stream = \"S\", can = [\"read\"], api_prefix = \"JS.a.\" }]",
        "grant = [{ stream = \"S\", can = [\"read\"], domain = \"a\", api_prefix = \"JS.a\" }]",
        "grant = [{ stream = \"S\", consumer = \"c\", can = [\"watch\"] }]",
        "grant = [{ stream = \"S\", consumer = \"c.d\", can = [\"read\"] }]",
        "grant = [{ stream = \"S\", consumer = \"c\", can = [\"read\"], lookup = true }]",
        "grant = [{ kv = \"a.b\", can = [\"read\"] }]",
        "grant = [{ kv = \"b\", can = [\"get\"] }]",
        "grant = [{ kv = \"b\", keys = [], can = [\"read\"] }]",
        "grant = [{ kv = \"b\", keys = \"a..b\", can = [\"read\"] }]",
        "grant = [{ object_store = \"o\", names = [\"x\"], can = [\"read\"] }]",
        "grant = [{ object_store = \"o\", can = [\"delete\"] }]",
        "grant = [{ service = \"s\", can = [\"discover\"], queue = \"a b\" }]",
        "grant = [{ service = \"s\", can = [\"discover\"], domain = \"hub\" }]",
        "[version]",
        "[test]",
        "[[test]]",
        "[[test]]\nname = \"t\"",
        "[[test]]\nname = \"t\"\nas = {}",
        "[[test]]\nname = \"t\"\nas = { role = \"x\" }\ncan = [\"publish a\"]",
        "[[test]]\nname = \"t\"\nas = {}\ncan = [\"pubish a\"]",
        "[[test]]\nname = \"t\"\nas = {}\ncan = [\"publish\"]",
        "[[test]]\nname = \"t\"\nas = {}\ncan = [\"publish a b\"]",
        "[[test]]\nname = \"t\"\nas = {}\nrefused = \"norole\"",
        "[[test]]\nname = \"t\"\nas = {}\nsession = 1",
        "[[test]]\nname = \"t\"\nas = { at = \"noon\" }\ncan = [\"publish a\"]",
        "[[test]]\nname = \"t\"\nas = { want = \"x\" }\ncan = [\"publish a\"]",
        "[[test]]\nname = \"t\"\nas = { claims = { a = 1.5 } }\ncan = [\"publish a\"]",
        "[[test]]\nname = \"t\"\nas = { source = \"here\" }\ncan = [\"publish a\"]",
        "[roles.\"a b\"]\npublish = [\"a\"]",
    ];
    let mut maps: Vec<String> = lines.iter().map(|line| good(line)).collect();
    let claims = [
        "t = \"https://example.com/t\"",
        "t = \"a..b\"",
        "t = []",
        "t = [\"a\", 1]",
        "t = 1",
        "t = { default = \"x\" }",
        "t = { claim = 1 }",
        "t = { claim = \"x\", default = \"a.b\" }",
        "t = { claim = \"x\", at_most = 0 }",
        "t = { claim = \"x\", at_most = 257 }",
        "t = { claim = \"x\", many = true }",
        "subject = \"x\"",
        "a-b = \"x\"",
    ];
    maps.extend(claims.iter().map(|line| {
        format!("account = \"APP\"\n[claims]\n{line}\n[roles.r]\npublish = [\"a\"]\n")
    }));
    maps.extend(
        ["account = 1\n", "account = \"A P\"\n", "[roles.r]\npublish = [\"a\"]\n"]
            .map(str::to_owned),
    );
    for map in maps {
        assert!(!told(&map).is_empty(), "the loader takes:\n{map}");
        assert!(!refused_by_the_schema(&map).is_empty(), "the schema takes:\n{map}");
    }
}

#[test]
fn files_with_nothing_but_cases_are_in_the_schema() {
    let case = "[[test]]\nname = \"t\"\nas = {}\nrefused = \"no_role\"\n";
    assert_eq!(refused_by_the_schema(case), [""; 0]);
    assert!(!refused_by_the_schema(&format!("{case}[roles.r]\n")).is_empty());
    assert!(!refused_by_the_schema("").is_empty());
}
