//! Client certificates, as nats-server hands them on: as identities, and as what tokens are bound
//! to.
//!
//! The server trusts one root. Below it stand two authorities, of which an issuer names one: the
//! other's certificates get as far as TLS, and no further.

mod listeners;
mod names;
mod resumption;
mod service;

use std::{path::PathBuf, time::Duration};

use async_nats::{ConnectOptions, connection::State};
use hallpass::{
    playground::{
        client::Visitor,
        idp::{AUDIENCE, Idp, IdpOptions},
    },
    setup::IssuerText,
};
use jiff::{SignedDuration, Timestamp};
use rcgen::{SanType, date_time_ymd};
use serde_json::{Value, json};

use crate::support::{
    Authority, Certified, Hallpass, World, WorldBuilder, eventually, valid_until,
};

const CLERK: &str = "spiffe://example.org/ns/orders/sa/clerk";
const BRIEF: &str = "spiffe://example.org/ns/orders/sa/brief";

const MAP: &str = r#"
account = "APP"

[roles.clerk]
issuers = ["mesh", "idp", "bound"]
idp_roles = ["spiffe://example.org/ns/orders/sa/clerk", "orders:write"]
publish = ["orders.created"]
subscribe = ["orders.>"]

[roles.brief]
issuers = ["mesh"]
idp_roles = ["spiffe://example.org/ns/orders/sa/brief"]
subscribe = ["orders.>"]
session = "1m"
"#;

const ISSUER: &str = r#"
[issuers.mesh]
subject_prefix = "spiffe://example.org/"

[issuers.mesh.certificate]
authorities = "mesh.pem"
identity = "san_uri"
"#;

/// A world whose server speaks TLS, and what it takes to come in.
struct Scene {
    world: World,
    files: tempfile::TempDir,
    mesh: Authority,
    other: Authority,
    /// An issuer all of whose tokens must be bound.
    bound: Idp,
}

/// The `tls` block of a listener.
fn block(files: &std::path::Path, verify: bool) -> String {
    let file = |name: &str| files.join(name).display().to_string();
    let (certificate, key, ca) = (file("server.pem"), file("server.key"), file("ca.pem"));
    // Handshakes are slow on a busy machine.
    format!(
        "tls {{ cert_file: {certificate:?}, key_file: {key:?}, ca_file: {ca:?}, \
         verify: {verify}, timeout: 10 }}"
    )
}

impl Scene {
    /// On all listeners either every client must show a certificate, or none is asked.
    async fn start(verify: bool) -> Self {
        let mut scene = Self::set(verify).await;
        scene.world.add_hallpass(&[]).await;
        scene
    }

    /// The same, before hallpass runs.
    async fn set(verify: bool) -> Self {
        let files = tempfile::tempdir().unwrap();
        let root = Authority::new("root");
        let (mesh, other) = (root.below("mesh"), root.below("other"));
        root.server(files.path());
        std::fs::write(files.path().join("ca.pem"), root.pem()).unwrap();
        other.certify(files.path(), "hallpass", |_| {});
        crate::support::install_provider();
        let options = IdpOptions { kid_prefix: "test-".to_owned(), ..IdpOptions::playground() };
        let bound = Idp::start(options).await.unwrap();

        let world = builder(files.path(), verify, &bound).start().await;
        let path = world.directory().join("hallpass.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let file = |name: &str| files.path().join(name).display().to_string();
        let mut nats = format!("[nats]\nca_file = {:?}\n", file("ca.pem"));
        if verify {
            let (certificate, key) = (file("hallpass.pem"), file("hallpass.key"));
            nats += &format!("cert_file = {certificate:?}\nkey_file = {key:?}\n");
        }
        let text = text.replace("[nats]\n", &nats);
        let text = text.replace("[issuers.bound]\n", "[issuers.bound]\ncertificate_bound = true\n");
        std::fs::write(path, text + ISSUER).unwrap();
        std::fs::write(world.directory().join("mesh.pem"), mesh.pem()).unwrap();
        let mut scene = Self { world, files, mesh, other, bound };
        let path = |name: &str| scene.files.path().join(name);
        let (ca, certificate, key) = (path("ca.pem"), path("hallpass.pem"), path("hallpass.key"));
        scene.world.options = Box::new(move || {
            let options = ConnectOptions::new().add_root_certificates(ca.clone());
            options.add_client_certificate(certificate.clone(), key.clone())
        });
        scene
    }

    fn ca(&self) -> PathBuf {
        self.files.path().join("ca.pem")
    }

    /// A workload of the authority that is believed.
    fn workload(&self, name: &str, uri: &str) -> Certified {
        self.mesh.workload(self.files.path(), name, uri)
    }

    /// Showing this certificate and nothing else.
    fn showing(&self, certified: &Certified) -> ConnectOptions {
        let options = ConnectOptions::new().add_root_certificates(self.ca()).require_tls(true);
        options.add_client_certificate(certified.certificate.clone(), certified.key.clone())
    }

    async fn log_in(&self, name: &str, options: ConnectOptions) -> Visitor {
        let connected = self.world.connect(options.name(name)).await;
        connected.unwrap_or_else(|error| {
            let log = self.world.hallpass.iter().map(Hallpass::log).collect::<Vec<_>>().join("\n");
            panic!("{name} should get in: {error}; hallpass says:\n{log}")
        })
    }

    /// A token with this `cnf`.
    fn token(&self, subject: &str, confirmation: Option<Value>) -> String {
        bind(&self.world.idp, subject, confirmation)
    }
}

/// The server's configuration, with TLS on each listener.
fn builder(files: &std::path::Path, verify: bool, bound: &Idp) -> WorldBuilder {
    let tls = block(files, verify);
    World::builder()
        .server_conf(|conf| {
            let conf = conf.replace("no_tls: true", &tls);
            let listen = format!("listen: \"127.0.0.1:-1\", {tls}");
            format!("{conf}\n{tls}\nmqtt {{ {listen} }}\nleafnodes {{ {listen} }}\n")
        })
        .issuer(IssuerText {
            name: "bound".to_owned(),
            issuer: bound.issuer().to_owned(),
            audience: AUDIENCE.to_owned(),
            roles_claim: "realm_access.roles".to_owned(),
            allow_http_loopback: true,
        })
        .map("orders.toml", MAP)
        .replicas(0)
}

fn bind(idp: &Idp, subject: &str, confirmation: Option<Value>) -> String {
    let mut claims = idp.claims(subject, &["orders:write"]);
    if let Some(confirmation) = confirmation {
        claims["cnf"] = confirmation;
    }
    idp.sign(&claims).unwrap()
}

#[tokio::test]
async fn a_certificate_alone_is_an_identity_until_it_ends() {
    let scene = Scene::start(true).await;
    let end = Timestamp::from_second(Timestamp::now().as_second() + 3600).unwrap();
    let workload = |name: &str, uri: &str, end: Timestamp| {
        scene.mesh.certify(scene.files.path(), name, |params| {
            params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
            valid_until(params, end);
        })
    };
    let clerk = workload("clerk", CLERK, end);
    scene.log_in("clerk", scene.showing(&clerk)).await;
    let event = scene.world.event_of("clerk").await;
    assert_eq!(event.outcome(), "granted", "{}", event.json());
    assert_eq!(event.text("/data/credential/carrier"), "certificate");
    assert_eq!(event.text("/data/identity/issuer"), "mesh");
    assert_eq!(event.text("/data/identity/subject"), CLERK);
    assert_eq!(event.text("/data/identity/user_name"), format!("mesh:{CLERK}"));
    assert_eq!(event.text("/data/client/tls/certificate_sha256"), clerk.sha256());
    assert_eq!(event.text("/data/client/tls/version"), "1.3");
    assert_eq!(event.json()["data"]["token"], Value::Null);
    assert_eq!(event.text("/data/grant/ends_at"), end.to_string(), "with the certificate");

    let brief = workload("brief", BRIEF, end);
    scene.log_in("brief", scene.showing(&brief)).await;
    let event = scene.world.event_of("brief").await;
    let ends_at: Timestamp = event.text("/data/grant/ends_at").parse().unwrap();
    assert!(ends_at.duration_since(Timestamp::now()) <= SignedDuration::from_mins(1));

    // RFC 5280, section 4.1.2.5: no end that is known. The server could not count that far.
    let unending = scene.mesh.certify(scene.files.path(), "unending", |params| {
        params.subject_alt_names = vec![SanType::URI(CLERK.try_into().unwrap())];
        params.not_after = date_time_ymd(9999, 12, 31) + Duration::from_secs(86_399);
    });
    let visitor = scene.log_in("unending", scene.showing(&unending)).await;
    visitor.client.flush().await.unwrap();
    let event = scene.world.event_of("unending").await;
    let ends_at: Timestamp = event.text("/data/grant/ends_at").parse().unwrap();
    assert!(ends_at.duration_since(Timestamp::now()) <= SignedDuration::from_hours(366 * 24));

    let close = Timestamp::from_second(Timestamp::now().as_second() + 4).unwrap();
    let last = workload("last", CLERK, close);
    let visitor = scene.log_in("last", scene.showing(&last)).await;
    // With such a certificate nobody gets as far as hallpass again.
    eventually("the end of the session", || async {
        (visitor.client.connection_state() == State::Disconnected).then_some(())
    })
    .await;
    assert!(Timestamp::now() >= close);
    scene.world.connect(scene.showing(&last)).await.unwrap_err();
}

#[tokio::test]
async fn what_the_server_trusts_is_not_yet_somebody() {
    let scene = Scene::start(true).await;
    let files = scene.files.path();
    let names = |names: Vec<SanType>| {
        move |params: &mut rcgen::CertificateParams| params.subject_alt_names = names
    };
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    let host = SanType::DnsName("clerk.example.org".try_into().unwrap());
    let cases = [
        ("certificate_issuer_unknown", scene.other.workload(files, "of-another-authority", CLERK)),
        (
            "subject_prefix_mismatch",
            scene.workload("of-another-domain", "spiffe://example.org.evil/ns/orders/sa/clerk"),
        ),
        ("certificate_identity_absent", scene.mesh.certify(files, "nobody", names(vec![]))),
        ("certificate_identity_absent", scene.mesh.certify(files, "host", names(vec![host]))),
        (
            "certificate_identity_ambiguous",
            scene.mesh.certify(files, "two", names(vec![uri(CLERK), uri(BRIEF)])),
        ),
        ("no_role", scene.workload("without-a-role", "spiffe://example.org/ns/orders/sa/other")),
    ];
    for (code, certified) in &cases {
        let name = certified.key.file_stem().unwrap().to_str().unwrap();
        assert_eq!(scene.world.refusal_of(scene.showing(certified), name).await, *code, "{name}");
        let event = scene.world.event_of(name).await;
        assert_eq!(event.text("/data/client/tls/certificate_sha256"), certified.sha256(), "{name}");
    }

    // An authority that only calls itself what the other is called is not even the server's.
    let pretended = Authority::new("root").below("mesh").workload(files, "pretended", CLERK);
    scene.world.connect(scene.showing(&pretended).name("pretended")).await.unwrap_err();
    let nothing = ConnectOptions::new().add_root_certificates(scene.ca()).require_tls(true);
    scene.world.connect(nothing.name("nothing")).await.unwrap_err();
    let clerk = scene.workload("clerk", CLERK);
    scene.log_in("clerk", scene.showing(&clerk)).await;
    scene.world.event_of("clerk").await;
    let asked = scene.world.audit().await.into_iter().map(|event| event.text("/data/client/name"));
    let asked: Vec<_> = asked.collect();
    assert!(asked.iter().all(|name| name != "pretended" && name != "nothing"), "{asked:?}");
}

#[tokio::test]
async fn a_token_is_worth_what_it_is_bound_to() {
    let scene = Scene::start(true).await;
    let own = scene.workload("own", BRIEF);
    // What a token is bound to need not be anybody to hallpass.
    let unknown = scene.other.workload(scene.files.path(), "unknown", CLERK);
    let with = |certified: &Certified, token: String| scene.showing(certified).token(token);

    for (name, certified) in [("bound", &own), ("bound-to-an-unknown", &unknown)] {
        let token = scene.token("alice", Some(certified.confirmation()));
        scene.log_in(name, with(certified, token)).await;
        let event = scene.world.event_of(name).await;
        assert_eq!(event.text("/data/identity/user_name"), "idp:alice", "the token, not {BRIEF}");
        assert_eq!(event.text("/data/credential/carrier"), "auth_token");
        assert_eq!(event.text("/data/client/tls/certificate_sha256"), certified.sha256());
        assert_eq!(event.json()["data"]["roles"], json!(["clerk"]));
    }
    let token = scene.token("alice", Some(own.confirmation()));
    let options = scene.showing(&own).user_and_password("whoever".to_owned(), token);
    scene.log_in("as-password", options).await;
    scene.log_in("unbound", with(&own, scene.token("alice", None))).await;
    let token = bind(&scene.bound, "alice", Some(own.confirmation()));
    scene.log_in("must-be-bound", with(&own, token)).await;
    let event = scene.world.event_of("must-be-bound").await;
    assert_eq!(event.text("/data/identity/user_name"), "bound:alice");

    let bound = |confirmation| scene.token("alice", Some(confirmation));
    for (name, code, token) in [
        ("to-another", "binding_mismatch", bound(unknown.confirmation())),
        ("to-a-key", "binding_unsupported", bound(json!({ "jkt": "x" }))),
        ("not-at-all", "binding_absent", bind(&scene.bound, "alice", None)),
        ("no-token", "token_malformed", "not-a-token".to_owned()),
    ] {
        let code_found = scene.world.refusal_of(with(&own, token), name).await;
        assert_eq!(code_found, code, "a certificate does not mend a token: {name}");
    }
}

/// Where the server does not ask for certificates, a client that has one cannot show it.
#[tokio::test]
async fn a_certificate_that_nobody_verifies_is_none() {
    let scene = Scene::start(false).await;
    let own = scene.workload("own", CLERK);
    assert_eq!(scene.world.refusal_of(scene.showing(&own), "alone").await, "credential_missing");
    let event = scene.world.event_of("alone").await;
    assert_eq!(event.json()["data"]["client"]["tls"].get("certificate_sha256"), None);
    assert_eq!(event.text("/data/client/tls/version"), "1.3");
    let with = |token: String| scene.showing(&own).token(token);
    let token = scene.token("alice", Some(own.confirmation()));
    assert_eq!(scene.world.refusal_of(with(token), "bound").await, "binding_certificate_missing");
    let token = bind(&scene.bound, "alice", None);
    assert_eq!(scene.world.refusal_of(with(token), "must-be-bound").await, "binding_absent");
    scene.log_in("unbound", with(scene.token("alice", None))).await;
}
