//! A last `*` is one token, for subscriptions too.
//!
//! nats-server compares a subscription with the lists as if its wildcards were words: whoever may
//! subscribe to `orders.*` may subscribe to `orders.>`, and is then sent everything below
//! `orders`, however deep. A deny of `orders.*.>` holds that back, and is added wherever it takes
//! nothing away that another rule allows.

use super::decision::Permissions;
use crate::subject::SubjectPattern;

/// The subjects that such a rule lets in and does not name: none, unless it ends in `*`.
pub(super) fn beyond(subject: &SubjectPattern) -> Option<SubjectPattern> {
    let text = subject.as_str();
    (text == "*" || text.ends_with(".*")).then(|| format!("{text}.>").parse().ok()).flatten()
}

/// Whether what lies beyond cannot be denied: something there is allowed in so many words.
pub(super) fn is_open<'a>(
    beyond: &SubjectPattern,
    mut allow: impl Iterator<Item = &'a SubjectPattern>,
) -> bool {
    allow.any(|other| other.overlaps(beyond))
}

/// Denies what lies beyond each allow, unless it is allowed in so many words.
pub(super) fn deny(allow: &Permissions, deny: &mut Permissions) {
    for (permission, rules) in allow {
        let Some(beyond) = beyond(&permission.subject) else { continue };
        if is_open(&beyond, allow.keys().map(|other| &other.subject)) {
            continue;
        }
        deny.entry(beyond.into()).or_default().extend(rules.iter().cloned());
    }
}
