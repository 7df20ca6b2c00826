//! `hallpass test` and `hallpass explain` as people use them.

use std::path::Path;

use serde_json::Value;

use crate::support::{code, run, run_with, text};

const CASES: &str = r#"
[[test]]
name = "a clerk creates orders"
as = { idp_roles = ["orders:write"], claims = { tenant_id = "acme" } }
can = ["publish orders.acme.created"]
cannot = ["publish orders.globex.created"]
"#;

const WRONG: &str = r#"
[[test]]
name = "a reader writes <&>"
as = { idp_roles = ["orders:read"], claims = { tenant_id = "acme" } }
can = ["publish orders.acme.created"]
"#;

/// A fresh configuration with these cases beside the example's own, if it has any.
async fn configured(cases: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let init = ["init", "--issuer", "https://idp.example.com/"];
    assert_eq!(code(&run(directory.path(), &init).await), 0);
    let map = directory.path().join("subject-maps/orders.toml");
    // Only the cases of the test: whatever the example has is taken away.
    let text = std::fs::read_to_string(&map).unwrap();
    let text = text.split("[[test]]").next().unwrap().to_owned();
    std::fs::write(&map, text).unwrap();
    if !cases.is_empty() {
        std::fs::write(directory.path().join("subject-maps/orders.test.toml"), cases).unwrap();
    }
    directory
}

async fn explained(path: &Path, arguments: &[&str], input: &str) -> (i32, String, String) {
    let output = run_with(path, &[&["explain"], arguments].concat(), input).await;
    (code(&output), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn only_failures_are_told_in_full() {
    let directory = configured(&format!("{CASES}{WRONG}")).await;
    let output = run(directory.path(), &["test"]).await;
    let told = text(&output.stdout);
    assert_eq!(code(&output), 2);
    assert!(told.ends_with("\n2 tests: 1 passed, 1 failed\n"), "{told}");
    assert!(told.starts_with("FAILED a reader writes <&> (subject-maps/orders.test.toml:9)\n"));
    assert!(told.contains("error: cannot `publish orders.acme.created`\n"));
    assert!(told.contains("role `orders-clerk` would (subject-maps/orders.toml:"), "{told}");
    assert!(!told.contains("a clerk creates orders"), "{told}");

    let output = run(directory.path(), &["test", "creates"]).await;
    assert_eq!((code(&output), text(&output.stdout).as_str()), (0, "1 test: 1 passed, 0 failed\n"));
    let output = run(directory.path(), &["test", "--format", "json"]).await;
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((code(&output), &json["passed"], &json["failed"]), (2, &1.into(), &1.into()));
    assert_eq!(json["tests"][1]["failures"][0]["at"], "subject-maps/orders.test.toml:11");
    let output = run(directory.path(), &["test", "--format", "junit"]).await;
    let told = text(&output.stdout);
    assert_eq!(code(&output), 2);
    assert!(told.contains("tests=\"2\"") && told.contains("failures=\"1\""), "{told}");
    assert!(told.contains("a reader writes &lt;&amp;&gt;"), "{told}");
}

#[tokio::test]
async fn no_case_at_all_is_a_failure_and_what_cannot_be_read_another() {
    let directory = configured("").await;
    let output = run(directory.path(), &["test"]).await;
    assert_eq!(code(&output), 2);
    assert!(text(&output.stderr).contains("there is no test case"), "{}", text(&output.stderr));
    let directory = configured(&format!("{CASES}can = 1\n")).await;
    for command in ["test", "check"] {
        let output = run(directory.path(), &[command]).await;
        assert_eq!(code(&output), 3, "{command}");
        let told = text(&output.stderr);
        assert!(told.contains("subject-maps/orders.test.toml:7"), "{told}");
    }
}

#[tokio::test]
async fn who_gets_what_by_which_rule() {
    let directory = configured("").await;
    let path = directory.path();
    let role =
        ["--role", "orders-clerk", "--claim", "tenant_id=acme", "--at", "2026-01-07T12:00:00Z"];
    let (exit, told, _) = explained(path, &role, "").await;
    assert_eq!(exit, 0);
    for line in [
        "identity  corp:somebody",
        "account   APP",
        "until     2026-01-07T13:00:00Z, ended by `session` of role `orders-clerk`",
        "by the IdP's `orders:write`",
        "allow orders.acme.created",
        "deny  orders.*.internal.>",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let (exit, told, _) = explained(
        path,
        &[
            &role[..],
            &["--can", "publish orders.acme.created", "--can", "publish orders.b.created"],
        ]
        .concat(),
        "",
    )
    .await;
    assert_eq!(exit, 2);
    assert!(told.contains("\nyes: publish orders.acme.created: allowed by role `orders-clerk` (subject-maps/orders.toml:8)\n"), "{told}");
    assert!(told.contains("\nno: publish orders.b.created: nothing allows it; with another {tenant}, `orders.{tenant}.created` of role `orders-clerk` would"), "{told}");
    let (exit, told, _) = explained(path, &[&role[..], &["--format", "json"]].concat(), "").await;
    let json: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((exit, &json["roles"][0]["by"][0]["idp_role"]), (0, &"orders:write".into()));
    assert_eq!(json["granted"]["publish"]["allow"][1]["subject"], "orders.acme.created");
}

#[tokio::test]
async fn claims_and_tokens_are_read_as_the_issuer_s() {
    let directory = configured("").await;
    let path = directory.path();
    let claims = r#"{"iss":"https://idp.example.com/","sub":"alice","roles":["orders:read"],"tenant_id":"acme"}"#;
    let (exit, told, told_apart) =
        explained(path, &["--claims", "-", "--can", "subscribe orders.acme.>"], claims).await;
    assert_eq!(exit, 0, "{told}{told_apart}");
    assert!(told.starts_with("identity  corp:alice\n"), "{told}");
    let base64url = |text: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    };
    let token = format!(
        "{}.{}.{}",
        base64url(r#"{"alg":"ES256","kid":"k"}"#),
        base64url(claims),
        base64url(&"s".repeat(64))
    );
    let (exit, told, told_apart) = explained(path, &["--token", "-"], &token).await;
    assert_eq!(exit, 0, "{told}{told_apart}");
    assert!(told.starts_with("identity  corp:alice\n"), "{told}");
    assert!(!told.contains(&token) && !told_apart.contains(&token));

    let without = claims.replace("\"roles\"", "\"rules\"");
    let (exit, _, told) = explained(path, &["--claims", "-"], &without).await;
    assert_eq!(exit, 2);
    assert!(told.contains("the login would be refused as `roles_claim_absent`"), "{told}");
    let (exit, _, told) =
        explained(path, &["--claims", "-"], &claims.replace("idp.", "other.")).await;
    assert_eq!(exit, 1);
    assert!(told.contains("no configured issuer has the `iss` of these claims"), "{told}");
    let (exit, _, told) = explained(path, &["--token", "-"], "not a token").await;
    assert_eq!(exit, 2);
    assert!(told.contains("`token_malformed`") && !told.contains("not a token"), "{told}");
    for (arguments, says) in [
        (&["--role", "nobody"][..], "there is no role `nobody`"),
        (&["--role", "a b"][..], "a role name is made of"),
        (&[][..], "required arguments"),
        (&["--role", "orders-clerk", "--can", "pubish x"][..], "is none of `publish`"),
        (&["--role", "orders-clerk", "--issuer", "x"][..], "issuer `x` is not configured"),
    ] {
        let (exit, _, told) = explained(path, arguments, "").await;
        assert_eq!(exit, 1, "{told}");
        assert!(told.contains(says), "{told}");
    }
}
