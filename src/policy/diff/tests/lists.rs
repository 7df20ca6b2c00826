//! Allows, denies, placeholders and queue groups.

use super::{PolicyDiff, between, lines, role};
use crate::testkit::maps;

#[test]
fn what_is_covered_is_no_change() {
    let none: [&str; 0] = [];
    assert_eq!(role("publish = [\"a.>\"]", "publish = [\"a.>\"]  # why"), none);
    assert_eq!(role("publish = [\"a.>\"]", "publish = [\"a.b\", \"a.>\"]"), none);
    assert_eq!(
        role("publish = [\"a.*\"]", "publish = [\"a.{tenant}\", \"a.*\"]"),
        ["+ needs the claim `tenant_id` narrower"]
    );
    let denied = "publish = [\"a.>\"]\ndeny_publish = [\"a.x.>\"";
    assert_eq!(role(&format!("{denied}]"), &format!("{denied}, \"a.x.y\"]")), none);
}

#[test]
fn allows_widen_and_narrow() {
    assert_eq!(
        role("publish = [\"a.b\"]", "publish = [\"a.>\"]"),
        ["- publish a.b", "+ publish a.> WIDER"]
    );
    assert_eq!(
        role("publish = [\"a.>\"]", "publish = [\"a.b\"]"),
        ["- publish a.> narrower", "+ publish a.b"]
    );
    assert_eq!(
        role("subscribe = [\"a\"]", "subscribe = [\"b\"]"),
        ["- subscribe a narrower", "+ subscribe b WIDER"]
    );
}

#[test]
fn denies_widen_where_they_go() {
    let allow = "publish = [\"a.>\"]\nsubscribe = [\"a.>\"]\n";
    let denied = |list: &str| format!("{allow}deny_publish = [{list}]");
    assert_eq!(role(&denied("\"a.b\""), &denied("")), ["- deny publish a.b WIDER"]);
    assert_eq!(role(&denied(""), &denied("\"a.b\"")), ["+ deny publish a.b narrower"]);
    assert_eq!(
        role(&denied("\"a.b\""), &denied("\"a.*\"")),
        ["- deny publish a.b", "+ deny publish a.* narrower"]
    );
    assert_eq!(
        role(&denied("\"a.*\""), &denied("\"a.b\"")),
        ["- deny publish a.* WIDER", "+ deny publish a.b"]
    );
}

/// A claim is known by its path; what it may be is compared too.
#[test]
fn placeholders_are_compared_by_what_they_stand_for() {
    let compare = |old: &str, new: &str| {
        let policy = |claim: &str| {
            let text = "account = \"APP\"\n[roles.r]\npublish = [\"b.{t}.x\"]\n[claims]\nt = ";
            maps(&[("a.toml", &format!("{text}{claim}\n"))]).policy()
        };
        lines(&PolicyDiff::between(&policy(old), &policy(new)))
    };
    let at_most = |most| format!("{{ claim = \"t\", at_most = {most} }}");
    assert_eq!(compare("\"t\"", "\"t\""), Vec::<String>::new());
    assert!(compare("\"t\"", "\"u\"").contains(&"+ publish b.{claim u}.x WIDER".to_owned()));
    assert_eq!(
        compare(&at_most(2), &at_most(3)),
        [
            "- publish b.{claim t}.x (`t` at most 2 values)",
            "+ publish b.{claim t}.x (`t` at most 3 values) WIDER",
        ]
    );
    assert_eq!(
        compare(&at_most(3), &at_most(2)),
        [
            "- publish b.{claim t}.x (`t` at most 3 values) narrower",
            "+ publish b.{claim t}.x (`t` at most 2 values)",
        ]
    );
    let default = |value: &str| format!("{{ claim = \"t\", default = \"{value}\" }}");
    assert!(
        compare("\"t\"", &default("v"))
            .contains(&"+ publish b.{claim t}.x (`t` by default `v`) WIDER".to_owned())
    );
    assert!(
        compare(&default("v"), &default("w"))
            .contains(&"+ publish b.{claim t}.x (`t` by default `w`) WIDER".to_owned())
    );
    assert!(
        !compare(&default("v"), "\"t\"")
            .iter()
            .any(|line| line.contains("WIDER") && line.contains("publish"))
    );
    // Two paths that read alike are two claims.
    assert!(compare("\"a.b\"", "[\"a.b\"]").iter().any(|line| line.contains("WIDER")));
}

#[test]
fn a_login_that_brings_too_little_was_refused() {
    assert_eq!(
        role("publish = [\"a\", \"b.{tenant}\"]", "publish = [\"a\"]"),
        ["- needs the claim `tenant_id` WIDER", "- publish b.{claim tenant_id} narrower"]
    );
    assert_eq!(
        role("publish = [\"a\"]\ninbox = \"_INBOX.{subject}\"", "publish = [\"a\"]"),
        ["- needs a `sub` that is one token WIDER", "- subscribe _INBOX.{subject}.> narrower"]
    );
}

/// nats-server leaves a subject that is named with a queue group to the groups named.
#[test]
fn queue_groups_restrict_what_is_for_all() {
    let rules = |list: &str| format!("subscribe = [{list}]");
    assert_eq!(
        role(&rules("\"a.> q\""), &rules("\"a.>\"")),
        ["- subscribe a.> q WIDER", "+ subscribe a.> WIDER"]
    );
    assert_eq!(role(&rules("\"a.>\", \"a.b q\""), &rules("\"a.>\"")), ["- subscribe a.b q WIDER"]);
    assert_eq!(
        role(&rules("\"a.>\""), &rules("\"a.>\", \"a.b q\"")),
        ["+ subscribe a.b q narrower"]
    );
    let two = role(&rules("\"a.>\", \"a.b q\""), &rules("\"a.>\", \"a.b q\", \"a.b r\""));
    assert_eq!(two, ["+ subscribe a.b r WIDER"]);
    assert_eq!(
        role(&rules("\"a q\""), &rules("\"b q\"")),
        ["- subscribe a q narrower", "+ subscribe b q WIDER"]
    );
}

#[test]
fn inherited_rules_count_where_they_arrive() {
    let base = |list: &str| {
        format!(
            "[roles.base]\nidp_roles = []\npublish = [{list}]\n[roles.r]\ninherits = [\"base\"]\n"
        )
    };
    assert_eq!(lines(&between(&base("\"a\""), &base("\"a\", \"b\""))), ["+ publish b WIDER"]);
    let own = "[roles.r]\npublish = [\"a\"]\n";
    assert_eq!(between(own, &base("\"a\"")).roles, []);
}
