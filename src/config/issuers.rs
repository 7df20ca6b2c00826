//! `[issuers.NAME]`: who is believed.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use url::Url;

use super::{IssuerSettings, Layers, certificates::ca_file};
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
    let mut issuers: Vec<(IssuerSettings, &Place)> = Vec::new();
    let before = problems.len();
    let entries = root.entries("issuers", problems);
    if entries.is_empty() && problems.len() == before {
        problems.add(Problem::error(
            place,
            "no issuer is configured: nobody could log in",
            "add `[issuers.NAME]` with `issuer`, `audiences` and `roles_claim`",
        ));
    }
    for (name, place, node) in entries {
        let help = "write it as in `[issuers.corp]`";
        let name = parse_at::<IssuerName>(name, place, help, problems);
        let Some(issuer) = issuer(name, node, &layers.directory, problems) else { continue };
        if let Some((twin, twin_place)) =
            issuers.iter().find(|(other, _)| other.issuer == issuer.issuer)
        {
            let message = format!("`{}` has the same `issuer` as `{}`", issuer.name, twin.name);
            let help = "keep one of them; it may have several `audiences`";
            problems.add(Problem::error(place, message, help).related(twin_place, "the other one"));
        }
        issuers.push((issuer, place));
    }
    issuers.into_iter().map(|(issuer, _)| issuer).collect()
}

/// The issuers that are named, as far as their names can be read; `None`: none of them.
pub(super) fn names(layers: &Layers) -> Option<BTreeSet<IssuerName>> {
    let Kind::Table(table) = &layers.root.get("issuers")?.kind else { return None };
    let names: BTreeSet<_> = table.keys().filter_map(|name| name.parse().ok()).collect();
    (!names.is_empty()).then_some(names)
}

pub(super) fn issuer(
    name: Option<IssuerName>,
    node: &Node,
    directory: &Path,
    problems: &mut Problems,
) -> Option<IssuerSettings> {
    let what = name.as_ref().map_or("an issuer".to_owned(), |name| format!("`[issuers.{name}]`"));
    let mut fields = Fields::of(node, what, problems);
    let allow_http_loopback = fields.bool("allow_http_loopback", problems).unwrap_or(false);
    let example = "`issuer = \"https://idp.example.com\"`: the exact `iss` of its tokens";
    fields.required("issuer", example, problems);
    let issuer = fields.string("issuer", problems);
    let jwks_uri = fields.string("jwks_uri", problems).and_then(|(text, place)| {
        fetchable(text, "jwks_uri", allow_http_loopback, place, problems)
    });
    let jwks_file = jwks_file(&mut fields, directory, problems);
    // With either, `issuer` is a text to compare and nothing to fetch.
    let has_keys = fields.node("jwks_uri").is_some() || fields.node("jwks_file").is_some();
    match issuer {
        Some(("", place)) if has_keys => problems.add(Problem::error(
            place,
            "`issuer` is empty",
            "write the exact `iss` of the issuer's tokens",
        )),
        Some((text, place)) if !has_keys => {
            fetchable(text, "issuer", allow_http_loopback, place, problems);
        }
        _ => {}
    }
    let audiences = audiences(&mut fields, problems);
    let example = "`roles_claim = \"realm_access.roles\"`: where the token holds the roles";
    let roles_claim = fields
        .required("roles_claim", example, problems)
        .and_then(|node| claim_path(node, problems));
    let algorithms = algorithms(&mut fields, problems);
    let leeway = fields.duration("leeway", Duration::ZERO..=300 * SECOND, problems);
    let (refresh, max_key_age) = ages(&mut fields, problems);
    let ca_file = ca_file(&mut fields, directory, problems);
    fields.finish(problems);
    Some(IssuerSettings {
        name: name?,
        issuer: issuer?.0.to_owned(),
        audiences,
        algorithms,
        leeway: leeway.unwrap_or(IssuerSettings::DEFAULT_LEEWAY),
        roles_claim: roles_claim?,
        jwks_uri,
        jwks_file,
        allow_http_loopback,
        ca_file,
        refresh,
        max_key_age,
    })
}

/// The file of keys. What it holds is judged by who reads key sets, when all is loaded.
fn jwks_file(
    fields: &mut Fields<'_>,
    directory: &Path,
    problems: &mut Problems,
) -> Option<PathBuf> {
    let uri = fields.node("jwks_uri").map(|node| &node.place);
    let (text, place) = fields.string("jwks_file", problems)?;
    if let Some(uri) = uri {
        let message = "both `jwks_uri` and `jwks_file` say where the keys are";
        let help = "keep one of them";
        problems.add(Problem::error(place, message, help).related(uri, "the other one"));
    }
    Some(directory.join(text))
}

/// `refresh` and `max_key_age`: keys that are not believed until the next fetch would let
/// nobody in most of the time.
fn ages(fields: &mut Fields<'_>, problems: &mut Problems) -> (Duration, Duration) {
    let refresh = fields.duration("refresh", 10 * SECOND..=24 * HOUR, problems);
    let max_key_age = fields.duration("max_key_age", 60 * SECOND..=30 * 24 * HOUR, problems);
    // The default is no judge of a value that could not be read.
    let read = |value: Option<Duration>, default, node: Option<&Node>| {
        value.or(node.is_none().then_some(default))
    };
    let nodes = (fields.node("refresh"), fields.node("max_key_age"));
    let most = read(max_key_age, IssuerSettings::DEFAULT_MAX_KEY_AGE, nodes.1);
    if let (Some(every), Some(most), Some(node)) =
        (read(refresh, IssuerSettings::DEFAULT_REFRESH, nodes.0), most, nodes.1.or(nodes.0))
        && most <= every
    {
        let message = "`max_key_age` is not longer than `refresh`";
        let help = "several times `refresh`, so that the IdP may be away for a while; the \
                    defaults are `24h` and `10m`";
        problems.add(Problem::error(&node.place, message, help));
    }
    (
        refresh.unwrap_or(IssuerSettings::DEFAULT_REFRESH),
        max_key_age.unwrap_or(IssuerSettings::DEFAULT_MAX_KEY_AGE),
    )
}

fn audiences(fields: &mut Fields<'_>, problems: &mut Problems) -> BTreeSet<String> {
    const HELP: &str = "name the audience that the IdP puts into tokens for NATS";
    let named = fields.required("audiences", "`audiences = [\"nats\"]`", problems);
    let before = problems.len();
    let given = fields.strings("audiences", problems);
    if let (Some(node), true, true) = (named, given.is_empty(), problems.len() == before) {
        let message = "`audiences` is empty: a token meant for anybody would be accepted";
        problems.add(Problem::error(&node.place, message, HELP));
    }
    for (text, place) in &given {
        if text.trim().is_empty() {
            problems.add(Problem::error(place, "an audience is not empty", HELP));
        } else if text.contains(char::is_control) {
            let message = "an audience has no control characters";
            problems.add(Problem::error(place, message, HELP));
        }
    }
    given.into_iter().map(|(text, _)| text.to_owned()).collect()
}

impl IssuerSettings {
    /// The usual drift between two machines that keep time by NTP, with room to spare;
    /// longer would only let tokens be used before their time.
    pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);
    /// How soon a key that the issuer withdrew is no longer believed.
    pub const DEFAULT_REFRESH: Duration = Duration::from_secs(600);
    /// An IdP may be away for a day; a key that it withdrew meanwhile is believed no longer
    /// than that.
    pub const DEFAULT_MAX_KEY_AGE: Duration = Duration::from_secs(24 * 3600);
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
    let before = problems.len();
    let given = fields.strings("algorithms", problems);
    if given.is_empty() && problems.len() == before {
        problems.add(Problem::error(
            &node.place,
            "`algorithms` is empty: no token could be accepted",
            "leave it out for every asymmetric algorithm, or name some",
        ));
    }
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
                let message = format!("`{text}` {why}");
                let help = "write names such as `RS256`, `PS256`, `ES256`, `EdDSA`";
                problems.add(Problem::error(place, message, help));
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
    const HELP: &str = "write an https URL: who could change keys on the way could be anybody";
    let mut no = |what: &str, help: &str| {
        let problem = Problem::error(place, format!("`{key}` {what}"), help);
        // It may be a URL with a password, and a slip in it.
        problems.add(if text.contains('@') { problem.conceal() } else { problem });
        None
    };
    let Ok(url) = Url::parse(text) else {
        return no("is not a URL", "write it with its scheme: `https://idp.example.com`");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return no("has credentials in it", "leave them out; keys are published for everybody");
    }
    match (url.scheme(), is_loopback(&url), allow_http_loopback) {
        ("https", ..) | ("http", true, true) => Some(url),
        ("http", true, false) => {
            no("is plain http", "`allow_http_loopback = true` allows it for loopback addresses")
        }
        _ => no("is not an https URL", HELP),
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
