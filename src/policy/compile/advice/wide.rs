//! Subjects that reach further than they look: into the server's own, into JetStream's API, into
//! everybody's replies.

use std::sync::Arc;

use super::Role;
use crate::{
    document::{Problem, Problems},
    names::RoleName,
    policy::map::{Origin, Rule},
    subject::SubjectPattern,
};

const NAME_LESS: &str = "name the subjects that are needed, or a grant that stands for them";
const NAME_INBOX: &str = "give it `inbox = \"_INBOX.{subject}\"` instead, and have clients use that as \
                          their inbox prefix";

/// What begins the subjects of JetStream that are not its API.
const NO_DOMAIN: [&str; 3] = ["ACK", "FC", "EVENT"];

/// Warns of each rule that is written as a subject, once; grants have notes of their own.
pub(super) fn warn(role: &Role, problems: &mut Problems) {
    let lists = &role.written.lists;
    let denied = &role.whole.lists;
    let named = |rule: &&Arc<Rule>| rule.origin == Origin::Subject;
    for rule in lists.publish.iter().filter(named) {
        of(rule, &denied.deny_publish, false, &role.written.name, problems);
    }
    for rule in lists.subscribe.iter().filter(named) {
        of(rule, &denied.deny_subscribe, true, &role.written.name, problems);
    }
}

fn of(rule: &Rule, deny: &[Arc<Rule>], receives: bool, role: &RoleName, problems: &mut Problems) {
    let subject = &rule.template.as_literal().subject;
    // A deny for members of a queue group only takes nothing away from the others.
    let denied = |space: &str| {
        let Ok(space) = space.parse::<SubjectPattern>() else { return false };
        deny.iter().map(|rule| rule.template.as_literal()).any(|it| {
            it.queue.is_none() && (it.subject.covers(&space) || it.subject.covers(subject))
        })
    };
    let tokens: Vec<&str> = subject.as_str().split('.').collect();
    // A deny of the account's own API leaves that of a domain.
    let own = "$JS.API.>";
    let is_own = own.parse::<SubjectPattern>().is_ok_and(|own| subject.overlaps(&own));
    let api = api(&tokens).filter(|_| !denied(if is_own { own } else { "$JS.*.API.>" }));
    let system = is_system(&tokens) && !denied("$SYS.>");
    let replies = is_replies(&tokens) && !denied("_INBOX.*.>");
    let mut say = |what: &str, help: &str| {
        let message = format!("role `{role}` {what}");
        problems.add(Problem::warning(&rule.place, message, help));
    };
    if is_everything(&tokens) && api.is_some() && replies {
        say(
            "reaches everything in the account: JetStream's API and everybody's replies too",
            NAME_LESS,
        );
        return;
    }
    // Who publishes to inboxes reads nothing; services that answer have to.
    if replies && receives {
        say("reads everybody's replies", NAME_INBOX);
    }
    if system {
        say("reaches the server's own subjects", NAME_LESS);
    }
    match api {
        Some(Api::Whole) => say(
            "reaches the whole of JetStream's API: every stream and consumer of the account",
            NAME_LESS,
        ),
        Some(Api::EveryStream) => say(
            "reaches JetStream's API for every stream of the account: a wildcard stands where the \
             stream's name does",
            NAME_LESS,
        ),
        None => {}
    }
}

fn is_wildcard(token: &str) -> bool {
    matches!(token, "*" | ">")
}

/// Whether wildcards are all there is, without an end.
fn is_everything(tokens: &[&str]) -> bool {
    tokens.iter().all(|token| is_wildcard(token)) && tokens.last() == Some(&">")
}

fn is_system(tokens: &[&str]) -> bool {
    tokens.first() == Some(&"$SYS") || is_everything(tokens)
}

/// Whether the inboxes of people are reached whose names are not in the pattern.
///
/// `*.*.created` is not meant for replies and reaches none that anybody waits for: the tokens
/// after an inbox are the client's own.
fn is_replies(tokens: &[&str]) -> bool {
    match tokens {
        ["_INBOX", of_whom, ..] => is_wildcard(of_whom),
        [">"] => true,
        ["*", rest @ ..] => !rest.is_empty() && rest.iter().all(|token| is_wildcard(token)),
        _ => false,
    }
}

enum Api {
    Whole,
    EveryStream,
}

/// What of JetStream's API a pattern reaches by a wildcard: of the account's own
/// (`$JS.API.…`) or of a domain's (`$JS.hub.API.…`).
fn api(tokens: &[&str]) -> Option<Api> {
    match tokens {
        [">"] | ["$JS" | "*", ">"] => Some(Api::Whole),
        ["$JS" | "*", "API", call @ ..] | ["$JS" | "*", _, "API", call @ ..] => called(call),
        ["$JS", domain, ">"] if !NO_DOMAIN.contains(domain) => Some(Api::Whole),
        ["$JS", "*", "*", ..] => Some(Api::Whole),
        ["$JS", "*", "STREAM" | "CONSUMER" | "DIRECT", ..] => {
            called(tokens.get(2..).unwrap_or_default())
        }
        _ if is_everything(tokens) => Some(Api::Whole),
        _ => None,
    }
}

/// The same for what stands after `API`: `STREAM.INFO.ORDERS`, `CONSUMER.MSG.NEXT.ORDERS.x`.
fn called(call: &[&str]) -> Option<Api> {
    let upto = match call {
        ["STREAM" | "CONSUMER", "MSG" | "LEADER" | "PEER" | "DURABLE", ..] => 4,
        ["STREAM" | "CONSUMER" | "DIRECT", ..] => 3,
        [first, ..] if is_wildcard(first) => return Some(Api::Whole),
        _ => call.len(),
    };
    let open = call.iter().take(upto).any(|token| is_wildcard(token));
    open.then_some(Api::EveryStream)
}
