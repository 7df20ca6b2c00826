//! Changes of the issuers' keys.

use super::*;
use crate::support::{OIDC_PROVIDER, OidcProvider};

/// The events about the IdP's keys, once there are as many.
async fn changes(world: &World, count: usize) -> Vec<Value> {
    eventually(&format!("{count} changes of keys"), || async {
        let mut events = of(&world.events().await, "keys");
        events.retain(|event| event["data"]["issuer"] == OIDC_PROVIDER);
        (events.len() >= count).then_some(events)
    })
    .await
}

fn ids(told: &Value) -> Vec<&str> {
    told.as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_rotation_is_told_with_the_keys_that_came_and_went() {
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let world = idp.world().start().await;
    let first = changes(&world, 1).await.remove(0);
    assert_eq!(first["subject"], OIDC_PROVIDER);
    let data = &first["data"];
    assert_eq!((&data["outcome"], &data["first"]), (&json!("changed"), &json!(true)));
    assert_eq!(data["source"], "discovery");
    let old = data["current"].clone();
    assert_eq!((&data["added"], &data["removed"]), (&old, &json!([])));

    let kids = idp.obeys("rotate").await["kids"].clone();
    // A token by a key that is not known yet has the keys fetched.
    world.log_in("first", &idp.token("clerk").await).await.unwrap();
    let second = changes(&world, 2).await.remove(1);
    let data = &second["data"];
    assert!(data.get("first").is_none());
    assert_eq!(json!(ids(&data["current"])), kids);
    assert_eq!(ids(&data["added"]), [kids[0].as_str().unwrap()]);
    assert_eq!(data["removed"], json!([]));

    let published = data["current"].clone();
    idp.obeys("rotate").await;
    let kids = idp.obeys("retire").await["kids"].clone();
    world.log_in("second", &idp.token("clerk").await).await.unwrap();
    let third = changes(&world, 3).await.remove(2);
    let data = &third["data"];
    assert_eq!(json!(ids(&data["added"])), kids);
    assert_eq!((&data["added"], &data["removed"]), (&data["current"], &published));
    assert_eq!(changes(&world, 3).await.len(), 3);
}
