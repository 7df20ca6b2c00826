//! Everything of ours is down, an operator gets in all the same, and that raises an alarm.

use hallpass::{audit::reader::Record, callout::connz};
use serde_json::{Value, json};

use crate::{
    clients::listener,
    support::{Cable, Hallpass, Wire, World, eventually, host_and_port, run, text},
};

mod drill;

const WITH_METRICS: &[&str] = &["--set", "http.listen=127.0.0.1:0"];

/// The alarms on the stream, once there are as many.
async fn alarms(world: &World, count: usize) -> Vec<Value> {
    eventually(&format!("{count} alarms"), || async {
        let mut events = world.events().await;
        events.retain(|event| event.text("/type") == "hallpass.alarm");
        (events.len() >= count).then(|| events.iter().map(|it| it.json().clone()).collect())
    })
    .await
}

/// All events about the client of this name but decisions.
fn about(events: &[Record], name: &str) -> Vec<Value> {
    let own = events.iter().filter(|event| event.json()["data"]["client"]["name"] == name);
    own.map(|event| event.json().clone()).collect()
}

fn seed(world: &World, key: &str) -> String {
    std::fs::read_to_string(world.directory().join(format!("keys/{key}.nk"))).unwrap()
}

async fn operator(world: &World, name: &str) -> Wire {
    Wire::with_seed(world.nats.url(), name, &seed(world, "break-glass")).await.unwrap()
}

async fn counted(hallpass: &Hallpass) -> u64 {
    let url = format!("http://{}/metrics", hallpass.listens("metrics are served over HTTP").await);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let text = client.get(url).send().await.unwrap().text().await.unwrap();
    let line =
        text.lines().find(|it| it.starts_with("hallpass_break_glass_logins_total ")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Every event that a marker login leaves comes after those of what was heard before it.
async fn settled(world: &World) {
    let name = format!("marker-{}", fastrand::u64(..));
    drop(Wire::with_seed(world.nats.url(), &name, &seed(world, "audit-reader")).await.unwrap());
    eventually("the marker's end", || async {
        (about(&world.events().await, &name).len() >= 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_login_is_an_alarm_as_it_happens() {
    let mut world = World::builder().replicas(0).start().await;
    world.add_hallpass(WITH_METRICS).await;
    world.hallpass[0].says("connections are recorded").await;
    assert_eq!(counted(&world.hallpass[0]).await, 0);
    let glass = operator(&world, "glass").await;
    let alarm = alarms(&world, 1).await.remove(0);
    let data = &alarm["data"];
    assert_eq!((&data["outcome"], &data["account"]), (&json!("break_glass"), &json!("APP")));
    assert_eq!(data["user_name"], world.keys.break_glass);
    assert!(data.get("found").is_none() && data.get("ended_at").is_none());
    let (server, client) = (&glass.info()["server_id"], &glass.info()["client_id"]);
    assert_eq!((&data["client"]["server_id"], &data["client"]["client_id"]), (server, client));
    assert_eq!(data["client"]["host"], "127.0.0.1");
    let line = world.hallpass[0].says("alarm: a break-glass user logged in, past hallpass").await;
    for word in
        ["ERROR", &world.keys.break_glass, "account=\"APP\"", "from=\"127.0.0.1\"", "since="]
    {
        assert!(line.contains(word), "{word}: {line}");
    }
    assert!(!line.contains("nobody here heard"), "{line}");
    assert_eq!(counted(&world.hallpass[0]).await, 1);

    // Somebody who only claims to be it, and everybody else, is no alarm.
    let claims = json!({ "nkey": world.keys.break_glass, "sig": "AAAA" });
    Wire::connect(world.nats.url(), "claims", claims).await.err().unwrap();
    drop(glass);
    settled(&world).await;
    assert_eq!(alarms(&world, 1).await.len(), 1);

    let told = run(world.directory(), &["audit", "query", "--type", "alarm"]).await;
    let told = text(&told.stdout);
    assert!(told.contains("break_glass") && told.contains("APP from 127.0.0.1"), "{told}");
}

#[tokio::test]
async fn the_next_start_tells_only_what_was_not_told() {
    let mut world = World::builder().replicas(0).start().await;
    drop(operator(&world, "gone").await);
    world.add_hallpass(&[]).await;
    alarms(&world, 1).await;
    assert_eq!(world.hallpass[0].terminate().await.code(), Some(0));
    let _still = operator(&world, "still").await;
    world.hallpass = vec![Hallpass::start(world.directory(), WITH_METRICS)];
    let all = alarms(&world, 2).await;
    let names: Vec<_> = all.iter().map(|it| it["data"]["client"]["name"].clone()).collect();
    assert_eq!(names, ["gone", "still"]);
    assert_eq!(all[1]["data"]["found"], true);
    assert!(all[1]["data"].get("ended_at").is_none(), "the operator is still there");
    assert_eq!(counted(&world.hallpass[0]).await, 1, "the one that was new to it");
}

#[tokio::test]
async fn one_while_the_system_connection_was_away_is_an_alarm_when_it_is_back() {
    let world = World::builder().replicas(0).start().await;
    let cable = Cable::to(host_and_port(world.nats.url())).await;
    let url = format!("nats.urls={}", cable.url());
    let hallpass = Hallpass::start(world.directory(), &["--set", &url]).ready().await;
    hallpass.says("connections are recorded").await;
    cable.cut();
    eventually("the loss of all three connections", || async {
        (hallpass.log().matches("NATS connection lost").count() == 3).then_some(())
    })
    .await;
    drop(operator(&world, "glass").await);
    cable.mend();
    hallpass.says("nobody here heard of it then").await;
    assert_eq!(alarms(&world, 1).await[0]["data"]["client"]["name"], "glass");
}

/// Each replica asks, and what one has told the other finds on the stream.
#[tokio::test]
async fn a_replica_that_comes_later_does_not_tell_again() {
    let mut world = World::start().await;
    world.hallpass[0].says("connections are recorded").await;
    let _glass = operator(&world, "glass").await;
    alarms(&world, 1).await;
    world.add_hallpass(WITH_METRICS).await;
    let second = world.hallpass.remove(1);
    second.says("asked for break-glass logins that nobody heard of").await;
    assert_eq!(counted(&second).await, 0);
    assert!(world.hallpass[0].terminate().await.success());
    let _other = operator(&world, "other").await;
    let all = alarms(&world, 2).await;
    settled(&world).await;
    let names: Vec<_> = all.iter().map(|it| it["data"]["client"]["name"].clone()).collect();
    assert_eq!(names, ["glass", "other"]);
    assert_eq!(counted(&second).await, 1);
}

#[tokio::test]
async fn more_of_them_than_a_page_holds_are_all_told() {
    let world = World::builder().replicas(0).start().await;
    let count = connz::PAGE + 5;
    for _ in 0..count {
        drop(operator(&world, "many").await);
    }
    let hallpass = Hallpass::start(world.directory(), WITH_METRICS).ready().await;
    let mut places: Vec<_> =
        alarms(&world, count).await.iter().map(|it| it["subject"].to_string()).collect();
    assert_eq!(places.len(), count);
    places.sort();
    places.dedup();
    assert_eq!(places.len(), count);
    assert_eq!(counted(&hallpass).await, count as u64);
}

/// Of a connection that has ended, the server repeats what it last said of itself, judged or not.
#[tokio::test]
async fn who_ends_in_another_s_name_is_found_by_that_name() {
    let mut world = World::start().await;
    let clerk = world.wire("clerk", &world.token("alice", &["orders:read"])).await;
    assert!(world.hallpass[0].terminate().await.success());
    // No CONNECT, for this `echo`: it ends the connection where it is.
    let says = |name: &str| json!({ "nkey": name, "echo": "no truth value" });
    operator(&world, "hides").await.leaves_with(says(&world.keys.system)).await;
    clerk.leaves_with(says(&world.keys.break_glass)).await;
    drop(operator(&world, "glass").await);
    world.hallpass.clear();
    world.add_hallpass(&[]).await;
    let names = async |count| -> Vec<String> {
        let all = alarms(&world, count).await;
        all.iter().map(|it| it["data"]["client"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(2).await, ["clerk", "glass"]);
    let _live = operator(&world, "live").await;
    assert_eq!(names(3).await, ["clerk", "glass", "live"]);
}

/// As where the server's configuration is older than hallpass.
#[tokio::test]
async fn where_the_server_does_not_allow_to_look_it_is_said_and_the_rest_works() {
    let older = |conf: &str| {
        conf.replace("              \"_INBOX.hallpass-system.>\"\n", "").replace(
            "publish: { allow: [\"$SYS.REQ.SERVER.PING.CONNZ\"] }",
            "publish: { deny: \">\" }",
        )
    };
    let world = World::builder().server_conf(older).start().await;
    let line = world.hallpass[0].says("may not publish to `$SYS.REQ.SERVER.PING.CONNZ`").await;
    assert!(line.contains("_INBOX.hallpass-system.>"), "{line}");
    world.hallpass[0].says("no server says who logged in while hallpass did not listen").await;
    world.log_in("a-clerk", &world.token("alice", &["orders:read"])).await.unwrap();
    let _glass = operator(&world, "glass").await;
    assert!(alarms(&world, 1).await[0]["data"].get("found").is_none(), "as it happens");
    let log = world.hallpass[0].log();
    assert_eq!(log.matches("raises no alarm: the user of").count(), 1, "{log}");
}

#[tokio::test]
async fn every_server_of_a_cluster_is_asked() {
    // JetStream wants to know how many there will be: the first has a route to nobody.
    let cluster = |conf: &str| {
        let route = "nats-route://127.0.0.1:1";
        format!(
            "{conf}
cluster {{ name: c, listen: \"127.0.0.1:-1\", routes: [\"{route}\"] }}
"
        )
    };
    let mut world = World::builder().replicas(0).server_conf(cluster).start().await;
    let route = listener(&world, "Listening for route connections on").await;
    let join = |conf: &str| conf.replace("127.0.0.1:1\"", &format!("{route}\""));
    let second = world.another_server("nats-2", join).await;
    let seed = seed(&world, "break-glass");
    drop(operator(&world, "at-the-first").await);
    drop(Wire::with_seed(second.url(), "at-the-second", &seed).await.unwrap());
    world.add_hallpass(WITH_METRICS).await;
    let mut servers: Vec<_> = alarms(&world, 2)
        .await
        .iter()
        .map(|it| {
            (it["data"]["client"]["server_name"].clone(), it["data"]["client"]["name"].clone())
        })
        .collect();
    servers.sort_by_key(|it| it.0.to_string());
    assert_eq!(
        servers,
        [(json!("nats-1"), json!("at-the-first")), (json!("nats-2"), json!("at-the-second")),]
    );
    let _live = Wire::with_seed(second.url(), "live", &seed).await.unwrap();
    let alarm = alarms(&world, 3).await.remove(2);
    assert_eq!(alarm["data"]["client"]["server_name"], "nats-2");
    assert!(alarm["data"].get("found").is_none());
}
