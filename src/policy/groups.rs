//! A role that names no queue group allows them all, whatever other roles name.
//!
//! nats-server lets members of any queue group in where an allow names none, *unless* another
//! allow of the same subject names one: then it lets in only the groups that are named. Within
//! one role that is what was written. Of two roles, the second would take away what the first
//! allows; so the first is then told to the server in so many words: `orders.>` as `orders.> >`
//! beside it, which is all groups.

use super::decision::Permissions;
use crate::{
    names::RoleName,
    subject::{Permission, SubjectPattern},
};

/// Allows all groups where a role does, and only other roles name some.
pub(super) fn allow(allow: &mut Permissions) {
    let named = |subject: &SubjectPattern, role: Option<&RoleName>| {
        allow.iter().filter(|(other, _)| other.queue.is_some()).any(|(other, rules)| {
            subject.overlaps(&other.subject)
                && role.is_none_or(|role| rules.iter().any(|rule| rule.role == *role))
        })
    };
    let mut all_groups = Permissions::new();
    for (permission, rules) in allow.iter().filter(|(permission, _)| permission.queue.is_none()) {
        let subject = &permission.subject;
        if !named(subject, None) {
            continue;
        }
        let own = rules.iter().filter(|rule| !named(subject, Some(&rule.role)));
        for rule in own {
            let queue = Some(SubjectPattern::everything());
            let permission = Permission { subject: subject.clone(), queue };
            all_groups.entry(permission).or_default().insert(rule.clone());
        }
    }
    for (permission, rules) in all_groups {
        allow.entry(permission).or_default().extend(rules);
    }
}
