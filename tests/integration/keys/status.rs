//! `hallpass issuers status`, in each state.

use serde_json::Value;

use super::*;
use crate::support::{code, run, text, within};

/// The exit code, and what each instance said of each issuer.
async fn status(world: &World) -> (i32, Vec<Value>) {
    let told = run(world.directory(), &["issuers", "status", "--format", "json"]).await;
    let instances = serde_json::from_slice(&told.stdout).unwrap();
    (code(&told), instances)
}

fn of(instance: &Value) -> &Value {
    let issuers = instance["issuers"].as_array().unwrap();
    issuers.iter().find(|issuer| issuer["issuer"] == OIDC_PROVIDER).unwrap()
}

#[tokio::test]
async fn every_instance_answers_and_each_state_is_told() {
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let mut world = idp.world().replicas(0).start().await;
    let flags = [setting("refresh", "10s"), setting("max_key_age", "60s")];
    for _ in 0..2 {
        world.add_hallpass(&["--set", &flags[0], "--set", &flags[1]]).await;
    }
    world.log_in("x", &idp.token("clerk").await).await.unwrap();

    let (exit, instances) = status(&world).await;
    assert_eq!((exit, instances.len()), (0, 2), "{instances:?}");
    assert_ne!(instances[0]["instance"], instances[1]["instance"]);
    assert_ne!(instances[0]["pid"], instances[1]["pid"]);
    let decided_by = world.event_of("x").await.text("/data/hallpass/instance");
    assert!(instances.iter().any(|instance| instance["instance"] == *decided_by));
    let kid = &idp.obeys("count").await["kids"][0];
    for instance in &instances {
        assert_eq!(instance["version"], env!("CARGO_PKG_VERSION"));
        let keys = of(instance);
        assert_eq!(keys["state"], "fresh", "{keys}");
        assert_eq!(keys["keys"], serde_json::json!([{ "id": kid, "algorithms": ["ES256"] }]));
        assert_eq!((&keys["error"], &keys["failed"]), (&Value::Null, &0.into()));
        assert!(keys["next_fetch_s"].as_u64().unwrap() <= 10 && keys["age_s"].as_u64().is_some());
    }
    let shown = run(world.directory(), &["issuers", "status"]).await;
    let shown = (code(&shown), text(&shown.stdout));
    assert_eq!((shown.0, shown.1.matches("instance ").count()), (0, 2), "{}", shown.1);
    assert_eq!(shown.1.matches(&format!("{} (ES256)", kid.as_str().unwrap())).count(), 2);

    // The IdP goes away: the keys are still believed.
    idp.kill().await;
    let failing = eventually("`failing` from both", || async {
        let (exit, instances) = status(&world).await;
        let all = instances.iter().all(|instance| of(instance)["state"] == "failing");
        all.then_some((exit, instances))
    })
    .await;
    assert_eq!((failing.0, failing.1.len()), (2, 2));
    for instance in &failing.1 {
        let keys = of(instance);
        assert!(keys["error"].as_str().unwrap().contains("Connection refused"), "{keys}");
        assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
        assert!(keys["failed"].as_u64().unwrap() > 0);
    }
    // One that starts now has none. The other IdP's keys are fresh everywhere.
    world.add_hallpass(&[]).await;
    let (exit, instances) = status(&world).await;
    let states: Vec<_> = instances.iter().map(|instance| &of(instance)["state"]).collect();
    assert_eq!(exit, 2);
    assert_eq!(states.iter().filter(|state| **state == "absent").count(), 1, "{states:?}");
    for instance in &instances {
        assert_eq!(instance["issuers"][0]["issuer"], "idp");
        assert_eq!(instance["issuers"][0]["state"], "fresh");
    }
    let shown = run(world.directory(), &["issuers", "status"]).await;
    assert_eq!(code(&shown), 2);
    assert!(text(&shown.stdout).contains(&format!("  {OIDC_PROVIDER}: error sending request")));

    for mut instance in world.hallpass.drain(..) {
        assert!(instance.terminate().await.success());
    }
    let nobody = run(world.directory(), &["issuers", "status"]).await;
    assert_eq!((code(&nobody), text(&nobody.stdout).as_str()), (1, ""));
    assert!(text(&nobody.stderr).contains("no hallpass answered at nats://127.0.0.1:"));
}

/// A day of waiting is not needed to see it: this is the least that can be set.
#[tokio::test]
async fn keys_that_are_too_old_are_stale_until_the_idp_is_back() {
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let mut world = idp.world().replicas(0).start().await;
    let flags = [setting("refresh", "10s"), setting("max_key_age", "15s")];
    world.add_hallpass(&["--set", &flags[0], "--set", &flags[1]]).await;
    let token = idp.token("clerk").await;
    let port = idp.port().to_owned();
    idp.kill().await;
    world.log_in("known", &token).await.unwrap();
    within(Duration::from_secs(60), "stale keys", || async {
        let (_, instances) = status(&world).await;
        (of(&instances[0])["state"] == "stale").then_some(())
    })
    .await;
    assert_eq!(status(&world).await.0, 2);
    world.hallpass[0].says("its keys are no longer believed").await;
    assert_eq!(world.refusal("stale", &token).await, "keys_stale");
    assert_eq!(world.event_of("stale").await.outcome(), "undecided");

    let idp = OidcProvider::start(&["--alg", "ES256", "--port", &port]).await;
    let token = idp.token("clerk").await;
    eventually("a login", || async { world.log_in("back", &token).await.ok().map(drop) }).await;
    assert_eq!(of(&status(&world).await.1[0])["state"], "fresh");
}

/// An installation whose server has the permissions of an older hallpass.
#[tokio::test]
async fn without_the_permissions_it_says_what_is_missing_and_logins_go_on() {
    let older = |conf: &str| conf.replace("\"hallpass.status.issuers\"", "\"elsewhere\"");
    let world = World::builder().server_conf(older).start().await;
    world.hallpass[0].says("do not name its subjects").await;
    world.log_in("x", &world.token("x", &["orders:read"])).await.unwrap();
    let nobody = run(world.directory(), &["issuers", "status"]).await;
    assert_eq!(code(&nobody), 1);
    assert!(text(&nobody.stderr).contains("do the permissions of the service user name"));
}
