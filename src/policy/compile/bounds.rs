//! How far the maps in a directory reach: a team's file no further than the team.

mod key;

use std::{path::Path, sync::Arc};

use key::Key;

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
///
/// `issuers` is how many there are: two of them may give out the same `sub`.
pub(super) fn check(role: &Role, bounds: &MapBounds, issuers: usize, problems: &mut Problems) {
    let written = &role.written;
    if let Some(issuers) = &bounds.issuers {
        for issuer in role.issuers.iter().filter(|issuer| !issuers.contains(issuer)) {
            let named = written.issuers.iter().flatten().find(|(name, _)| name == issuer);
            let place = named.map_or(&written.place, |(_, place)| place);
            problems.add(beyond(place, &format!("the issuer `{issuer}`"), Key::Issuers, bounds));
        }
    }
    for (idp_role, place) in &written.idp_roles {
        if !bounds.idp_roles.iter().any(|pattern| idp_role.is_within(pattern.as_str())) {
            problems.add(beyond(
                place,
                &format!("the IdP role `{idp_role}`"),
                Key::IdpRoles,
                bounds,
            ));
        }
    }
    if let Some(names) = &bounds.roles
        && !names.iter().any(|pattern| pattern.covers(written.name.as_str()))
    {
        let what = format!("the role name `{}`", written.name);
        problems.add(beyond(&written.place, &what, Key::Roles, bounds));
    }
    for (list, rules) in role.whole.lists.named() {
        let reach = |rule: &Rule| match list {
            "subscribe" => rule.template.subscribed(),
            _ => rule.template.reach().subject.clone(),
        };
        let beyond = |rule: &&Arc<Rule>| !is_within(rule, &reach(rule), bounds, issuers);
        for rule in rules.iter().filter(beyond) {
            let what = format!("`{}` under `{list}`", rule.template.as_str());
            let mut problem = rule_beyond(written, rule, &what, Key::Subjects, bounds);
            if rule.origin == Origin::Inbox && is_own(rule, 1) {
                problem.help = format!(
                    "two issuers may give out the same `sub`: write `{{name}}`, or `{{issuer}}` \
                     beside `{{subject}}`; {}",
                    problem.help
                );
            }
            problems.add(problem);
        }
    }
    check_grants(role, bounds, problems);
    if role.whole.responses.is_some() && !bounds.responses {
        let what = format!("`allow_responses` of role `{}`", written.name);
        problems.add(beyond(&written.place, &what, Key::Responses, bounds));
    }
}

/// Checks each grant once: what it is about, where, and the application's subjects in it.
fn check_grants(role: &Role, bounds: &MapBounds, problems: &mut Problems) {
    let mut seen: Vec<*const Granted> = Vec::new();
    let lists = &role.whole.lists;
    for rule in lists.publish.iter().chain(&lists.subscribe) {
        let Origin::Grant(granted) = &rule.origin else { continue };
        if seen.contains(&Arc::as_ptr(granted)) {
            continue;
        }
        seen.push(Arc::as_ptr(granted));
        let resource = &granted.resource;
        let is_its =
            |rule: &Rule| matches!(&rule.origin, Origin::Grant(of) if Arc::ptr_eq(of, granted));
        let calls = |calls: &[&str]| {
            let is_one =
                |rule: &Rule| calls.iter().any(|call| rule.template.as_str().contains(call));
            lists.publish.iter().any(|rule| is_its(rule) && is_one(rule))
        };
        let mut refuse = |what: String, key: Key, why: &str| {
            let mut problem = rule_beyond(&role.written, rule, &what, key, bounds);
            if !why.is_empty() {
                problem.help = format!("{why}; {}", problem.help);
            }
            problems.add(problem);
        };
        // Whoever makes a stream says what it takes in, from other streams for one.
        if calls(&MAKES_STREAMS) {
            refuse(format!("`manage` of {resource}"), Key::Never, "");
        }
        if calls(&READS) && !bounds.jetstream_reads {
            refuse(format!("reading of {resource}"), Key::Reads, READS_REACH);
        }
        if let Some(prefix) = &granted.api_prefix
            && !is_asked(prefix, bounds)
        {
            refuse(format!("the API prefix `{prefix}` of {resource}"), Key::ApiPrefixes, "");
        }
        let rules = || lists.publish.iter().chain(&lists.subscribe);
        let discovers = rules().any(|rule| is_its(rule) && is_discovery(rule));
        if !is_about(resource, discovers, bounds) {
            let key = match resource {
                Resource::Stream(_) => Key::Streams,
                Resource::Bucket(_) => Key::Buckets,
                Resource::ObjectStore(_) => Key::ObjectStores,
                Resource::Service(_) => Key::Services,
            };
            refuse(resource.to_string(), key, "");
        }
        for subject in granted.subjects.iter().filter(|subject| !is_covered(subject, bounds)) {
            refuse(format!("`{subject}` of {resource}"), Key::Subjects, "");
        }
        // Discovery has no subjects of the application, and is bounded by the service's name.
        let subscribed = lists.subscribe.iter().filter(|rule| is_its(rule) && !is_discovery(rule));
        for rule in subscribed {
            let named = &rule.template.reach().subject;
            let reach = rule.template.subscribed();
            if covered(named, &bounds.subjects) && !covered(&reach, &bounds.subjects) {
                let deeper = "a `*` at the end of a subscription lets all that is below through";
                refuse(
                    format!("`{reach}`, which `{named}` of {resource} reaches,"),
                    Key::Subjects,
                    deeper,
                );
            }
        }
    }
}

const MAKES_STREAMS: [&str; 2] = [".STREAM.CREATE.", ".STREAM.UPDATE."];

/// The calls that send stored messages to a subject of the asker's choice.
const READS: [&str; 4] =
    [".DIRECT.GET.", ".CONSUMER.CREATE.", ".CONSUMER.DURABLE.CREATE.", ".CONSUMER.MSG.NEXT."];

const READS_REACH: &str = "JetStream sends what is read to whatever subject of the account the \
                           asker names, and takes a direct get's for a request of its own API: \
                           `jetstream_reads = true` lets a team read all the same";

/// Whether the team may ask the JetStream API below this prefix.
fn is_asked(prefix: &str, bounds: &MapBounds) -> bool {
    let is_domain = |domain: &String| prefix == format!("$JS.{domain}.API");
    bounds.api_prefixes.iter().any(|known| known == prefix) || bounds.domains.iter().any(is_domain)
}

/// Whether a grant is about something of the team's. Buckets and object stores are streams too.
fn is_about(resource: &Resource, discovers: bool, bounds: &MapBounds) -> bool {
    let covers = |patterns: &[NamePattern], name: &str| {
        // A value of the token may be any name.
        let name = if name.starts_with('{') { "*" } else { name };
        patterns.iter().any(|pattern| pattern.covers(name))
    };
    match resource {
        Resource::Stream(name) => covers(&bounds.streams, name),
        Resource::Bucket(name) => covers(&bounds.buckets, name),
        Resource::ObjectStore(name) => covers(&bounds.object_stores, name),
        // Its subjects say it, and its name where it is asked about itself.
        Resource::Service(name) => !discovers || covers(&bounds.services, name),
    }
}

/// Whether it is a service's word about itself.
fn is_discovery(rule: &Rule) -> bool {
    rule.template.as_str().starts_with("$SRV.")
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

fn beyond(place: &Place, what: &str, key: Key, bounds: &MapBounds) -> Problem {
    let message = format!("{what} is beyond the bounds of `{}`", bounds.directory.display());
    Problem::error(place, message, key.help(bounds))
}

fn is_within(rule: &Rule, reach: &SubjectPattern, bounds: &MapBounds, issuers: usize) -> bool {
    match &rule.origin {
        // One's own replies: nobody else's, whatever the team is.
        Origin::Inbox if is_own(rule, issuers) => true,
        Origin::Inbox | Origin::Subject => covered(reach, &bounds.subjects),
        // See `check_grants`.
        Origin::Grant(_) => true,
    }
}

/// Whether each person has an inbox of their own, with so many issuers.
fn is_own(rule: &Rule, issuers: usize) -> bool {
    let has = |variable| rule.template.variables().contains(&variable);
    let one_issuer = issuers == 1 || has(Variable::Issuer);
    rule.template.reach().subject.as_str().starts_with("_INBOX.")
        && (has(Variable::Name) || (has(Variable::Subject) && one_issuer))
}

fn covered(subject: &SubjectPattern, by: &[SubjectPattern]) -> bool {
    by.iter().any(|bound| bound.covers(subject))
}
