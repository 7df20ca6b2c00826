//! One subject map as written: a file in, its roles out, with every problem in it. Pure.

use std::{collections::BTreeMap, time::Duration};

use super::{
    grants,
    template::{Template, Variable},
};
use crate::{
    claim_path::ClaimPath,
    document::{Fields, Kind, Node, Place, Problem, Problems, claim_path, did_you_mean, parse_at},
    names::{AccountName, IssuerName, RoleName},
};

/// What no session outlasts, whatever it came with. Certificates may be valid for thousands of
/// years; nats-server counts a session in nanoseconds, and 292 years of them overflow into a
/// session that ends at once.
pub(super) const LONGEST_SESSION: Duration = Duration::from_secs(366 * 24 * 3600);

/// A role as one file says it.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) name: RoleName,
    pub(super) place: Place,
    /// The place in words: counting lines is for the loader, not for each decision.
    pub(super) at: String,
    pub(super) account: AccountName,
    /// What the IdP calls the roles that grant this one.
    pub(super) idp_roles: Vec<String>,
    /// The issuers that are believed; absent: the only one there is.
    pub(super) issuers: Option<Vec<(IssuerName, Place)>>,
    pub(super) publish: Vec<Rule>,
    pub(super) subscribe: Vec<Rule>,
    pub(super) deny_publish: Vec<Rule>,
    pub(super) deny_subscribe: Vec<Rule>,
    pub(super) responses: Option<Responses>,
    pub(super) session: Option<Duration>,
}

/// One subject of a role, and where it stands.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) template: Template,
    pub(super) place: Place,
    /// See [`Role::at`].
    pub(super) at: String,
}

/// Permission to answer requests: what the server calls `allow_responses`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Responses {
    /// How many messages for each request, at least 1.
    pub max: u32,
    /// For how long after the request.
    pub expires: Duration,
}

impl Default for Responses {
    /// What the server takes for `allow_responses: true`.
    fn default() -> Self {
        Self { max: 1, expires: Duration::from_secs(120) }
    }
}

/// A file's account and where it is named, with its roles.
#[derive(Debug)]
pub(super) struct MapFile {
    pub(super) account: Option<(AccountName, Place)>,
    pub(super) roles: Vec<Role>,
}

/// Reads a map. What has a problem is left out, so that the rest is still checked.
pub(super) fn read(root: &Node, problems: &mut Problems) -> MapFile {
    let mut fields = Fields::of(root, "the subject map", problems);
    if fields.is_empty() {
        problems.add(Problem::error(
            fields.place(),
            "the subject map is empty",
            "begin it with `account = \"…\"`, then `[roles.NAME]`; or remove the file",
        ));
        return MapFile { account: None, roles: Vec::new() };
    }
    let example = "`account = \"APP\"`: where these roles lead, one of `accounts.targets`";
    let named = fields.required("account", example, problems);
    let account = named.and_then(|_| fields.string("account", problems));
    let account = account.and_then(|(text, place)| {
        let help = "write it as in the server's configuration";
        Some((parse_at::<AccountName>(text, place, help, problems)?, place.clone()))
    });
    let claims = claims(&mut fields, problems);
    let mut roles = Vec::new();
    let before = problems.len();
    let entries = fields.entries("roles", problems);
    if entries.is_empty() && problems.len() == before {
        problems.add(Problem::warning(
            fields.place(),
            "the subject map has no role",
            "add `[roles.NAME]` with `publish` and `subscribe`",
        ));
    }
    for (name, place, node) in entries {
        let help = "give it another name; the IdP's own names for it go into `idp_roles`";
        let Some(name) = parse_at::<RoleName>(name, place, help, problems) else { continue };
        let account = account.as_ref().map(|(account, _)| account);
        roles.extend(role(name, place, account, node, &claims, problems));
    }
    fields.finish(problems);
    MapFile { account, roles }
}

fn claims(fields: &mut Fields<'_>, problems: &mut Problems) -> BTreeMap<String, ClaimPath> {
    let mut claims = BTreeMap::new();
    for (name, place, node) in fields.entries("claims", problems) {
        if name.is_empty() || name.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
            problems.add(Problem::error(
                place,
                format!("`{name}` cannot be a placeholder"),
                "a placeholder is made of letters, digits and `_`",
            ));
        } else if matches!(name, "subject" | "issuer") {
            problems.add(Problem::error(
                place,
                format!("`{name}` already has a meaning as a placeholder"),
                "choose another: `{subject}` is the token's `sub`, `{issuer}` the issuer's \
                 configured name",
            ));
        }
        if let Some(path) = claim_path(node, problems) {
            claims.insert(name.to_owned(), path);
        }
    }
    claims
}

fn role(
    name: RoleName,
    place: &Place,
    account: Option<&AccountName>,
    node: &Node,
    claims: &BTreeMap<String, ClaimPath>,
    problems: &mut Problems,
) -> Option<Role> {
    let before = problems.len();
    let mut fields = Fields::of(node, format!("role `{name}`"), problems);
    fields.string("description", problems);
    let idp_roles = match fields.node("idp_roles") {
        None => vec![name.to_string()],
        Some(node) => {
            let given = fields.strings("idp_roles", problems);
            if matches!(&node.kind, Kind::List(items) if items.is_empty()) {
                problems.add(Problem::warning(
                    &node.place,
                    format!("nobody can hold role `{name}`: it names no IdP role"),
                    "name some; without `idp_roles` it is the role's own name",
                ));
            }
            for (text, place) in &given {
                if text.trim().is_empty() || text.contains('*') {
                    problems.add(Problem::error(
                        place,
                        format!("`{text}` is not the name of an IdP role"),
                        "names are compared exactly; list each of them",
                    ));
                }
            }
            given.into_iter().map(|(text, _)| text.to_owned()).collect()
        }
    };
    let issuers = fields.node("issuers").map(|node| {
        let given = fields.strings("issuers", problems);
        if matches!(&node.kind, Kind::List(items) if items.is_empty()) {
            let message = format!("nobody can hold role `{name}`: it believes no issuer");
            let help = "name some of the issuers of hallpass.toml";
            problems.add(Problem::warning(&node.place, message, help));
        }
        let help = "write it as in `[issuers.NAME]` of hallpass.toml";
        let name = |(text, place): (_, &Place)| {
            Some((parse_at(text, place, help, problems)?, place.clone()))
        };
        given.into_iter().filter_map(name).collect()
    });
    let mut rules = |key| {
        let given = fields.strings(key, problems);
        given.into_iter().filter_map(|(text, place)| rule(text, place, claims, problems)).collect()
    };
    let (mut publish, mut subscribe): (Vec<Rule>, Vec<Rule>) =
        (rules("publish"), rules("subscribe"));
    let (deny_publish, deny_subscribe) = (rules("deny_publish"), rules("deny_subscribe"));
    let mut responses = fields.node("allow_responses").and_then(|node| responses(node, problems));
    if let Some(Node { kind: Kind::List(items), .. }) = fields.node("grant") {
        for node in items {
            let Some(grant) = grants::read(node, problems) else { continue };
            let mut rules = |texts: Vec<String>| {
                let rule = |text: &String| rule(text, &node.place, claims, problems);
                texts.iter().filter_map(rule).collect::<Vec<_>>()
            };
            publish.extend(rules(grant.publish));
            subscribe.extend(rules(grant.subscribe));
            if grant.responses {
                responses = responses.or(Some(Responses::default()));
            }
        }
    }
    let session = fields.duration("session", Duration::from_secs(1)..=LONGEST_SESSION, problems);
    fields.finish(problems);
    let role = Role {
        name,
        place: place.clone(),
        at: place.to_string(),
        account: account?.clone(),
        idp_roles,
        issuers,
        publish,
        subscribe,
        deny_publish,
        deny_subscribe,
        responses,
        session,
    };
    let nothing = role.publish.is_empty() && role.subscribe.is_empty() && role.responses.is_none();
    // A role that could not be read is not one that allows nothing.
    if nothing && problems.len() == before {
        let message = format!("role `{}` allows nothing", role.name);
        problems.add(Problem::warning(
            place,
            message,
            "its holders can connect, and neither publish nor subscribe; name subjects under \
             `publish` or `subscribe`",
        ));
    }
    Some(role)
}

fn rule(
    text: &str,
    place: &Place,
    claims: &BTreeMap<String, ClaimPath>,
    problems: &mut Problems,
) -> Option<Rule> {
    let lookup = |name: &str| match (name, claims.get(name)) {
        ("subject", _) => Ok(Variable::Subject),
        ("issuer", _) => Ok(Variable::Issuer),
        (_, Some(path)) => Ok(Variable::Claim { name: name.to_owned(), path: path.clone() }),
        (_, None) => {
            let known = claims.keys().map(String::as_str).chain(["subject", "issuer"]);
            Err(match did_you_mean(name, known) {
                Some(near) => {
                    format!("`{{{name}}}` is no known placeholder; did you mean `{{{near}}}`?")
                }
                None => {
                    format!("`{{{name}}}` is no known placeholder; name its claim under `[claims]`")
                }
            })
        }
    };
    match Template::parse(text, lookup) {
        Ok(template) => Some(Rule { template, place: place.clone(), at: place.to_string() }),
        Err(why) => {
            problems.add(Problem::error(
                place,
                format!("`{text}` is not a subject: {why}"),
                "write tokens with `.` between them; `*` is one token, `>` the rest, `{claim}` a \
                 value of the token",
            ));
            None
        }
    }
}

fn responses(node: &Node, problems: &mut Problems) -> Option<Responses> {
    let default = Responses::default();
    match &node.kind {
        Kind::Bool(allowed) => allowed.then_some(default),
        Kind::Table(_) => {
            let mut fields = Fields::of(node, "`allow_responses`", problems);
            let max = fields.integer("max", 1..=i64::from(u32::MAX), problems);
            let expires = fields.duration(
                "expires",
                Duration::from_millis(1)..=Duration::from_secs(24 * 3600),
                problems,
            );
            fields.finish(problems);
            let max = max.and_then(|max| u32::try_from(max).ok()).unwrap_or(default.max);
            Some(Responses { max, expires: expires.unwrap_or(default.expires) })
        }
        other => {
            let message =
                format!("`allow_responses` is {}, neither `true` nor a table", other.describe());
            let help = "write `true`, or `{ max = 1, expires = \"2m\" }`";
            problems.add(Problem::error(&node.place, message, help));
            None
        }
    }
}

#[cfg(test)]
mod tests;
