//! The validated settings.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use jsonwebtoken::Algorithm;
use nkeys::{KeyPair, XKey};
use secrecy::SecretString;
use url::Url;

use super::{
    AgentSettings, AuditSettings, CertificateIssuer, ClientCertificate, EdgeSettings, HttpSettings,
    IntrospectionSettings, Layers, LoginFlow, MapBounds, Requirement, RolesClaim, ShownToken,
    SystemSettings, accounts, edge, issuers, maps, sections,
};
use crate::{
    document::{Fields, Kind, Node, Problems},
    names::{AccountName, IssuerName, ServerId},
};

/// Everything `serve` needs, checked. Secrets print as `[REDACTED]` or not at all.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How to reach NATS.
    pub nats: NatsSettings,
    /// How to answer.
    pub callout: CalloutSettings,
    /// The accounts that maps may target: hallpass is the only guard there is.
    pub accounts: BTreeSet<AccountName>,
    /// Whose tokens are believed.
    pub issuers: Vec<IssuerSettings>,
    /// Whose certificates are believed.
    pub certificate_issuers: Vec<CertificateIssuer>,
    /// The directory of the subject maps.
    pub maps: PathBuf,
    /// The proxies before the servers.
    pub edge: EdgeSettings,
    /// Where hallpass is asked over HTTP; absent: nowhere.
    pub http: Option<HttpSettings>,
    /// Where HAProxy's `agent-check` asks; absent: nowhere.
    pub agent: Option<AgentSettings>,
    /// Where decisions are recorded.
    pub audit: AuditSettings,
    /// Who hears of connections; absent: nobody does.
    pub system: Option<SystemSettings>,
}

/// How to reach NATS.
#[derive(Debug, Clone)]
pub struct NatsSettings {
    /// One or more servers of one cluster.
    pub urls: Vec<String>,
    /// Certificates to believe instead of the system's, in PEM.
    pub ca_file: Option<PathBuf>,
    /// What hallpass shows where the server asks for a certificate.
    pub certificate: Option<ClientCertificate>,
    /// The seed of the service user, who lives in the callout account.
    pub service_seed: SecretString,
}

/// How to answer the callout.
#[derive(Debug, Clone)]
pub struct CalloutSettings {
    /// The callout account.
    pub account: AccountName,
    /// The key that signs answers: `auth_callout.issuer` in the server's configuration.
    pub issuer: Arc<KeyPair>,
    /// The curve key that requests are sealed to: `auth_callout.xkey`.
    pub xkey: Option<Arc<XKey>>,
    /// The servers whose requests are answered; absent: any in the callout account.
    pub servers: Option<BTreeSet<ServerId>>,
    /// The queue group of all replicas.
    pub queue: String,
    /// From reading a request to having its answer out.
    pub deadline: Duration,
    /// How many logins may be in hand at once.
    pub max_in_flight: usize,
}

/// One issuer of tokens.
#[derive(Debug, Clone)]
pub struct IssuerSettings {
    /// What hallpass calls it.
    pub name: IssuerName,
    /// The exact `iss` of its tokens.
    pub issuer: String,
    /// Other spellings of it.
    pub issuer_aliases: BTreeSet<String>,
    /// The audiences of which a token must have one; none: tokens must have none, and `require`
    /// says whom they are meant for.
    pub audiences: BTreeSet<String>,
    /// Claims that must be there.
    pub require: Vec<Requirement>,
    /// The algorithms that are accepted; none of them symmetric.
    pub algorithms: Vec<Algorithm>,
    /// What `typ` may be, in lower case; the empty text stands for none.
    pub token_types: BTreeSet<String>,
    /// How far the issuer's clock may be ahead, for `nbf` and `iat`.
    pub leeway: Duration,
    /// From `iat` to `exp` at most.
    pub max_lifetime: Duration,
    /// Since `iat` at most.
    pub max_age: Option<Duration>,
    /// Whether ID tokens let people in.
    pub accept_id_tokens: bool,
    /// Whether tokens must be bound to a certificate (RFC 8705).
    pub certificate_bound: bool,
    /// Whether an edge must have attested the connection.
    pub require_edge: bool,
    /// What `sub` must begin with.
    pub subject_prefix: Option<String>,
    /// Where the roles stand.
    pub roles: RolesClaim,
    /// How it is asked about tokens, where it is.
    pub introspection: Option<IntrospectionSettings>,
    /// The `use` that keys may have, if they have one.
    pub key_use: String,
    /// Where the keys are; absent: where discovery says.
    pub jwks_uri: Option<Url>,
    /// The file that holds the keys, instead of an address.
    pub jwks_file: Option<PathBuf>,
    /// Whether plain http is allowed, to loopback addresses only.
    pub allow_http_loopback: bool,
    /// Certificates to believe beside the system's, in PEM.
    pub ca_file: Option<PathBuf>,
    /// How often the keys are fetched anew.
    pub refresh: Duration,
    /// How long keys are believed after they were last fetched; longer than `refresh`.
    pub max_key_age: Duration,
    /// How a person signs in; absent: nobody does.
    pub login: Option<LoginSettings>,
}

/// How a person signs in with an issuer. A public client: there is no secret.
#[derive(Debug, Clone)]
pub struct LoginSettings {
    /// What the IdP calls hallpass.
    pub client_id: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// How, unless the person says otherwise.
    pub flow: LoginFlow,
    /// Which token is shown to NATS.
    pub shown: ShownToken,
    /// What the IdP is to ask in any case (`prompt`, OpenID Connect Core, section 3.1.2.1).
    pub prompt: Option<String>,
    /// Whom the access token is for, where the IdP wants to hear it as `audience`.
    pub audience: Option<String>,
    /// Whom the access token is for, as RFC 8707 says it.
    pub resource: Option<String>,
    /// Where the browser comes back to on this machine; 0: any port that is free (RFC 8252).
    pub redirect_port: u16,
}

/// What `hallpass audit …` needs: nothing of what `serve` signs with.
#[derive(Debug, Clone)]
pub struct ReaderSettings {
    /// One or more servers of one cluster.
    pub urls: Vec<String>,
    /// Certificates to believe instead of the system's, in PEM.
    pub ca_file: Option<PathBuf>,
    /// What hallpass shows where the server asks for a certificate.
    pub certificate: Option<ClientCertificate>,
    /// The stream's account, as far as it is named: for messages.
    pub account: Option<String>,
    /// The stream's name.
    pub stream: String,
    /// The seed of the user who may only read there.
    pub reader_seed: SecretString,
    /// Whose checkpoints are believed: public nkeys of users.
    pub signers: BTreeSet<String>,
}

/// Where NATS is, for somebody who shows a token.
#[derive(Debug, Clone)]
pub struct NatsAddress {
    /// One or more servers of one cluster.
    pub urls: Vec<String>,
    /// Certificates to believe beside the system's, in PEM.
    pub ca_file: Option<PathBuf>,
}

impl Settings {
    /// Checks the settings and gets the secrets: `None` where a problem is an error.
    pub fn read(layers: &Layers, problems: &mut Problems) -> Option<Self> {
        let mut found = Problems::default();
        let settings = sections::settings(layers, &mut found);
        let usable = !found.any_error();
        problems.append(found);
        settings.filter(|_| usable)
    }

    /// The names of all issuers whose tokens or certificates are believed.
    #[must_use]
    pub fn issuer_list(&self) -> Vec<&str> {
        let tokens = self.issuers.iter().map(|issuer| issuer.name.as_str());
        let certificates = self.certificate_issuers.iter().map(|issuer| issuer.name.as_str());
        tokens.chain(certificates).collect()
    }

    /// Where the maps are, whatever else is wrong with the settings.
    #[must_use]
    pub fn maps_directory(layers: &Layers) -> PathBuf {
        maps::directory(layers)
    }

    /// The proxies before the servers, whatever else is wrong with the settings.
    #[must_use]
    pub fn edges(layers: &Layers) -> Vec<IpNet> {
        let edge = layers.root.get("edge");
        edge.map(edge::addresses).unwrap_or_default()
    }

    /// Whether an edge can attest a connection, whatever else is wrong with the settings.
    #[must_use]
    pub fn edge_can_attest(layers: &Layers) -> bool {
        let keys = layers.root.get("edge").and_then(|edge| edge.get("keys"));
        keys.is_some_and(|keys| matches!(&keys.kind, Kind::Table(keys) if !keys.is_empty()))
    }

    /// How far the maps of some directories reach, whatever else is wrong with the settings;
    /// `None` where that cannot be read.
    #[must_use]
    pub fn map_bounds(layers: &Layers) -> Option<Vec<MapBounds>> {
        maps::all_bounds(layers)
    }

    /// The accounts that maps may target, whatever else is wrong with the settings; `None` where
    /// not one can be read.
    #[must_use]
    pub fn targets(layers: &Layers) -> Option<BTreeSet<AccountName>> {
        accounts::targets(layers)
    }

    /// The names of the issuers, whatever else is wrong with the settings; `None` where not one
    /// can be read.
    #[must_use]
    pub fn issuer_names(layers: &Layers) -> Option<BTreeSet<IssuerName>> {
        issuers::names(layers)
    }
}

impl IssuerSettings {
    /// Checks the issuers of tokens, and those only; the secrets in them are left where they are.
    ///
    /// # Errors
    /// Every problem there is.
    pub fn read_all(layers: &Layers) -> Result<Vec<Self>, Problems> {
        let mut problems = Problems::default();
        let mut root = Fields::of(&layers.root, "the configuration", &mut problems);
        let (issuers, _) = issuers::issuers(&mut root, layers, &mut problems);
        if problems.any_error() { Err(problems) } else { Ok(issuers) }
    }

    /// Reads the settings of one issuer, wherever they were written; paths in them start at
    /// `directory`.
    pub fn read(
        name: IssuerName,
        node: &Node,
        directory: &Path,
        problems: &mut Problems,
    ) -> Option<Self> {
        issuers::issuer(Some(name), node, directory, problems)
    }
}

impl NatsSettings {
    /// Checks what is needed to connect as the service user, and that only.
    ///
    /// # Errors
    /// Every problem there is.
    pub fn read(layers: &Layers) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let settings = sections::service_user(layers, &mut problems);
        match settings {
            Some(settings) if !problems.any_error() => Ok(settings),
            _ => Err(problems),
        }
    }
}

impl ReaderSettings {
    /// Checks what a reader of the audit stream needs, and that only.
    ///
    /// # Errors
    /// Every problem there is.
    pub fn read(layers: &Layers) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let settings = sections::reader(layers, &mut problems);
        match settings {
            Some(settings) if !problems.any_error() => Ok(settings),
            _ => Err(problems),
        }
    }
}

/// Checks whose checkpoints are believed, and that only: public nkeys of users.
///
/// # Errors
/// Every problem there is.
pub fn read_signers(layers: &Layers) -> Result<BTreeSet<String>, Problems> {
    let mut problems = Problems::default();
    let signers = sections::signers(layers, &mut problems);
    match signers {
        Some(signers) if !problems.any_error() => Ok(signers),
        _ => Err(problems),
    }
}

/// Gets what fingerprints are made with, and that only.
///
/// # Errors
/// Every problem there is.
pub fn read_audit_key(layers: &Layers) -> Result<SecretString, Problems> {
    let mut problems = Problems::default();
    let key = sections::audit_key(layers, &mut problems);
    match key {
        Some(key) if !problems.any_error() => Ok(key),
        _ => Err(problems),
    }
}

impl NatsAddress {
    /// Checks where NATS is, and that only.
    ///
    /// # Errors
    /// Every problem there is.
    pub fn read(layers: &Layers) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let address = sections::nats_address(layers, &mut problems);
        match address {
            Some(address) if !problems.any_error() => Ok(address),
            _ => Err(problems),
        }
    }
}

#[cfg(test)]
mod tests;
