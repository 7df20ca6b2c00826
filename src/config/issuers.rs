//! `[issuers.NAME]`: who is believed.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use url::Url;

use super::{
    IssuerSettings, Layers,
    certificates::ca_file,
    login::{ShownToken, login},
    seeds,
};
use crate::{
    document::{Fields, Kind, Node, Place, Problem, Problems, parse_at},
    names::IssuerName,
};

mod certificate;
mod claims;
mod introspection;
mod preset;

pub use certificate::{CertificateIssuer, CertificateName};
pub use claims::{Requirement, RolesClaim, RolesForm};
pub use introspection::{ClientAuth, IntrospectedTokens, IntrospectionSettings};
pub use preset::Preset;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// All issuers, by kind.
pub(super) fn issuers(
    root: &mut Fields<'_>,
    layers: &Layers,
    problems: &mut Problems,
) -> (Vec<IssuerSettings>, Vec<CertificateIssuer>) {
    let place = root.place();
    let mut tokens: Vec<(IssuerSettings, &Place)> = Vec::new();
    let mut certificates = Vec::new();
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
        if node.get("certificate").is_some() {
            let mut fields = Fields::of(node, what(name.as_ref()), problems);
            let issuer = certificate::issuer(name, &mut fields, &layers.directory, problems);
            fields.finish(problems);
            certificates.extend(issuer);
            continue;
        }
        let Some(issuer) = issuer(name, node, &layers.directory, problems) else { continue };
        if let Some((twin, twin_place)) =
            tokens.iter().find(|(other, _)| other.spellings().any(|iss| issuer.is_called(iss)))
        {
            let message = format!("`{}` has the same `issuer` as `{}`", issuer.name, twin.name);
            let help = "keep one of them; it may have several `audiences`";
            problems.add(Problem::error(place, message, help).related(twin_place, "the other one"));
        }
        if let Some((twin, twin_place)) =
            tokens.iter().find(|(other, _)| both_opaque(other, &issuer))
        {
            let message =
                format!("an opaque token could be of `{}` and of `{}`", issuer.name, twin.name);
            let help = "give each an `introspection.opaque_prefix`, none the beginning of another";
            problems.add(Problem::error(place, message, help).related(twin_place, "the other one"));
        }
        tokens.push((issuer, place));
    }
    (tokens.into_iter().map(|(issuer, _)| issuer).collect(), certificates)
}

/// Gets the secrets that asking the issuers needs.
pub(super) fn get_secrets(issuers: &mut [IssuerSettings], problems: &mut Problems) {
    for introspection in issuers.iter_mut().filter_map(|issuer| issuer.introspection.as_mut()) {
        introspection.client_secret = seeds::get(&introspection.secret_source, problems);
    }
}

/// Whether some opaque token could be either's: a token is never tried against several issuers.
fn both_opaque(one: &IssuerSettings, other: &IssuerSettings) -> bool {
    let prefix = |issuer: &IssuerSettings| match &issuer.introspection {
        Some(it) if it.tokens == IntrospectedTokens::Opaque => {
            Some(it.opaque_prefix.clone().unwrap_or_default())
        }
        _ => None,
    };
    match (prefix(one), prefix(other)) {
        (Some(one), Some(other)) => one.starts_with(&other) || other.starts_with(&one),
        _ => false,
    }
}

/// What messages call an issuer's section.
fn what(name: Option<&IssuerName>) -> String {
    name.map_or("an issuer".to_owned(), |name| format!("`[issuers.{name}]`"))
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
    let what = what(name.as_ref());
    let preset = preset(node, &what, problems)?;
    let node = preset.as_ref().map_or(Cow::Borrowed(node), |preset| Cow::Owned(preset.under(node)));
    let mut fields = Fields::of(&node, what, problems);
    fields.node("preset");
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
    if let (Some(preset), Some((text, place))) = (&preset, issuer) {
        framed(preset, text, place, problems);
    }
    let issuer_aliases = claims::aliases(&mut fields, problems);
    let require = claims::requirements(&mut fields, problems);
    let audiences = audiences(&mut fields, preset.as_ref(), &require, problems);
    let roles = claims::roles(&mut fields, problems);
    let algorithms = algorithms(&mut fields, problems);
    let token_types = claims::token_types(&mut fields, problems);
    let leeway = fields.duration("leeway", Duration::ZERO..=300 * SECOND, problems);
    let max_lifetime = fields.duration("max_lifetime", SECOND..=366 * DAY, problems);
    let max_age = fields.duration("max_age", SECOND..=366 * DAY, problems);
    let accept_id_tokens = fields.bool("accept_id_tokens", problems).unwrap_or(false);
    let certificate_bound = fields.bool("certificate_bound", problems).unwrap_or(false);
    let subject_prefix = claims::subject_prefix(&mut fields, problems);
    let introspection =
        introspection::introspection(&mut fields, allow_http_loopback, directory, problems);
    let key_use = fields.string("key_use", problems).map_or("sig", |(text, _)| text).to_owned();
    let (refresh, max_key_age) = ages(&mut fields, problems);
    let ca_file = ca_file(&mut fields, directory, problems);
    let login = login(&mut fields, problems);
    if let (Some(login), false, Some(node)) = (&login, accept_id_tokens, fields.node("login"))
        && login.shown == ShownToken::IdToken
    {
        problems.add(Problem::error(
            &node.place,
            "`login` shows NATS the ID token, and ID tokens let nobody in",
            "set `accept_id_tokens = true`, or leave `login.use` out for the access token",
        ));
    }
    fields.finish(problems);
    Some(IssuerSettings {
        name: name?,
        issuer: issuer?.0.to_owned(),
        issuer_aliases,
        audiences,
        require,
        algorithms,
        token_types,
        leeway: leeway.unwrap_or(IssuerSettings::DEFAULT_LEEWAY),
        max_lifetime: max_lifetime.unwrap_or(IssuerSettings::DEFAULT_MAX_LIFETIME),
        max_age,
        accept_id_tokens,
        certificate_bound,
        subject_prefix,
        roles: roles?,
        introspection,
        key_use,
        jwks_uri,
        jwks_file,
        allow_http_loopback,
        ca_file,
        refresh,
        max_key_age,
        login,
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
    let max_key_age = fields.duration("max_key_age", 15 * SECOND..=30 * 24 * HOUR, problems);
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

/// The preset that an issuer names, if it names one; `None` where it names one that is not there.
fn preset(node: &Node, what: &str, problems: &mut Problems) -> Option<Option<Preset>> {
    if node.get("preset").is_none() {
        return Some(None);
    }
    let (name, place) = Fields::of(node, what, problems).string("preset", problems)?;
    match Preset::find(name, place) {
        Ok(preset) => Some(Some(preset)),
        Err(found) => {
            problems.append(found);
            None
        }
    }
}

/// Holds `issuer` against the form that a preset's issuers have: Auth0's slash at the end is
/// forgotten more often than not.
fn framed(preset: &Preset, issuer: &str, place: &Place, problems: &mut Problems) {
    let (starts, ends) = &preset.issuer_frame;
    let (title, form) = (&preset.title, &preset.issuer_form);
    if !issuer.starts_with(starts.as_str()) {
        let message = format!("the `issuer` of {title} begins with `{starts}`");
        problems.add(Problem::error(place, message, format!("write it as in `{form}`")));
    }
    if !issuer.ends_with(ends.as_str()) {
        let message = format!("the `issuer` of {title} ends with `{ends}`");
        problems.add(Problem::error(place, message, format!("write it as in `{form}`")));
    }
}

/// Required, but for tokens that have none by their preset's documented layout: there another
/// claim says whom they are meant for, and must be pinned.
fn audiences(
    fields: &mut Fields<'_>,
    preset: Option<&Preset>,
    require: &[Requirement],
    problems: &mut Problems,
) -> BTreeSet<String> {
    const HELP: &str = "name the audience that the IdP puts into tokens for NATS";
    if let Some(preset) = preset.filter(|preset| !preset.pin.is_empty())
        && fields.node("audiences").is_none()
    {
        let pinned =
            require.iter().any(|it| preset.pin.iter().any(|pin| it.claim.to_string() == *pin));
        if !pinned {
            let message = format!(
                "tokens of {} have no `aud`, and no other claim says whom they \
                are meant for",
                preset.title
            );
            let pin = preset.pin.first().map_or("client_id", String::as_str);
            let help = format!("add `require.{pin} = \"…\"`: the client that they are issued to");
            problems.add(Problem::error(fields.place(), message, help));
        }
        return BTreeSet::new();
    }
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
    /// Whether the issuer is meant by this `iss`, to the letter.
    #[must_use]
    pub fn is_called(&self, iss: &str) -> bool {
        self.spellings().any(|spelling| spelling == iss)
    }

    /// Every `iss` that the issuer's tokens may have.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.issuer).chain(&self.issuer_aliases).map(String::as_str)
    }

    /// The usual drift between two machines that keep time by NTP, with room to spare;
    /// longer would only let tokens be used before their time.
    pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);
    /// A day: what IdPs let access tokens live at most. A token that lives for years is a password.
    pub const DEFAULT_MAX_LIFETIME: Duration = DAY;
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
