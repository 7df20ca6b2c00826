//! `[maps]`: where the subject maps are, and how far those of a team reach.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

use super::Layers;
use crate::{
    document::{Fields, Node, Place, Problem, Problems, parse_at},
    name_pattern::NamePattern,
    names::{AccountName, IssuerName},
    subject::SubjectPattern,
};

/// How far the maps in a directory reach: `[maps.bounds.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapBounds {
    /// What it is called in messages.
    pub name: String,
    /// The directory, below that of the maps.
    pub directory: PathBuf,
    /// The accounts that roles may lead to.
    pub accounts: BTreeSet<AccountName>,
    /// The issuers that roles may believe; absent: all.
    pub issuers: Option<BTreeSet<IssuerName>>,
    /// The IdP roles that may give roles. Behind a separator, `*` is one step, as in maps.
    pub idp_roles: Vec<NamePattern>,
    /// What roles may be called; absent: anything.
    pub roles: Option<Vec<NamePattern>>,
    /// Every subject of a role, allowed or denied, lies within one of these.
    pub subjects: Vec<SubjectPattern>,
    /// The streams that grants may be about.
    pub streams: Vec<NamePattern>,
    /// The key-value buckets that grants may be about.
    pub buckets: Vec<NamePattern>,
    /// The object stores that grants may be about.
    pub object_stores: Vec<NamePattern>,
    /// The services that grants may discover, or serve under that name.
    pub services: Vec<NamePattern>,
    /// The prefixes of JetStream APIs that grants may ask, beside the account's own.
    pub api_prefixes: Vec<String>,
    /// The JetStream domains that grants may ask.
    pub domains: Vec<String>,
    /// Whether grants may read of JetStream: what is read goes wherever the request says.
    pub jetstream_reads: bool,
    /// Whether roles may answer requests: an answer goes wherever the request says.
    pub responses: bool,
}

pub(super) fn check(node: &Node, problems: &mut Problems) {
    let mut fields = Fields::of(node, "`[maps]`", problems);
    if let Some(("", place)) = fields.string("directory", problems) {
        let help = "name the directory of the subject maps, such as `subject-maps`";
        problems.add(Problem::error(place, "`directory` is empty", help));
    }
    for (name, place, node) in fields.entries("bounds", problems) {
        bounds(name, place, node, problems);
    }
    fields.finish(problems);
}

pub(super) fn directory(layers: &Layers) -> PathBuf {
    let named = layers.root.get("maps").and_then(|maps| maps.get("directory"));
    layers.directory.join(named.and_then(Node::as_str).unwrap_or("subject-maps"))
}

/// The bounds; `None` where they cannot be read.
pub(super) fn all_bounds(layers: &Layers) -> Option<Vec<MapBounds>> {
    let Some(maps) = layers.root.get("maps") else { return Some(Vec::new()) };
    let mut problems = Problems::default();
    let mut fields = Fields::of(maps, "`[maps]`", &mut problems);
    let entries = fields.entries("bounds", &mut problems);
    let read = entries
        .into_iter()
        .map(|(name, place, node)| bounds(name, place, node, &mut problems))
        .collect::<Option<Vec<_>>>();
    read.filter(|_| !problems.any_error())
}

fn bounds(name: &str, place: &Place, node: &Node, problems: &mut Problems) -> Option<MapBounds> {
    let mut fields = Fields::of(node, format!("`[maps.bounds.{name}]`"), problems);
    let directory = fields
        .required("directory", "`directory = \"teams/sales\"`: below that of the maps", problems)
        .and_then(|_| fields.string("directory", problems))
        .and_then(|(text, place)| below(text, place, problems));
    let accounts = fields.required("accounts", "`accounts = [\"APP\"]`", problems);
    let accounts = accounts.map(|_| parsed(&mut fields, "accounts", problems));
    let subjects = fields.required("subjects", "`subjects = [\"orders.>\"]`", problems);
    let subjects = subjects.map(|_| parsed(&mut fields, "subjects", problems));
    let issuers = fields.node("issuers").map(|_| parsed(&mut fields, "issuers", problems));
    let example = "`idp_roles = [\"sales:*\"]`; `[\"*\"]` is all";
    let idp_roles = fields.required("idp_roles", example, problems);
    let idp_roles = idp_roles.map(|_| parsed(&mut fields, "idp_roles", problems));
    let roles = fields.node("roles").map(|_| parsed(&mut fields, "roles", problems));
    let streams = parsed(&mut fields, "streams", problems);
    let buckets = parsed(&mut fields, "buckets", problems);
    let object_stores = parsed(&mut fields, "object_stores", problems);
    let services = parsed(&mut fields, "services", problems);
    let api_prefixes = parsed(&mut fields, "api_prefixes", problems);
    let domains = parsed(&mut fields, "domains", problems);
    let jetstream_reads = fields.bool("jetstream_reads", problems).unwrap_or(false);
    let responses = fields.bool("allow_responses", problems).unwrap_or(false);
    fields.finish(problems);
    if name.is_empty() {
        problems.add(Problem::error(place, "bounds need a name", "write `[maps.bounds.sales]`"));
    }
    Some(MapBounds {
        name: name.to_owned(),
        directory: directory?,
        accounts: accounts?.into_iter().collect(),
        issuers: issuers.map(|names| names.into_iter().collect()),
        idp_roles: idp_roles?,
        roles,
        subjects: subjects?,
        streams,
        buckets,
        object_stores,
        services,
        api_prefixes,
        domains,
        jetstream_reads,
        responses,
    })
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Vec<T> {
    let help =
        "`*` at the end of a name leaves its tail open; subjects have `*` and `>` as in NATS";
    let given = fields.strings(key, problems);
    given.into_iter().filter_map(|(text, place)| parse_at(text, place, help, problems)).collect()
}

/// A directory that cannot lead out of that of the maps.
fn below(text: &str, place: &Place, problems: &mut Problems) -> Option<PathBuf> {
    let path = Path::new(text);
    let normal = |part| matches!(part, Component::Normal(_));
    if text.is_empty() || !path.components().all(normal) {
        let message = format!("`{text}` is not a directory below that of the maps");
        let help = "write it as `teams/sales`, without `..` and without `/` at the beginning";
        problems.add(Problem::error(place, message, help));
        return None;
    }
    Some(path.components().collect())
}

#[cfg(test)]
mod tests;
