//! JWTs that leave out what their IdP says when it is asked, as Keycloak's lightweight access
//! tokens do. (The answers are a stand-in's: see `tests/clients/oidc-provider.mjs`.)

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use super::*;

async fn lightweight_idp() -> OidcProvider {
    OidcProvider::start(&["--alg", "ES256", "--format", "lightweight"]).await
}

fn claims(token: &str) -> Value {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

#[tokio::test]
async fn a_lightweight_token_gets_in_with_the_roles_of_the_answer() {
    let idp = lightweight_idp().await;
    let world = asking(&idp, "tokens = \"jwt\"\nmax_age = \"0s\"").await;
    let token = idp.token("clerk").await;
    assert!(claims(&token).get("realm_access").is_none(), "the roles are left out");
    world.log_in("clerk", &token).await.unwrap();
    let event = world.event_of("clerk").await;
    assert_eq!(event.text("/data/identity/user_name"), format!("{OIDC_PROVIDER}:clerk"));
    assert_eq!(event.roles(), "orders-clerk");
    assert_eq!(event.text("/data/token/algorithm"), "ES256", "it is signed all the same");
    world.log_in("reader", &idp.token("reader").await).await.unwrap();
    assert_eq!(world.event_of("reader").await.roles(), "orders-reader");
    assert_eq!(idp.questions().await, 2);

    let output = run_with(world.directory(), &["token", "verify"], &token).await;
    let told = text(&output.stdout);
    assert_eq!(code(&output), 0, "{told}");
    assert!(told.contains("✓ signature") && told.contains("✓ introspection"), "{told}");

    let asked = idp.questions().await;
    idp.revoke("clerk", &token).await;
    assert_eq!(world.refusal("revoked", &token).await, "token_inactive");
    assert_eq!(idp.questions().await, asked + 1);
    assert_nothing_told(&world, &[&token]).await;
}

/// Who has made up a token need not be told of what the IdP thinks of it.
#[tokio::test]
async fn only_what_is_signed_by_the_idp_is_sent_to_it() {
    let idp = lightweight_idp().await;
    let world = asking(&idp, "tokens = \"jwt\"").await;
    let (one, other) = (idp.token("clerk").await, idp.token("reader").await);
    let ((rest, _), (_, signature)) =
        (one.rsplit_once('.').unwrap(), other.rsplit_once('.').unwrap());
    let forged = format!("{rest}.{signature}");
    assert_eq!(world.refusal("forged", &forged).await, "signature_invalid");
    assert_eq!(world.refusal("opaque", "never-was-a-token-of-anybody").await, "token_malformed");
    assert_eq!(idp.questions().await, 0);
    world.log_in("honest", &one).await.unwrap();
    assert_eq!(idp.questions().await, 1);
}

/// Without being asked, the IdP has said nothing of roles.
#[tokio::test]
async fn a_lightweight_token_alone_is_not_enough() {
    let idp = lightweight_idp().await;
    let world = idp.world().start().await;
    assert_eq!(world.refusal("clerk", &idp.token("clerk").await).await, "roles_claim_absent");
    assert_eq!(idp.questions().await, 0);
}
