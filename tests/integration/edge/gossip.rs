//! The servers of a cluster do not lead clients around the proxy.

use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use futures_util::StreamExt as _;
use hallpass::{
    playground::NatsServer,
    setup::{self, Listen},
};
use tokio::time::timeout;

use super::{Certificates, haproxy_over_tcp, host_and_port, including, over_tcp};
use crate::{
    clients::listener,
    support::{World, eventually, nats_server, soon},
};

/// Two servers in a cluster, in the same installation.
struct Pair {
    world: World,
    second: NatsServer,
    certificates: Certificates,
    _directory: tempfile::TempDir,
}

async fn pair(configuration: &str) -> Pair {
    let certificates = Certificates::new();
    let variables = |route: &str| {
        [
            ("HALLPASS_CLUSTER_NAME", "pair".to_owned()),
            ("HALLPASS_CLUSTER_LISTEN", "127.0.0.1:-1".to_owned()),
            ("HALLPASS_CLUSTER_ROUTE", format!("nats://{route}")),
        ]
    };
    let builder = World::builder().replicas(0);
    let mut builder = certificates.announced(builder).server_conf(|_| configuration.to_owned());
    // The first one is alone as yet.
    for (name, value) in variables("127.0.0.1:1") {
        builder = builder.variable(name, value);
    }
    let world = builder.start().await;
    let route = listener(&world, "Listening for route connections on").await;
    let directory = tempfile::tempdir().unwrap();
    let mut listen = Listen::on_free_ports(directory.path());
    listen.name = "nats-2".to_owned();
    let mut environment = setup::server_environment(&world.keys, &listen);
    environment.extend(variables(&route));
    environment.extend(certificates.variables());
    let path = directory.path();
    let second =
        NatsServer::start(&nats_server(), path, configuration, &environment).await.unwrap();
    let pair = Pair { world, second, certificates, _directory: directory };
    pair.is_one().await;
    pair
}

impl Pair {
    fn options(&self) -> ConnectOptions {
        let seed = std::fs::read_to_string(self.world.directory().join("keys/break-glass.nk"));
        ConnectOptions::with_nkey(seed.unwrap().trim().to_owned())
    }

    /// Waits until what is published at one server is heard at the other.
    async fn is_one(&self) {
        let first = self.options().connect(self.world.nats.url()).await.unwrap();
        let second = self.options().connect(self.second.url()).await.unwrap();
        let mut heard = second.subscribe("pair").await.unwrap();
        second.flush().await.unwrap();
        let crossing = async {
            loop {
                first.publish("pair", "".into()).await.unwrap();
                if timeout(Duration::from_millis(20), heard.next()).await.is_ok() {
                    return;
                }
            }
        };
        soon("a message from the other server", crossing).await;
    }

    fn addresses(&self) -> [String; 2] {
        [self.world.nats.url(), self.second.url()].map(host_and_port)
    }
}

fn led_to(client: &Client) -> Vec<String> {
    client.server_info().connect_urls
}

#[tokio::test]
async fn clients_hear_of_no_server_behind_the_proxy_and_come_back_through_it() {
    let pair = pair(&including("tcp/cluster.conf")).await;
    let [first, second] = pair.addresses();
    let haproxy = haproxy_over_tcp(&over_tcp([&first, &second], &pair.certificates)).await;
    let ca = pair.certificates.path("ca.pem");
    let options = pair.options().add_root_certificates(ca.into());
    let url = format!("tls://{}", haproxy.address("HALLPASS_EDGE_TLS_LISTEN"));
    let client = options.require_tls(true).tls_first().connect(&url).await.unwrap();
    assert_eq!(led_to(&client), Vec::<String>::new());

    let before = client.server_info().server_name;
    if before == "nats-1" {
        pair.world.nats.stop().await;
    } else {
        pair.second.stop().await;
    }
    eventually("the client at the other server", || async {
        let now = client.server_info().server_name;
        (now != before && client.flush().await.is_ok()).then_some(())
    })
    .await;
    assert_eq!(led_to(&client), Vec::<String>::new());
}

/// What `no_advertise` is for.
#[tokio::test]
async fn without_the_setting_clients_hear_of_every_server() {
    let gossiping = "cluster {\n  name: $HALLPASS_CLUSTER_NAME\n  listen: $HALLPASS_CLUSTER_LISTEN\n  \
                     routes: [$HALLPASS_CLUSTER_ROUTE]\n}\n";
    let pair = pair(&format!("{}{gossiping}", including("tcp/nats-server.conf"))).await;
    let client = pair.options().connect(pair.world.nats.url()).await.unwrap();
    let mut led = led_to(&client);
    led.sort();
    let mut all = pair.addresses().to_vec();
    all.sort();
    assert_eq!(led, all);
}
