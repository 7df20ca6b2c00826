//! How far the maps in a directory reach: a team's file no further than the team.

use std::{path::Path, sync::Arc};

use super::{Role, Written};
use crate::{
    config::MapBounds,
    document::{Place, Problem, Problems},
    name_pattern::NamePattern,
    names::AccountName,
    policy::{
        grants::Resource,
        map::{Granted, Origin, Rule},
        template::Variable,
    },
    subject::SubjectPattern,
};

/// The bounds that hold for a file: those of its directory and of all directories above.
pub(super) fn of<'a>(
    path: &Path,
    bounds: impl Iterator<Item = &'a MapBounds>,
) -> Vec<&'a MapBounds> {
    bounds.filter(|bounds| path.starts_with(&bounds.directory)).collect()
}

pub(super) fn check_account(
    account: &AccountName,
    place: &Place,
    bounds: &[&MapBounds],
    problems: &mut Problems,
) {
    for bounds in bounds {
        if !bounds.accounts.contains(account) {
            problems.add(beyond(place, &format!("the account `{account}`"), Key::Accounts, bounds));
        }
    }
}

/// Checks a role with all that it inherits: what is out of reach cannot be inherited either.
pub(super) fn check(role: &Role, bounds: &MapBounds, problems: &mut Problems) {
    let written = &role.written;
    if let Some(issuers) = &bounds.issuers {
        for issuer in role.issuers.iter().filter(|issuer| !issuers.contains(issuer)) {
            let named = written.issuers.iter().flatten().find(|(name, _)| name == issuer);
            let place = named.map_or(&written.place, |(_, place)| place);
            problems.add(beyond(place, &format!("the issuer `{issuer}`"), Key::Issuers, bounds));
        }
    }
    if let Some(allowed) = &bounds.idp_roles {
        for (idp_role, place) in &written.idp_roles {
            let text = idp_role.to_string();
            if !allowed.iter().any(|pattern| pattern.covers(&text)) {
                problems.add(beyond(
                    place,
                    &format!("the IdP role `{text}`"),
                    Key::IdpRoles,
                    bounds,
                ));
            }
        }
    }
    for (list, rules) in role.whole.lists.named() {
        let reach = |rule: &Rule| match list {
            "subscribe" => rule.template.subscribed(),
            _ => rule.template.reach().subject.clone(),
        };
        for rule in rules.iter().filter(|rule| !is_within(rule, &reach(rule), bounds)) {
            let what = format!("`{}` under `{list}`", rule.template.as_str());
            problems.add(rule_beyond(written, rule, &what, Key::Subjects, bounds));
        }
    }
    check_grants(role, bounds, problems);
    if role.whole.responses.is_some() && !bounds.responses {
        let what = format!("`allow_responses` of role `{}`", written.name);
        problems.add(beyond(&written.place, &what, Key::Responses, bounds));
    }
}

/// Checks each grant once: what it is about, and the application's subjects in it.
fn check_grants(role: &Role, bounds: &MapBounds, problems: &mut Problems) {
    let (mut seen, mut makers): (Vec<*const Granted>, Vec<*const Granted>) = Default::default();
    let lists = &role.whole.lists;
    for rule in lists.publish.iter().chain(&lists.subscribe) {
        let Origin::Grant(granted) = &rule.origin else { continue };
        // Whoever makes a stream says what it takes in, from other streams for one.
        let makes_streams = [".STREAM.CREATE.", ".STREAM.UPDATE."]
            .iter()
            .any(|api| rule.template.as_str().contains(api));
        if makes_streams && !makers.contains(&Arc::as_ptr(granted)) {
            makers.push(Arc::as_ptr(granted));
            let what = format!("`manage` of {}", granted.resource);
            problems.add(rule_beyond(&role.written, rule, &what, Key::Never, bounds));
        }
        if seen.contains(&Arc::as_ptr(granted)) {
            continue;
        }
        seen.push(Arc::as_ptr(granted));
        if !is_about(&granted.resource, bounds) {
            let what = granted.resource.to_string();
            let key = match granted.resource {
                Resource::Stream(_) => Key::Streams,
                Resource::Bucket(_) => Key::Buckets,
                Resource::ObjectStore(_) => Key::ObjectStores,
                Resource::Service(_) => Key::Subjects,
            };
            problems.add(rule_beyond(&role.written, rule, &what, key, bounds));
        }
        for subject in granted.subjects.iter().filter(|subject| !is_covered(subject, bounds)) {
            let what = format!("`{subject}` of {}", granted.resource);
            problems.add(rule_beyond(&role.written, rule, &what, Key::Subjects, bounds));
        }
    }
}

/// Whether a grant is about something of the team's. Buckets and object stores are streams too.
fn is_about(resource: &Resource, bounds: &MapBounds) -> bool {
    let covers = |patterns: &[NamePattern], name: &str| {
        // A value of the token may be any name.
        let name = if name.starts_with('{') { "*" } else { name };
        patterns.iter().any(|pattern| pattern.covers(name))
    };
    match resource {
        Resource::Stream(name) => covers(&bounds.streams, name),
        Resource::Bucket(name) => covers(&bounds.buckets, name),
        Resource::ObjectStore(name) => covers(&bounds.object_stores, name),
        // Its subjects say it.
        Resource::Service(_) => true,
    }
}

/// Whether a subject of a grant lies within the team's, whatever its values are.
fn is_covered(subject: &str, bounds: &MapBounds) -> bool {
    let token = |token| if str::starts_with(token, '{') { "*" } else { token };
    let reach = SubjectPattern::from_tokens(subject.split('.').map(token));
    reach.is_ok_and(|reach| covered(&reach, &bounds.subjects))
}

/// That a rule is out of reach, at the rule or at the role that inherits it.
fn rule_beyond(
    written: &Written,
    rule: &Arc<Rule>,
    what: &str,
    key: Key,
    bounds: &MapBounds,
) -> Problem {
    let is_own = |(_, own): &(_, &Vec<Arc<Rule>>)| own.iter().any(|own| Arc::ptr_eq(own, rule));
    if written.lists.named().iter().any(is_own) {
        return beyond(&rule.place, what, key, bounds);
    }
    let what = format!("{what}, which role `{}` inherits,", written.name);
    beyond(&written.place, &what, key, bounds).related(&rule.place, "inherited from here")
}

/// The key that bounds it.
#[derive(Clone, Copy)]
enum Key {
    Accounts,
    Issuers,
    IdpRoles,
    Subjects,
    Streams,
    Buckets,
    ObjectStores,
    Responses,
    /// None: no bound allows it.
    Never,
}

impl Key {
    /// What the bounds are, and which key to set.
    fn help(self, bounds: &MapBounds) -> String {
        fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
            let items: Vec<_> =
                items.into_iter().map(|item| format!("\"{}\"", item.to_string())).collect();
            format!("[{}]", items.join(", "))
        }
        let (key, now) = match self {
            Self::Accounts => ("accounts", list(&bounds.accounts)),
            Self::Issuers => ("issuers", list(bounds.issuers.iter().flatten())),
            Self::IdpRoles => ("idp_roles", list(bounds.idp_roles.iter().flatten())),
            Self::Subjects => ("subjects", list(&bounds.subjects)),
            Self::Streams => ("streams", list(&bounds.streams)),
            Self::Buckets => ("buckets", list(&bounds.buckets)),
            Self::ObjectStores => ("object_stores", list(&bounds.object_stores)),
            Self::Responses => {
                return format!(
                    "an answer goes wherever the request says; where that may be, set \
                     `allow_responses = true` under `[maps.bounds.{}]` in hallpass.toml",
                    bounds.name
                );
            }
            Self::Never => {
                return "who makes a stream says what it takes in, from other streams too; no \
                        bounds allow it, so put it into a map outside the directory"
                    .to_owned();
            }
        };
        format!("it is `{key} = {now}` under `[maps.bounds.{}]` in hallpass.toml", bounds.name)
    }
}

fn beyond(place: &Place, what: &str, key: Key, bounds: &MapBounds) -> Problem {
    let message = format!("{what} is beyond the bounds of `{}`", bounds.directory.display());
    Problem::error(place, message, key.help(bounds))
}

fn is_within(rule: &Rule, reach: &SubjectPattern, bounds: &MapBounds) -> bool {
    match &rule.origin {
        // One's own replies: nobody else's, whatever the team is.
        Origin::Inbox if is_own(rule) => true,
        Origin::Inbox | Origin::Subject => covered(reach, &bounds.subjects),
        // See `check_grants`.
        Origin::Grant(_) => true,
    }
}

/// Whether each person has an inbox of their own.
fn is_own(rule: &Rule) -> bool {
    let own = |variable: &Variable| matches!(variable, Variable::Subject | Variable::Name);
    rule.template.reach().subject.as_str().starts_with("_INBOX.")
        && rule.template.variables().iter().any(own)
}

fn covered(subject: &SubjectPattern, by: &[SubjectPattern]) -> bool {
    by.iter().any(|bound| bound.covers(subject))
}
