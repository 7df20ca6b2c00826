//! What is legal and probably not meant.

mod held;
mod wide;

use std::{collections::HashSet, sync::Arc};

use super::Role;
use crate::{
    document::{Problem, Problems},
    policy::{
        depth,
        map::{Origin, Rule},
    },
    subject::SubjectPattern,
};

/// Warns about a role. `inherited`: whether another role inherits from it. `edge`: whether one can
/// attest a connection. `said`: the rules that
/// were warned of for a role before.
pub(super) fn give(
    role: &Role,
    inherited: bool,
    edge: bool,
    said: &mut HashSet<*const Rule>,
    problems: &mut Problems,
) {
    let written = &role.written;
    held::by_nobody(role, inherited, edge, problems);
    held::by_namesakes(role, said, problems);
    no_inbox(role, problems);
    wide::warn(role, problems);
    let lists = &written.lists;
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
        let mut grants = Vec::new();
        for rule in allow {
            let Some(by) = deny.iter().find(|deny| is_void(rule, deny)) else { continue };
            let subject = rule.template.as_str();
            let (message, help) = match &rule.origin {
                Origin::Subject | Origin::Inbox => (
                    format!("`{subject}` is allowed in vain: it is denied"),
                    "denies win; take one of the two away",
                ),
                Origin::Grant(granted) => {
                    if grants.contains(&Arc::as_ptr(granted)) {
                        continue;
                    }
                    grants.push(Arc::as_ptr(granted));
                    (
                        format!(
                            "the grant of {} does not work as a whole: `{subject}`, which is part \
                             of it, is denied",
                            granted.resource
                        ),
                        "denies win; take the deny away, or grant less",
                    )
                }
            };
            problems.add(
                Problem::warning(&rule.place, message, help).related(&by.place, "denied here"),
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
    let inboxes = "_INBOX.>".parse::<SubjectPattern>();
    let inbox = |rule: &Arc<Rule>| {
        rule.origin == Origin::Inbox
            || inboxes.as_ref().is_ok_and(|it| rule.template.reach().subject.overlaps(it))
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
