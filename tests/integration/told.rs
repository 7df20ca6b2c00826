//! What events tell of tokens and of people.

use serde_json::json;

use crate::support::World;

/// With these lines at the end of its configuration, before hallpass starts.
async fn started_with(lines: &str) -> World {
    let mut world = World::builder().replicas(0).start().await;
    let path = world.directory().join("hallpass.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\n{lines}\n")).unwrap();
    world.add_hallpass(&[]).await;
    world
}

#[tokio::test]
async fn a_token_is_recognized_wherever_it_comes_even_a_forged_one() {
    let mut world = World::start().await;
    world.add_hallpass(&[]).await;
    let token = world.token("carl", &["orders:write"]);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(86));
    let _in = world.log_in("good", &token).await.unwrap();
    let as_password = async_nats::ConnectOptions::with_user_and_password("x".into(), token.clone());
    let _again = world.connect(as_password.name("password")).await.unwrap();
    world.refusal("forged", &forged).await;
    world.refusal("forged-again", &forged).await;
    world.refusal("other", "no token at all").await;
    let fingerprint =
        async |name: &str| world.event_of(name).await.text("/data/credential/fingerprint");
    let good = fingerprint("good").await;
    assert!(good.starts_with("hmac-sha256:"), "{good}");
    assert_eq!(fingerprint("password").await, good);
    let forged = fingerprint("forged").await;
    assert_ne!(forged, good);
    assert_eq!(fingerprint("forged-again").await, forged);
    assert!(![good, forged].contains(&fingerprint("other").await));
    world.refusal_of(async_nats::ConnectOptions::new(), "nothing").await;
    let nothing = world.event_of("nothing").await;
    assert_eq!(nothing.text("/data/code"), "credential_missing");
    assert!(nothing.json()["data"].get("credential").is_none(), "nothing has no fingerprint");
}

#[tokio::test]
async fn what_the_settings_hide_is_not_on_the_stream() {
    let world = started_with(
        "[audit.personal_data]\nomit = [\"token_id\"]\npseudonymize = [\"subject\", \"address\"]",
    )
    .await;
    let roles = ["orders:write"];
    for name in ["first", "second"] {
        let _in = world.log_in(name, &world.token("subject-71f1", &roles)).await.unwrap();
    }
    let _in = world.log_in("other", &world.token("subject-82f2", &roles)).await.unwrap();
    let told = async |name: &str| world.event_of(name).await.text("/data/identity/user_name");
    let first = told("first").await;
    assert!(first.starts_with("pseudonym:"), "{first}");
    assert_eq!(told("second").await, first, "one person");
    assert_ne!(told("other").await, first);
    let event = world.event_of("first").await;
    assert_eq!(
        event.json()["data"]["privacy"],
        json!({ "omitted": ["token_id"], "pseudonymized": ["subject", "user_name", "address"] })
    );
    for event in world.audit().await {
        let text = event.json().to_string();
        let values = ["subject-71f1", "subject-82f2", "127.0.0.1"];
        assert!(values.iter().all(|value| !text.contains(value)), "{text}");
    }
}
