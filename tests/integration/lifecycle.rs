//! Starting, stopping, losing the server and getting it back.

use async_nats::{ConnectErrorKind, ConnectOptions};
use futures_util::future::join_all;
use hallpass::{
    playground::idp::{AUDIENCE, Idp, IdpOptions},
    setup::IssuerText,
};

use crate::support::{Hallpass, World, eventually};

#[tokio::test]
async fn serve_says_once_what_it_is() {
    let world = World::start().await;
    let log = world.hallpass[0].log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("hallpass starts")).collect();
    assert_eq!(lines.len(), 1);
    let mut expected =
        vec![env!("CARGO_PKG_VERSION"), world.nats.url(), world.idp.issuer(), "sha256:"];
    expected.extend([world.keys.issuer.as_str(), world.keys.xkey.as_str(), "HALLPASS_AUDIT"]);
    for word in expected {
        assert!(lines[0].contains(word), "{word} is not in: {}", lines[0]);
    }
    for key in std::fs::read_dir(world.directory().join("keys")).unwrap() {
        let seed = std::fs::read_to_string(key.unwrap().path()).unwrap();
        assert!(!log.contains(seed.trim()), "a seed is in the log");
    }
}

#[tokio::test]
async fn serve_waits_for_a_server_that_is_not_there_yet_and_for_one_that_comes_back() {
    let mut world = World::builder().replicas(0).start().await;
    world.nats.stop().await;
    let early = Hallpass::start(world.directory(), &[]);
    early.says("NATS is not there yet at").await;
    world.restart_nats().await;
    world.hallpass.push(early.ready().await);
    world.log_in("first", &world.token("x", &["orders:read"])).await.unwrap();

    world.restart_nats().await;
    world.hallpass[0].says("NATS connection lost; it comes back by itself").await;
    let token = world.token("x", &["orders:read"]);
    // The server is back before hallpass is: until then a login waits in vain, and may try again.
    eventually("a login after the restart", || async { world.log_in("second", &token).await.ok() })
        .await;
    assert_eq!(world.event_of("second").await.outcome(), "granted");
}

#[tokio::test]
async fn two_replicas_share_the_logins_and_one_can_leave_without_a_failed_login() {
    let mut world = World::builder().replicas(2).start().await;
    let token = world.token("x", &["orders:read"]);
    let wave = |name: &'static str| {
        let (world, token) = (&world, &token);
        join_all((0..40).map(move |_| world.log_in(name, token)))
    };
    for login in wave("both").await {
        login.unwrap();
    }
    // Leaving is a race with the logins: often enough to lose it, if it can be lost.
    for _ in 0..8 {
        let mut leaving = Hallpass::start(world.directory(), &[]).ready().await;
        let (status, logins) = tokio::join!(leaving.terminate(), wave("leaving"));
        assert!(status.success(), "{}", leaving.log());
        for login in logins {
            login.expect("nobody is turned away by a replica that leaves");
        }
        leaving.says("hallpass has stopped").await;
    }

    let events = world.audit().await;
    let instances = |name: &str| {
        let mut found: Vec<_> = events
            .iter()
            .filter(|event| event.text("/data/client/name") == name)
            .map(|event| event.text("/data/hallpass/instance"))
            .collect();
        let total = found.len();
        found.sort();
        found.dedup();
        (total, found.len())
    };
    assert_eq!(instances("both"), (40, 2), "each login is decided once, by one of the two");
    assert_eq!(instances("leaving").0, 8 * 40);
    for replica in &mut world.hallpass {
        assert!(replica.terminate().await.success());
    }
}

#[tokio::test]
async fn an_issuer_with_the_keys_of_a_playground_lets_nobody_in() {
    let playground = Idp::start(IdpOptions::playground()).await.unwrap();
    let issuer = IssuerText {
        name: "toy".to_owned(),
        issuer: playground.issuer().to_owned(),
        audience: AUDIENCE.to_owned(),
        roles_claim: "realm_access.roles".to_owned(),
        allow_http_loopback: true,
    };
    let map = "account = \"APP\"\n[roles.r]\nissuers = [\"toy\", \"idp\"]\nsubscribe = [\"a\"]\n";
    let world = World::builder().issuer(issuer).map("m.toml", map).start().await;
    let token = playground.sign(&playground.claims("x", &["r"])).unwrap();
    world.hallpass[0].says("these are keys of a hallpass playground, which vouch for nobody").await;
    let error = world.log_in("toy", &token).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::AuthorizationViolation);
    assert_eq!(world.event_of("toy").await.outcome(), "undecided");
    world.log_in("real", &world.token("x", &["r"])).await.unwrap();
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let world = World::start().await;
    let token = world.token_with("x", &["orders:read"], |claims| {
        claims["exp"] = (jiff::Timestamp::now().as_second() + 3).into();
    });
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let _client = ConnectOptions::with_token(token)
        .name("short")
        .event_callback(move |event| {
            let told = told.clone();
            async move {
                let _ = told.send(event.to_string());
            }
        })
        .connect(world.nats.url())
        .await
        .unwrap();
    eventually("the server's end of the session", || {
        let event = heard.try_recv().ok();
        async move { event.filter(|event| event.to_lowercase().contains("authentication expired")) }
    })
    .await;
}

#[tokio::test]
async fn sigterm_ends_it_wherever_it_is() {
    let mut world = World::builder().replicas(0).start().await;
    let mut ready = Hallpass::start(world.directory(), &[]).ready().await;
    world.nats.stop().await;
    ready.says("NATS connection lost").await;
    // That it stops cannot be told: there is no stream, so the disk has it.
    let status = ready.terminate().await;
    assert_eq!(status.code(), Some(1), "while the server is away: {}", ready.log());
    ready.says("audit events are not on the stream yet: they are kept in `").await;

    let mut waiting = Hallpass::start(world.directory(), &[]);
    waiting.says("NATS is not there yet").await;
    assert!(waiting.terminate().await.success(), "before it was ever there: {}", waiting.log());
    world.restart_nats().await;
}

#[tokio::test]
async fn a_proxy_is_not_asked_for_an_issuer_on_this_machine() {
    let world = World::builder().replicas(0).start().await;
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let environment = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let environment = environment.map(|name| (name, address.as_str()));
    let hallpass = Hallpass::start_in(world.directory(), &[], &environment).ready().await;
    world.log_in("direct", &world.token("x", &["orders:read"])).await.unwrap();
    assert!(hallpass.log().contains("issuer's keys fetched"));
    assert!(proxy.accept().is_err(), "the proxy was asked");
}

#[tokio::test]
async fn a_user_that_the_server_does_not_know_is_named_as_the_reason() {
    let world = World::builder().replicas(0).start().await;
    let other = nkeys::KeyPair::new_user();
    std::fs::write(world.directory().join("keys/service.nk"), other.seed().unwrap()).unwrap();
    let mut hallpass = Hallpass::start(world.directory(), &[]);
    let line = hallpass.says("NATS refuses hallpass's own user").await;
    assert!(line.contains(&other.public_key()), "{line}");
    assert!(hallpass.terminate().await.success());
}

#[tokio::test]
async fn another_queue_group_than_the_permissions_name_is_said_to_be_the_reason() {
    let world = World::builder().replicas(0).start().await;
    let hallpass = Hallpass::start(world.directory(), &["--set", "callout.queue=other"]);
    hallpass.says("the server does not let hallpass take logins").await;
}

#[tokio::test]
async fn an_issuer_key_that_the_server_does_not_expect_is_named_beside_the_expected_one() {
    let world = World::builder().replicas(0).start().await;
    let other = nkeys::KeyPair::new_account();
    std::fs::write(world.directory().join("keys/issuer.nk"), other.seed().unwrap()).unwrap();
    let hallpass = Hallpass::start(world.directory(), &[]).ready().await;
    world.log_in("x", &world.token("x", &["orders:read"])).await.unwrap_err();
    let line = hallpass.says("request_other_issuer").await;
    assert!(line.contains(&world.keys.issuer), "{line}");
    assert!(hallpass.log().contains(&other.public_key()), "the own one stands where it starts");
}
