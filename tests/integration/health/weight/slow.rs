//! Parts that get slow, and fast again.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use super::*;
use crate::support::{Cable, OIDC_PROVIDER, OidcProvider, secret};

/// As much as there is on a machine with much to do.
const ALL: std::ops::RangeInclusive<u32> = 90..=100;

const NO_TIME: Duration = Duration::ZERO;

/// A world whose hallpass reaches nats-server by a cable only.
async fn cabled() -> (World, Cable, String) {
    let mut world = World::builder().replicas(0).start().await;
    let cable = Cable::to(host_and_port(world.nats.url())).await;
    let urls = format!("nats.urls={}", cable.url());
    world.add_hallpass(&[&HTTP[..], &AGENT, &["--set", &urls]].concat()).await;
    let at = http(&world.hallpass[0]).await;
    (world, cable, at)
}

/// Waits until exactly this is slow.
async fn is_slow(address: &str, what: &str) {
    eventually(&format!("{what} is slow"), || async {
        let told = readiness(address).await?;
        (told["ready"] == true && told["slow"] == serde_json::json!([what])).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_slow_way_to_nats_lowers_the_weight_until_it_is_fast_again() {
    let (world, cable, at) = cabled().await;
    let haproxy = before(&world).await;
    weighs(&haproxy, "nats-1", ALL).await;
    // The connection that logins come by: 10% + 90% × (500 − 300) ÷ 450, and a little less.
    cable.delay_of("hallpass", Duration::from_millis(300));
    is_slow(&at, "nats").await;
    weighs(&haproxy, "nats-1", 25..=50).await;
    cable.delay_of("hallpass", NO_TIME);
    weighs(&haproxy, "nats-1", ALL).await;
    // The server that the agent is asked about.
    cable.delay_of("hallpass-path", Duration::from_millis(400));
    weighs(&haproxy, "nats-1", 10..=30).await;
    cable.delay_of("hallpass-path", NO_TIME);
    weighs(&haproxy, "nats-1", ALL).await;
}

#[tokio::test]
async fn a_slow_jetstream_lowers_the_weight_by_half_at_most_until_it_is_fast_again() {
    let (world, cable, at) = cabled().await;
    let haproxy = before(&world).await;
    weighs(&haproxy, "nats-1", ALL).await;
    // 50% + 50% × (1000 − 600) ÷ 900, and a little less.
    cable.delay_of("hallpass-audit", Duration::from_millis(600));
    is_slow(&at, "jetstream").await;
    weighs(&haproxy, "nats-1", 60..=72).await;
    // So slow that its acknowledgements are too late for every attempt.
    cable.delay_of("hallpass-audit", Duration::from_secs(3));
    weighs(&haproxy, "nats-1", 50..=50).await;
    world.log_in("in", &world.token("x", &["orders:read"])).await.unwrap();
    weighs(&haproxy, "nats-1", 50..=50).await;
    cable.delay_of("hallpass-audit", NO_TIME);
    weighs(&haproxy, "nats-1", ALL).await;
}

#[tokio::test]
async fn a_slow_idp_lowers_the_weight_until_it_is_fast_again() {
    let idp = OidcProvider::start(&["--alg", "ES256", "--format", "opaque"]).await;
    let mut world = idp.world().replicas(0).start().await;
    let file = world.directory().join("idp-secret");
    std::fs::write(&file, secret("hallpass")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let endpoint = reqwest::Url::parse(idp.introspection_endpoint()).unwrap();
    let cable = Cable::to(format!("127.0.0.1:{}", endpoint.port().unwrap())).await;
    let path = world.directory().join("hallpass.toml");
    let configuration = std::fs::read_to_string(&path).unwrap()
        + &format!(
            "\n[issuers.{OIDC_PROVIDER}.introspection]\nendpoint = \"http://{}{}\"\n\
             client_id = \"hallpass\"\nclient_secret = {{ file = \"idp-secret\" }}\n\
             max_age = \"0s\"\n",
            cable.address(),
            endpoint.path()
        );
    std::fs::write(path, configuration).unwrap();
    world.add_hallpass(&[&HTTP[..], &AGENT].concat()).await;
    let at = http(&world.hallpass[0]).await;
    let haproxy = before(&world).await;
    weighs(&haproxy, "nats-1", ALL).await;
    let token = idp.token("clerk").await;
    world.log_in("quick", &token).await.unwrap();
    weighs(&haproxy, "nats-1", ALL).await;

    // 10% + 90% × (1200 − 600) ÷ 950, and a little less.
    cable.delay(Duration::from_millis(600));
    for _ in 0..3 {
        world.log_in("slow", &token).await.unwrap();
    }
    // For as long as it takes until nothing else of a busy machine is slow.
    let more = async {
        loop {
            let _ = world.log_in("slow", &token).await;
        }
    };
    let told = async {
        is_slow(&at, "decide").await;
        weighs(&haproxy, "nats-1", 40..=67).await;
    };
    tokio::select! {
        () = more => {}
        () = told => {}
    }
    // Somebody without a credential is no measure of anything.
    cable.delay(NO_TIME);
    for _ in 0..20 {
        world.log_in("stranger", "no-token-of-anybody").await.unwrap_err();
    }
    // The slow ones may be longer ago by now than is remembered; the strangers are not.
    cable.delay(Duration::from_millis(600));
    world.log_in("slow", &token).await.unwrap();
    cable.delay(NO_TIME);
    let told = readiness(&at).await.unwrap();
    assert!(told["slow"].as_array().unwrap().contains(&"decide".into()), "{told}");
    for _ in 0..8 {
        world.log_in("quick", &token).await.unwrap();
    }
    weighs(&haproxy, "nats-1", ALL).await;
}
