//! `/livez` and `/readyz`: each reason that there is, and what is none.

use crate::support::{Authority, Disk, Hallpass, OidcProvider, World, eventually, occupied};

use super::*;

/// Nothing is wrong, and nothing slow.
async fn is_well(address: &str) {
    eventually("all well", || async {
        let told = readiness(address).await?;
        (told["ready"] == true && told["slow"] == serde_json::json!([])).then_some(())
    })
    .await;
}

#[tokio::test]
async fn it_lives_all_the_time_and_is_ready_while_nats_is_there() {
    let mut world = World::builder().replicas(0).start().await;
    world.nats.stop().await;
    let early = Hallpass::start(world.directory(), &HTTP);
    let at = http(&early).await;
    let told = has_reasons(&at, &["starting", "nats_away"]).await;
    assert_eq!(told["percent"], 0);
    assert_eq!(told["why"][0], "It does not answer logins yet.");
    assert_eq!(get(&at, "/livez").await.unwrap(), (StatusCode::OK, "live\n".to_owned()));

    world.restart_nats().await;
    let hallpass = early.ready().await;
    is_well(&at).await;
    assert_eq!(readiness(&at).await.unwrap()["percent"], 100);

    world.nats.stop().await;
    has_reasons(&at, &["nats_away"]).await;
    assert_eq!(get(&at, "/livez").await.unwrap().0, StatusCode::OK);
    world.restart_nats().await;
    has_reasons(&at, &[]).await;
    drop(hallpass);
}

#[tokio::test]
async fn it_says_to_the_very_end_that_it_stops() {
    // Its events cannot be delivered, so that the end takes its time.
    let (mut world, _admin) = occupied(&HTTP).await;
    let at = http(&world.hallpass[0]).await;
    has_reasons(&at, &[]).await;
    world.hallpass[0].signal("-TERM").await;
    let told = has_reasons(&at, &["stopping"]).await;
    assert_eq!(told["why"][0], "It stops, and takes no more logins.");
    assert_eq!(get(&at, "/livez").await.unwrap().0, StatusCode::OK);
    world.hallpass[0].says("audit events are not on the stream yet").await;
    world.hallpass[0].ended().await;
    assert!(get(&at, "/readyz").await.is_none(), "nobody is there any more");
}

/// Where nobody listens.
const NOWHERE: [&str; 2] = ["--set", "issuers.idp.jwks_uri=http://127.0.0.1:1/keys"];

#[tokio::test]
async fn who_vouches_by_certificates_needs_no_keys() {
    let map = "account = \"APP\"\n[roles.r]\nissuers = [\"idp\", \"mesh\"]\nsubscribe = [\"a\"]\n";
    let world = World::builder().map("a.toml", map).replicas(0).start().await;
    let (path, ca) = (world.directory().join("hallpass.toml"), world.directory().join("ca.pem"));
    std::fs::write(ca, Authority::new("mesh").pem()).unwrap();
    let mesh = "\n[issuers.mesh.certificate]\nauthorities = \"ca.pem\"\nidentity = \"san_uri\"\n";
    std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + mesh).unwrap();
    let hallpass = Hallpass::start(world.directory(), &[HTTP, NOWHERE].concat()).ready().await;
    has_reasons(&http(&hallpass).await, &[]).await;
}

#[tokio::test]
async fn without_any_keys_it_is_not_ready_and_with_the_idp_away_it_is() {
    let world = World::builder().replicas(0).start().await;
    let hallpass = Hallpass::start(world.directory(), &[HTTP, NOWHERE].concat()).ready().await;
    let at = http(&hallpass).await;
    let told = has_reasons(&at, &["no_keys"]).await;
    assert_eq!(told["percent"], 0);
    drop(hallpass);
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let mut world = idp.world().replicas(0).start().await;
    let refresh = format!("issuers.{}.refresh=10s", crate::support::OIDC_PROVIDER);
    world.add_hallpass(&[HTTP, ["--set", &refresh]].concat()).await;
    let at = http(&world.hallpass[0]).await;
    has_reasons(&at, &[]).await;
    idp.kill().await;
    world.hallpass[0].says("could not be fetched").await;
    assert_eq!(readiness(&at).await.unwrap()["ready"], true, "what it has is believed");
}

#[tokio::test]
async fn who_may_not_take_logins_is_not_ready() {
    let world = World::builder().replicas(0).start().await;
    let other = ["--set", "callout.queue=other"];
    let hallpass = Hallpass::start(world.directory(), &[HTTP, other].concat());
    has_reasons(&http(&hallpass).await, &["not_subscribed"]).await;
}

#[tokio::test]
async fn jetstream_away_is_a_reason_in_strict_mode_alone() {
    let (world, admin) = occupied(&HTTP).await;
    let at = http(&world.hallpass[0]).await;
    let told = eventually("half of its share", || async {
        readiness(&at).await.filter(|told| told["percent"] == 50)
    })
    .await;
    assert_eq!((&told["ready"], &told["slow"][0]), (&true.into(), &"jetstream".into()));
    admin.delete_stream("OTHER").await.unwrap();
    is_well(&at).await;
    drop(world);

    let strict = ["--set", "audit.mode=strict"];
    let (world, admin) = occupied(&[HTTP, strict].concat()).await;
    let at = http(&world.hallpass[0]).await;
    has_reasons(&at, &["jetstream_silent"]).await;
    admin.delete_stream("OTHER").await.unwrap();
    is_well(&at).await;
}

#[tokio::test]
async fn an_idle_instance_in_strict_mode_knows_that_jetstream_is_away() {
    let (mut world, admin) = crate::support::with_admin().await;
    world.add_hallpass(&[&HTTP[..], &["--set", "audit.mode=strict"]].concat()).await;
    let at = http(&world.hallpass[0]).await;
    is_well(&at).await;
    // Nobody logs in, so there is nothing that waits.
    admin.delete_stream("HALLPASS_AUDIT").await.unwrap();
    let told = has_reasons(&at, &["jetstream_silent"]).await;
    assert_eq!(told["slow"][0], "jetstream");
    let config = async_nats::jetstream::stream::Config {
        name: "HALLPASS_AUDIT".to_owned(),
        subjects: vec!["hallpass.audit.>".to_owned()],
        ..Default::default()
    };
    admin.create_stream(config).await.unwrap();
    has_reasons(&at, &[]).await;
}

#[tokio::test]
async fn a_disk_that_is_full_while_jetstream_is_away_is_a_reason_until_it_has_room() {
    let (mut world, _admin) = crate::support::occupied(&[]).await;
    world.hallpass.clear();
    let disk = Disk::mount(world.directory().join("small")).await;
    let spool = format!("audit.spool.directory={}", disk.path().display());
    world.add_hallpass(&[&HTTP[..], &["--set", &spool]].concat()).await;
    let at = http(&world.hallpass[0]).await;
    has_reasons(&at, &[]).await;
    disk.fill();
    world.log_in("out", &world.token("x", &["orders:read"])).await.unwrap_err();
    has_reasons(&at, &["spool_full"]).await;
    disk.free();
    has_reasons(&at, &[]).await;
    world.hallpass.clear();
}
