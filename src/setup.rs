//! A fresh installation: keys, configuration, the server's environment. What is there is kept.

use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
};

use base64::{
    Engine as _,
    engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE_NO_PAD},
};
use nkeys::{KeyPair, KeyPairType, XKey};
use zeroize::Zeroizing;

use crate::private_files;

/// The server's configuration, as it stands in the repository.
pub const SERVER_CONF: &str = include_str!("../nats-server.conf");
/// The example map, as it stands in the repository.
pub const EXAMPLE_MAP: &str = include_str!("../subject-maps/orders.toml");
/// The JSON Schema (draft-07, which editors have for TOML) of subject maps and of test files.
pub const MAP_SCHEMA: &str = include_str!("../docs/subject-map.schema.json");

/// Why a file of the installation could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Reading or writing failed.
    #[error("`{path}` cannot be read or written")]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// Something else is where a file has to be.
    #[error("`{path}` is there and is no {expected}; move it away")]
    InTheWay {
        /// Where.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
    },
    /// A key file that holds something else.
    #[error("`{path}` does not hold the seed of {expected}; move it away, or restore it")]
    NotASeed {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was not there and is now.
    Written,
    /// It was there and is as it was.
    Kept,
}

/// The public halves of the keys of an installation.
#[derive(Debug, Clone)]
pub struct PublicKeys {
    /// Signs answers.
    pub issuer: String,
    /// Opens requests.
    pub xkey: String,
    /// hallpass in the callout account.
    pub service: String,
    /// hallpass in the audit account.
    pub audit_writer: String,
    /// `hallpass audit tail`.
    pub audit_reader: String,
    /// Signs checkpoints of the audit stream; logs in nowhere.
    pub audit_signer: String,
    /// hallpass in the system account.
    pub system: String,
    /// The way in when hallpass does not run.
    pub break_glass: String,
}

/// What the server is called, where it listens and keeps its streams.
#[derive(Debug, Clone)]
pub struct Listen {
    /// What the server is called.
    pub name: String,
    /// `host:port` for clients.
    pub nats: String,
    /// `host:port` for WebSocket.
    pub websocket: String,
    /// The origin whose pages may connect.
    pub origin: String,
    /// JetStream's directory.
    pub jetstream: String,
}

impl Listen {
    /// On loopback ports of the server's own choice, with its streams in `directory`.
    #[must_use]
    pub fn on_free_ports(directory: &Path) -> Self {
        Self {
            nats: "127.0.0.1:-1".to_owned(),
            websocket: "127.0.0.1:-1".to_owned(),
            jetstream: directory.join("jetstream").display().to_string(),
            ..Self::default()
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            name: "nats-1".to_owned(),
            nats: "127.0.0.1:4222".to_owned(),
            websocket: "127.0.0.1:4443".to_owned(),
            origin: "http://localhost:3000".to_owned(),
            // Relative to where the server starts; with `./` before it the server could not read it.
            jetstream: "data/jetstream".to_owned(),
        }
    }
}

/// An issuer for `hallpass.toml`.
#[derive(Debug, Clone)]
pub struct IssuerText {
    /// Our name for it.
    pub name: String,
    /// The exact `iss`.
    pub issuer: String,
    /// An audience.
    pub audience: String,
    /// Where the roles are.
    pub roles_claim: String,
    /// Whether plain http to loopback is allowed.
    pub allow_http_loopback: bool,
}

/// An issuer's section of `hallpass.toml`.
#[must_use]
pub fn issuer_section(issuer: &IssuerText) -> String {
    let IssuerText { name, allow_http_loopback, .. } = issuer;
    let (roles_claim, audience) = (issuer.roles_claim(), quoted(&issuer.audience));
    let mut text = format!(
        r#"
[issuers.{name}]
issuer = {} # the exact `iss` of its tokens
audiences = [{audience}]
roles_claim = {roles_claim} # where the token holds the roles
"#,
        quoted(&issuer.issuer)
    );
    if *allow_http_loopback {
        text.push_str("allow_http_loopback = true # for an IdP on this machine only\n");
    }
    text
}

impl IssuerText {
    /// The path to the roles as TOML: a URL is one key, dots and all.
    fn roles_claim(&self) -> String {
        let text = quoted(&self.roles_claim);
        if self.roles_claim.contains("://") { format!("[{text}]") } else { text }
    }
}

/// A string as TOML, in quotes.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Makes the keys that are not there, in `directory/keys`, readable by their owner only.
///
/// # Errors
/// See [`SetupError`].
pub fn keys(directory: &Path) -> Result<(PublicKeys, Vec<(PathBuf, Fate)>), SetupError> {
    let directory = directory.join("keys");
    private_files::create_directory(&directory).map_err(|source| io_error(&directory, source))?;
    let mut fates = Vec::new();
    let mut pair = |name: &str, kind: KeyPairType, expected| {
        let path = directory.join(name);
        let fresh = || KeyPair::new(kind.clone()).seed().unwrap_or_default();
        let (seed, fate) = seed(&path, fresh)?;
        fates.push((path.clone(), fate));
        match KeyPair::from_seed(seed.trim()) {
            Ok(pair) if pair.key_pair_type() == kind => Ok(pair.public_key()),
            _ => Err(SetupError::NotASeed { path, expected }),
        }
    };
    let user = "a user (`SU…`)";
    let issuer = pair("issuer.nk", KeyPairType::Account, "an account (`SA…`)")?;
    let service = pair("service.nk", KeyPairType::User, user)?;
    let audit_writer = pair("audit-writer.nk", KeyPairType::User, user)?;
    let audit_reader = pair("audit-reader.nk", KeyPairType::User, user)?;
    let audit_signer = pair("audit-signer.nk", KeyPairType::User, user)?;
    let system = pair("system.nk", KeyPairType::User, user)?;
    let break_glass = pair("break-glass.nk", KeyPairType::User, user)?;

    let path = directory.join("xkey.nk");
    let (xkey, fate) = seed(&path, || XKey::new().seed().unwrap_or_default())?;
    fates.push((path.clone(), fate));
    let xkey = XKey::from_seed(xkey.trim())
        .map_err(|_| SetupError::NotASeed { path, expected: "a curve key (`SX…`)" })?
        .public_key();

    let path = directory.join("audit.key");
    let (_, fate) = seed(&path, || random_key(&URL_SAFE_NO_PAD))?;
    fates.push((path, fate));

    let path = directory.join("edge.key");
    // As HAProxy's `hmac` reads keys.
    let (_, fate) = seed(&path, || random_key(&STANDARD))?;
    fates.push((path, fate));
    let keys = PublicKeys {
        issuer,
        xkey,
        service,
        audit_writer,
        audit_reader,
        audit_signer,
        system,
        break_glass,
    };
    Ok((keys, fates))
}

/// 256 random bits as text; nothing where the system has none to give, which no reader accepts.
fn random_key(base64: &GeneralPurpose) -> String {
    let mut bytes = Zeroizing::new([0; 32]);
    match getrandom::fill(bytes.as_mut_slice()) {
        Ok(()) => base64.encode(bytes),
        Err(_) => String::new(),
    }
}

/// The environment that `nats-server.conf` reads: public keys and addresses.
#[must_use]
pub fn server_environment(keys: &PublicKeys, listen: &Listen) -> Vec<(&'static str, String)> {
    vec![
        ("HALLPASS_SERVER_NAME", listen.name.clone()),
        ("HALLPASS_NATS_LISTEN", listen.nats.clone()),
        ("HALLPASS_WEBSOCKET_LISTEN", listen.websocket.clone()),
        ("HALLPASS_WEBSOCKET_ORIGIN", listen.origin.clone()),
        ("HALLPASS_JETSTREAM_DIR", listen.jetstream.clone()),
        ("HALLPASS_CALLOUT_ISSUER", keys.issuer.clone()),
        ("HALLPASS_CALLOUT_XKEY", keys.xkey.clone()),
        ("HALLPASS_SERVICE_NKEY", keys.service.clone()),
        ("HALLPASS_AUDIT_WRITER_NKEY", keys.audit_writer.clone()),
        ("HALLPASS_AUDIT_READER_NKEY", keys.audit_reader.clone()),
        ("HALLPASS_SYSTEM_NKEY", keys.system.clone()),
        ("HALLPASS_BREAK_GLASS_NKEY", keys.break_glass.clone()),
    ]
}

/// The environment as a file for `.` in a shell and systemd's `EnvironmentFile=`.
#[must_use]
pub fn environment_text(environment: &[(&str, String)]) -> String {
    let mut text = String::from(
        "# What nats-server.conf reads. Public keys and addresses; nothing here is secret.\n\
         # set -a; . ./hallpass.env; set +a; nats-server -c nats-server.conf\n",
    );
    for (name, value) in environment {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}={value}");
    }
    text
}

/// `hallpass.toml`, with comments.
#[must_use]
pub fn configuration_text(nats_url: &str, keys: &PublicKeys, issuers: &[IssuerText]) -> String {
    let (nats_url, signer, glass) = (quoted(nats_url), &keys.audit_signer, &keys.break_glass);
    let mut text = format!(
        r#"# hallpass: who may log in to NATS, and where that is recorded.
# Paths start at this file's directory. A secret never stands here, only where it is:
# {{ file = "…" }}, {{ env = "…" }} or {{ command = ["…"] }}.
# `hallpass check` judges this file and the subject maps.

[nats]
urls = [{nats_url}]
service_seed = {{ file = "keys/service.nk" }}

[callout]
account = "AUTH" # as in the server's configuration
issuer_seed = {{ file = "keys/issuer.nk" }} # signs answers
xkey_seed = {{ file = "keys/xkey.nk" }} # opens requests

[accounts]
targets = ["APP"] # the accounts that subject maps may let people into
system = "SYS"

[maps]
directory = "subject-maps"

[audit]
account = "AUDIT"
stream = "HALLPASS_AUDIT"
max_age = "365d"
writer_seed = {{ file = "keys/audit-writer.nk" }}
reader_seed = {{ file = "keys/audit-reader.nk" }} # for `hallpass audit …` only
key = {{ file = "keys/audit.key" }} # makes fingerprints of tokens; the same for all replicas
signing_seed = {{ file = "keys/audit-signer.nk" }} # signs checkpoints
signers = ["{signer}"] # whose checkpoints `hallpass audit verify` believes

[system]
seed = {{ file = "keys/system.nk" }} # hears of connections that come up and end
break_glass = ["{glass}"] # who logs in with this raises an alarm

[edge.keys]
edge-1 = {{ file = "keys/edge.key" }} # what a proxy attests is under its MAC; the proxy has it too
"#
    );
    text.extend(issuers.iter().map(issuer_section));
    if issuers.is_empty() {
        text.push_str(
            r#"
# Nobody can log in until an issuer is named (`hallpass issuers show` has the lines for many IdPs):
# [issuers.corp]
# issuer = "https://idp.example.com/realms/corp" # the exact `iss` of its tokens
# audiences = ["nats"]
# roles_claim = "realm_access.roles" # where the token holds the roles
"#,
        );
    }
    text
}

/// Makes a directory that is not there.
///
/// # Errors
/// See [`SetupError`].
pub fn create_directory(path: &Path) -> Result<Fate, SetupError> {
    match std::fs::create_dir(path) {
        Ok(()) => Ok(Fate::Written),
        Err(_) if path.is_dir() => Ok(Fate::Kept),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(SetupError::InTheWay { path: path.to_owned(), expected: "directory" })
        }
        Err(source) => Err(io_error(path, source)),
    }
}

/// Writes a file that is not there.
///
/// # Errors
/// See [`SetupError`].
pub fn write_new(path: &Path, text: &str) -> Result<Fate, SetupError> {
    create(path, text, 0o644)
}

fn seed(path: &Path, fresh: impl Fn() -> String) -> Result<(Zeroizing<String>, Fate), SetupError> {
    let text = Zeroizing::new(format!("{}\n", fresh()));
    let fate = create(path, &text, private_files::PRIVATE)?;
    let held = std::fs::read_to_string(path).map_err(|source| io_error(path, source))?;
    Ok((Zeroizing::new(held), fate))
}

/// Creates a file with its mode from the first moment; one that is there is never touched.
fn create(path: &Path, text: &str, mode: u32) -> Result<Fate, SetupError> {
    match private_files::create_new(path, text.as_bytes(), mode) {
        Ok(()) => Ok(Fate::Written),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let there = std::fs::metadata(path).map_err(|source| io_error(path, source))?;
            if there.is_file() {
                return Ok(Fate::Kept);
            }
            Err(SetupError::InTheWay { path: path.to_owned(), expected: "file" })
        }
        Err(source) => Err(io_error(path, source)),
    }
}

fn io_error(path: &Path, source: io::Error) -> SetupError {
    SetupError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
