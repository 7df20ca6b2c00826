//! docs/subject-maps.md, held against hallpass: every map in it is good, every test case in it
//! holds, and what it shows of a command is what the command prints.
//!
//! A comment before a block says what the block is:
//!
//! - `<!-- file NAME -->`: this file is there for the commands that follow.
//! - `<!-- map -->`: a whole map. `<!-- configuration -->`: lines of hallpass.toml.
//! - TOML without a comment: lines of a role.
//! - `console` without a comment: commands, each after `$`, with what they print.
//! - `<!-- not run: WHY -->`: nothing of these.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{code, printed, run, text};

const PAGE: &str = include_str!("../../docs/subject-maps.md");

/// A fenced block.
struct Block<'a> {
    /// What the comment before it says.
    comment: &'a str,
    language: &'a str,
    text: &'a str,
}

fn blocks() -> Vec<Block<'static>> {
    let mut blocks = Vec::new();
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("\n```") {
        let (language, after) = after.split_once('\n').unwrap();
        let (text, after) = after.split_once("```").unwrap();
        let last = before.trim_end().lines().last().unwrap_or_default();
        let comment = last.strip_prefix("<!-- ").and_then(|it| it.strip_suffix(" -->"));
        blocks.push(Block { comment: comment.unwrap_or_default(), language, text });
        rest = after;
    }
    blocks
}

/// A fresh installation without maps.
async fn installed() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let issuer = ["--issuer", "https://idp.example.com/realms/corp"];
    let init = run(directory.path(), &[&["init"], &issuer[..]].concat()).await;
    assert_eq!(code(&init), 0, "{}", text(&init.stderr));
    std::fs::remove_file(directory.path().join("subject-maps/orders.toml")).unwrap();
    directory
}

async fn is_good(map: &str) {
    let directory = installed().await;
    std::fs::write(directory.path().join("subject-maps/a.toml"), map).unwrap();
    let mut commands = vec!["check"];
    commands.extend(map.contains("[[test]]").then_some("test"));
    for command in commands {
        let output = run(directory.path(), &[command]).await;
        let told = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(code(&output), 0, "{map}\n{told}");
        assert!(!told.contains("warning: "), "{map}\n{told}");
    }
}

#[tokio::test]
async fn every_map_that_the_page_shows_is_good() {
    let mut seen = 0;
    for block in blocks().iter().filter(|block| block.language == "toml") {
        let Block { comment, text: lines, .. } = block;
        if *comment == "configuration" || comment.starts_with("not run: ") {
            continue;
        }
        seen += 1;
        let is_file = comment.starts_with("file ") && !comment.ends_with(".test.toml");
        if *comment == "map" || is_file {
            is_good(lines).await;
        } else if comment.is_empty() {
            let role = "account = \"APP\"\n[claims]\ntenant = \"tenant_id\"\n[roles.r]\n";
            // The table of a role's own comes after a line that makes it one with a right.
            let own = if lines.starts_with('[') { "publish = [\"a\"]\n" } else { "" };
            let heard = if lines.contains("subscribe") { "" } else { "subscribe = [\"b\"]\n" };
            let heard = if own.is_empty() { heard } else { "" };
            is_good(&format!("{role}{own}{heard}{lines}")).await;
        }
    }
    assert!(seen >= 6, "the maps were not found: {seen}");
}

#[tokio::test]
async fn the_configuration_that_the_page_shows_is_good() {
    let directory = installed().await;
    let path = directory.path().join("hallpass.toml");
    let mut configuration = std::fs::read_to_string(&path).unwrap();
    let before = configuration.len();
    for block in blocks().iter().filter(|block| block.comment == "configuration") {
        configuration += &format!("\n{}", block.text);
    }
    assert!(configuration.len() > before);
    std::fs::write(&path, configuration).unwrap();
    std::fs::create_dir_all(directory.path().join("subject-maps/teams/sales")).unwrap();
    let check = run(directory.path(), &["check"]).await;
    assert_eq!(code(&check), 0, "{}", text(&check.stderr));
}

#[tokio::test]
async fn the_page_shows_what_the_commands_print() {
    let directory = installed().await;
    let mut shown = 0;
    for Block { comment, language, text } in blocks() {
        if let Some(name) = comment.strip_prefix("file ") {
            std::fs::write(directory.path().join(name), text).unwrap();
        } else if language == "console" && comment.is_empty() {
            assert_eq!(printed(directory.path(), text).await, text);
            shown += 1;
        }
    }
    assert!(shown >= 6, "the commands were not found: {shown}");
}

/// All members that a schema describes.
fn members(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            let properties = object.get("properties").and_then(Value::as_object);
            found.extend(properties.into_iter().flat_map(|it| it.keys().cloned()));
            object.values().for_each(|value| members(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| members(value, found)),
        _ => {}
    }
}

/// A key that only the loader knows is none that people use.
#[test]
fn the_pages_have_every_key_that_the_schema_has() {
    let grants = include_str!("../../docs/grants.md");
    let mut all = BTreeSet::new();
    members(&serde_json::from_str(hallpass::setup::MAP_SCHEMA).unwrap(), &mut all);
    assert!(all.len() > 50, "the keys were not found: {all:?}");
    all.retain(|key| ![PAGE, grants].iter().any(|page| page.contains(&format!("`{key}`"))));
    assert_eq!(all, BTreeSet::new());
}

/// Who reads events finds on the page what each member means.
#[test]
fn the_page_about_events_has_every_member_that_their_schema_has() {
    let page = include_str!("../../docs/audit.md");
    let schema = include_str!("../../docs/audit-event.schema.json");
    let mut all = BTreeSet::new();
    members(&serde_json::from_str(schema).unwrap(), &mut all);
    assert!(all.len() > 100, "the members were not found: {all:?}");
    all.retain(|name| !page.contains(&format!("`{name}`")));
    assert_eq!(all, BTreeSet::new());
}
