//! The keys of an IdP that nobody here wrote, while it rotates them, is flooded with questions,
//! goes away and comes back.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;

use crate::support::{OIDC_PROVIDER, OidcProvider, World, eventually};

mod files;
mod pem;
mod status;

/// The setting of the IdP in a flag.
fn setting(key: &str, value: &str) -> String {
    format!("issuers.{OIDC_PROVIDER}.{key}={value}")
}

/// A world that believes the IdP, with its keys refreshed as seldom as by default.
async fn world(idp: &OidcProvider) -> World {
    let world = idp.world().start().await;
    assert_eq!(idp.jwks_requests().await, 1, "once at the start");
    world
}

/// The token with another `kid` in its header.
fn with_kid(token: &str, kid: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let (header, rest) = token.split_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap();
    let mut header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["kid"] = kid.into();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rotations_in_a_stream_of_logins_refuse_nobody() {
    const LOGINS: u64 = 240;
    const ROTATIONS: u64 = 5;
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let world = world(&idp).await;
    let done = AtomicU64::new(0);
    let stream = join_all((0..8).map(|_| async {
        while done.fetch_add(1, Ordering::SeqCst) < LOGINS {
            // Each with a fresh token, by the newest key.
            let token = idp.token("clerk").await;
            world.log_in("stream", &token).await.expect("nobody is refused");
        }
    }));
    let rotating = async {
        for number in 1..=ROTATIONS {
            eventually("the next part of the stream", || async {
                let due = number * LOGINS / (ROTATIONS + 1);
                (done.load(Ordering::SeqCst) >= due).then_some(())
            })
            .await;
            let kids = idp.obeys("rotate").await["kids"].as_array().unwrap().len();
            assert_eq!(kids as u64, number + 1, "the older keys stay");
        }
    };
    tokio::join!(stream, rotating);
    // Rotations that follow each other closely share a fetch.
    let requests = idp.jwks_requests().await;
    assert!((2..=1 + ROTATIONS).contains(&requests), "{requests} JWKS requests");

    let events = world.audit().await;
    let stream: Vec<_> =
        events.iter().filter(|event| event.text("/data/client/name") == "stream").collect();
    assert_eq!(stream.len() as u64, LOGINS, "each login was decided once");
    assert!(stream.iter().all(|event| event.outcome() == "granted"));
    let mut kids: Vec<_> = stream.iter().map(|event| event.text("/data/token/key_id")).collect();
    kids.sort();
    kids.dedup();
    assert_eq!(kids.len() as u64, ROTATIONS + 1, "logins by each of the keys");
}

/// A key rotated in the second after a fetch used to be refused.
#[tokio::test]
async fn two_rotations_in_a_row_are_found_both() {
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let world = world(&idp).await;
    for _ in 0..2 {
        idp.obeys("rotate").await;
        world.log_in("x", &idp.token("clerk").await).await.unwrap();
    }
    assert_eq!(idp.jwks_requests().await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn garbage_does_not_make_hallpass_hammer_the_idp() {
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let world = world(&idp).await;
    let (begin, token) = (Instant::now(), idp.token("clerk").await);
    let garbage = AtomicU64::new(0);
    let flood = join_all((0..16).map(|_| async {
        while begin.elapsed() < Duration::from_secs(9) {
            let number = garbage.fetch_add(1, Ordering::SeqCst);
            let made_up = with_kid(&token, &format!("made-up-{number}"));
            world.log_in("garbage", &made_up).await.unwrap_err();
        }
    }));
    let honest = async {
        let mut logins = 0;
        while begin.elapsed() < Duration::from_secs(8) {
            world.log_in("honest", &token).await.expect("a known key is found");
            logins += 1;
        }
        logins
    };
    let (_, honest) = tokio::join!(flood, honest);
    let (requests, garbage) = (idp.jwks_requests().await, garbage.load(Ordering::SeqCst));
    // One at the start, five in a row, one more every ten seconds.
    let most = 6 + begin.elapsed().as_secs() / 10;
    assert!(requests <= most, "{requests} JWKS requests for {garbage} tokens");
    assert!(garbage > 100 && honest > 10, "{garbage} made-up keys, {honest} honest logins");
    let log = world.hallpass[0].log();
    let told = log.matches("many tokens name keys that the issuer does not have").count();
    assert!((1..=2).contains(&told), "{told} warnings");
    // What was refused for want of a fetch is found once there may be one again.
    idp.obeys("rotate").await;
    let token = idp.token("clerk").await;
    eventually("a login by the rotated key", || async {
        world.log_in("after", &token).await.ok().map(drop)
    })
    .await;
}

#[tokio::test]
async fn an_idp_that_is_killed_and_comes_back_with_other_keys() {
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let world = world(&idp).await;
    let old = idp.token("clerk").await;
    let port = idp.port().to_owned();
    idp.kill().await;
    for _ in 0..20 {
        world.log_in("known", &old).await.expect("known keys outlive the IdP");
    }
    // A key that nobody can be asked about.
    let unknown = with_kid(&old, "unknown");
    assert_eq!(world.refusal("unknown", &unknown).await, "keys_unavailable");

    let idp = OidcProvider::start(&["--alg", "ES256", "--port", &port]).await;
    let new = idp.token("clerk").await;
    // It has other keys, and the old ones are gone with the first fetch.
    eventually("a login by the new key", || async {
        world.log_in("new", &new).await.ok().map(drop)
    })
    .await;
    assert_eq!(world.refusal("old", &old).await, "key_unknown");
    let requests = idp.jwks_requests().await;
    assert!((1..=4).contains(&requests), "{requests} JWKS requests");
}

#[tokio::test]
async fn an_instance_that_starts_while_the_idp_is_away_has_its_keys_soon_after() {
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let mut world = idp.world().replicas(0).start().await;
    let old = idp.token("clerk").await;
    let port = idp.port().to_owned();
    idp.kill().await;
    world.add_hallpass(&[]).await;
    assert!(world.hallpass[0].log().contains("not everybody can be let in yet"));
    assert_eq!(world.refusal("early", &old).await, "keys_unavailable");
    let idp = OidcProvider::start(&["--alg", "ES256", "--port", &port]).await;
    let token = idp.token("clerk").await;
    eventually("a login", || async { world.log_in("x", &token).await.ok().map(drop) }).await;
}

#[tokio::test]
async fn a_removed_key_is_refused_after_the_next_refresh() {
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let mut world = idp.world().replicas(0).start().await;
    world.add_hallpass(&["--set", &setting("refresh", "10s")]).await;
    let old = idp.token("clerk").await;
    idp.obeys("rotate").await;
    world.log_in("new", &idp.token("clerk").await).await.unwrap();
    world.log_in("old", &old).await.expect("the IdP still publishes the older key");
    let before = idp.obeys("retire").await["jwks"].as_u64().unwrap();
    world.log_in("retired", &old).await.expect("believed until the next refresh");
    eventually("the refresh", || async { (idp.jwks_requests().await > before).then_some(()) })
        .await;
    assert_eq!(world.refusal("removed", &old).await, "key_unknown");
    world.log_in("still", &idp.token("clerk").await).await.unwrap();
}
