//! The sections of `hallpass.toml`, each read into its settings.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use nkeys::{KeyPairType, XKey};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    CalloutSettings, Layers, NatsAddress, NatsSettings, ReaderSettings, Settings,
    accounts::{accounts, apart},
    audit,
    certificates::{ca_file, client_certificate},
    edge, http, issuers, maps, purposes,
    seeds::{key_pair, secret, user_seed},
    system,
};
use crate::{
    document::{Fields, Node, Problem, Problems, parse_at},
    names::{AccountName, ServerId},
};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn settings(layers: &Layers, problems: &mut Problems) -> Option<Settings> {
    let mut root = Fields::of(&layers.root, "the configuration", problems);
    if root.is_empty() {
        problems.add(Problem::error(
            root.place(),
            "the configuration is empty",
            "`hallpass init` writes one to begin with, in a directory that has none",
        ));
        return None;
    }
    let mut section = |key| {
        let example =
            format!("a section `[{key}]`; `hallpass init --dir NEW` writes one to begin with");
        root.required(key, &example, problems)
    };
    let (nats_node, callout_node) = (section("nats"), section("callout"));
    let (audit_node, accounts_node) = (section("audit"), section("accounts"));
    let nats = nats_node.and_then(|node| nats(node, layers, problems));
    let callout = callout_node.and_then(|node| callout(node, layers, problems));
    let audit = audit_node.and_then(|node| audit::audit(node, layers, problems));
    let accounts = accounts_node.and_then(|node| accounts(node, layers, problems));
    apart(layers, problems);
    if let Some(node) = root.node("maps") {
        maps::check(node, problems);
    }
    let edge = root.node("edge").map(|node| edge::edge(node, layers, problems)).unwrap_or_default();
    let http = root.node("http").and_then(|node| http::http(node, problems));
    let agent = root.node("agent").and_then(|node| http::agent(node, problems));
    let system = root.node("system").map(|node| system::system(node, layers, problems));
    let known = purposes::Known {
        nats: nats.as_ref(),
        callout: callout.as_ref(),
        audit: audit.as_ref(),
        system: system.as_ref().and_then(Option::as_ref),
        edge: &edge,
    };
    purposes::one_each(&known, layers, problems);
    let (mut issuers, certificate_issuers) = issuers::issuers(&mut root, layers, problems);
    issuers::get_secrets(&mut issuers, problems);
    edge::required(layers, &issuers, &edge, problems);
    root.finish(problems);
    Some(Settings {
        nats: nats?,
        callout: callout?,
        accounts: accounts?,
        issuers,
        certificate_issuers,
        maps: maps::directory(layers),
        edge,
        http,
        agent,
        audit: audit?,
        // Absent, or there and good.
        system: system.map_or(Some(None), |system| system.map(Some))?,
    })
}

pub(super) fn reader(layers: &Layers, problems: &mut Problems) -> Option<ReaderSettings> {
    let mut root = Fields::of(&layers.root, "the configuration", problems);
    let nats = root.required("nats", "a section `[nats]`", problems);
    let audit = root.required("audit", "a section `[audit]`", problems);
    let mut nats = Fields::of(nats?, "`[nats]`", problems);
    let mut fields = Fields::of(audit?, "`[audit]`", problems);
    let urls = urls(&mut nats, problems);
    let ca_file = ca_file(&mut nats, &layers.directory, problems);
    let certificate = client_certificate(&mut nats, &layers.directory, problems);
    let account = fields.node("account").and_then(Node::as_str).map(str::to_owned);
    let stream = audit::stream(&mut fields, problems);
    let reader_seed = user_seed(&mut fields, "reader_seed", layers, problems);
    let signers = audit::signers(&mut fields, problems);
    Some(ReaderSettings {
        urls: urls?,
        ca_file,
        certificate,
        account,
        stream: stream?,
        reader_seed: reader_seed?,
        signers,
    })
}

pub(super) fn signers(layers: &Layers, problems: &mut Problems) -> Option<BTreeSet<String>> {
    let mut root = Fields::of(&layers.root, "the configuration", problems);
    let audit = root.required("audit", "a section `[audit]`", problems)?;
    Some(audit::signers(&mut Fields::of(audit, "`[audit]`", problems), problems))
}

pub(super) fn audit_key(layers: &Layers, problems: &mut Problems) -> Option<SecretString> {
    let mut root = Fields::of(&layers.root, "the configuration", problems);
    let audit = root.required("audit", "a section `[audit]`", problems)?;
    audit::key(&mut Fields::of(audit, "`[audit]`", problems), layers, problems)
}

pub(super) fn nats_address(layers: &Layers, problems: &mut Problems) -> Option<NatsAddress> {
    let mut root = Fields::of(&layers.root, "the configuration", problems);
    let nats = root.required("nats", "a section `[nats]`", problems)?;
    let mut fields = Fields::of(nats, "`[nats]`", problems);
    let urls = urls(&mut fields, problems);
    let ca_file = ca_file(&mut fields, &layers.directory, problems);
    Some(NatsAddress { urls: urls?, ca_file })
}

pub(super) fn service_user(layers: &Layers, problems: &mut Problems) -> Option<NatsSettings> {
    let mut root = Fields::of(&layers.root, "the configuration", problems);
    let section = root.required("nats", "a section `[nats]`", problems)?;
    nats(section, layers, problems)
}

fn nats(node: &Node, layers: &Layers, problems: &mut Problems) -> Option<NatsSettings> {
    let mut fields = Fields::of(node, "`[nats]`", problems);
    let urls = urls(&mut fields, problems);
    let ca_file = ca_file(&mut fields, &layers.directory, problems);
    let certificate = client_certificate(&mut fields, &layers.directory, problems);
    let service_seed = user_seed(&mut fields, "service_seed", layers, problems);
    fields.finish(problems);
    Some(NatsSettings { urls: urls?, ca_file, certificate, service_seed: service_seed? })
}

fn urls(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    const HELP: &str = "write `nats://host:4222` or `tls://host:4222`";
    let node = fields.required("urls", "`urls = [\"nats://host:4222\"]`", problems)?;
    let before = problems.len();
    let given = fields.strings("urls", problems);
    if given.is_empty() && problems.len() == before {
        problems.add(Problem::error(&node.place, "`urls` names no server", HELP));
    }
    for (text, place) in &given {
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "nats" | "tls")
                && url.host_str().is_some_and(|host| !host.is_empty())
        });
        problems.add(match url {
            Some(url) if !url.username().is_empty() || url.password().is_some() => Problem::error(
                place,
                "the URL of a NATS server has credentials in it",
                "leave them out: hallpass logs in with `service_seed`, a key",
            )
            .conceal(),
            Some(_) => continue,
            // It may be a URL with a password, and a slip in it.
            None if text.contains('@') => {
                Problem::error(place, "not the URL of a NATS server", HELP).conceal()
            }
            None => Problem::error(place, "not the URL of a NATS server", HELP),
        });
    }
    Some(given.into_iter().map(|(url, _)| url.to_owned()).collect())
}

fn callout(node: &Node, layers: &Layers, problems: &mut Problems) -> Option<CalloutSettings> {
    let mut fields = Fields::of(node, "`[callout]`", problems);
    let account =
        fields.required_parsed::<AccountName>("account", "`account = \"AUTH\"`", problems);
    let issuer = secret(&mut fields, "issuer_seed", layers, problems).and_then(|(seed, place)| {
        key_pair(&seed, KeyPairType::Account, "issuer_seed", &place, problems)
    });
    let xkey = match fields.node("xkey_seed") {
        None => Some(None),
        Some(_) => secret(&mut fields, "xkey_seed", layers, problems).and_then(|(seed, place)| {
            let key = XKey::from_seed(seed.expose_secret()).ok().map(|key| Some(Arc::new(key)));
            if key.is_none() {
                problems.add(Problem::error(
                    &place,
                    "`xkey_seed` holds no curve seed",
                    "a curve seed begins with `SX`; `hallpass init` makes one",
                ));
            }
            key
        }),
    };
    let servers = servers(&mut fields, problems);
    let queue = queue(&mut fields, problems);
    // Beyond 2 s the server has given up, whatever its timeout says (see docs).
    let deadline = fields.duration("deadline", Duration::from_millis(100)..=2 * SECOND, problems);
    let max_in_flight = fields.integer("max_in_flight", 1..=100_000, problems).unwrap_or(2048);
    fields.finish(problems);
    Some(CalloutSettings {
        account: account?,
        issuer: Arc::new(issuer?),
        xkey: xkey?,
        servers,
        queue: queue?,
        deadline: deadline.unwrap_or(Duration::from_millis(1500)),
        max_in_flight: usize::try_from(max_in_flight).unwrap_or(usize::MAX),
    })
}

/// The servers that are answered; `None`: all of them.
fn servers(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<BTreeSet<ServerId>> {
    let node = fields.node("servers")?;
    let before = problems.len();
    let given = fields.strings("servers", problems);
    if given.is_empty() && problems.len() == before {
        problems.add(Problem::error(
            &node.place,
            "`servers` is empty: nobody would be answered",
            "leave it out for every server, or name their ids",
        ));
    }
    let help = "`nats-server` prints its id when it starts";
    Some(
        given
            .into_iter()
            .filter_map(|(text, place)| parse_at(text, place, help, problems))
            .collect(),
    )
}

fn queue(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<String> {
    let Some((name, place)) = fields.string("queue", problems) else {
        return Some("hallpass".to_owned());
    };
    let illegal = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '>');
    if name.is_empty() || name.contains(illegal) {
        problems.add(Problem::error(
            place,
            "`queue` is not the name of a queue group",
            "one or more characters, none of them white space, `*` or `>`",
        ));
        return None;
    }
    Some(name.to_owned())
}
