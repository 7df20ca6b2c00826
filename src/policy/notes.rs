//! What the server cannot tell apart, and what it delivers by a detour, of all that may be
//! published: by a grant or by a subject that somebody wrote. Pure.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    decision::Side,
    grants::notes as texts,
    map::{Origin, Rule},
};
use crate::subject::SubjectPattern;

/// Where the JetStream API answers: the account's own, and that of a domain. What an import calls
/// it, no subject shows; a grant says so by `api_prefix`.
const PREFIXES: [&str; 2] = ["$JS.API", "$JS.*.API"];

/// Calls, and what is to know of whoever may make one of them.
const CALLS: &[(&[&str], &[&str])] = &[
    (&["CONSUMER.CREATE.>", "CONSUMER.DURABLE.CREATE.>"], &[texts::DELIVER]),
    (&["DIRECT.GET.>"], &[texts::DIRECT_GET]),
    (&["STREAM.CREATE.*", "STREAM.UPDATE.*", "STREAM.RESTORE.*"], &[texts::MANAGE]),
    (&["STREAM.INFO.*"], &[texts::INFO]),
    (&["STREAM.NAMES"], &[texts::LOOKUP]),
    (&[">"], &[texts::REPLIES]),
];

/// The same of subjects that stand under no prefix.
const OTHERS: &[(&str, &[&str])] = &[
    ("$JS.ACK.>", &[texts::CONSUMES, texts::REPLIES]),
    ("$KV.>", &[texts::KEY_DELETE, texts::HEADERS]),
];

/// Notes, each once, with what they are about.
#[derive(Debug, Default)]
struct Notes(Vec<(&'static str, Vec<String>)>);

impl Notes {
    fn add(&mut self, note: &'static str, about: &str) {
        match self.0.iter_mut().find(|(known, _)| *known == note) {
            Some((_, all)) if all.iter().any(|it| it == about) => {}
            Some((_, all)) => all.push(about.to_owned()),
            None => self.0.push((note, vec![about.to_owned()])),
        }
    }

    fn told(self) -> Vec<String> {
        let told = |(note, about): (&str, Vec<String>)| format!("{}: {note}", about.join(", "));
        self.0.into_iter().map(told).collect()
    }
}

/// What is to know of what somebody may publish, and of the grants among the rules that count:
/// each note once, with what it is about and where that stands.
pub(super) fn of_entitlement<'a>(
    rules: impl Iterator<Item = &'a Arc<Rule>>,
    publish: &Side,
) -> Vec<String> {
    let mut notes = Notes::default();
    let mut written = BTreeSet::new();
    for rule in rules {
        match &rule.origin {
            Origin::Grant(granted) => {
                let about = format!("{} ({})", granted.resource, rule.at);
                granted.notes.iter().for_each(|note| notes.add(note, &about));
            }
            Origin::Subject => {
                written.insert(&rule.at);
            }
            Origin::Inbox => {}
        }
    }
    let Side::Some { allow, deny } = publish else { return notes.told() };
    let denied: Vec<_> = deny.keys().map(|deny| &deny.subject).collect();
    for (permission, by) in allow {
        let by: Vec<_> = by.iter().filter(|rule| written.contains(&rule.at)).collect();
        // What only grants give has been told in their words.
        if by.is_empty() {
            continue;
        }
        for note in of_subject(&permission.subject, &denied) {
            by.iter().for_each(|rule| notes.add(note, &format!("`{permission}` ({})", rule.at)));
        }
    }
    notes.told()
}

/// What is to know of one rule of a role that also denies something, whoever holds it.
pub(super) fn of_rule(rule: &Rule, publish: bool, deny: &[Arc<Rule>]) -> Vec<&'static str> {
    match &rule.origin {
        Origin::Grant(granted) => granted.notes.clone(),
        Origin::Subject if publish => {
            let denied = deny.iter().map(|rule| &rule.template.as_literal().subject);
            of_subject(&rule.template.reach().subject, &denied.collect::<Vec<_>>())
        }
        Origin::Subject | Origin::Inbox => Vec::new(),
    }
}

/// Notes in words: each once, with all that it is about.
pub(super) fn told<'a>(all: impl Iterator<Item = (String, &'a [&'static str])>) -> Vec<String> {
    let mut notes = Notes::default();
    for (about, texts) in all {
        texts.iter().for_each(|note| notes.add(note, &about));
    }
    notes.told()
}

/// What is to know of whoever may publish on these subjects, less those that are denied.
fn of_subject(subject: &SubjectPattern, denied: &[&SubjectPattern]) -> Vec<&'static str> {
    let reaches = |call: &str| {
        call.parse().is_ok_and(|call: SubjectPattern| {
            common(subject, &call)
                .is_some_and(|common| !denied.iter().any(|deny| deny.covers(&common)))
        })
    };
    let calls = CALLS.iter().filter(|(calls, _)| {
        let mut all = calls.iter().flat_map(|call| PREFIXES.map(|it| format!("{it}.{call}")));
        all.any(|call| reaches(&call))
    });
    let others = OTHERS.iter().filter(|(call, _)| reaches(call));
    let mut found = Vec::new();
    for note in calls.flat_map(|(_, notes)| *notes).chain(others.flat_map(|(_, notes)| *notes)) {
        if !found.contains(note) {
            found.push(*note);
        }
    }
    found
}

/// The subjects that both match, which is a pattern again; none, where there is no such subject.
fn common(one: &SubjectPattern, other: &SubjectPattern) -> Option<SubjectPattern> {
    let (mut ours, mut theirs) = (one.as_str().split('.'), other.as_str().split('.'));
    let mut tokens = Vec::new();
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => break,
            (Some(">"), Some(token)) => {
                tokens.push(token);
                tokens.extend(theirs);
                break;
            }
            (Some(token), Some(">")) => {
                tokens.push(token);
                tokens.extend(ours);
                break;
            }
            (Some("*"), Some(token)) => tokens.push(token),
            (Some(token), Some("*")) => tokens.push(token),
            (Some(ours), Some(theirs)) if ours == theirs => tokens.push(ours),
            _ => return None,
        }
    }
    SubjectPattern::from_tokens(tokens).ok()
}

#[cfg(test)]
mod tests;
