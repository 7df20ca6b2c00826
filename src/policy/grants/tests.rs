mod buckets;
mod documented;
mod services;
mod streams;
mod words;

use super::*;
use crate::document::{Kind, Source};

/// Reads the only grant of a role with these lines.
fn try_grant(lines: &str) -> Result<Expansion, Vec<String>> {
    let text = format!("[[grant]]\n{lines}\n");
    let source = Source::new("a.toml", text);
    let mut problems = Problems::default();
    let root = crate::document::parse(&source.into(), &mut problems);
    let Some(Kind::List(items)) = root.get("grant").map(|node| node.kind.clone()) else {
        panic!("no grant: {problems}")
    };
    let expansion = read(&items[0], &mut problems);
    let told: Vec<_> = problems.iter().map(|problem| problem.message.clone()).collect();
    assert_eq!(expansion.is_none(), !told.is_empty(), "{told:?}");
    expansion.ok_or(told)
}

#[track_caller]
fn grant(lines: &str) -> Expansion {
    try_grant(lines).unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[track_caller]
fn refused(lines: &str) -> Vec<String> {
    try_grant(lines).expect_err(lines)
}

#[track_caller]
fn same(actual: &[String], expected: &[&str]) {
    let sorted = |list: &[&str]| {
        let mut list: Vec<String> = list.iter().map(|text| (*text).to_owned()).collect();
        list.sort();
        list
    };
    let actual: Vec<_> = actual.iter().map(String::as_str).collect();
    assert_eq!(sorted(&actual), sorted(expected));
}

#[test]
fn a_grant_is_about_one_thing() {
    assert_eq!(refused(""), ["a grant that does not say what it is about"]);
    assert_eq!(refused("can = [\"read\"]"), ["a grant that does not say what it is about"]);
    let both = "kv = \"a\"\nstream = \"B\"\ncan = [\"read\"]";
    assert_eq!(refused(both), ["a grant about `stream` and `kv`"]);
}

#[test]
fn what_can_is_made_of() {
    assert_eq!(refused("kv = \"a\""), ["a grant lacks `can`"]);
    assert_eq!(refused("kv = \"a\"\ncan = []"), ["a grant of nothing"]);
    assert_eq!(refused("kv = \"a\"\ncan = \"read\""), ["`can` is a string, not a list of strings"]);
    let unknown = "stream = \"A\"\ncan = [\"reed\", \"watch\"]";
    assert_eq!(refused(unknown), ["`reed` cannot be granted here"]);
    // Each form has words of its own.
    for lines in [
        "kv = \"a\"\ncan = [\"publish\"]",
        "object_store = \"a\"\ncan = [\"watch\"]",
        "service = \"a\"\ncan = [\"read\"]",
        "stream = \"A\"\nconsumer = \"b\"\ncan = [\"get\"]",
    ] {
        assert!(refused(lines)[0].ends_with("cannot be granted here"), "{lines}");
    }
}

#[test]
fn keys_of_other_forms_are_unknown() {
    for lines in [
        "kv = \"a\"\ncan = [\"read\"]\nsubjects = [\"a\"]",
        "stream = \"A\"\ncan = [\"read\"]\nkeys = \"a\"",
        "service = \"a\"\ncan = [\"discover\"]\ndomain = \"hub\"",
        "object_store = \"a\"\ncan = [\"read\"]\nkeys = \"a\"",
        "kv = \"a\"\ncan = [\"read\"]\ndeliver = \"a\"",
    ] {
        assert!(refused(lines)[0].starts_with("unknown key"), "{lines}");
    }
}

/// Every subject is a template that the map language reads.
#[test]
fn all_of_it_is_subjects() {
    for lines in [
        "stream = \"{t}\"\ncan = [\"read\", \"get\", \"watch\", \"manage\"]\nlookup = true",
        "stream = \"A\"\ncan = [\"publish\", \"get\", \"watch\"]\nsubjects = [\"a.{t}.>\"]",
        "stream = \"A\"\nconsumer = \"{t}\"\ncan = [\"read\", \"manage\"]\ndeliver = \"a.b c\"",
        "kv = \"a\"\ncan = [\"read\", \"watch\", \"write\", \"delete\"]\nkeys = \"{t}.>\"\ndomain = \"hub\"",
        "object_store = \"a\"\ncan = [\"read\", \"write\"]\napi_prefix = \"JS.acme\"",
        "service = \"a\"\ncan = [\"serve\"]\nsubjects = [\"a.{t}.>\"]",
        "service = \"{t}\"\ncan = [\"call\", \"discover\"]\nsubjects = [\"a.*\"]",
    ] {
        let grant = grant(lines);
        assert!(!grant.publish.is_empty() || !grant.subscribe.is_empty(), "{lines}");
        for subject in grant.publish.iter().chain(&grant.subscribe) {
            let words: Vec<_> = subject.split(' ').collect();
            assert!(words.len() <= 2, "{subject}");
            let filled = words[0].replace("{t}", "x");
            assert!(filled.parse::<crate::subject::SubjectPattern>().is_ok(), "{subject}");
        }
    }
}
