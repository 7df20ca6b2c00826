use super::*;

/// Few words, so that what is drawn meets often.
const PATTERN: &str = "([ab*]\\.){0,2}[ab*>]";
const SUBJECT: &str = "[ab](\\.[ab]){0,3}";
const GROUP: &str = "( (q|r|q\\.[xy*]|\\*|>))";

fn entry() -> impl Strategy<Value = String> {
    proptest::string::string_regex(&format!("{PATTERN}{GROUP}?")).unwrap()
}

fn entries(most: usize) -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(entry(), 0..=most)
}

fn lists_of(allow: &[String], deny: &[String]) -> Entitlement {
    let [allow, deny] =
        [allow, deny].map(|list| list.iter().map(String::as_str).collect::<Vec<_>>());
    subscriber(&allow, &deny)
}

/// Every subscription of a few tokens, in every group that some entry could be about.
fn all_subscriptions() -> Vec<Permission> {
    let mut patterns = vec![String::new()];
    let mut all = Vec::new();
    for _ in 0..4 {
        let longer = |begun: &String| ["a", "b", "*"].map(|token| format!("{begun}{token}."));
        all.extend(patterns.iter().map(|begun| format!("{begun}>")));
        patterns = patterns.iter().flat_map(longer).collect();
        all.extend(patterns.iter().map(|pattern| pattern.trim_end_matches('.').to_owned()));
    }
    let groups = ["", " q", " r", " s", " q.x", " q.y", " q.*", " q.>", " *", " >"];
    all.iter()
        .flat_map(|pattern| groups.map(|group| format!("{pattern}{group}").parse().unwrap()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// What is received is what some subscription brings, be it one that nobody would think of.
    #[test]
    fn what_is_received_is_what_some_subscription_brings(
        allow in entries(3), deny in entries(4), subject in SUBJECT,
    ) {
        let somebody = lists_of(&allow, &deny);
        let subject: SubjectPattern = subject.parse().unwrap();
        let brings = |subscription: &Permission| {
            somebody.delivers(&subject, subscription)
                && somebody.can(&Question::Subscribe(subscription.clone())).allowed
        };
        let verdict = somebody.can(&Question::Receive(subject.clone()));
        prop_assert_eq!(verdict.allowed, all_subscriptions().iter().any(brings));
        prop_assert_eq!(verdict.allowed, verdict.by.is_some());
        prop_assert!(verdict.by.as_ref().is_none_or(brings));
    }

    #[test]
    fn another_deny_never_widens(
        allow in entries(3), deny in entries(3), another in entry(), index in any::<prop::sample::Index>(),
        subject in SUBJECT,
    ) {
        let before = lists_of(&allow, &deny);
        let after = lists_of(&allow, &[deny.as_slice(), &[another]].concat());
        let subscriptions = all_subscriptions();
        let subscription = subscriptions[index.index(subscriptions.len())].clone();
        let subject: SubjectPattern = subject.parse().unwrap();
        prop_assert!(before.delivers(&subject, &subscription) || !after.delivers(&subject, &subscription));
        let publishes = |list: &Entitlement| {
            let plain = |list: &Permissions| -> Permissions {
                list.iter().map(|(it, at)| (it.subject.clone().into(), at.clone())).collect()
            };
            match &list.subscribe {
                Side::Nothing => Side::Nothing,
                Side::Some { allow, deny } => Side::of(plain(allow), plain(deny)),
            }
        };
        for question in [Question::Receive(subject.clone()), Question::Subscribe(subscription)] {
            prop_assert!(before.can(&question).allowed || !after.can(&question).allowed, "{question}");
        }
        let [before, after] = [before, after].map(|it| entitled(publishes(&it), Side::Nothing));
        let question = Question::Publish(subject);
        prop_assert!(before.can(&question).allowed || !after.can(&question).allowed, "{question}");
    }

    /// The reasons are of the right kind: what is allowed is so by allows.
    #[test]
    fn reasons_are_of_their_kind(
        allow in entries(3), deny in entries(3), index in any::<prop::sample::Index>(),
    ) {
        let somebody = lists_of(&allow, &deny);
        let subscriptions = all_subscriptions();
        let question = Question::Subscribe(subscriptions[index.index(subscriptions.len())].clone());
        let verdict = somebody.can(&question);
        if verdict.allowed {
            prop_assert!(!verdict.because.is_empty() && verdict.nearest.is_none());
            prop_assert!(verdict.because.iter().all(|rule| rule.at.starts_with("allow")));
        } else {
            prop_assert!(verdict.because.is_empty() || verdict.nearest.is_none());
            prop_assert!(verdict.except.is_empty());
        }
    }
}
