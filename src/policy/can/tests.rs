use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::policy::EndedBy;

mod properties;
mod questions;

/// Entries of a list; the rule of each is called as the list, with its position.
fn list(name: &str, entries: &[&str]) -> Permissions {
    let entry = |(index, text): (usize, &&str)| {
        let at = format!("{name}:{}", index + 1).into();
        let rule = RuleRef { role: "r".parse().unwrap(), at };
        (text.parse().unwrap(), BTreeSet::from([rule]))
    };
    entries.iter().enumerate().map(entry).collect()
}

fn side(allow: &[&str], deny: &[&str]) -> Side {
    Side::of(list("allow", allow), list("deny", deny))
}

fn entitled(publish: Side, subscribe: Side) -> Entitlement {
    Entitlement {
        user_name: "corp:alice".to_owned(),
        account: "APP".parse().unwrap(),
        publish,
        subscribe,
        responses: None,
        ends_at: Timestamp::UNIX_EPOCH,
        ends_by: EndedBy::Credential,
    }
}

/// May publish so, and nothing else.
fn publisher(allow: &[&str], deny: &[&str]) -> Entitlement {
    entitled(side(allow, deny), Side::Nothing)
}

/// May subscribe so, and nothing else.
fn subscriber(allow: &[&str], deny: &[&str]) -> Entitlement {
    entitled(Side::Nothing, side(allow, deny))
}

#[track_caller]
fn asked<'a>(entitlement: &'a Entitlement, question: &str) -> Verdict<'a> {
    entitlement.can(&question.parse().unwrap())
}

#[track_caller]
fn can(entitlement: &Entitlement, question: &str) -> bool {
    asked(entitlement, question).allowed
}

/// Places of the rules that a verdict rests on.
fn because(verdict: &Verdict<'_>) -> Vec<String> {
    verdict.because.iter().map(|rule| rule.at.to_string()).collect()
}

#[test]
fn nothing_is_nothing() {
    let nobody = entitled(Side::Nothing, Side::Nothing);
    for question in ["publish a", "subscribe a", "subscribe >", "subscribe a q", "receive a"] {
        assert_eq!(asked(&nobody, question), Verdict::default(), "{question}");
    }
    assert!(!nobody.delivers(&"a".parse().unwrap(), &">".parse().unwrap()));
}

#[test]
fn a_message_is_published_where_an_allow_matches_and_no_deny() {
    let somebody = publisher(&["orders.*", "log.>", "exact"], &["log.secret.>"]);
    for (subject, allowed) in [
        ("orders.a", true),
        ("orders", false),
        ("orders.a.b", false),
        ("exact", true),
        ("exact.a", false),
        ("log", false),
        ("log.a", true),
        ("log.secret", true),
        ("log.secret.a", false),
    ] {
        assert_eq!(can(&somebody, &format!("publish {subject}")), allowed, "{subject}");
    }
    assert_eq!(because(&asked(&somebody, "publish log.a")), ["allow:2"]);
    assert_eq!(because(&asked(&somebody, "publish log.secret.a")), ["deny:1"]);
}

#[test]
fn an_answer_may_be_published_where_the_lists_do_not_allow_it() {
    let mut somebody = publisher(&["a"], &["a.b"]);
    let responses =
        Responses { max: 2, expires: Duration::from_secs(60), at: "responses:1".into() };
    for publish in [somebody.publish.clone(), Side::Nothing] {
        somebody.publish = publish;
        for question in ["publish a.b", "publish c"] {
            assert_eq!(asked(&somebody, question).responses, None, "{question}");
            somebody.responses = Some(responses.clone());
            let verdict = asked(&somebody, question);
            assert!(!verdict.allowed);
            assert_eq!(verdict.responses, Some(&responses), "{question}");
            somebody.responses = None;
        }
    }
    somebody.responses = Some(responses);
    somebody.publish = side(&["a"], &[]);
    assert_eq!(asked(&somebody, "publish a").responses, None, "needs none");
    assert_eq!(asked(&somebody, "subscribe c").responses, None, "helps no subscription");
}

#[test]
fn the_wildcards_of_a_subscription_are_words_to_the_lists() {
    let somebody = subscriber(&["orders.*", "exact", "log.>"], &[]);
    for (subscription, allowed) in [
        ("orders.*", true),
        ("orders.a", true),
        ("orders.>", true),
        ("orders.*.>", false),
        ("orders.a.b", false),
        ("*", false),
        (">", false),
        ("exact", true),
        ("log.>", true),
        ("log.*.>", true),
        ("log", false),
    ] {
        assert_eq!(can(&somebody, &format!("subscribe {subscription}")), allowed, "{subscription}");
    }
    assert!(can(&subscriber(&["*"], &[]), "subscribe >"));
    assert!(!can(&subscriber(&["*.*"], &[]), "subscribe >"));
}

#[test]
fn a_star_at_the_end_receives_all_below_and_publishes_one_token() {
    let somebody = entitled(side(&["orders.*"], &[]), side(&["orders.*"], &[]));
    assert!(!can(&somebody, "publish orders.a.b"));
    let verdict = asked(&somebody, "receive orders.a.b");
    assert!(verdict.allowed);
    assert_eq!(verdict.by, Some("orders.>".parse().unwrap()));
    assert_eq!(because(&verdict), ["allow:1"]);
    assert!(!can(&somebody, "receive orders"));
    assert!(!can(&subscriber(&["orders.*.new"], &[]), "receive orders.a.b.new"));
}

#[test]
fn a_deny_refuses_what_it_matches_and_holds_back_what_it_overlaps() {
    let somebody = subscriber(&["orders.>"], &["orders.new", "orders.*.secret"]);
    for (subscription, allowed) in [
        ("orders.new", false),
        ("orders.a.secret", false),
        ("orders.*.secret", false),
        ("orders.>", true),
        ("orders.*", true),
        ("orders.a.*", true),
    ] {
        let verdict = asked(&somebody, &format!("subscribe {subscription}"));
        assert_eq!(verdict.allowed, allowed, "{subscription}");
    }
    assert_eq!(because(&asked(&somebody, "subscribe orders.new")), ["deny:1"]);
    let verdict = asked(&somebody, "subscribe orders.*");
    assert_eq!(because(&verdict), ["allow:1"]);
    let except: Vec<_> = verdict.except.iter().map(|(deny, _)| deny.to_string()).collect();
    assert_eq!(except, ["orders.new"], "what the deny of three tokens is about is not received");
    let delivers = |subject: &str, subscription: &str| {
        somebody.delivers(&subject.parse().unwrap(), &subscription.parse().unwrap())
    };
    assert!(delivers("orders.a", "orders.*") && delivers("orders.a", "orders.> q"));
    assert!(!delivers("orders.new", "orders.*") && !delivers("orders.new", "orders.* q"));
    assert!(!delivers("orders.a.b", "orders.*"), "not subscribed to");
    assert_eq!(because(&asked(&somebody, "receive orders.a.secret")), ["deny:2"]);
    // Denied as a word, the star refuses more than it is about.
    let somebody = subscriber(&["orders.*"], &["orders.*"]);
    assert_eq!(because(&asked(&somebody, "receive orders.a.b")), ["deny:1"]);
    assert!(can(&subscriber(&["orders.>"], &["orders.*"]), "receive orders.a.b"));
}

#[test]
fn a_group_in_the_list_leaves_the_subject_to_such_groups() {
    let plain = subscriber(&["work"], &[]);
    let group = subscriber(&["work v1.*"], &[]);
    let both = subscriber(&["work", "work v1.*"], &[]);
    for (subscription, expected) in [
        ("work", [true, false, true]),
        ("work v1.a", [true, true, true]),
        ("work v1.*", [true, true, true]),
        ("work v1.>", [true, false, false]),
        ("work v2.a", [true, false, false]),
        ("work _sys_", [false, false, false]),
    ] {
        let question = format!("subscribe {subscription}");
        assert_eq!([&plain, &group, &both].map(|one| can(one, &question)), expected, "{question}");
    }
    assert_eq!(because(&asked(&both, "subscribe work v2.a")), ["allow:2"], "which keeps it out");
    let nearest = asked(&group, "subscribe work v2.a").nearest;
    assert_eq!(nearest.unwrap().0.to_string(), "work v1.*");
    let verdict = asked(&group, "receive work");
    assert_eq!(verdict.by, Some("work v1.*".parse().unwrap()));
}

#[test]
fn a_deny_for_a_group_is_for_that_group() {
    let somebody = subscriber(&["work.>"], &["work.a", "work.b v1", "work.c >"]);
    for (question, allowed) in [
        ("subscribe work.a", false),
        ("subscribe work.a v1", false),
        ("subscribe work.b", true),
        ("subscribe work.b v1", false),
        ("subscribe work.b v2", true),
        ("subscribe work.c", true),
        ("subscribe work.c any", false),
        ("receive work.b", true),
        ("receive work.c", true),
    ] {
        assert_eq!(can(&somebody, question), allowed, "{question}");
    }
    let delivers = |subscription: &str| {
        somebody.delivers(&"work.b".parse().unwrap(), &subscription.parse().unwrap())
    };
    assert!(delivers("work.>") && delivers("work.> v2") && !delivers("work.> v1"));
    assert!(!can(&subscriber(&["work v1"], &["work v1"]), "receive work"));
}

#[test]
fn what_begins_most_alike_is_named_where_nothing_allows_it() {
    let allow = ["orders.*.created", "orders.acme.>", "log.>"];
    let somebody = entitled(side(&allow, &[]), side(&allow, &[]));
    for (question, expected) in [
        ("publish orders.globex.cancelled", Some("orders.*.created")),
        ("publish orders.globex.cancelled.x", Some("orders.*.created")),
        ("subscribe orders.>", Some("orders.*.created")),
        ("publish orders", Some("orders.*.created")),
        ("subscribe log", Some("log.>")),
        ("receive orders.globex.x", Some("orders.*.created")),
        ("publish elsewhere", None),
    ] {
        let verdict = asked(&somebody, question);
        assert_eq!((verdict.allowed, &verdict.because), (false, &Vec::new()), "{question}");
        let nearest = verdict.nearest.map(|(entry, _)| entry.to_string());
        assert_eq!(nearest.as_deref(), expected, "{question}");
    }
}
