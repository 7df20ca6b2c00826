//! Who gets in, who stays outside, and what the audit stream says of it.

use async_nats::ConnectOptions;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::StreamExt as _;
use hallpass::playground::idp::{Idp, IdpOptions};
use serde_json::{Value, json};

use crate::support::{World, soon};

fn set(claims: &mut Value, name: &str, value: Value) {
    claims.as_object_mut().unwrap().insert(name.to_owned(), value);
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[tokio::test]
async fn a_clerk_publishes_and_is_heard_and_both_are_in_the_audit_stream() {
    let world = World::start().await;
    let reader = world.log_in("r", &world.token("rita", &["orders:read"])).await.unwrap();
    let mut orders = reader.client.subscribe("orders.acme.>").await.unwrap();
    reader.client.flush().await.unwrap();
    let clerk = world.log_in("c", &world.token("carl", &["orders:write"])).await.unwrap();
    clerk.client.publish("orders.acme.created", "1".into()).await.unwrap();
    assert_eq!(soon("the order", orders.next()).await.unwrap().payload, "1");

    let event = world.event_of("c").await;
    assert_eq!(event.outcome(), "granted");
    assert_eq!(event.text("/data/identity/user_name"), "idp:carl");
    assert_eq!(event.text("/data/identity/subject"), "carl");
    assert_eq!(event.text("/data/grant/account"), "APP");
    assert_eq!(event.json()["data"]["roles"], json!(["orders-clerk"]));
    assert_eq!(
        event.json()["data"]["grant"]["publish"]["allow"],
        json!(["orders.acme.cancelled", "orders.acme.created"])
    );
    let rule = event.text("/data/rules/0/at");
    assert!(rule.ends_with("orders.toml:5"), "{rule}");
    let reader = world.event_of("r").await;
    assert_eq!(reader.json()["data"]["grant"]["publish"], Value::Null, "nothing is not a list");
}

/// An honest token whose header or claims were rewritten: what is known to have fooled others.
/// The signature that is left does not matter, for the form is judged before it.
fn rewritten(honest: &str) -> Vec<(&'static str, String)> {
    let [head, payload, signature] = honest.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };
    let encoded = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let decoded =
        |part: &str| String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let header: Value = serde_json::from_str(&decoded(head)).unwrap();
    let with = |name: &str, value: Value| {
        let mut header = header.clone();
        set(&mut header, name, value);
        encoded(&header.to_string())
    };
    let twice = |part: &str, member: &str| {
        encoded(&decoded(part).replacen('{', &format!("{{{member},"), 1))
    };
    let signed = |head: String| format!("{head}.{payload}.{signature}");
    let key = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"});
    vec![
        ("algorithm_none", signed(with("alg", json!("none")))),
        ("algorithm_none", signed(with("alg", json!("nOnE")))),
        ("algorithm_symmetric", signed(with("alg", json!("HS256")))),
        ("algorithm_unknown", signed(with("alg", json!("RSA-OAEP")))),
        ("key_algorithm_mismatch", signed(with("alg", json!("RS256")))),
        ("header_key_forbidden", signed(with("jku", json!("https://evil.example/jwks")))),
        ("header_key_forbidden", signed(with("jwk", key))),
        ("header_key_forbidden", signed(with("x5u", json!("https://evil.example/x5u")))),
        ("header_key_forbidden", signed(with("x5c", json!(["AA"])))),
        ("token_critical", signed(with("crit", json!(["exp"])))),
        ("token_critical", signed(with("crit", json!([])))),
        ("token_nested", signed(with("cty", json!("JWT")))),
        ("key_id_invalid", signed(with("kid", json!("../../dev/null")))),
        ("token_header_duplicate", signed(twice(head, r#""alg":"none""#))),
        (
            "token_claims_duplicate",
            format!("{head}.{}.{signature}", twice(payload, r#""sub":"root""#)),
        ),
        ("signature_missing", format!("{}.{payload}.", head)),
        // An encrypted one (RFC 7516) has five parts.
        (
            "token_encrypted",
            format!(
                "{}.{payload}.{signature}.{payload}.{signature}",
                encoded(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#)
            ),
        ),
    ]
}

#[tokio::test]
async fn every_refusal_has_its_code_and_no_token_is_anywhere() {
    let world = World::start().await;
    let roles = &["orders:write"];
    let honest = world.token("x", roles);
    let foreign = Idp::start(IdpOptions::playground()).await.unwrap();
    let tokens = [
        ("no_role", world.token("x", &["unheard:of"])),
        ("token_expired", world.token_with("x", roles, |c| set(c, "exp", json!(now() - 1)))),
        ("token_not_yet_valid", world.token_with("x", roles, |c| set(c, "nbf", json!(now() + 90)))),
        (
            "token_issued_in_future",
            world.token_with("x", roles, |c| set(c, "iat", json!(now() + 90))),
        ),
        ("audience_mismatch", world.token_with("x", roles, |c| set(c, "aud", json!("other")))),
        ("audience_mismatch", world.token_with("x", roles, |c| set(c, "aud", json!([])))),
        ("issuer_unknown", foreign.sign(&foreign.claims("x", roles)).unwrap()),
        ("issuer_unknown", world.token_with("x", roles, |c| set(c, "iss", json!("http://x/")))),
        ("key_unknown", {
            let mut claims = foreign.claims("x", roles);
            set(&mut claims, "iss", json!(world.idp.issuer()));
            foreign.sign(&claims).unwrap()
        }),
        ("signature_invalid", {
            let (rest, _) = honest.rsplit_once('.').unwrap();
            let other = world.token("y", roles);
            format!("{rest}.{}", other.rsplit_once('.').unwrap().1)
        }),
        ("roles_claim_absent", world.token_with("x", roles, |c| set(c, "realm_access", json!({})))),
        (
            "roles_claim_unreadable",
            world.token_with("x", roles, |c| set(c, "realm_access", json!({"roles": 7}))),
        ),
        (
            "claim_absent",
            world.token_with("x", roles, |c| {
                c.as_object_mut().unwrap().remove("tenant_id");
            }),
        ),
        ("claim_unusable", world.token_with("x", roles, |c| set(c, "tenant_id", json!("*")))),
        ("claim_unusable", world.token_with("x", roles, |c| set(c, "tenant_id", json!("a.b")))),
        ("claim_unusable", world.token_with("x", roles, |c| set(c, "tenant_id", json!("")))),
        ("claim_unusable", world.token_with("x", roles, |c| set(c, "tenant_id", json!(["a"])))),
        ("subject_unusable", world.token_with("", roles, |_| {})),
        ("token_time_invalid", world.token_with("x", roles, |c| set(c, "exp", json!("soon")))),
        ("roles_claim_empty", world.token("x", &[])),
        ("token_malformed", "x".to_owned()),
        ("token_malformed", "...".to_owned()),
        ("token_malformed", "no-dots-at-all".to_owned()),
        ("token_header_invalid", "e30.e30.e30".to_owned()),
        ("token_too_large", "a".repeat(17 * 1024)),
    ];
    let tokens = [&tokens[..], &rewritten(&honest)].concat();
    for (index, (code, token)) in tokens.iter().enumerate() {
        assert_eq!(world.refusal(&format!("case-{index}"), token).await, *code, "case {index}");
    }
    let log = world.hallpass[0].log();
    let stream: Vec<String> = world.audit().await.iter().map(|r| r.json().to_string()).collect();
    for (_, token) in tokens.iter().filter(|(_, token)| token.len() > 100) {
        for part in token.split('.').filter(|part| part.len() > 20) {
            assert!(!log.contains(part), "a piece of a token is in the log");
            assert!(!stream.concat().contains(part), "a piece of a token is in the audit stream");
        }
    }
    let server_log = std::fs::read_to_string(world.directory().join("nats-server.log")).unwrap();
    assert!(server_log.contains("hallpass: token_expired (decision "), "the operator reads why");
}

#[tokio::test]
async fn the_token_may_come_as_password_and_two_that_differ_are_refused() {
    let world = World::start().await;
    let token = world.token("x", &["orders:read"]);
    let pass =
        |user: &str, pass: &str| ConnectOptions::with_user_and_password(user.into(), pass.into());
    world.connect(pass("anybody", &token).name("p")).await.unwrap();
    assert_eq!(world.event_of("p").await.text("/data/credential/carrier"), "password");
    world.connect(pass("u", &token).token(token.clone()).name("same")).await.unwrap();
    let other = world.token("y", &["orders:read"]);
    let both = pass("u", &token).token(other);
    assert_eq!(world.refusal_of(both, "both").await, "credential_ambiguous");
    assert_eq!(world.refusal_of(ConnectOptions::new(), "none").await, "credential_missing");
}

#[tokio::test]
async fn without_an_xkey_on_either_side_requests_come_in_the_clear() {
    let world = World::builder()
        .server_conf(|conf| conf.replace("xkey: $HALLPASS_CALLOUT_XKEY", ""))
        .replicas(0)
        .start()
        .await;
    let path = world.directory().join("hallpass.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let without: String = text
        .lines()
        .filter(|line| !line.starts_with("xkey_seed"))
        .map(|l| format!("{l}\n"))
        .collect();
    std::fs::write(&path, without).unwrap();
    let mut world = world;
    world.add_hallpass(&[]).await;
    world.log_in("plain", &world.token("x", &["orders:read"])).await.unwrap();
    assert_eq!(world.refusal("bad", "x").await, "token_malformed");
}

#[tokio::test]
async fn an_xkey_on_one_side_only_lets_nobody_in() {
    let world = World::builder()
        .server_conf(|conf| conf.replace("xkey: $HALLPASS_CALLOUT_XKEY", ""))
        .start()
        .await;
    let error = world.log_in("x", &world.token("x", &["orders:read"])).await.unwrap_err();
    assert_eq!(error.kind(), async_nats::ConnectErrorKind::AuthorizationViolation);
    world.hallpass[0].says("request_not_sealed").await;
}

#[tokio::test]
async fn an_issuer_that_differs_by_a_slash_only_is_named() {
    let world = World::start().await;
    let iss = format!("{}/", world.idp.issuer());
    let token = world.token_with("x", &["orders:read"], |claims| set(claims, "iss", json!(iss)));
    assert_eq!(world.refusal("slash", &token).await, "issuer_unknown");
    let detail = world.event_of("slash").await.text("/data/detail");
    assert_eq!(detail, "`iss` differs from that of `[issuers.idp]` by a trailing slash only");
}

/// Hundreds of groups make a token of this size: more than CONNECT may have by default.
#[tokio::test]
async fn a_token_that_outgrows_the_servers_default_gets_in() {
    let world = World::start().await;
    let token = world.token_with("x", &["orders:read"], |claims| {
        set(claims, "groups", json!(vec!["/departments/sales/emea"; 400]));
    });
    assert!(token.len() > 12_000, "{}", token.len());
    world.log_in("large", &token).await.unwrap();

    let usual = World::builder()
        .server_conf(|conf| conf.replace("max_control_line: 32KB", ""))
        .replicas(0)
        .start()
        .await;
    let error = usual.log_in("large", &token).await.unwrap_err();
    assert!(error.to_string().contains("maximum control line"), "{error}");
}

/// What people look up first when a first login fails: what the configuration expected.
#[tokio::test]
async fn a_refusal_says_what_was_expected() {
    let world = World::start().await;
    let roles = &["orders:read"];
    for (name, token, detail) in [
        (
            "audience",
            world.token_with("x", roles, |c| set(c, "aud", json!("other"))),
            "none of the token's audiences is `nats` (issuers.idp.audiences)",
        ),
        (
            "roles",
            world.token_with("x", roles, |c| set(c, "realm_access", json!({}))),
            "no roles can be read at `realm_access.roles` (issuers.idp.roles_claim)",
        ),
        (
            "role",
            world.token("x", &["unheard:of"]),
            "the token's number of roles is 1, and no map's `idp_roles` names one",
        ),
    ] {
        world.refusal(name, &token).await;
        assert_eq!(world.event_of(name).await.text("/data/detail"), detail);
    }
}
