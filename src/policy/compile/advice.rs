//! What is legal and probably not meant.

use std::sync::Arc;

use super::Role;
use crate::{
    document::{Problem, Problems},
    policy::{
        depth,
        map::{Origin, Rule},
    },
    subject::SubjectPattern,
};

const NAME_LESS: &str = "name the subjects that are needed, or a grant that stands for them";

/// Warns about a role. `inherited`: whether another role inherits from it.
pub(super) fn give(role: &Role, inherited: bool, problems: &mut Problems) {
    let written = &role.written;
    if written.idp_roles.is_empty() && !inherited {
        let message = format!("nobody can hold role `{}`: it names no IdP role", written.name);
        let help = "name some; without `idp_roles` it is the role's own name";
        problems.add(Problem::warning(&written.place, message, help));
    }
    no_inbox(role, problems);
    let lists = &written.lists;
    let named = |rule: &&Arc<Rule>| rule.origin == Origin::Subject;
    for rule in lists.subscribe.iter().filter(named) {
        if reaches_every_inbox(&rule.template.as_literal().subject) {
            problems.add(Problem::warning(
                &rule.place,
                format!("role `{}` reads everybody's replies", written.name),
                "give it `inbox = \"_INBOX.{subject}\"` instead, and have clients use that as \
                 their inbox prefix",
            ));
        }
    }
    for rule in lists.publish.iter().chain(&lists.subscribe).filter(named) {
        let reach = &rule.template.as_literal().subject;
        if matches!(reach.as_str(), ">" | "*.>") {
            problems.add(Problem::warning(
                &rule.place,
                format!(
                    "role `{}` reaches everything in the account: JetStream's API and everybody's \
                     replies too",
                    written.name
                ),
                NAME_LESS,
            ));
            continue;
        }
        for (space, what) in [
            ("$SYS.>", "the server's own subjects"),
            ("$JS.API.>", "the whole of JetStream's API: every stream and consumer of the account"),
        ] {
            if reaches(reach, space) {
                problems.add(Problem::warning(
                    &rule.place,
                    format!("role `{}` reaches {what}", written.name),
                    NAME_LESS,
                ));
            }
        }
    }
    for rule in &lists.subscribe {
        let Some(beyond) = depth::beyond(&rule.template.as_literal().subject) else { continue };
        let deeper = |other: &&Arc<Rule>| other.template.reach().subject.overlaps(&beyond);
        let Some(other) = role.whole.lists.subscribe.iter().find(deeper) else { continue };
        problems.add(
            Problem::warning(
                &rule.place,
                format!(
                    "nats-server lets who may subscribe to `{}` subscribe to all that is below, and \
                     what is allowed there keeps hallpass from denying the rest",
                    rule.template.as_str()
                ),
                "name the subjects at this level, or put the two into roles that nobody holds \
                 together",
            )
            .related(&other.place, "allowed here"),
        );
    }
    // Denies of the role and of those that it inherits from; what is written here is judged here.
    let denied = &role.whole.lists;
    for (allow, deny) in
        [(&lists.publish, &denied.deny_publish), (&lists.subscribe, &denied.deny_subscribe)]
    {
        for rule in allow {
            let Some(by) = deny.iter().find(|deny| is_void(rule, deny)) else { continue };
            problems.add(
                Problem::warning(
                    &rule.place,
                    format!("`{}` is allowed in vain: it is denied", rule.template.as_str()),
                    "denies win; take one of the two away",
                )
                .related(&by.place, "denied here"),
            );
        }
    }
}

/// Warns about grants whose answers have nowhere to come to.
fn no_inbox(role: &Role, problems: &mut Problems) {
    let needs = |rule: &&Arc<Rule>| match &rule.origin {
        Origin::Grant(grant) => grant.needs_inbox,
        Origin::Subject | Origin::Inbox => false,
    };
    let Some(rule) = role.written.lists.publish.iter().find(needs) else { return };
    let inbox = |rule: &Arc<Rule>| {
        let subject = &rule.template.reach().subject;
        rule.origin == Origin::Inbox
            || subject.as_str().starts_with("_INBOX.")
            || reaches_every_inbox(subject)
    };
    if !role.whole.lists.subscribe.iter().any(inbox) {
        problems.add(Problem::warning(
            &rule.place,
            format!("role `{}` has a grant and no inbox", role.written.name),
            "answers and messages come to the client's inbox: give the role, or one that it \
             inherits from, `inbox = \"_INBOX.{subject}\"`",
        ));
    }
}

/// Whether a deny takes all of what a rule allows, for everybody.
fn is_void(allow: &Rule, deny: &Rule) -> bool {
    let (allowed, denied) = (allow.template.as_literal(), deny.template.as_literal());
    denied.covers(allowed)
}

/// Whether a pattern is not about one inbox.
fn reaches_every_inbox(subject: &SubjectPattern) -> bool {
    matches!(subject.as_str(), "_INBOX.>" | "_INBOX.*" | "_INBOX.*.>" | "_INBOX.*.*")
}

/// Whether a pattern is meant for a space of subjects.
fn reaches(subject: &SubjectPattern, space: &str) -> bool {
    let Ok(space) = space.parse::<SubjectPattern>() else { return false };
    let root = space.as_str().split('.').next().unwrap_or_default();
    let begins_there = subject.as_str().split('.').next() == Some(root);
    subject.covers(&space) || (root == "$SYS" && begins_there)
}
