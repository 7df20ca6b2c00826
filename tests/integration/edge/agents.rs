//! The examples ask hallpass how logins go, where they are told whom to ask.

use super::{Certificates, NOWHERE, example, haproxy_over_tcp, host_and_port, including, over_tcp};
use crate::support::{Haproxy, World};

/// A world behind the TCP example with two replicas: one that works, and one that could let nobody
/// in, which is asked; and where that is.
async fn asked(certificates: &Certificates) -> (World, [(&'static str, String); 2]) {
    let builder = World::builder().server_conf(|_| including("tcp/nats-server.conf"));
    let mut world = certificates.announced(builder).replicas(1).start().await;
    let nowhere = "issuers.idp.jwks_uri=http://127.0.0.1:1/keys";
    world.add_hallpass(&["--set", nowhere, "--set", "agent.listen=127.0.0.1:0"]).await;
    let address = world.hallpass[1].listens("HAProxy's agent-check is answered").await;
    let (address, port) = address.split_once(':').unwrap();
    let address = ("HALLPASS_AGENT_ADDRESS", address.to_owned());
    (world, [address, ("HALLPASS_AGENT_PORT", port.to_owned())])
}

/// Waits until a server has its whole weight, or nearly, as the agent says.
async fn is_well(haproxy: &Haproxy, backend: &str) {
    haproxy
        .thinks(backend, "nats-1", "is up, its agent says", |state| {
            state.status == "UP" && state.agent == "L7OK" && (50..=100).contains(&state.weight)
        })
        .await;
}

#[tokio::test]
async fn over_tcp_the_weight_is_what_hallpass_says() {
    let certificates = Certificates::new();
    let (mut world, agent) = asked(&certificates).await;
    let server = host_and_port(world.nats.url());
    let environment = [over_tcp([&server, NOWHERE], &certificates), agent.into()].concat();
    let haproxy = haproxy_over_tcp(&environment).await;
    is_well(&haproxy, "nats").await;
    // Nobody but hallpass knows of this: the port is open, and says INFO.
    drop(world.hallpass.remove(0));
    haproxy
        .thinks("nats", "nats-1", "drains", |state| {
            state.status.starts_with("DRAIN") && state.check == "L7OK"
        })
        .await;
}

#[tokio::test]
async fn both_examples_are_good_with_an_agent_and_without() {
    let certificates = Certificates::new();
    let key = certificates.path("edge.pem");
    for file in ["tcp/haproxy.cfg", "websocket/haproxy.cfg"] {
        for agent in [None, Some("127.0.0.1")] {
            let mut check = tokio::process::Command::new(crate::support::packaged("haproxy"));
            check.arg("-c").arg("-f").arg(example(file));
            check.env("HALLPASS_EDGE_CERTIFICATE", &key).env("HALLPASS_EDGE_ISSUER_KEY", &key);
            check.env("HALLPASS_EDGE_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
            check.env("HALLPASS_APP", NOWHERE);
            check.envs(agent.map(|agent| ("HALLPASS_AGENT_ADDRESS", agent)));
            let output = check.output().await.unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{file} {agent:?}: {told}");
        }
    }
}
