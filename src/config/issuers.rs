//! `[issuers.NAME]`: who is believed.

use std::{collections::BTreeSet, time::Duration};

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use url::Url;

use super::{IssuerSettings, Layers, sections::path};
use crate::{
    document::{Fields, Kind, Node, Place, Problem, Problems, claim_path, parse_at},
    names::IssuerName,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn issuers(
    root: &mut Fields<'_>,
    layers: &Layers,
    problems: &mut Problems,
) -> Vec<IssuerSettings> {
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
