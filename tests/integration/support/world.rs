//! A nats-server, an IdP and hallpass, set up as `hallpass init` does it.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{LazyLock, Once, OnceLock},
};

use async_nats::{ConnectError, ConnectErrorKind, ConnectOptions};
use hallpass::{
    audit::reader::{self, Extent, Record},
    nats::AUDIT_READER_INBOX,
    playground::{
        NatsServer,
        client::Visitor,
        idp::{AUDIENCE, Idp, IdpOptions},
    },
    setup::{self, IssuerText, Listen, PublicKeys},
};
use jsonschema::Validator;
use serde_json::Value;

use super::{Hallpass, eventually};

/// How a world differs from the usual one.
pub struct WorldBuilder {
    server_conf: String,
    maps: Vec<(String, String)>,
    replicas: usize,
    without_system: bool,
    extra_issuers: Vec<IssuerText>,
    variables: Vec<(&'static str, String)>,
}

/// Everything that is needed for a login.
pub struct World {
    directory: tempfile::TempDir,
    /// The server.
    pub nats: NatsServer,
    /// The IdP that hallpass believes.
    pub idp: Idp,
    /// The public keys of the installation.
    pub keys: PublicKeys,
    /// The replicas of hallpass.
    pub hallpass: Vec<Hallpass>,
    /// What the installation's own clients need where the server speaks TLS.
    pub options: Box<dyn Fn() -> ConnectOptions + Send + Sync>,
    server_conf: String,
    environment: Vec<(&'static str, String)>,
}

/// The nats-server to test with: `tests/tools/nats-server` finds it or gets it.
pub fn nats_server() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| tool("nats-server")).clone()
}

/// The `nats` CLI to test with: `tests/tools/nats-cli` finds it or builds it.
pub fn nats_cli() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| tool("nats-cli")).clone()
}

fn tool(name: &str) -> PathBuf {
    let script = format!("{}/tests/tools/{name}", env!("CARGO_MANIFEST_DIR"));
    let output = std::process::Command::new(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// One provider for the whole process, as `main` installs it. For what starts before a world.
pub fn install_provider() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    });
}

/// Every event that a test meets is one that the page about them describes.
fn fits_the_schema(event: &Value) {
    static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
        let text = include_str!("../../../docs/audit-event.schema.json");
        jsonschema::draft202012::new(&serde_json::from_str(text).unwrap()).unwrap()
    });
    let errors: Vec<_> = SCHEMA
        .iter_errors(event)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{event:#}");
}

impl WorldBuilder {
    /// With the server's configuration changed; it must really change.
    pub fn server_conf(mut self, change: impl FnOnce(&str) -> String) -> Self {
        let changed = change(&self.server_conf);
        assert_ne!(changed, self.server_conf, "the change changed nothing");
        self.server_conf = changed;
        self
    }

    /// With this map instead of the repository's; may be said several times.
    pub fn map(mut self, name: &str, text: &str) -> Self {
        self.maps.push((name.to_owned(), text.to_owned()));
        self
    }

    /// With this many replicas of hallpass.
    pub fn replicas(mut self, count: usize) -> Self {
        self.replicas = count;
        self
    }

    /// In which no connection has an event: looking at the audit stream makes connections.
    pub fn without_system(mut self) -> Self {
        self.without_system = true;
        self
    }

    /// With this in the server's environment, beside what `hallpass init` writes.
    pub fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// With another issuer beside the IdP, which is called `idp`.
    pub fn issuer(mut self, issuer: IssuerText) -> Self {
        self.extra_issuers.push(issuer);
        self
    }

    /// Starts everything.
    pub async fn start(self) -> World {
        install_provider();
        let program = nats_server();
        let directory = tempfile::Builder::new().prefix("hallpass-test-").tempdir().unwrap();
        let path = directory.path();
        let idp =
            Idp::start(IdpOptions { kid_prefix: "test-".to_owned(), ..IdpOptions::playground() })
                .await
                .unwrap();
        let (keys, _) = setup::keys(path).unwrap();
        let mut environment = setup::server_environment(&keys, &Listen::on_free_ports(path));
        environment.extend(self.variables);
        let nats =
            NatsServer::start(&program, path, &self.server_conf, &environment).await.unwrap();
        let mut issuers = vec![IssuerText {
            name: "idp".to_owned(),
            issuer: idp.issuer().to_owned(),
            audience: AUDIENCE.to_owned(),
            roles_claim: "realm_access.roles".to_owned(),
            allow_http_loopback: true,
        }];
        issuers.extend(self.extra_issuers);
        let mut configuration = setup::configuration_text(nats.url(), &keys, &issuers);
        if self.without_system {
            configuration = without_system(&configuration);
        }
        std::fs::write(path.join("hallpass.toml"), configuration).unwrap();
        std::fs::create_dir(path.join("subject-maps")).unwrap();
        let usual = vec![("orders.toml".to_owned(), setup::EXAMPLE_MAP.to_owned())];
        let maps = if self.maps.is_empty() { usual } else { self.maps };
        for (name, text) in &maps {
            std::fs::write(path.join("subject-maps").join(name), text).unwrap();
        }
        let mut world = World {
            directory,
            nats,
            idp,
            keys,
            hallpass: Vec::new(),
            options: Box::new(ConnectOptions::new),
            server_conf: self.server_conf,
            environment,
        };
        for _ in 0..self.replicas {
            world.add_hallpass(&[]).await;
        }
        world
    }
}

fn without_system(configuration: &str) -> String {
    let (before, section) = configuration.split_once("[system]\n").unwrap();
    // The next section, if there is one, comes after an empty line.
    let after = section.split_once("\n\n").map_or("", |(_, after)| after);
    format!("{before}{after}")
}

impl World {
    /// The usual world.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A world that differs from the usual one.
    pub fn builder() -> WorldBuilder {
        WorldBuilder {
            server_conf: setup::SERVER_CONF.to_owned(),
            maps: Vec::new(),
            replicas: 1,
            without_system: false,
            extra_issuers: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// Where configuration, keys and maps are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts one more replica and waits until it answers.
    pub async fn add_hallpass(&mut self, arguments: &[&str]) {
        let started = Hallpass::start(self.directory(), arguments).ready().await;
        self.hallpass.push(started);
    }

    /// Kills the server and starts it again, on the same ports.
    pub async fn restart_nats(&mut self) {
        self.restart_nats_with(str::to_owned).await;
    }

    /// As [`Self::restart_nats`], with the server's usual configuration changed until the next
    /// restart.
    pub async fn restart_nats_with(&mut self, change: impl FnOnce(&str) -> String) {
        let port = |url: &str| url.rsplit_once(':').unwrap().1.to_owned();
        let nats = format!("127.0.0.1:{}", port(self.nats.url()));
        self.nats.stop().await;
        for (name, value) in &mut self.environment {
            if *name == "HALLPASS_NATS_LISTEN" {
                value.clone_from(&nats);
            }
        }
        let program = nats_server();
        let path = self.directory.path();
        let conf = change(&self.server_conf);
        self.nats = NatsServer::start(&program, path, &conf, &self.environment).await.unwrap();
    }

    /// Another server with the same users, of this name and in a directory of its own; its
    /// configuration is the world's, changed.
    pub async fn another_server(
        &self,
        name: &str,
        change: impl FnOnce(&str) -> String,
    ) -> NatsServer {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        let listen = Listen { name: name.to_owned(), ..Listen::on_free_ports(&path) };
        let environment = setup::server_environment(&self.keys, &listen);
        let conf = change(&self.server_conf);
        NatsServer::start(&nats_server(), &path, &conf, &environment).await.unwrap()
    }

    /// An honest token.
    pub fn token(&self, subject: &str, roles: &[&str]) -> String {
        self.idp.sign(&self.idp.claims(subject, roles)).unwrap()
    }

    /// A token whose claims were changed before it was signed.
    pub fn token_with(
        &self,
        subject: &str,
        roles: &[&str],
        change: impl FnOnce(&mut Value),
    ) -> String {
        let mut claims = self.idp.claims(subject, roles);
        change(&mut claims);
        self.idp.sign(&claims).unwrap()
    }

    /// Logs in with a token as `auth_token`.
    pub async fn log_in(&self, name: &str, token: &str) -> Result<Visitor, ConnectError> {
        Visitor::log_in(self.nats.url(), name, token).await
    }

    /// Logs in with other options.
    pub async fn connect(&self, options: ConnectOptions) -> Result<Visitor, ConnectError> {
        Visitor::connect(self.nats.url(), options).await
    }

    /// Tries to log in and must be kept out; returns the code that the audit stream tells.
    /// `name` must not have been used before in this world.
    pub async fn refusal(&self, name: &str, token: &str) -> String {
        self.refusal_of(ConnectOptions::with_token(token.to_owned()), name).await
    }

    /// As [`Self::refusal`], with other options.
    pub async fn refusal_of(&self, options: ConnectOptions, name: &str) -> String {
        let error = self.connect(options.name(name)).await.expect_err("must stay outside");
        assert_eq!(error.kind(), ConnectErrorKind::AuthorizationViolation, "{error}");
        self.event_of(name).await.text("/data/code")
    }

    /// The newest event about the client of this name.
    pub async fn event_of(&self, name: &str) -> Record {
        let about = |record: &Record| record.json()["data"]["client"]["name"] == name;
        eventually(&format!("an audit event about {name}"), || async {
            self.audit().await.into_iter().rev().find(|record| about(record))
        })
        .await
    }

    /// All events so far of what hallpass decided, dropped, or took into force; each must fit the
    /// schema of `docs`.
    pub async fn audit(&self) -> Vec<Record> {
        let decided = ["hallpass.decision", "hallpass.request", "hallpass.maps"];
        let mut events = self.events().await;
        events.retain(|event| decided.contains(&event.text("/type").as_str()));
        events
    }

    /// All events so far, of whatever kind. Looking makes a connection, which has events itself.
    pub async fn events(&self) -> Vec<Record> {
        let client = self.as_key("audit-reader", AUDIT_READER_INBOX).await;
        let mut records = Vec::new();
        let extent = Extent { last: None, follow: false };
        // The stream may not be there yet.
        let _ = reader::read(client, "HALLPASS_AUDIT", extent, |record| {
            fits_the_schema(record.json());
            records.push(record);
            ControlFlow::Continue(())
        })
        .await;
        records
    }

    /// A client with one of the installation's own keys, such as `service`.
    pub async fn as_key(&self, key: &str, inbox_prefix: &str) -> async_nats::Client {
        let path = self.directory().join(format!("keys/{key}.nk"));
        let seed = std::fs::read_to_string(path).unwrap();
        (self.options)()
            .nkey(seed.trim().to_owned())
            .custom_inbox_prefix(inbox_prefix)
            .connect(self.nats.url())
            .await
            .unwrap()
    }
}
