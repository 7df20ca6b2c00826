//! `jwks_file`: the IdP is never asked.

use super::*;
use crate::support::{code, run, text};

#[tokio::test]
async fn keys_from_a_file_that_is_replaced() {
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let mut world = idp.world().replicas(0).start().await;
    let path = world.directory().join("jwks.json");
    let bring = async || {
        let uri = format!("{}/jwks", idp.issuer());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let keys = client.get(uri).send().await.unwrap().bytes().await.unwrap();
        let new = path.with_extension("new");
        std::fs::write(&new, keys).unwrap();
        std::fs::rename(new, &path).unwrap();
    };
    let flag = setting("jwks_file", "jwks.json");
    let check = async || {
        let check = run(world.directory(), &["check", "--set", &flag]).await;
        (code(&check), text(&check.stderr))
    };
    let (exit, told) = check().await;
    assert_eq!(exit, 3);
    assert!(told.contains("the keys in `"), "{told}");
    assert!(told.contains("jwks.json` cannot be used: No such file or directory"), "{told}");
    std::fs::write(&path, "[]").unwrap();
    let (exit, told) = check().await;
    assert_eq!(exit, 3);
    assert!(told.contains("jwks.json` cannot be used: the key set: not a JWK Set"), "{told}");
    std::fs::write(&path, r#"{"keys":[]}"#).unwrap();
    let (exit, told) = check().await;
    assert_eq!(exit, 0);
    assert!(told.contains("there is no usable key in `"), "{told}");
    bring().await;
    assert_eq!(check().await, (0, String::new()));

    let by_us = idp.jwks_requests().await;
    world.add_hallpass(&["--set", &flag]).await;
    world.log_in("first", &idp.token("clerk").await).await.unwrap();
    idp.obeys("rotate").await;
    bring().await;
    world.log_in("second", &idp.token("clerk").await).await.unwrap();
    assert_eq!(idp.jwks_requests().await, by_us + 1, "hallpass never asked");
}
