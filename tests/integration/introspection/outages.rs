//! An IdP that cannot be asked lets nobody in, for as long as that lasts and no longer.

use hallpass::setup::EXAMPLE_MAP;

use super::*;

/// Both outcomes that matter of an event.
fn verdict(event: &hallpass::audit::reader::Record) -> (String, String) {
    (event.text("/data/code"), event.outcome())
}

fn unavailable() -> (String, String) {
    ("introspection_unavailable".to_owned(), "undecided".to_owned())
}

#[tokio::test]
async fn a_wrong_secret_lets_nobody_in_and_the_log_says_the_status_alone() {
    let idp = opaque_idp().await;
    let token = idp.token("clerk").await;
    for (asker, way) in ASKERS {
        let settings = format!("client_auth = \"{way}\"");
        let wrong = "100%-wrong-secret";
        let world = asking_as(&idp, asker, wrong, &settings, idp.world()).await;
        assert_eq!(world.refusal("wrong", &token).await, unavailable().0);
        assert_eq!(verdict(&world.event_of("wrong").await), unavailable());
        let line = world.hallpass[0].says("could not be asked about a token").await;
        assert!(line.contains("WARN") && line.contains(OIDC_PROVIDER), "{line}");
        assert!(line.contains("HTTP status 401"), "{line}");
        assert_nothing_told(&world, &[&token, wrong]).await;
        // Nobody is let in by a failure that is remembered, nor kept out by it.
        let asked = idp.questions().await;
        assert_eq!(world.refusal("again", &token).await, unavailable().0);
        assert_eq!(idp.questions().await, asked + 1);
    }
}

#[tokio::test]
async fn an_idp_that_is_killed_and_comes_back() {
    let idp = opaque_idp().await;
    let issuers = format!("issuers = [\"{OIDC_PROVIDER}\", \"idp\"]\n");
    let builder = idp.world().map("orders.toml", &(issuers + EXAMPLE_MAP));
    let secret = secret("hallpass");
    let world = asking_as(&idp, "hallpass", &secret, "max_age = \"5s\"", builder).await;
    let (seen, unseen) = (idp.token("clerk").await, idp.token("clerk").await);
    world.log_in("seen", &seen).await.unwrap();
    let port = idp.port().to_owned();
    idp.kill().await;
    world.log_in("remembered", &seen).await.expect("what it said is good for a while");
    assert_eq!(world.refusal("unseen", &unseen).await, unavailable().0);
    assert_eq!(verdict(&kept_out(&world, &seen).await), unavailable(), "no longer than that");
    // Whose IdP is there is not concerned.
    let rita = world.token("rita", &["orders:write"]);
    world.log_in("rita", &rita).await.unwrap();
    assert_eq!(world.event_of("rita").await.text("/data/identity/user_name"), "idp:rita");

    let idp = OidcProvider::start(&["--alg", "ES256", "--format", "opaque", "--port", &port]).await;
    let fresh = idp.token("clerk").await;
    world.log_in("fresh", &fresh).await.expect("the very first that is asked about");
    // Its tokens were in its memory alone.
    assert_eq!(world.refusal("forgotten", &seen).await, "token_inactive");
    assert_nothing_told(&world, &[&seen, &unseen, &fresh]).await;
}
