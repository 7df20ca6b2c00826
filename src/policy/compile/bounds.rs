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
            problems.add(beyond(place, &format!("the account `{account}`"), bounds));
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
            problems.add(beyond(place, &format!("the issuer `{issuer}`"), bounds));
        }
    }
    if let Some(allowed) = &bounds.idp_roles {
        for (idp_role, place) in &written.idp_roles {
            let text = idp_role.to_string();
            if !allowed.iter().any(|pattern| pattern.covers(&text)) {
                problems.add(beyond(place, &format!("the IdP role `{text}`"), bounds));
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
            problems.add(rule_beyond(written, rule, &what, bounds));
        }
    }
    check_grants(role, bounds, problems);
    if role.whole.responses.is_some() && !bounds.responses {
        let what = format!("`allow_responses` of role `{}`", written.name);
        problems.add(beyond(&written.place, &what, bounds));
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
        let calls = |calls: &[&str]| {
            let has = |rule: &&Arc<Rule>| {
                let is_its = matches!(&rule.origin, Origin::Grant(of) if Arc::ptr_eq(of, granted));
                is_its && calls.iter().any(|call| rule.template.as_str().contains(call))
            };
            lists.publish.iter().any(|rule| has(&rule))
        };
        let mut refuse = |what: String, why: &str| {
            let mut problem = rule_beyond(&role.written, rule, &what, bounds);
            if !why.is_empty() {
                problem.help = format!("{why}; {}", problem.help);
            }
            problems.add(problem);
        };
        // Whoever makes a stream says what it takes in, from other streams for one.
        if calls(&MAKES_STREAMS) {
            refuse(format!("`manage` of {resource}"), "");
        }
        if calls(&READS) && !bounds.jetstream_reads {
            refuse(format!("reading of {resource}"), READS_REACH);
        }
        if let Some(prefix) = &granted.api_prefix
            && !is_asked(prefix, bounds)
        {
            refuse(format!("the API prefix `{prefix}` of {resource}"), "");
        }
        if !is_about(resource, bounds) {
            refuse(resource.to_string(), "");
        }
        for subject in granted.subjects.iter().filter(|subject| !is_covered(subject, bounds)) {
            refuse(format!("`{subject}` of {resource}"), "");
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
fn rule_beyond(written: &Written, rule: &Arc<Rule>, what: &str, bounds: &MapBounds) -> Problem {
    let is_own = |(_, own): &(_, &Vec<Arc<Rule>>)| own.iter().any(|own| Arc::ptr_eq(own, rule));
    if written.lists.named().iter().any(is_own) {
        return beyond(&rule.place, what, bounds);
    }
    let what = format!("{what}, which role `{}` inherits,", written.name);
    beyond(&written.place, &what, bounds).related(&rule.place, "inherited from here")
}

fn beyond(place: &Place, what: &str, bounds: &MapBounds) -> Problem {
    Problem::error(
        place,
        format!("{what} is beyond the bounds of `{}`", bounds.directory.display()),
        format!("they are set under `[maps.bounds.{}]` in hallpass.toml", bounds.name),
    )
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
