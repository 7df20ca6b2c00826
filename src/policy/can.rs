//! What somebody with an [`Entitlement`] can do: what nats-server makes of the lists. Pure.
//!
//! A differential test holds this against a real server. Source: `canSubscribeInternal`,
//! `pubAllowedFullCheck` and `checkDenySub` of the server's `client.go`, `matchLevel` of its
//! `sublist.go`. What may surprise there:
//!
//! - A subscription is compared with the lists token by token, its wildcards as if they were
//!   words. So `orders.*` lets in a subscription to `orders.>`, and through it everything below
//!   `orders`, however deep; `*` lets in `>`. As a list's last token, `*` is no bound to what is
//!   received, while it is one to what is published.
//! - For the same reason denying `orders.*` refuses the subscription `orders.>`, and denying
//!   `orders.new` does not refuse `orders.*`: the server lets that in and holds back each message
//!   on `orders.new`.
//! - A rule without a queue group lets members of any group in, *unless* some rule with a queue
//!   group allows the same subject: then only the groups of such rules.
//! - Denying a subject denies it to every queue group too; denying it to a group does so to that
//!   group only.
//! - The queue group `_sys_` is the server's own.
//! - Permission to answer goes beyond both lists, the denied included. A request that names the
//!   subject for its answer once more, before the first is answered, uses one of the answers up.
//!
//! Older servers hold less back than they are told to. Before 2.14.4 and 2.12.14, and in all of
//! 2.11: a deny for a queue group refuses a subscription, but holds no message back from a wider
//! one. Before 2.12.7 and 2.11.16: a deny holds messages back only from a subscription that covers
//! all of it (`*.secret` not from `orders.*`), and a deny for one queue group lifts a deny of the
//! same subject for all, for members of other groups.

mod question;
mod widest;

pub use question::{Question, QuestionError};

use super::{
    compile::RuleRef,
    decision::{Entitlement, Permissions, Side},
    map::Responses,
};
use crate::subject::{Permission, SubjectPattern};

/// The answer to a [`Question`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// Whether the lists allow it.
    pub allowed: bool,
    /// The rules that allow it, or those that deny it; empty where nothing allows it.
    pub because: Vec<RuleRef>,
    /// Where nothing allows it: what is allowed and begins most like it.
    pub nearest: Option<(Permission, RuleRef)>,
    /// Where a message may not be published: it may be, for all that, as the answer to a request
    /// that named this subject for it.
    pub responses: Option<&'a Responses>,
    /// Where a subscription is let in: what of it is denied, so that messages there are held back.
    pub except: Vec<(Permission, RuleRef)>,
    /// Where messages are received: a subscription that brings them.
    pub by: Option<Permission>,
}

/// The group that the server keeps for itself.
const SYSTEM_GROUP: &str = "_sys_";

impl Entitlement {
    /// What nats-server answers to somebody who tries it; see the head of this file.
    #[must_use]
    pub fn can(&self, question: &Question) -> Verdict<'_> {
        match question {
            Question::Publish(subject) => self.publishes(subject),
            Question::Subscribe(subscription) => lists(&self.subscribe)
                .map_or_else(Verdict::default, |lists| lists.subscribes(subscription).into()),
            Question::Receive(subject) => lists(&self.subscribe)
                .map_or_else(Verdict::default, |lists| lists.receives(subject)),
        }
    }

    /// Whether a message on a literal subject is delivered to a subscription that was let in.
    #[must_use]
    pub fn delivers(&self, subject: &SubjectPattern, subscription: &Permission) -> bool {
        matches(&subscription.subject, subject)
            && lists(&self.subscribe)
                .is_some_and(|lists| lists.holding_back(subject, subscription).is_empty())
    }

    fn publishes(&self, subject: &SubjectPattern) -> Verdict<'_> {
        let refused = |verdict| Verdict { responses: self.responses.as_ref(), ..verdict };
        let Some(Lists { allow, deny }) = lists(&self.publish) else {
            return refused(Verdict::default());
        };
        let message = subject.clone().into();
        let allowing = rules(allow, |allow| matches(&allow.subject, subject));
        let denying = rules(deny, |deny| matches(&deny.subject, subject));
        match (allowing.is_empty(), denying.is_empty()) {
            (false, true) => Verdict { allowed: true, because: allowing, ..Verdict::default() },
            (false, false) => refused(Verdict { because: denying, ..Verdict::default() }),
            (true, _) => refused(Judged::Unmentioned(nearest(allow, &message)).into()),
        }
    }
}

/// A side that allows something.
#[derive(Clone, Copy)]
struct Lists<'a> {
    allow: &'a Permissions,
    deny: &'a Permissions,
}

fn lists(side: &Side) -> Option<Lists<'_>> {
    match side {
        Side::Nothing => None,
        Side::Some { allow, deny } => Some(Lists { allow, deny }),
    }
}

/// What becomes of an attempt to subscribe.
enum Judged {
    Allowed {
        by: Vec<RuleRef>,
        except: Vec<(Permission, RuleRef)>,
    },
    /// These rules deny it, or leave it to other queue groups.
    Denied(Vec<RuleRef>),
    /// Nothing allows it.
    Unmentioned(Option<(Permission, RuleRef)>),
}

impl From<Judged> for Verdict<'_> {
    fn from(judged: Judged) -> Self {
        match judged {
            Judged::Allowed { by, except } => {
                Self { allowed: true, because: by, except, ..Self::default() }
            }
            Judged::Denied(because) => Self { because, ..Self::default() },
            Judged::Unmentioned(nearest) => Self { nearest, ..Self::default() },
        }
    }
}

impl Lists<'_> {
    /// The server's `canSubscribe`.
    fn subscribes(&self, subscription: &Permission) -> Judged {
        let Permission { subject, queue } = subscription;
        if queue.as_ref().is_some_and(|queue| queue.as_str() == SYSTEM_GROUP) {
            return Judged::Unmentioned(None);
        }
        let plain =
            rules(self.allow, |allow| allow.queue.is_none() && matches(&allow.subject, subject));
        let grouped = |list, is: fn(bool) -> bool| {
            rules(list, |rule| match (&rule.queue, queue) {
                (Some(theirs), Some(ours)) => {
                    matches(&rule.subject, subject) && is(theirs.covers(ours))
                }
                _ => false,
            })
        };
        let (own_group, other_groups) =
            (grouped(self.allow, |is| is), grouped(self.allow, |is| !is));
        let allowing = match (own_group.is_empty(), other_groups.is_empty()) {
            (false, _) => own_group,
            (true, false) if !plain.is_empty() => return Judged::Denied(other_groups),
            (true, false) => Vec::new(),
            (true, true) => plain,
        };
        if allowing.is_empty() {
            return Judged::Unmentioned(nearest(self.allow, subscription));
        }
        let denying = self.denying(subject, queue.as_ref());
        if !denying.is_empty() {
            return Judged::Denied(denying);
        }
        let overlaps = self
            .deny
            .iter()
            .filter(|(deny, _)| deny.subject.overlaps(subject) && concerns(deny, queue.as_ref()));
        let except = overlaps.filter_map(|(deny, at)| Some((deny.clone(), at.first()?.clone())));
        Judged::Allowed { by: allowing, except: except.collect() }
    }

    /// The rules that keep messages on this subject from a subscription, if it is let in.
    fn holding_back(&self, subject: &SubjectPattern, subscription: &Permission) -> Vec<RuleRef> {
        self.denying(subject, subscription.queue.as_ref())
    }

    /// The rules that deny a subject to a member of this group, or of none.
    fn denying(&self, subject: &SubjectPattern, queue: Option<&SubjectPattern>) -> Vec<RuleRef> {
        rules(self.deny, |deny| matches(&deny.subject, subject) && concerns(deny, queue))
    }

    /// Whether there is a subscription that is let in and to which messages are delivered.
    fn receives(&self, subject: &SubjectPattern) -> Verdict<'static> {
        let mut denying = Vec::new();
        for allow in self.allow.keys() {
            for subscription in widest::subscriptions(allow, subject, self.deny.keys()) {
                let held_back = self.holding_back(subject, &subscription);
                match self.subscribes(&subscription) {
                    Judged::Allowed { by, .. } if held_back.is_empty() => {
                        let by_it = Some(subscription);
                        return Verdict {
                            allowed: true,
                            because: by,
                            by: by_it,
                            ..Verdict::default()
                        };
                    }
                    Judged::Denied(rules) => denying.extend(rules),
                    _ => {}
                }
                denying.extend(held_back);
            }
        }
        if denying.is_empty() {
            return Judged::Unmentioned(nearest(self.allow, &subject.clone().into())).into();
        }
        denying.sort();
        denying.dedup();
        Judged::Denied(denying).into()
    }
}

/// Whether the server finds a subject in its list by this entry: token by token, the wildcards
/// of the subject as words like others.
fn matches(entry: &SubjectPattern, subject: &SubjectPattern) -> bool {
    let (mut entry, mut subject) = (entry.as_str().split('.'), subject.as_str().split('.'));
    loop {
        match (entry.next(), subject.next()) {
            (None, None) => return true,
            (Some(">"), Some(_)) => return true,
            (Some("*"), Some(_)) => {}
            (Some(entry), Some(subject)) if entry == subject => {}
            _ => return false,
        }
    }
}

/// Whether a deny is for members of this group, or of none.
fn concerns(deny: &Permission, queue: Option<&SubjectPattern>) -> bool {
    match (&deny.queue, queue) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(theirs), Some(ours)) => theirs.covers(ours),
    }
}

/// The rules behind the entries of a list that are so, each once.
fn rules(list: &Permissions, is: impl Fn(&Permission) -> bool) -> Vec<RuleRef> {
    let mut rules: Vec<_> =
        list.iter().filter(|(entry, _)| is(entry)).flat_map(|(_, at)| at).cloned().collect();
    rules.sort();
    rules.dedup();
    rules
}

/// The entry that has most tokens at the beginning in common with what was tried.
fn nearest(allow: &Permissions, tried: &Permission) -> Option<(Permission, RuleRef)> {
    let tokens = |permission: &Permission| -> Vec<String> {
        permission.subject.as_str().split('.').map(str::to_owned).collect()
    };
    let tried = tokens(tried);
    let near = |allow: &Permission| {
        let allow = tokens(allow);
        let same = |(a, b): &(&String, &String)| a == b || ["*", ">"].contains(&a.as_str());
        let common = allow.iter().zip(&tried).take_while(same).count();
        (common, std::cmp::Reverse(allow.len().abs_diff(tried.len())))
    };
    let best = allow.iter().rev().max_by_key(|(allow, _)| near(allow))?;
    let (common, _) = near(best.0);
    (common > 0).then(|| Some((best.0.clone(), best.1.first()?.clone())))?
}

#[cfg(test)]
mod tests;
