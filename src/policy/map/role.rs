//! `[roles.NAME]`: one role as written.

use std::{sync::Arc, time::Duration};

use super::{
    claims::Claims,
    granted::{self, Granted},
    when,
};
use crate::{
    document::{Fields, Kind, Node, Place, Problem, Problems, parse_at},
    names::{AccountName, IssuerName, RoleName},
    policy::{condition::Condition, idp_role::IdpRole, template::Template},
};

/// What no session outlasts, whatever it came with. Certificates may be valid for thousands of
/// years; nats-server counts a session in nanoseconds, and 292 years of them overflow into a
/// session that ends at once.
pub(crate) const LONGEST_SESSION: Duration = Duration::from_secs(366 * 24 * 3600);

/// A role as one file says it.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) name: RoleName,
    pub(crate) place: Place,
    /// The place in words: counting lines is for the loader, not for each decision.
    pub(crate) at: Arc<str>,
    pub(crate) description: Option<String>,
    pub(crate) account: AccountName,
    /// What the IdP calls the roles that grant this one.
    pub(crate) idp_roles: Vec<(IdpRole, Place)>,
    /// The issuers that are believed; absent: the only one there is.
    pub(crate) issuers: Option<Vec<(IssuerName, Place)>>,
    /// The roles whose rules and conditions are this one's too.
    pub(crate) inherits: Vec<(RoleName, Place)>,
    pub(crate) conditions: Vec<Arc<Condition>>,
    pub(crate) lists: Lists,
    pub(crate) responses: Option<Responses>,
    pub(crate) session: Option<Session>,
}

/// The longest session of a role's holders, and where it stands. The shorter one is the lesser.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Session {
    pub(crate) longest: Duration,
    /// See [`Role::at`].
    pub(crate) at: Arc<str>,
}

/// The rules of a role.
#[derive(Debug, Default, Clone)]
pub(crate) struct Lists {
    pub(crate) publish: Vec<Arc<Rule>>,
    pub(crate) subscribe: Vec<Arc<Rule>>,
    pub(crate) deny_publish: Vec<Arc<Rule>>,
    pub(crate) deny_subscribe: Vec<Arc<Rule>>,
}

impl Lists {
    /// Each list, with what it is called in a map.
    pub(crate) fn named(&self) -> [(&'static str, &Vec<Arc<Rule>>); 4] {
        [
            ("publish", &self.publish),
            ("subscribe", &self.subscribe),
            ("deny_publish", &self.deny_publish),
            ("deny_subscribe", &self.deny_subscribe),
        ]
    }
}

/// One subject of a role, and where it stands.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) template: Template,
    pub(crate) place: Place,
    /// See [`Role::at`].
    pub(crate) at: Arc<str>,
    /// What it was expanded from, unless it is written as a subject.
    pub(crate) origin: Origin,
}

/// What a rule comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is written as a subject.
    Subject,
    /// `inbox`.
    Inbox,
    /// A grant.
    Grant(Arc<Granted>),
}

/// Permission to answer requests: what the server calls `allow_responses`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Responses {
    /// How many messages for each request, at least 1.
    pub max: u32,
    /// For how long after the request.
    pub expires: Duration,
    /// Where it stands, `file:line`.
    pub at: Arc<str>,
}

/// What the server takes for `allow_responses: true`.
const DEFAULT_RESPONSES: (u32, Duration) = (1, Duration::from_secs(120));

impl Responses {
    /// What a grant to serve brings.
    fn to_serve(at: Arc<str>) -> Self {
        let (max, expires) = DEFAULT_RESPONSES;
        Self { max, expires, at }
    }
}

pub(super) fn read(
    name: RoleName,
    place: &Place,
    account: Option<&AccountName>,
    node: &Node,
    claims: &Claims,
    problems: &mut Problems,
) -> Option<Role> {
    let before = problems.len();
    let mut fields = Fields::of(node, format!("role `{name}`"), problems);
    let description = fields.string("description", problems).map(|(text, _)| text.to_owned());
    let idp_roles = idp_roles(&name, place, &mut fields, problems);
    let issuers = issuers(&mut fields, &format!("role `{name}`"), problems);
    let inherits = fields.strings("inherits", problems);
    let help = "name a role of the maps, as in `[roles.NAME]`";
    let inherits = inherits
        .into_iter()
        .filter_map(|(text, place)| Some((parse_at(text, place, help, problems)?, place.clone())))
        .collect::<Vec<_>>();
    let mut rules = |key, queues| {
        let given = fields.strings(key, problems);
        let rule = |(text, place)| rule(text, queues, place, Origin::Subject, claims, problems);
        given.into_iter().filter_map(rule).collect()
    };
    let mut lists = Lists {
        publish: rules("publish", false),
        subscribe: rules("subscribe", true),
        deny_publish: rules("deny_publish", false),
        deny_subscribe: rules("deny_subscribe", true),
    };
    lists.subscribe.extend(inbox(&mut fields, claims, problems));
    let responses = fields.node("allow_responses").and_then(|node| responses(node, problems));
    let serves = granted::read(&mut fields, &mut lists, claims, problems);
    // What is written wins over what a service needs.
    let responses = responses.or(serves.map(Responses::to_serve));
    let longest = fields.duration("session", Duration::from_secs(1)..=LONGEST_SESSION, problems);
    let session = longest.zip(fields.node("session")).map(|(longest, node)| {
        let at = node.place.to_string().into();
        Session { longest, at }
    });
    let conditions =
        fields.node("when").map(|node| when::read(node, claims, problems)).unwrap_or_default();
    super::limits::refuse(&mut fields, problems);
    fields.finish(problems);
    let role = Role {
        name,
        place: place.clone(),
        at: place.to_string().into(),
        description,
        account: account?.clone(),
        idp_roles,
        issuers,
        inherits,
        conditions,
        lists,
        responses,
        session,
    };
    let nothing = role.lists.publish.is_empty()
        && role.lists.subscribe.is_empty()
        && role.responses.is_none()
        && role.inherits.is_empty()
        // It is there to be inherited from, for what it denies or asks for.
        && !role.idp_roles.is_empty();
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

fn idp_roles(
    name: &RoleName,
    place: &Place,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Vec<(IdpRole, Place)> {
    if fields.node("idp_roles").is_none() {
        return vec![(IdpRole::Exact(name.to_string()), place.clone())];
    }
    let mut idp_roles = Vec::new();
    for (text, place) in fields.strings("idp_roles", problems) {
        match IdpRole::parse(text) {
            Ok(role) => idp_roles.push((role, place.clone())),
            Err(why) => problems.add(Problem::error(
                place,
                format!("`{text}` is not the name of an IdP role: it {why}"),
                "names are compared exactly; `/groups/sales/*` stands for all roles directly below \
                 `/groups/sales/`",
            )),
        }
    }
    idp_roles
}

/// The issuers that a role or a file believes.
pub(super) fn issuers(
    fields: &mut Fields<'_>,
    whose: &str,
    problems: &mut Problems,
) -> Option<Vec<(IssuerName, Place)>> {
    let node = fields.node("issuers")?;
    let given = fields.strings("issuers", problems);
    if matches!(&node.kind, Kind::List(items) if items.is_empty()) {
        let message = format!("nobody can hold {whose}: no issuer is believed");
        let help = "name some of the issuers of hallpass.toml";
        problems.add(Problem::warning(&node.place, message, help));
    }
    let help = "write it as in `[issuers.NAME]` of hallpass.toml";
    let name =
        |(text, place): (_, &Place)| Some((parse_at(text, place, help, problems)?, place.clone()));
    Some(given.into_iter().filter_map(name).collect())
}

/// Reads one subject of a list.
pub(super) fn rule(
    text: &str,
    queues: bool,
    place: &Place,
    origin: Origin,
    claims: &Claims,
    problems: &mut Problems,
) -> Option<Arc<Rule>> {
    match Template::parse(text, queues, |name| claims.variable(name)) {
        Ok(template) => {
            let at = place.to_string().into();
            Some(Arc::new(Rule { template, place: place.clone(), at, origin }))
        }
        Err(why) => {
            let queue = if queues {
                "; a queue group stands after a space, as in `orders.* workers`"
            } else {
                ""
            };
            problems.add(Problem::error(
                place,
                format!("`{text}` is not a subject: {why}"),
                format!(
                    "write tokens with `.` between them; `*` is one token, `>` the rest, `{{claim}}` \
                     a value of the token{queue}"
                ),
            ));
            None
        }
    }
}

/// `inbox`: the prefix that the client is told to use for its replies, of its own.
fn inbox(fields: &mut Fields<'_>, claims: &Claims, problems: &mut Problems) -> Option<Arc<Rule>> {
    let (text, place) = fields.string("inbox", problems)?;
    let help = "write `inbox = \"_INBOX.{subject}\"` (`{name}` where several issuers are \
                believed), and have the client use it as its inbox prefix";
    let wrong = |problems: &mut Problems, why: &str| {
        let message = format!("`{text}` is no private inbox prefix: {why}");
        problems.add(Problem::error(place, message, help));
        None
    };
    let rule = rule(&format!("{text}.>"), false, place, Origin::Inbox, claims, problems)?;
    if text.contains(['*', '>']) {
        return wrong(problems, "a wildcard would reach other people's replies");
    }
    if rule.template.variables().is_empty() {
        return wrong(problems, "it is the same for everybody");
    }
    if text.starts_with('{') {
        return wrong(problems, "it begins with a value of the token");
    }
    Some(rule)
}

fn responses(node: &Node, problems: &mut Problems) -> Option<Responses> {
    let (max, expires) = DEFAULT_RESPONSES;
    let at: Arc<str> = node.place.to_string().into();
    match &node.kind {
        Kind::Bool(allowed) => allowed.then_some(Responses { max, expires, at }),
        Kind::Table(_) => {
            let mut fields = Fields::of(node, "`allow_responses`", problems);
            let given = fields.integer("max", 1..=i64::from(u32::MAX), problems);
            let longest = Duration::from_secs(24 * 3600);
            let span = fields.duration("expires", Duration::from_millis(1)..=longest, problems);
            fields.finish(problems);
            let max = given.and_then(|max| u32::try_from(max).ok()).unwrap_or(max);
            Some(Responses { max, expires: span.unwrap_or(expires), at })
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
