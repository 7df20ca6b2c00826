//! What Prometheus reads of a running hallpass.

use std::{net::TcpListener, path::Path};

use reqwest::{Method, StatusCode};

use crate::support::{Hallpass, World, eventually, occupied};

const OPS: &str = "account = \"APP\"\n\n[roles.ops]\nsubscribe = [\"ops.>\"]\n";
const ON_A_FREE_PORT: &[&str] = &["--set", "http.listen=127.0.0.1:0"];

/// Where it listens, as it says itself.
async fn address(hallpass: &Hallpass) -> String {
    hallpass.listens("metrics are served over HTTP").await
}

async fn ask(method: Method, address: &str, path: &str) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.request(method, format!("http://{address}{path}")).send().await.unwrap()
}

async fn metrics(address: &str) -> String {
    let answer = ask(Method::GET, address, "/metrics").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    answer.text().await.unwrap()
}

/// Waits until all of these lines are there, and returns everything.
async fn shows(address: &str, lines: &[&str]) -> String {
    eventually(&format!("{lines:?} in the metrics"), || async {
        let text = metrics(address).await;
        lines.iter().all(|line| text.lines().any(|it| it == *line)).then_some(text)
    })
    .await
}

fn digest(metrics: &str) -> String {
    let (_, rest) = metrics.split_once("hallpass_maps_info{digest=\"").unwrap();
    let (digest, rest) = rest.split_once("\",version=\"").unwrap();
    assert!(rest.starts_with(&format!("{}\"}} 1\n", env!("CARGO_PKG_VERSION"))), "{rest}");
    digest.to_owned()
}

fn save(directory: &Path, content: &str) {
    let draft = directory.join("draft");
    std::fs::write(&draft, content).unwrap();
    std::fs::rename(draft, directory.join("subject-maps/ops.toml")).unwrap();
}

#[tokio::test]
async fn a_change_that_was_applied_rejected_and_mended_is_in_the_metrics() {
    let mut world = World::builder().replicas(0).start().await;
    world.add_hallpass(ON_A_FREE_PORT).await;
    let at = &address(&world.hallpass[0]).await;
    let applied = |count: u8| format!("hallpass_maps_reloads_total{{outcome=\"applied\"}} {count}");
    let rejected =
        |count: u8| format!("hallpass_maps_reloads_total{{outcome=\"rejected\"}} {count}");
    let good = "hallpass_maps_rejected 0";
    let first = shows(at, &[&applied(0), &rejected(0), good, "hallpass_maps_roles 2"]).await;
    assert!(digest(&first).starts_with("sha256:"));
    assert!(first.contains("\nhallpass_maps_in_force_seconds "), "{first}");
    assert!(first.ends_with("\n# EOF\n"), "{first}");

    save(world.directory(), OPS);
    let second = shows(at, &[&applied(1), &rejected(0), good, "hallpass_maps_roles 3"]).await;
    assert_ne!(digest(&second), digest(&first));
    assert_eq!(second.matches("hallpass_maps_info{").count(), 1, "{second}");

    save(world.directory(), &OPS.replace("subscribe", "subscirbe"));
    let bad = "hallpass_maps_rejected 1";
    let third = shows(at, &[&applied(1), &rejected(1), bad, "hallpass_maps_roles 3"]).await;
    assert_eq!(digest(&third), digest(&second), "what was in force stays");

    // Taken back: nothing new is in force, and nothing is wrong any more.
    save(world.directory(), OPS);
    let fourth = shows(at, &[&applied(1), &rejected(1), good]).await;
    assert_eq!(digest(&fourth), digest(&second));
    assert!(world.hallpass[0].terminate().await.success());
}

#[tokio::test]
async fn nothing_but_the_metrics_is_served_and_an_open_connection_delays_no_end() {
    let mut world = World::builder().replicas(0).start().await;
    world.add_hallpass(ON_A_FREE_PORT).await;
    let at = address(&world.hallpass[0]).await;
    for path in ["/", "/metrics/", "/metrics/x", "/debug"] {
        assert_eq!(ask(Method::GET, &at, path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let posted = ask(Method::POST, &at, "/metrics").await;
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    // Somebody who never says what they want.
    let mut silent = std::net::TcpStream::connect(&at).unwrap();
    std::io::Write::write_all(&mut silent, b"GET /metrics HTTP/1.1\r\n").unwrap();
    metrics(&at).await;
    assert!(world.hallpass[0].terminate().await.success());
}

#[tokio::test]
async fn metrics_are_served_while_nats_is_away_and_nowhere_unless_asked_for() {
    let world = World::start().await;
    assert!(!world.hallpass[0].log().contains("over HTTP"));
    world.nats.stop().await;
    let mut early = Hallpass::start(world.directory(), ON_A_FREE_PORT);
    early.says("NATS is not there yet at").await;
    let none = ["hallpass_maps_rejected 0", "hallpass_audit_undelivered 0"];
    shows(&address(&early).await, &none).await;
    assert!(early.terminate().await.success());
}

#[tokio::test]
async fn an_address_that_is_taken_ends_the_start() {
    let world = World::builder().replicas(0).start().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let mut hallpass = Hallpass::start(world.directory(), &["--set", &format!("http.listen={at}")]);
    assert_eq!(hallpass.ended().await.code(), Some(1));
    hallpass.says(&format!("`http.listen`: hallpass cannot listen on `{at}`: ")).await;
}

/// What a metric says now.
fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("{name} in {metrics}")).parse().unwrap()
}

#[tokio::test]
async fn what_the_audit_stream_does_not_take_is_in_the_metrics_until_it_does() {
    let (world, admin) = occupied(ON_A_FREE_PORT).await;
    let at = &address(&world.hallpass[0]).await;
    for name in ["one", "two"] {
        world.log_in(name, &world.token("x", &["orders:read"])).await.unwrap();
    }
    let told = eventually("events that wait", || async {
        let told = metrics(at).await;
        (value(&told, "hallpass_audit_spooled") >= 3.0).then_some(told)
    })
    .await;
    assert!(value(&told, "hallpass_audit_undelivered") >= value(&told, "hallpass_audit_spooled"));
    let oldest = "hallpass_audit_oldest_undelivered_seconds";
    let before = value(&told, oldest);
    assert!(before > 0.0, "{told}");
    eventually("it gets older", || async {
        (value(&metrics(at).await, oldest) > before).then_some(())
    })
    .await;
    assert_eq!(value(&told, "hallpass_audit_lost_total"), 0.0);
    admin.delete_stream("OTHER").await.unwrap();
    let none = ["hallpass_audit_undelivered 0", "hallpass_audit_spooled 0"];
    let told = shows(at, &none).await;
    assert_eq!(value(&told, oldest), 0.0);
}

#[tokio::test]
async fn what_no_message_can_hold_is_counted_as_lost() {
    // A refusal tells each role that was given, and why it is not held.
    let roles = (0..400).map(|n| {
        format!(
            "[roles.role-of-a-long-name-{n}]\nidp_roles = [\"long\"]\npublish = [\"a\"]\n\
             when = {{ connection_types = [\"WEBSOCKET\"] }}\n"
        )
    });
    let map = format!("account = \"APP\"\n{}", roles.collect::<String>());
    let small = |conf: &str| format!("{conf}\nmax_payload: 32KB\n");
    let builder = World::builder().server_conf(small).map("app.toml", &map).replicas(0);
    let mut world = builder.start().await;
    world.add_hallpass(ON_A_FREE_PORT).await;
    let at = &address(&world.hallpass[0]).await;
    shows(at, &["hallpass_audit_lost_total 0"]).await;
    world.log_in("long", &world.token("x", &["long"])).await.unwrap_err();
    eventually("what is lost", || async {
        (value(&metrics(at).await, "hallpass_audit_lost_total") >= 1.0).then_some(())
    })
    .await;
}
