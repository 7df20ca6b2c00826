//! Where an issuer's keys come from, what they may be used for, and for how long.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use url::Url;

use super::{DAY, HOUR, SECOND};
use crate::{
    config::IssuerSettings,
    document::{Fields, Node, Place, Problem, Problems},
};

/// The file of keys. What it holds is judged by who reads key sets, when all is loaded.
pub(super) fn jwks_file(
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
pub(super) fn ages(fields: &mut Fields<'_>, problems: &mut Problems) -> (Duration, Duration) {
    let refresh = fields.duration("refresh", 10 * SECOND..=24 * HOUR, problems);
    let max_key_age = fields.duration("max_key_age", 15 * SECOND..=30 * DAY, problems);
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

/// `algorithms`: the allow-list.
pub(super) fn algorithms(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<Algorithm> {
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
    let known = |text: &str| match text {
        // RFC 9864's name for it.
        "Ed25519" => Some(Algorithm::EdDSA),
        text => text.parse::<Algorithm>().ok(),
    };
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
pub(super) fn fetchable(
    text: &str,
    key: &str,
    allow_http_loopback: bool,
    place: &Place,
    problems: &mut Problems,
) -> Option<Url> {
    const HELP: &str =
        "write an https URL: who could change what is said on the way could be anybody";
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
        return no(
            "has credentials in it",
            "leave them out: what needs a secret has a setting for it",
        );
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
