//! `hallpass replay`: recorded logins, decided again by other maps.

use serde_json::Value;

use crate::support::{World, code, run, run_with, text};

const MAP: &str = r#"account = "APP"
[claims]
team = { claim = "team", default = "none" }
[roles.reader]
idp_roles = ["read"]
subscribe = ["orders.>"]
[roles.writer]
idp_roles = ["write"]
publish = ["orders.created"]
[roles.auditor]
idp_roles = ["audit"]
subscribe = ["audit.>"]
[roles.helper]
idp_roles = ["help"]
subscribe = ["help.{team}"]
"#;

/// Each login's map line, and what becomes of it.
const CHANGES: [(&str, &str); 5] = [
    (
        "\"read\"]\nsubscribe = [\"orders.>\"]",
        "\"read\"]\nsubscribe = [\"orders.>\"]\ndeny_subscribe = [\"orders.secret\"]",
    ),
    ("[\"orders.created\"]", "[\"orders.created\", \"orders.cancelled\"]"),
    ("[\"audit\"]", "[\"auditors\"]"),
    ("[\"help.{team}\"]", "[\"help.{team}\"]\nwhen = { connection_types = [\"WEBSOCKET\"] }"),
    (
        "[roles.helper]",
        "[roles.guest]\nidp_roles = [\"guest\"]\nsubscribe = [\"news\"]\n[roles.helper]",
    ),
];

/// A world in which everybody has logged in, and `proposed` is beside the maps.
async fn world() -> World {
    let world = World::builder().map("a.toml", MAP).start().await;
    for (name, role) in [("rita", "read"), ("walt", "write"), ("anna", "audit"), ("hugo", "help")] {
        for _ in 0..2 {
            world.log_in(name, &world.token(name, &[role])).await.unwrap();
        }
    }
    assert_eq!(world.refusal("gina", &world.token("gina", &["guest"])).await, "no_role");
    assert_eq!(world.refusal("nobody", "x").await, "token_malformed");
    propose(&world, &CHANGES);
    world
}

fn propose(world: &World, changes: &[(&str, &str)]) {
    let mut map = MAP.to_owned();
    for (from, to) in changes {
        assert!(map.contains(from), "{from}");
        map = map.replacen(from, to, 1);
    }
    let directory = world.directory().join("proposed");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("a.toml"), map).unwrap();
}

async fn replayed(world: &World, exit: i32, arguments: &[&str]) -> String {
    let output = run(world.directory(), &[&["replay"], arguments].concat()).await;
    let (told, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(code(&output), exit, "{arguments:?}: {told}\n{errors}");
    told + &errors
}

/// The kind, the person and the count of each change.
fn changes(told: &str) -> Vec<(String, String, u64)> {
    let report: Value = serde_json::from_str(told).unwrap();
    let change = |group: &Value| {
        let text = |name: &str| group[name].as_str().unwrap().to_owned();
        (text("kind"), text("user"), group["count"].as_u64().unwrap())
    };
    report["groups"].as_array().unwrap().iter().map(change).collect()
}

#[tokio::test]
async fn a_proposed_change_is_told_by_who_it_meets() {
    let world = world().await;
    let told = replayed(&world, 2, &["--maps", "proposed", "--format", "json"]).await;
    let expected = [
        ("allowed", "idp:gina", 1),
        ("widened", "idp:walt", 2),
        ("refused", "idp:anna", 2),
        ("refused", "idp:hugo", 2),
        ("narrowed", "idp:rita", 2),
    ]
    .map(|(kind, user, count)| (kind.to_owned(), user.to_owned(), count));
    assert_eq!(changes(&told), expected, "{told}");
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(report["not_by_maps"], 1, "the bad token is none of the maps'");
    assert_eq!((&report["decided"], &report["same"]), (&9.into(), &0.into()));

    let told = replayed(&world, 2, &["--maps", "proposed", "--since", "1h"]).await;
    for line in [
        "newly allowed: 1 login\n",
        "    was  refused, no_role\n",
        "    now  in the account APP, role guest (proposed/a.toml:",
        "    + publish orders.cancelled  WIDER\n        writer (proposed/a.toml:",
        "    - subscribe audit.>\n",
        "now  refused, condition_unmet, role helper (proposed/a.toml:",
        "another connection type is asked for\n",
        "    + deny subscribe orders.secret\n        reader (proposed/a.toml:",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    // The id is one that can be asked about.
    let id = report["groups"][0]["decision"].as_str().unwrap();
    assert!(told.contains(id), "{told}");
    let why = run(world.directory(), &["audit", "why", id]).await;
    assert!(text(&why.stdout).contains("idp:gina"), "{}", text(&why.stdout));

    let told = replayed(&world, 2, &["--maps", "proposed", "--limit", "1"]).await;
    assert!(told.contains("… and 4 more changes: "), "{told}");
    let told = replayed(&world, 2, &["--maps", "proposed", "--until", "2020-01-01"]).await;
    assert!(told.contains("nothing was tried"), "{told}");
}

#[tokio::test]
async fn only_what_changes_is_told_and_only_what_is_asked_for_fails() {
    let world = world().await;
    propose(&world, &CHANGES[..1]);
    let told = replayed(&world, 2, &["--maps", "proposed", "--format", "json"]).await;
    assert_eq!(changes(&told), [("narrowed".to_owned(), "idp:rita".to_owned(), 2)]);
    for name in ["walt", "anna", "hugo", "gina"] {
        assert!(!told.contains(name), "{name}: {told}");
    }
    replayed(&world, 0, &["--maps", "proposed", "--fail-on", "refused,widened,undecidable"]).await;
    replayed(&world, 2, &["--maps", "proposed", "--fail-on", "narrowed"]).await;
}

#[tokio::test]
async fn the_same_maps_say_the_same_from_a_file_too() {
    let world = world().await;
    let told = replayed(&world, 0, &[]).await;
    assert_eq!(
        told,
        "9 logins: 9 the same\n1 login did not come to the maps, such as for a bad token\n"
    );
    let exported = run(world.directory(), &["audit", "export", "--out", "trail.ndjson"]).await;
    assert_eq!(code(&exported), 0, "{}", text(&exported.stderr));
    // Neither the stream nor a key is needed then.
    std::fs::remove_dir_all(world.directory().join("keys")).unwrap();
    assert_eq!(replayed(&world, 0, &["--file", "trail.ndjson"]).await, told);
    let arguments = ["replay", "--maps", "proposed", "--file", "-", "--format", "json"];
    let trail = std::fs::read_to_string(world.directory().join("trail.ndjson")).unwrap();
    let output = run_with(world.directory(), &arguments, &trail).await;
    assert_eq!((code(&output), changes(&text(&output.stdout)).len()), (2, 5));
    let more = "no event\n{}\n[]\n{\"type\":\"hallpass.of-another-version\"}\n";
    std::fs::write(world.directory().join("trail.ndjson"), trail + more).unwrap();
    let told = replayed(&world, 2, &["--file", "trail.ndjson"]).await;
    assert!(told.contains("9 the same, 3 cannot be read"), "{told}");
    assert_eq!(told.matches(": it is no event\n").count(), 3, "{told}");
    let told = replayed(&world, 3, &["--maps", "nope", "--file", "trail.ndjson"]).await;
    assert!(told.contains("`nope` is no directory") && told.contains("at --maps"), "{told}");
    assert!(!told.contains("[maps]"), "{told}");
    // A claim that no map read then.
    propose(&world, &[("{team}", "{tenant}"), ("[claims]", "[claims]\ntenant = \"tenant_id\"")]);
    let told = replayed(&world, 2, &["--maps", "proposed", "--file", "trail.ndjson"]).await;
    let why = "cannot be decided again: the claim `tenant_id` is not in the event: no map read it \
        then\n  2 logins, ";
    assert!(told.contains(why), "{told}");
    std::fs::write(world.directory().join("proposed/a.toml"), "account = 1\n").unwrap();
    replayed(&world, 3, &["--maps", "proposed", "--file", "trail.ndjson"]).await;
}

#[tokio::test]
async fn what_is_older_than_is_asked_for_is_not_tried() {
    let world = world().await;
    let since = world.event_of("gina").await.text("/time");
    let arguments = ["--maps", "proposed", "--since", &since, "--format", "json"];
    let told = replayed(&world, 2, &arguments).await;
    let expected = [("allowed".to_owned(), "idp:gina".to_owned(), 1)];
    assert_eq!(changes(&told), expected, "{told}");
    let report: Value = serde_json::from_str(&told).unwrap();
    // The last of all came with a bad token.
    assert_eq!((&report["decided"], &report["not_by_maps"]), (&1.into(), &1.into()), "{told}");
    let exported = run(world.directory(), &["audit", "export", "--out", "trail.ndjson"]).await;
    assert_eq!(code(&exported), 0, "{}", text(&exported.stderr));
    let of_file = [&arguments[..], &["--file", "trail.ndjson"]].concat();
    assert_eq!(changes(&replayed(&world, 2, &of_file).await), expected);
    let later = ["--maps", "proposed", "--since", "2999-01-01"];
    assert!(replayed(&world, 2, &later).await.contains("nothing was tried"));
}

/// Times and ids as the page has them.
fn as_on_the_page(told: &str) -> String {
    let words = |line: &str| {
        let word = |word: &str| match word.trim_end_matches(',') {
            time if time.parse::<jiff::Timestamp>().is_ok() => {
                word.replace(time, "2026-01-07T12:00:00Z")
            }
            id if id.parse::<hallpass::names::DecisionId>().is_ok() => {
                "019b98d4-1a80-7e42-9f43-0a51c3a2b7d6".to_owned()
            }
            _ => word.replace("idp:", "corp:"),
        };
        line.split(' ').map(word).collect::<Vec<_>>().join(" ")
    };
    told.lines().map(|line| words(line) + "\n").collect()
}

#[tokio::test]
async fn the_page_shows_what_it_prints() {
    let page = include_str!("../../docs/subject-maps.md");
    let block = |before: &str| {
        let (_, after) = page.split_once(before).unwrap();
        after.split_once('\n').unwrap().1.split_once("```").unwrap().0
    };
    let map = block("<!-- file subject-maps/orders.toml -->\n```toml");
    let world = World::builder().map("orders.toml", map).start().await;
    let in_acme = |name: &str, role: &str| {
        world.token_with(name, &[role], |claims| claims["tenant_id"] = "acme".into())
    };
    world.log_in("alice", &in_acme("alice", "orders:write")).await.unwrap();
    world.log_in("worker", &in_acme("worker", "service:orders/eu")).await.unwrap();
    let proposed = map.lines().filter(|line| !line.starts_with("deny_subscribe"));
    let proposed: String = proposed.map(|line| format!("{line}\n")).collect();
    std::fs::create_dir(world.directory().join("proposed")).unwrap();
    std::fs::write(world.directory().join("proposed/orders.toml"), proposed).unwrap();
    let told = replayed(&world, 2, &["--maps", "proposed", "--since", "7d"]).await;
    let shown = block("$ hallpass replay --maps proposed --since 7d");
    assert_eq!(as_on_the_page(&told), shown);
}
