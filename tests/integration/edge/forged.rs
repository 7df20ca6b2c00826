//! What a forged token does to others.

use serde_json::Value;

use super::{Certificates, example, over_websocket};
use crate::support::{Haproxy, OidcProvider, Process, client};

/// HAProxy before 2.6.19 leaves an error of OpenSSL behind where the signature by an RSA key does not
/// hold, and ends whatever TLS connection the same thread looks at next.
#[tokio::test]
async fn a_forged_token_ends_nobody_s_session() {
    let idp = OidcProvider::start(&[]).await;
    let key = over_websocket::pem(idp.issuer()).await;
    let certificates = Certificates::new();
    let mut command = client("forger.py");
    command.args(["--ca", &certificates.path("ca.pem"), "--sessions", "40", "--forgeries", "300"]);
    let mut process = Process::start(command);
    let line = process.says("its address", |line| line.contains("serving")).await;
    let told: Value = serde_json::from_str(&line).unwrap();
    let app = told["address"].as_str().unwrap();
    let issuer = ("RS256", key.as_str());
    let environment = over_websocket::environment(&certificates, "c2hhcmVk", issuer, app);
    let configuration = example("websocket/haproxy.cfg");
    let haproxy = Haproxy::start(&configuration, &["HALLPASS_EDGE_LISTEN"], &environment).await;
    process.hears(&haproxy.address("HALLPASS_EDGE_LISTEN")).await;
    let ending = process.ends_within(std::time::Duration::from_secs(60)).await;
    let told = ending.said.last().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let expected = serde_json::json!({ "event": "done", "refused": 300, "lost": 0 });
    assert_eq!(told, Some(expected), "{}", process.complaints());
    let refusals = haproxy.log().into_iter().filter(|line| line.ends_with("refused=signature"));
    assert_eq!(refusals.count(), 300);
}
