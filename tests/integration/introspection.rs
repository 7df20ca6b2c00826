//! Tokens that say nothing, or not all: their IdP, which nobody here wrote, is asked (RFC 7662).

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::{
    Answer, LOGIN_CLIENT, OIDC_PROVIDER, OidcProvider, Person, World, WorldBuilder, code,
    eventually, run_with, secret, soon, text,
};

mod answers;
mod lightweight;
mod outages;

/// The clients of `tests/clients/oidc-provider.mjs` that may ask, and how they send their secret.
const ASKERS: [(&str, &str); 2] =
    [("hallpass", "client_secret_basic"), ("hallpass-post", "client_secret_post")];

/// An IdP whose access tokens say nothing.
async fn opaque_idp() -> OidcProvider {
    OidcProvider::start(&["--alg", "ES256", "--format", "opaque"]).await
}

/// A world whose hallpass asks the IdP as `hallpass`, with these further settings.
async fn asking(idp: &OidcProvider, settings: &str) -> World {
    asking_as(idp, "hallpass", &secret("hallpass"), settings, idp.world()).await
}

/// As [`asking`], with a client, a secret and a world of one's choice.
async fn asking_as(
    idp: &OidcProvider,
    client: &str,
    secret: &str,
    settings: &str,
    world: WorldBuilder,
) -> World {
    let mut world = world.replicas(0).start().await;
    let file = secret_file(&world);
    std::fs::write(&file, format!("{secret}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    configure(
        world.directory(),
        &format!(
            "[issuers.{OIDC_PROVIDER}.introspection]\nendpoint = \"{}\"\nclient_id = \"{client}\"\n\
             client_secret = {{ file = \"idp-secret\" }}\n{settings}",
            idp.introspection_endpoint()
        ),
    );
    world.add_hallpass(&[]).await;
    world
}

fn secret_file(world: &World) -> std::path::PathBuf {
    world.directory().join("idp-secret")
}

/// Adds a section to the configuration.
fn configure(directory: &Path, section: &str) {
    let path = directory.join("hallpass.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, format!("{text}\n{section}\n")).unwrap();
}

/// Logs in again and again until it is kept out, and returns the event that says why.
async fn kept_out(world: &World, token: &str) -> hallpass::audit::reader::Record {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = eventually("a refusal", || async {
        let name = format!("again-{}", NUMBER.fetch_add(1, Ordering::SeqCst));
        world.log_in(&name, token).await.err().map(|_| name)
    })
    .await;
    world.event_of(&name).await
}

/// Nothing that is secret is where people read.
async fn assert_nothing_told(world: &World, secrets: &[&str]) {
    let events = world.audit().await;
    assert!(!events.is_empty());
    let events: String = events.iter().map(|event| event.json().to_string()).collect();
    let server = std::fs::read_to_string(world.directory().join("nats-server.log")).unwrap();
    for (place, told) in
        [("hallpass", world.hallpass[0].log()), ("nats-server", server), ("audit", events)]
    {
        assert!(!told.is_empty());
        // Neither as it is nor in either encoding in which it goes over the wire.
        for said in ["100%", "100%25", "aGFsbHBhc3M6"].iter().chain(secrets) {
            assert!(!told.contains(said), "{place} tells `{said}`:\n{told}");
        }
    }
}

#[tokio::test]
async fn an_opaque_token_gets_in_with_its_roles() {
    let idp = opaque_idp().await;
    for (asker, way) in ASKERS {
        let settings = format!("client_auth = \"{way}\"");
        let world = asking_as(&idp, asker, &secret(asker), &settings, idp.world()).await;
        let (clerk, nobody) = (idp.token("clerk").await, idp.token("nobody").await);
        assert!(!clerk.contains('.') && clerk.len() >= 16, "it is opaque");
        let visitor = world.log_in("clerk", &clerk).await.unwrap();
        let event = world.event_of("clerk").await;
        let told = |pointer| event.text(pointer);
        assert_eq!(event.json().pointer("/data/token/introspected"), Some(&Value::Bool(true)));
        assert_eq!(told("/data/identity/user_name"), format!("{OIDC_PROVIDER}:clerk"));
        assert_eq!(
            (told("/data/token/algorithm"), event.roles().as_str()),
            ("-".into(), "orders-clerk")
        );
        assert_eq!(told("/data/grant/ends_at"), told("/data/token/expires_at"));
        assert_eq!(told("/data/grant/publish/allow/0"), "orders.acme.cancelled");
        visitor.client.flush().await.unwrap();
        assert_eq!(world.refusal("nobody", &nobody).await, "roles_claim_empty");
        assert_nothing_told(&world, &[&clerk, &nobody]).await;
    }
}

#[tokio::test]
async fn a_herd_with_one_token_asks_once() {
    let idp = opaque_idp().await;
    let world = asking(&idp, "").await;
    let token = idp.token("clerk").await;
    let herd = join_all((0..50).map(|_| world.log_in("herd", &token))).await;
    assert!(herd.iter().all(Result::is_ok), "all of them get in");
    world.log_in("straggler", &token).await.unwrap();
    assert_eq!(idp.questions().await, 1);
    // What is remembered of one token is nothing about another.
    let reader = idp.token("reader").await;
    world.log_in("reader", &reader).await.unwrap();
    assert_eq!(world.event_of("reader").await.roles(), "orders-reader");
    assert_eq!(idp.questions().await, 2);
}

#[tokio::test]
async fn without_an_age_each_login_asks_and_a_revoked_token_is_refused_at_once() {
    let idp = opaque_idp().await;
    let world = asking(&idp, "max_age = \"0s\"").await;
    let token = idp.token("clerk").await;
    for asked in 1..=3 {
        world.log_in("one", &token).await.unwrap();
        assert_eq!(idp.questions().await, asked);
    }
    // Those that overlap may share an answer that came after they did.
    let herd = join_all((0..20).map(|_| world.log_in("herd", &token))).await;
    assert!(herd.iter().all(Result::is_ok));
    let asked = idp.questions().await;
    assert!((4..=23).contains(&asked), "{asked} questions");
    idp.revoke("clerk", &token).await;
    assert_eq!(world.refusal("revoked", &token).await, "token_inactive");
    assert_eq!(idp.questions().await, asked + 1);
    // A fresh one is another matter.
    world.log_in("fresh", &idp.token("clerk").await).await.unwrap();
}

#[tokio::test]
async fn a_revoked_token_is_refused_once_the_answer_has_aged() {
    let idp = opaque_idp().await;
    let world = asking(&idp, "max_age = \"2s\"").await;
    let (token, other) = (idp.token("clerk").await, idp.token("clerk").await);
    world.log_in("before", &token).await.unwrap();
    world.log_in("other", &other).await.unwrap();
    idp.revoke("clerk", &token).await;
    let event = kept_out(&world, &token).await;
    assert_eq!(
        (event.text("/data/code"), event.outcome()),
        ("token_inactive".into(), "refused".into())
    );
    assert_eq!(event.text("/data/identity/user_name"), "-");
    world.log_in("other again", &other).await.expect("the other one is not revoked");
}

#[tokio::test]
async fn who_asks_beforehand_is_told_the_same() {
    let idp = opaque_idp().await;
    let world = asking(&idp, "").await;
    let token = idp.token("clerk").await;
    let verify = async |token: &str| {
        let output = run_with(world.directory(), &["token", "verify"], token).await;
        let told = text(&output.stdout);
        assert!(!told.contains(token) && !text(&output.stderr).contains(token), "{told}");
        (code(&output), told)
    };
    let (exit, told) = verify(&token).await;
    assert_eq!(exit, 0, "{told}");
    assert!(told.contains("✓ introspection"), "{told}");
    let identity = format!("user name `{OIDC_PROVIDER}:clerk`, IdP roles `orders:write`");
    assert!(told.contains(&identity), "{told}");
    assert!(
        told.ends_with(&format!("the token holds: {OIDC_PROVIDER} vouches for it\n")),
        "{told}"
    );
    idp.revoke("clerk", &token).await;
    let (exit, told) = verify(&token).await;
    assert_eq!(exit, 2, "{told}");
    assert!(told.contains("✗ introspection"), "{told}");
    assert!(told.ends_with("the token does not hold: token_inactive\n"), "{told}");
}
