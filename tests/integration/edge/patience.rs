//! How long HAProxy lets a connection say nothing, and how long the server does.

use std::time::Duration;

use hallpass::setup::SERVER_CONF;
use jiff::SignedDuration;

use super::{Certificates, NOWHERE, example, haproxy_over_tcp, host_and_port, including, over_tcp};
use crate::support::{World, WorldBuilder};

/// The proxy's patience must be longer than the server's silence.
#[tokio::test]
async fn who_answers_pings_is_not_cut_off_for_saying_nothing() {
    let silent = async |interval: &str| {
        let certificates = Certificates::new();
        let server = certificates
            .announced(World::builder())
            .without_system()
            .server_conf(|_| {
                format!("{}ping_interval: \"{interval}\"\n", including("tcp/nats-server.conf"))
            })
            .replicas(0)
            .start()
            .await;
        let address = host_and_port(server.nats.url());
        let mut environment = over_tcp([&address, NOWHERE], &certificates);
        environment.push(("HALLPASS_EDGE_IDLE", "2s".to_owned()));
        let haproxy = haproxy_over_tcp(&environment).await;
        let through = format!("nats://{}", haproxy.address("HALLPASS_EDGE_THROUGH_LISTEN"));
        let key = server.directory().join("keys/break-glass.nk");
        let seed = std::fs::read_to_string(key).unwrap();
        let mut wire = crate::support::Wire::with_seed(&through, "silent", &seed).await.unwrap();
        // Answers PING, and says nothing of its own.
        let ended = tokio::time::timeout(Duration::from_secs(5), wire.hear()).await;
        ended.is_err()
    };
    let (often, seldom) = tokio::join!(silent("700ms"), silent("2m"));
    assert!(often, "the server's PING and the client's PONG are something");
    assert!(!seldom, "two seconds are short of two minutes");
}

/// The values of `HALLPASS_EDGE_IDLE` in a file of the examples where it is not set.
fn shipped(file: &str) -> Vec<SignedDuration> {
    let text = std::fs::read_to_string(example(file)).unwrap();
    let values = text.split("\"${HALLPASS_EDGE_IDLE-").skip(1);
    values.map(|rest| rest.split_once("}\"").unwrap().0.parse().unwrap()).collect()
}

/// How long the server lets a connection say nothing before it says PING, and after how many of them
/// that nobody answered it ends the connection: as the running server tells on its monitor port,
/// which is all that is changed in its configuration.
async fn pings(configuration: &str, builder: WorldBuilder) -> (SignedDuration, i32) {
    let monitored = format!("{configuration}\nhttp: \"127.0.0.1:-1\"\n");
    let world = builder.without_system().server_conf(|_| monitored).replicas(0).start().await;
    let log = std::fs::read_to_string(world.directory().join("nats-server.log")).unwrap();
    let (_, line) = log.split_once("Starting http monitor on ").unwrap();
    let address = line.lines().next().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let told = client.get(format!("http://{address}/varz")).send().await.unwrap();
    let told: serde_json::Value = serde_json::from_str(&told.text().await.unwrap()).unwrap();
    let interval = SignedDuration::from_nanos(told["ping_interval"].as_i64().unwrap());
    (interval, told["ping_max"].as_i64().unwrap().try_into().unwrap())
}

/// What the examples ship is longer than what the server does that they ship, or that goes with
/// them.
#[tokio::test]
async fn the_shipped_patience_is_longer_than_the_server_s() {
    let certificates = Certificates::new();
    let behind_tcp = including("tcp/nats-server.conf");
    let tcp = pings(&behind_tcp, certificates.announced(World::builder()));
    let websocket = pings(SERVER_CONF, World::builder());
    let (tcp, websocket) = tokio::join!(tcp, websocket);
    for (file, count, (interval, most)) in
        [("tcp/haproxy.cfg", 2, tcp), ("websocket/haproxy.cfg", 1, websocket)]
    {
        let values = shipped(file);
        assert_eq!(values.len(), count, "{file}");
        assert!(interval >= SignedDuration::from_secs(60) && most == 2, "{interval:#} {most}");
        for value in values {
            assert!(value > interval * most, "{file}: {value:#} and {most} times {interval:#}");
        }
    }
}
