//! The other listeners: each hands on what its own TLS verified.

use hallpass::playground::NatsServer;

use super::*;
use crate::{
    clients::{REFUSED, listener, names, probe},
    support::{Ending, nats_server},
};

const BROWSER: &str = "websocket-client.mjs";
const DEVICE: &str = "mqtt-client.mjs";

/// Runs a probe that shows a certificate, with a token if that is not empty.
async fn shown(
    scene: &Scene,
    (file, url): (&str, &str),
    certified: Option<&Certified>,
    token: &str,
    more: &[&str],
) -> Ending {
    let text = |path: &std::path::Path| path.display().to_string();
    let mut arguments = vec!["--ca".to_owned(), text(&scene.ca())];
    if let Some(Certified { certificate, key, .. }) = certified {
        arguments.extend(["--cert".to_owned(), text(certificate)]);
        arguments.extend(["--key".to_owned(), text(key)]);
    }
    let arguments = arguments.iter().map(String::as_str).chain(more.iter().copied());
    probe(file, url, token, &arguments.collect::<Vec<_>>()).await
}

/// A login at one of the listeners, and what is recorded of it.
struct Door<'a> {
    scene: &'a Scene,
    at: (&'a str, &'a str),
    usual: &'a [&'a str],
    logins: usize,
}

impl Door<'_> {
    /// Tries; returns whether it got in, and the event.
    async fn knock(&mut self, certified: Option<&Certified>, token: &str) -> (bool, Value) {
        let ending = shown(self.scene, self.at, certified, token, self.usual).await;
        let events = ending.events();
        let is_in = match names(&events)[..] {
            ["connected", ..] => true,
            ["refused"] => false,
            _ => panic!("{events:?}"),
        };
        assert_eq!(ending.status.code(), Some(if is_in { 0 } else { REFUSED }));
        let earlier = self.logins;
        self.logins += 1;
        let event = eventually("the event of this login", || async {
            self.scene.world.audit().await.get(earlier).map(|event| event.json().clone())
        })
        .await;
        (is_in, event["data"].clone())
    }

    /// Must stay outside; returns the code.
    async fn refusal(&mut self, certified: Option<&Certified>, token: &str) -> String {
        let (is_in, data) = self.knock(certified, token).await;
        assert!(!is_in, "{data}");
        data["code"].as_str().unwrap().to_owned()
    }

    /// Everything that a listener which verifies certificates has to hand on.
    async fn hands_certificates_on(mut self, connection_type: &str) {
        let own = self.scene.workload("own", CLERK);
        let other = self.scene.other.workload(self.scene.files.path(), "other", CLERK);
        let (is_in, data) = self.knock(Some(&own), "").await;
        assert!(is_in, "{data}");
        assert_eq!(data["client"]["connection_type"], connection_type);
        assert_eq!(data["client"]["tls"]["certificate_sha256"], own.sha256());
        assert_eq!(data["identity"]["user_name"], format!("mesh:{CLERK}"));
        assert_eq!(data["credential"]["carrier"], "certificate");
        assert_eq!(self.refusal(Some(&other), "").await, "certificate_issuer_unknown");

        let bound = |to: &Certified| self.scene.token("alice", Some(to.confirmation()));
        let (to_own, to_other) = (bound(&own), bound(&other));
        let (is_in, data) = self.knock(Some(&own), &to_own).await;
        assert!(is_in, "{data}");
        assert_eq!(data["identity"]["user_name"], "idp:alice");
        assert_eq!(self.refusal(Some(&own), &to_other).await, "binding_mismatch");

        let ending = shown(self.scene, self.at, None, &to_own, self.usual).await;
        assert_eq!(names(&ending.events()), ["failed"], "TLS already says no");
        assert_eq!(self.scene.world.audit().await.len(), self.logins, "and nobody is asked");
    }

    /// One that verifies none hands none on.
    async fn hands_none_on(mut self) {
        let own = self.scene.workload("own", CLERK);
        assert_eq!(self.refusal(Some(&own), "").await, "credential_missing");
        let bound = self.scene.token("alice", Some(own.confirmation()));
        assert_eq!(self.refusal(Some(&own), &bound).await, "binding_certificate_missing");
        let (is_in, data) = self.knock(Some(&own), &self.scene.token("alice", None)).await;
        assert!(is_in, "{data}");
        assert_eq!(data["client"]["tls"].get("certificate_sha256"), None);
    }
}

const PAGE: [&str; 4] = ["--cookie", "nats_token", "--origin", "http://localhost:3000"];

fn browser(scene: &Scene) -> Door<'_> {
    let url = scene.world.nats.websocket_url().unwrap();
    assert!(url.starts_with("wss://"), "{url}");
    Door { scene, at: (BROWSER, url), usual: &PAGE, logins: 0 }
}

#[tokio::test]
async fn over_websocket() {
    browser(&Scene::start(true).await).hands_certificates_on("websocket").await;
    browser(&Scene::start(false).await).hands_none_on().await;
}

#[tokio::test]
async fn over_mqtt() {
    for verify in [true, false] {
        let scene = Scene::start(verify).await;
        let address = listener(&scene.world, "Listening for MQTT clients on").await;
        let url = format!("mqtts://{address}");
        let door = Door { scene: &scene, at: (DEVICE, &url), usual: &[], logins: 0 };
        if verify {
            door.hands_certificates_on("mqtt").await;
        } else {
            door.hands_none_on().await;
        }
    }
}

/// A server that joins the scene's as a leaf node, showing a certificate and these credentials.
async fn leaf(hub: &str, scene: &Scene, certified: &Certified, credentials: &str) -> NatsServer {
    let at = if credentials.is_empty() { "" } else { "@" };
    let url = format!("tls://{credentials}{at}{hub}");
    let (ca, Certified { certificate, key, .. }) = (scene.ca(), certified);
    let configuration = format!(
        "listen: \"127.0.0.1:-1\"\nleafnodes {{ remotes: [{{ url: {url:?}, tls {{ \
         cert_file: {certificate:?}, key_file: {key:?}, ca_file: {ca:?}, timeout: 10 }} }}] }}\n"
    );
    let directory = tempfile::tempdir_in(scene.files.path()).unwrap().keep();
    NatsServer::start(&nats_server(), &directory, &configuration, &[]).await.unwrap()
}

#[tokio::test]
async fn of_leaf_nodes() {
    let scene = Scene::start(true).await;
    let hub = listener(&scene.world, "Listening for leafnode connections on").await;
    let own = scene.workload("own", CLERK);
    let other = scene.other.workload(scene.files.path(), "other", CLERK);
    let bound = |to: &Certified| format!("edge:{}", scene.token("alice", Some(to.confirmation())));
    let mesh = format!("mesh:{CLERK}");
    for (certified, credentials, expected) in [
        (&own, String::new(), mesh.as_str()),
        (&other, String::new(), "certificate_issuer_unknown"),
        (&own, bound(&own), "idp:alice"),
        (&own, bound(&other), "binding_mismatch"),
    ] {
        let _leaf = leaf(&hub, &scene, certified, &credentials).await;
        eventually(expected, || async {
            let events = scene.world.audit().await;
            let last = &events.last()?.json()["data"];
            let found = last.get("code").unwrap_or(&last["identity"]["user_name"]);
            (last["client"]["kind"] == "Leafnode" && found == expected).then_some(())
        })
        .await;
    }
}
