//! `hallpass diff` and `hallpass access-review`, on directories and on a git repository.

use std::path::Path;

use serde_json::Value;

use crate::support::{code, run, soon, text};

mod access_review;
mod revisions;

const ORDERS: &str = r#"account = "APP"

[roles.clerk]
description = "Sells"
idp_roles = ["orders:write"]
publish = ["orders.{tenant}.created"]
subscribe = ["orders.{tenant}.>"]
deny_subscribe = ["orders.*.internal.>"]

[roles.reader]
subscribe = ["prices.>"]

[claims]
tenant = "tenant_id"
"#;

/// A directory with a configuration and these maps in `subject-maps`.
pub async fn project(orders: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let init = ["init", "--issuer", "https://idp.example.com/"];
    assert_eq!(code(&run(directory.path(), &init).await), 0);
    write(directory.path(), "subject-maps", orders);
    directory
}

/// Makes this the only map of a directory.
fn write(root: &Path, maps: &str, orders: &str) {
    let _ = std::fs::remove_dir_all(root.join(maps));
    std::fs::create_dir_all(root.join(maps)).unwrap();
    std::fs::write(root.join(maps).join("orders.toml"), orders).unwrap();
}

async fn diff(root: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = run(root, &[&["diff"], arguments].concat()).await;
    (code(&output), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn what_is_wider_is_marked_and_the_exit_code_says_so() {
    let project = project(ORDERS).await;
    let root = project.path();
    let wider = ORDERS
        .replace("orders.{tenant}.created", "orders.*.created")
        .replace("deny_subscribe = [\"orders.*.internal.>\"]\n", "")
        .replace("\"prices.>\"", "\"prices.eu.>\"");
    write(root, "new", &wider);
    let (exit, told, complaints) = diff(root, &["subject-maps", "new"]).await;
    assert_eq!(exit, 2, "{complaints}");
    let expected = "\
role clerk: WIDER
  held by IdP roles orders:write of corp, in the account APP
  - publish orders.{claim tenant_id}.created  (still allowed by `orders.*.created`)
      subject-maps/orders.toml:6
  + publish orders.*.created  WIDER
      new/orders.toml:6
  - deny subscribe orders.*.internal.>  WIDER
      subject-maps/orders.toml:8

role reader: narrower
  held by IdP roles reader of corp, in the account APP
  - subscribe prices.>
      subject-maps/orders.toml:11
  + subscribe prices.eu.>  (was allowed by `prices.>`)
      new/orders.toml:10

1 role wider, 1 narrower, 0 unchanged
";
    assert_eq!(told, expected);

    // The other way, and against the configured directory.
    let narrower = ORDERS.replace("\"prices.>\"", "\"prices.eu.>\"");
    write(root, "narrow", &narrower);
    let (exit, told, _) = diff(root, &["subject-maps", "narrow"]).await;
    assert_eq!(exit, 0, "{told}");
    assert!(told.ends_with("0 roles wider, 1 narrower, 1 unchanged\n"), "{told}");
    let (exit, told, _) = diff(root, &["narrow"]).await;
    assert_eq!(exit, 2, "{told}");
    assert!(told.contains("subject-maps/orders.toml:11"), "{told}");
}

#[tokio::test]
async fn what_only_reads_otherwise_is_no_change() {
    let project = project(ORDERS).await;
    let root = project.path();
    let (rest, claims) = ORDERS.split_once("[claims]").unwrap();
    let moved = format!("# Of the orders\n[claims]{claims}\n{rest}").replace("tenant}", "t}");
    let moved = moved.replace("tenant = ", "t = ").replace("account = \"APP\"\n", "");
    write(root, "new", &format!("account = \"APP\"\n{moved}"));
    let (exit, told, complaints) = diff(root, &["subject-maps", "new"]).await;
    assert_eq!(
        (exit, told.as_str()),
        (0, "no change in what anybody may do (2 roles)\n"),
        "{complaints}"
    );
}

#[tokio::test]
async fn programs_and_comments_are_told_the_same() {
    let project = project(ORDERS).await;
    let root = project.path();
    write(root, "new", &ORDERS.replace("\"prices.>\"", "\"prices.>\", \"`x`.|.y\""));
    let (exit, told, _) = diff(root, &["--format", "json", "subject-maps", "new"]).await;
    assert_eq!(exit, 2);
    let json: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&json["wider"], &json["unchanged"]), (&1.into(), &1.into()));
    let role = &json["roles"][0];
    assert_eq!((&role["role"], &role["fate"]), (&"reader".into(), &"changed".into()));
    let change = &role["changes"][0];
    assert_eq!(change["aspect"], "subscribe");
    assert_eq!((&change["side"], &change["wider"]), (&"new".into(), &true.into()));
    assert_eq!(change["at"], "new/orders.toml:11");
    let (exit, told, _) = diff(root, &["--format", "markdown", "subject-maps", "new"]).await;
    assert_eq!(exit, 2);
    let block = "```diff\n+ subscribe `x`.|.y  WIDER  # new/orders.toml:11\n```\n";
    assert!(
        told.starts_with("**hallpass diff**: 1 role wider, 0 narrower, 1 unchanged\n"),
        "{told}"
    );
    assert!(told.contains("#### role reader: WIDER\n") && told.ends_with(block), "{told}");
}

#[tokio::test]
async fn a_side_without_maps_is_told() {
    let project = project(ORDERS).await;
    let root = project.path();
    std::fs::create_dir(root.join("empty")).unwrap();
    let (exit, told, complaints) = diff(root, &["subject-maps", "empty"]).await;
    assert_eq!(exit, 0, "{complaints}");
    assert!(told.ends_with("0 roles wider, 2 narrower, 0 unchanged\n"), "{told}");
    assert_eq!(complaints, "`empty` has no subject map: nobody holds a role there\n");
}

/// What cannot be judged is neither wider nor not.
#[tokio::test]
async fn maps_that_are_invalid_are_not_compared() {
    let project = project(ORDERS).await;
    let root = project.path();
    write(root, "broken", &ORDERS.replace("publish = ", "publsih = "));
    for arguments in [["broken", "subject-maps"], ["subject-maps", "broken"]] {
        let (exit, told, complaints) = diff(root, &arguments).await;
        assert_eq!((exit, told.as_str()), (3, ""), "{complaints}");
        assert!(complaints.contains("unknown key `publsih`"), "{complaints}");
        let old = complaints.contains("`--old-config FILE`");
        assert_eq!(old, arguments[0] == "broken", "{complaints}");
    }
    // An issuer that was and is no more: the old maps go with the old configuration.
    let named = |name: &str| {
        ORDERS.replace("account = \"APP\"", &format!("account = \"APP\"\nissuers = [\"{name}\"]"))
    };
    write(root, "old", &named("corp"));
    write(root, "new", &named("acme"));
    let now = std::fs::read_to_string(root.join("hallpass.toml")).unwrap();
    std::fs::write(root.join("before.toml"), &now).unwrap();
    std::fs::write(root.join("hallpass.toml"), now.replace("[issuers.corp]", "[issuers.acme]"))
        .unwrap();
    assert_eq!(diff(root, &["old", "new"]).await.0, 3);
    let (exit, told, complaints) = diff(root, &["--old-config", "before.toml", "old", "new"]).await;
    assert_eq!(exit, 2, "{complaints}");
    assert!(told.contains("- issuer corp") && told.contains("+ issuer acme  WIDER"), "{told}");
}

/// A pipeline that reviews maps has no seeds.
#[tokio::test]
async fn no_secret_is_needed() {
    let project = project(ORDERS).await;
    let root = project.path();
    std::fs::remove_dir_all(root.join("keys")).unwrap();
    let (exit, told, complaints) = diff(root, &["subject-maps"]).await;
    assert_eq!(
        (exit, told.as_str()),
        (0, "no change in what anybody may do (2 roles)\n"),
        "{complaints}"
    );
    assert_eq!(code(&run(root, &["access-review"]).await), 0);
    assert_eq!(code(&run(root, &["check"]).await), 3, "which `serve` does need");
}

/// Runs git, which has to be there, in a repository of its own: no configuration of whoever runs
/// the tests, no hooks.
async fn git(root: &Path, arguments: &[&str]) -> String {
    let mut command = tokio::process::Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(arguments);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    let output = command.current_dir(root).output();
    let output = soon("git's end", output).await.expect("git is needed: install it");
    assert_eq!(code(&output), 0, "git {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}
