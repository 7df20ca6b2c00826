//! `hallpass token verify` and `hallpass issuers show`: what people ask before the server does.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{OidcProvider, World, code, run, run_with, text};

fn set(claims: &mut Value, name: &str, value: Value) {
    claims.as_object_mut().unwrap().insert(name.to_owned(), value);
}

/// Exit code and output of `token verify`.
async fn verify(directory: &Path, flags: &[&str], token: &str) -> (i32, String) {
    let output = run_with(directory, &[&["token", "verify"], flags].concat(), token).await;
    assert_eq!(text(&output.stderr), "");
    (code(&output), text(&output.stdout))
}

/// Who asks beforehand is told what the login would be refused for.
#[tokio::test]
async fn the_verdict_is_what_a_login_is_refused_for() {
    let world = World::start().await;
    let roles = &["orders:read"];
    let now = jiff::Timestamp::now().as_second();
    let good = world.token("rita", roles);
    let (exit, told) = verify(world.directory(), &[], &format!("{good}\n")).await;
    assert_eq!(exit, 0, "{told}");
    assert!(told.contains("✓ signature"), "{told}");
    assert!(told.contains("user name `idp:rita`, IdP roles `orders:read`"), "{told}");
    assert!(told.ends_with("the token holds: idp vouches for it\n"), "{told}");
    world.log_in("good", &good).await.unwrap();

    let claims = |name: &'static str, value: Value| {
        world.token_with("x", roles, move |claims| set(claims, name, value))
    };
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    let tokens = [
        claims("exp", json!(now - 1)),
        claims("exp", json!("soon")),
        claims("nbf", json!(now + 90)),
        claims("aud", json!("other")),
        claims("nonce", json!("x")),
        claims("iss", json!("https://elsewhere.example")),
        claims("cnf", json!({ "jkt": "x" })),
        claims("realm_access", json!({ "roles": 7 })),
        format!("{unsigned}.AQAB"),
        format!("{unsigned}."),
        format!("{good}="),
        "opaque".to_owned(),
    ];
    for (index, token) in tokens.iter().enumerate() {
        let (exit, told) = verify(world.directory(), &[], token).await;
        assert_eq!(exit, 2, "{told}");
        let refusal = world.refusal(&format!("case-{index}"), token).await;
        assert!(told.ends_with(&format!("the token does not hold: {refusal}\n")), "{told}");
        if let Some((_, signature)) = token.rsplit_once('.').filter(|(_, it)| it.len() > 8) {
            assert!(!told.contains(signature));
        }
    }
}

/// Without a network and without a configuration; the keys as the real IdP publishes them.
#[tokio::test]
async fn a_token_is_verified_offline() {
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let token = idp.token("clerk").await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let keys = client.get(format!("{}/jwks", idp.issuer())).send().await.unwrap();
    let keys = keys.text().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("jwks.json"), keys).unwrap();
    let issuer = idp.issuer().to_owned();
    idp.kill().await;
    let flags = |audience: &'static str| {
        let issuer = issuer.clone();
        vec![
            "--issuer".to_owned(),
            issuer,
            "--audience".to_owned(),
            audience.to_owned(),
            "--roles-claim".to_owned(),
            "realm_access.roles".to_owned(),
        ]
    };
    let run = async |audience, more: &[&str]| {
        let flags = flags(audience);
        let flags: Vec<_> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
        verify(directory.path(), &flags, &token).await
    };
    let (exit, told) = run("urn:nats", &["--issuer-jwks", "jwks.json"]).await;
    assert_eq!(exit, 0, "{told}");
    let later = ["--issuer-jwks", "jwks.json", "--at", "2099-01-01T00:00:00Z"];
    let (exit, told) = run("urn:nats", &later).await;
    assert_eq!(exit, 2);
    assert!(told.ends_with("the token does not hold: token_expired\n"), "{told}");
    let (exit, told) = run("urn:other", &["--issuer-jwks", "jwks.json"]).await;
    assert_eq!(exit, 2);
    assert!(told.contains("none of the token's audiences is `urn:other`"), "{told}");
    let (exit, told) = run("urn:nats", &[]).await;
    assert_eq!(exit, 2);
    assert!(told.contains("✗ key") && told.contains("Connection refused"), "{told}");
    assert!(told.ends_with("the token does not hold: keys_unavailable\n"), "{told}");
}

#[tokio::test]
async fn what_cannot_be_asked_is_no_answer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let ask = async |flags: &[&str], input: &str| {
        let output = run_with(path, &[&["token", "verify"], flags].concat(), input).await;
        (code(&output), text(&output.stderr))
    };
    let issuer = ["--issuer", "https://idp.example.com", "--audience", "a", "--roles-claim", "r"];
    let (exit, error) = ask(&issuer, " \n").await;
    assert_eq!((exit, error.as_str()), (1, "error: there is no token on standard input\n"));
    let (exit, error) = ask(&[&issuer[..], &["--issuer-jwks", "none.json"]].concat(), "x").await;
    assert_eq!(exit, 1);
    assert!(error.contains("`none.json`: No such file"), "{error}");
    let (exit, error) = ask(&[], "x").await;
    assert_eq!(exit, 3);
    assert!(error.contains("the configuration cannot be read"), "{error}");
    let (exit, error) = ask(&["--issuer", "https://idp.example.com"], "x").await;
    assert_eq!(exit, 3);
    assert!(
        error.contains("lacks `audiences`") && error.contains("lacks `roles_claim`"),
        "{error}"
    );
}

#[tokio::test]
async fn presets_are_shown_with_their_sources() {
    let directory = tempfile::tempdir().unwrap();
    let list = run(directory.path(), &["issuers", "show"]).await;
    assert_eq!(code(&list), 0);
    let list = text(&list.stdout);
    let names: Vec<_> =
        list.lines().skip(2).map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(names.len(), 15, "{list}");
    for name in names {
        let shown = run(directory.path(), &["issuers", "show", name]).await;
        let shown = text(&shown.stdout);
        let file = format!("{}/src/config/presets/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(shown.trim_end(), std::fs::read_to_string(file).unwrap().trim_end());
        assert!(
            shown.contains("sources = [\n    \"https://")
                || shown.contains("sources = [\"https://")
        );
    }
    let unknown = run(directory.path(), &["issuers", "show", "keyclok"]).await;
    assert_eq!(code(&unknown), 1);
    assert!(text(&unknown.stderr).contains("did you mean `keycloak`?"));
}
