//! The subscriptions by which somebody might receive messages on a subject.
//!
//! There are as many as subsets of its tokens, so only those are tried that are refused least.
//! Where an entry of the list has a word, a subscription that it lets in has the same word. Where
//! it has `*`, the subscription is best off with a wildcard too: a deny that refuses a wildcard
//! there refuses every word as well, but not the other way round. Where it has `>`, the
//! subscription may go on with any number of `*` before its own `>`, and each number escapes
//! other denies, until it is longer than all of them. The same holds for the queue group: the
//! entry's own, with its wildcards as they are, is refused least.

use crate::subject::{Permission, SubjectPattern};

/// Those that `allow` lets in and that cover the subject; empty where it lets none in.
pub(super) fn subscriptions<'a>(
    allow: &Permission,
    subject: &SubjectPattern,
    deny: impl Iterator<Item = &'a Permission>,
) -> Vec<Permission> {
    let tokens: Vec<&str> = subject.as_str().split('.').collect();
    let entry: Vec<&str> = allow.subject.as_str().split('.').collect();
    let Some((last, before)) = entry.split_last() else { return Vec::new() };
    let fits = |(entry, token): (&&str, &&str)| *entry == "*" || entry == token;
    if tokens.len() < entry.len() || !before.iter().zip(&tokens).all(fits) {
        return Vec::new();
    }
    let subscription = |tokens: &[&str]| {
        let subject = SubjectPattern::from_tokens(tokens.iter().copied()).ok()?;
        Some(Permission { subject, queue: allow.queue.clone() })
    };
    match *last {
        // Longer than all denies is as good as longer still.
        ">" => {
            let longest = deny.map(|deny| deny.subject.as_str().split('.').count()).max();
            let most = tokens.len().min(longest.unwrap_or(0).max(entry.len() - 1) + 1);
            let with = |length: usize| {
                let stars = vec!["*"; length - entry.len()];
                subscription(&[before, &stars, &[">"]].concat())
            };
            (entry.len()..=most).filter_map(with).collect()
        }
        // To the server, the last token of the subscription is a word that `*` stands for.
        "*" => subscription(&[before, &[">"]].concat()).into_iter().collect(),
        word if entry.len() == tokens.len() && tokens.last() == Some(&word) => {
            subscription(&entry).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
