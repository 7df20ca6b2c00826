//! The sections of `hallpass.toml`, each read into its settings.

use std::{path::PathBuf, sync::Arc, time::Duration};

use nkeys::{KeyPairType, XKey};
use secrecy::ExposeSecret as _;
use url::Url;

use super::{
    AuditSettings, CalloutSettings, Layers, NatsSettings, ReaderSettings, SecretSource, Settings,
    accounts::accounts,
    issuers::issuers,
    seeds::{key_pair, secret, user_seed},
};
use crate::{
    document::{Fields, Node, Problem, Problems, parse_at},
    names::AccountName,
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

pub(super) fn maps_directory(layers: &Layers) -> PathBuf {
    let named = layers.root.get("maps").and_then(|maps| maps.get("directory"));
    layers.directory.join(named.and_then(Node::as_str).unwrap_or("subject-maps"))
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

pub(super) fn path(
    fields: &mut Fields<'_>,
    key: &'static str,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<PathBuf> {
    fields.string(key, problems).map(|(text, _)| layers.directory.join(text))
}
