//! The sections of `hallpass.toml`, each read into its settings.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use nkeys::{KeyPair, KeyPairType, XKey};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    AuditSettings, CalloutSettings, IssuerSettings, Layers, NatsSettings, ReaderSettings,
    SecretSource, Settings, settings::get,
};
use crate::{
    claim_path::ClaimPath,
    document::{Fields, Kind, Node, Place, Problem, Problems, parse_at},
    names::{AccountName, IssuerName},
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

pub(super) fn settings(layers: &Layers, problems: &mut Problems) -> Option<Settings> {
    let mut root = Fields::of(&layers.root, "the configuration", problems);
    let nats = root.required("nats", problems).and_then(|node| nats(node, layers, problems));
    let callout =
        root.required("callout", problems).and_then(|node| callout(node, layers, problems));
    let audit = root.required("audit", problems).and_then(|node| audit(node, layers, problems));
    let accounts =
        root.required("accounts", problems).and_then(|node| accounts(node, layers, problems));
    if let Some(node) = root.node("maps") {
        let mut fields = Fields::of(node, "`[maps]`", problems);
        fields.string("directory", problems);
        fields.finish(problems);
    }
    let issuers = issuers(&mut root, layers, problems);
    root.finish(problems);
    let maps = maps_directory(layers);
    Some(Settings {
        nats: nats?,
        callout: callout?,
        accounts: accounts?,
        issuers,
        maps,
        audit: audit?,
    })
}

pub(super) fn reader(layers: &Layers, problems: &mut Problems) -> Option<ReaderSettings> {
    let mut root = Fields::of(&layers.root, "the configuration", problems);
    let mut nats = Fields::of(root.required("nats", problems)?, "`[nats]`", problems);
    let mut audit = Fields::of(root.required("audit", problems)?, "`[audit]`", problems);
    let urls = urls(&mut nats, problems);
    let ca_file = path(&mut nats, "ca_file", layers, problems);
    let stream = stream(&mut audit, problems);
    let reader_seed = user_seed(&mut audit, "reader_seed", layers, problems);
    Some(ReaderSettings { urls: urls?, ca_file, stream: stream?, reader_seed: reader_seed? })
}

fn nats(node: &Node, layers: &Layers, problems: &mut Problems) -> Option<NatsSettings> {
    let mut fields = Fields::of(node, "`[nats]`", problems);
    let urls = urls(&mut fields, problems);
    let ca_file = path(&mut fields, "ca_file", layers, problems);
    let service_seed = user_seed(&mut fields, "service_seed", layers, problems);
    fields.finish(problems);
    Some(NatsSettings { urls: urls?, ca_file, service_seed: service_seed? })
}

fn urls(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let node = fields.required("urls", problems)?;
    let given = fields.strings("urls", problems);
    if given.is_empty() {
        problems.add(Problem::error(&node.place, "`urls` names no server"));
    }
    let good = |url: &str| {
        Url::parse(url).is_ok_and(|url| {
            matches!(url.scheme(), "nats" | "tls")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        })
    };
    for (url, place) in &given {
        if !good(url) {
            // Its line is not shown: it may hold a password.
            let place = &place.without_text();
            problems.add(Problem::error(place, "not the URL of a NATS server").help(
                "write `nats://host:4222` or `tls://host:4222`; credentials do not belong here",
            ));
        }
    }
    Some(given.into_iter().map(|(url, _)| url.to_owned()).collect())
}

fn callout(node: &Node, layers: &Layers, problems: &mut Problems) -> Option<CalloutSettings> {
    let mut fields = Fields::of(node, "`[callout]`", problems);
    let account = fields.required_parsed::<AccountName>("account", problems);
    let issuer = secret(&mut fields, "issuer_seed", layers, problems).and_then(|(seed, place)| {
        key_pair(&seed, KeyPairType::Account, "issuer_seed", &place, problems)
    });
    let xkey = match fields.node("xkey_seed") {
        None => Some(None),
        Some(_) => secret(&mut fields, "xkey_seed", layers, problems).and_then(|(seed, place)| {
            let key = XKey::from_seed(seed.expose_secret()).ok().map(|key| Some(Arc::new(key)));
            if key.is_none() {
                problems.add(
                    Problem::error(&place, "`xkey_seed` holds no curve seed")
                        .help("a curve seed begins with `SX`; `hallpass init` makes one"),
                );
            }
            key
        }),
    };
    let servers = fields.node("servers").is_some().then(|| {
        let servers = fields.strings("servers", problems);
        servers.into_iter().filter_map(|(text, place)| parse_at(text, place, problems)).collect()
    });
    let queue = fields.string("queue", problems).map_or("hallpass", |(text, _)| text).to_owned();
    // Beyond 2 s the server has given up, whatever its timeout says (see docs).
    let deadline = fields.duration("deadline", Duration::from_millis(100)..=2 * SECOND, problems);
    let max_in_flight = fields.integer("max_in_flight", 1..=100_000, problems).unwrap_or(2048);
    fields.finish(problems);
    Some(CalloutSettings {
        account: account?,
        issuer: Arc::new(issuer?),
        xkey: xkey?,
        servers,
        queue,
        deadline: deadline.unwrap_or(Duration::from_millis(1500)),
        max_in_flight: usize::try_from(max_in_flight).unwrap_or(usize::MAX),
    })
}

fn accounts(
    node: &Node,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<BTreeSet<AccountName>> {
    // As written: another problem in those sections must not hide one in this.
    let account_of = |section| layers.root.get(section)?.get("account")?.as_str();
    let (callout, audit) = (account_of("callout"), account_of("audit"));
    let mut fields = Fields::of(node, "`[accounts]`", problems);
    let system = fields.parsed::<AccountName>("system", problems);
    fields.required("targets", problems)?;
    let given = fields.strings("targets", problems);
    fields.finish(problems);
    let mut targets = BTreeSet::new();
    for (text, place) in given {
        let Some(account) = parse_at::<AccountName>(text, place, problems) else { continue };
        let reserved = if Some(text) == callout {
            Some("the callout account: its users can read or answer other people's logins")
        } else if Some(text) == audit {
            Some("the audit account: its users are not the clients that are audited")
        } else if Some(&account) == system.as_ref() || matches!(text, "SYS" | "$SYS") {
            Some("the system account")
        } else if text == "$G" {
            Some("the global account: users without an account of their own end up there")
        } else {
            None
        };
        if let Some(why) = reserved {
            problems.add(
                Problem::error(place, format!("`{account}` cannot be a target: it is {why}"))
                    .help("nobody is let into it by a token; name the accounts of applications"),
            );
        }
        targets.insert(account);
    }
    Some(targets)
}

pub(super) fn maps_directory(layers: &Layers) -> PathBuf {
    let named = layers.root.get("maps").and_then(|maps| maps.get("directory"));
    layers.directory.join(named.and_then(Node::as_str).unwrap_or("subject-maps"))
}

fn issuers(root: &mut Fields<'_>, layers: &Layers, problems: &mut Problems) -> Vec<IssuerSettings> {
    let place = root.place();
    let mut issuers: Vec<IssuerSettings> = Vec::new();
    let entries = root.entries("issuers", problems);
    if entries.is_empty() {
        problems.add(
            Problem::error(place, "no issuer is configured: nobody could log in")
                .help("add `[issuers.NAME]` with `issuer`, `audiences` and `roles_claim`"),
        );
    }
    for (name, place, node) in entries {
        let name = parse_at::<IssuerName>(name, place, problems);
        let Some(issuer) = issuer(name, node, layers, problems) else { continue };
        if let Some(twin) = issuers.iter().find(|other| other.issuer == issuer.issuer) {
            let message = format!("`{}` has the same `issuer` as `{}`", issuer.name, twin.name);
            problems.add(Problem::error(place, message));
        }
        issuers.push(issuer);
    }
    issuers
}

fn issuer(
    name: Option<IssuerName>,
    node: &Node,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<IssuerSettings> {
    let what = name.as_ref().map_or("an issuer".to_owned(), |name| format!("`[issuers.{name}]`"));
    let mut fields = Fields::of(node, what, problems);
    let allow_http_loopback = fields.bool("allow_http_loopback", problems).unwrap_or(false);
    fields.required("issuer", problems);
    let issuer = fields.string("issuer", problems);
    let jwks_uri = fields.string("jwks_uri", problems).and_then(|(text, place)| {
        fetchable(text, "jwks_uri", allow_http_loopback, place, problems)
    });
    if let (Some((text, place)), None) = (issuer, &jwks_uri) {
        fetchable(text, "issuer", allow_http_loopback, place, problems);
    }
    fields.required("audiences", problems);
    let given = fields.strings("audiences", problems);
    for (_, place) in given.iter().filter(|(text, _)| text.is_empty()) {
        problems.add(Problem::error(place, "an audience is not empty"));
    }
    let audiences: BTreeSet<String> = given.into_iter().map(|(text, _)| text.to_owned()).collect();
    if audiences.is_empty() {
        problems.add(
            Problem::error(
                &node.place,
                "`audiences` is empty: a token meant for anybody would be accepted",
            )
            .help("name the audience that the IdP puts into tokens for NATS"),
        );
    }
    let roles_claim =
        fields.required("roles_claim", problems).and_then(|node| claim_path(node, problems));
    let algorithms = algorithms(&mut fields, problems);
    let leeway = fields.duration("leeway", Duration::ZERO..=300 * SECOND, problems);
    let refresh = fields.duration("refresh", 10 * SECOND..=24 * HOUR, problems);
    let ca_file = path(&mut fields, "ca_file", layers, problems);
    fields.finish(problems);
    Some(IssuerSettings {
        name: name?,
        issuer: issuer?.0.to_owned(),
        audiences,
        algorithms,
        leeway: leeway.unwrap_or(IssuerSettings::DEFAULT_LEEWAY),
        roles_claim: roles_claim?,
        jwks_uri,
        allow_http_loopback,
        ca_file,
        refresh: refresh.unwrap_or(IssuerSettings::DEFAULT_REFRESH),
    })
}

impl IssuerSettings {
    /// The usual drift between two machines that keep time by NTP, with room to spare;
    /// longer would only let tokens be used before their time.
    pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);
    /// How soon a key that the issuer withdrew is no longer believed.
    pub const DEFAULT_REFRESH: Duration = Duration::from_secs(600);
    /// RSA, ECDSA and EdDSA signatures: every asymmetric algorithm that the library verifies.
    pub const DEFAULT_ALGORITHMS: &[Algorithm] = &[
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::EdDSA,
    ];
}

fn algorithms(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<Algorithm> {
    let Some(node) = fields.node("algorithms") else {
        return IssuerSettings::DEFAULT_ALGORITHMS.to_vec();
    };
    if matches!(&node.kind, Kind::List(items) if items.is_empty()) {
        problems.add(
            Problem::error(&node.place, "`algorithms` is empty: no token could be accepted")
                .help("leave it out for every asymmetric algorithm, or name some"),
        );
    }
    let given = fields.strings("algorithms", problems);
    let known = |text: &str| text.parse::<Algorithm>().ok();
    given
        .into_iter()
        .filter_map(|(text, place)| match known(text) {
            Some(algorithm) if algorithm.family() != AlgorithmFamily::Hmac => Some(algorithm),
            found => {
                let why = if found.is_some() {
                    "is symmetric: who verifies with it can also sign"
                } else {
                    "is no known signature algorithm"
                };
                problems.add(
                    Problem::error(place, format!("`{text}` {why}"))
                        .help("such as `RS256`, `PS256`, `ES256`, `EdDSA`"),
                );
                None
            }
        })
        .collect()
}

/// A claim path as a dotted string or a list of keys.
pub(crate) fn claim_path(node: &Node, problems: &mut Problems) -> Option<ClaimPath> {
    let path = match &node.kind {
        Kind::String(text) => ClaimPath::from_dotted(text),
        Kind::List(items) => {
            let keys: Option<Vec<String>> =
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            keys.ok_or("a claim path is a string or a list of strings")
                .and_then(ClaimPath::from_keys)
        }
        _ => Err("a claim path is a string or a list of strings"),
    };
    path.map_err(|message| {
        problems.add(Problem::error(&node.place, message).help(
            "`realm_access.roles`, or `[\"https://example.com/roles\"]` where a key has dots",
        ));
    })
    .ok()
}

/// A URL that may be fetched: https, or http to loopback where that is allowed by name.
fn fetchable(
    text: &str,
    key: &str,
    allow_http_loopback: bool,
    place: &Place,
    problems: &mut Problems,
) -> Option<Url> {
    let Ok(url) = Url::parse(text) else {
        problems.add(Problem::error(place, format!("`{key}` is not a URL")));
        return None;
    };
    match (url.scheme(), is_loopback(&url), allow_http_loopback) {
        ("https", ..) | ("http", true, true) => Some(url),
        ("http", true, false) => {
            problems.add(
                Problem::error(place, format!("`{key}` is plain http"))
                    .help("`allow_http_loopback = true` allows it for loopback addresses"),
            );
            None
        }
        _ => {
            problems.add(
                Problem::error(place, format!("`{key}` is not an https URL"))
                    .help("whoever could change the keys on the way could log in as anybody"),
            );
            None
        }
    }
}

/// Whether a URL names this machine by a loopback address or `localhost`.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn audit(node: &Node, layers: &Layers, problems: &mut Problems) -> Option<AuditSettings> {
    let mut fields = Fields::of(node, "`[audit]`", problems);
    let account = fields.required_parsed::<AccountName>("account", problems);
    let stream = stream(&mut fields, problems);
    let max_age = fields.duration("max_age", HOUR..=20 * YEAR, problems).unwrap_or(YEAR);
    let replicas = fields.integer("replicas", 1..=5, problems).unwrap_or(1);
    let writer_seed = user_seed(&mut fields, "writer_seed", layers, problems);
    // Its form is checked here; the seed itself need not be where `serve` runs.
    if let Some(node) = fields.node("reader_seed") {
        SecretSource::of(node, "`reader_seed`", &layers.directory, problems);
    }
    fields.finish(problems);
    Some(AuditSettings {
        account: account?,
        stream: stream?,
        max_age,
        replicas: usize::try_from(replicas).unwrap_or(1),
        writer_seed: writer_seed?,
    })
}

fn stream(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<String> {
    let Some((name, place)) = fields.string("stream", problems) else {
        return Some("HALLPASS_AUDIT".to_owned());
    };
    if name.is_empty() || name.contains(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)))
    {
        problems.add(
            Problem::error(place, "`stream` is not the name of a stream")
                .help("letters, digits, `-` and `_`"),
        );
        return None;
    }
    Some(name.to_owned())
}

fn path(
    fields: &mut Fields<'_>,
    key: &'static str,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<PathBuf> {
    fields.string(key, problems).map(|(text, _)| layers.directory.join(text))
}

fn secret(
    fields: &mut Fields<'_>,
    key: &'static str,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<(SecretString, Place)> {
    let node = fields.required(key, problems)?;
    let source = SecretSource::of(node, &format!("`{key}`"), &layers.directory, problems)?;
    Some((get(&source, problems)?, node.place.clone()))
}

fn user_seed(
    fields: &mut Fields<'_>,
    key: &'static str,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<SecretString> {
    let (seed, place) = secret(fields, key, layers, problems)?;
    key_pair(&seed, KeyPairType::User, key, &place, problems)?;
    Some(seed)
}

fn key_pair(
    seed: &SecretString,
    kind: KeyPairType,
    key: &str,
    place: &Place,
    problems: &mut Problems,
) -> Option<KeyPair> {
    let (name, begins) = match kind {
        KeyPairType::Account => ("an account", "SA"),
        _ => ("a user", "SU"),
    };
    match KeyPair::from_seed(seed.expose_secret()) {
        Ok(pair) if pair.key_pair_type() == kind => Some(pair),
        _ => {
            problems
                .add(Problem::error(place, format!("`{key}` holds no nkey seed of {name}")).help(
                    format!("such a seed begins with `{begins}`; `hallpass init` makes one"),
                ));
            None
        }
    }
}
