//! `[issuers.NAME]`: who is believed.

use std::{borrow::Cow, collections::BTreeSet, path::Path, time::Duration};

use jsonwebtoken::Algorithm;

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
mod keys;
mod preset;

pub use certificate::{CertificateIssuer, CertificateName};
pub use claims::{Requirement, RolesClaim, RolesForm};
pub use introspection::{ClientAuth, IntrospectedTokens, IntrospectionSettings};
pub(crate) use keys::is_loopback;
use keys::{ages, algorithms, fetchable, jwks_file};
pub use preset::Preset;
use preset::{framed, preset};

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
    let audiences = claims::audiences(&mut fields, preset.as_ref(), problems);
    if let Some(preset) = &preset {
        claims::pinned(&fields, preset, &require, problems);
    }
    let roles = claims::roles(&mut fields, problems);
    let algorithms = algorithms(&mut fields, problems);
    let token_types = claims::token_types(&mut fields, problems);
    let leeway = fields.duration("leeway", Duration::ZERO..=300 * SECOND, problems);
    let max_lifetime = fields.duration("max_lifetime", SECOND..=366 * DAY, problems);
    let max_age = fields.duration("max_age", SECOND..=366 * DAY, problems);
    let accept_id_tokens = fields.bool("accept_id_tokens", problems).unwrap_or(false);
    let certificate_bound = fields.bool("certificate_bound", problems).unwrap_or(false);
    let require_edge = fields.bool("require_edge", problems).unwrap_or(false);
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
        require_edge,
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
