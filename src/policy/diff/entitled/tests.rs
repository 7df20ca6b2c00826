use super::*;

fn listed(allow: &[&str], deny: &[&str]) -> Listed {
    let read = |list: &[&str]| list.iter().map(|it| it.parse().unwrap()).collect();
    Listed { allow: read(allow), deny: read(deny) }
}

/// `+` is on the new side, `-` on the old; `!` is wider.
fn told(old: &Listed, new: &Listed) -> Vec<String> {
    let entitled = |subscribe: &Listed| Entitled {
        publish: Listed::default(),
        subscribe: subscribe.clone(),
        responses: None,
        ends_at: Timestamp::UNIX_EPOCH,
    };
    let line = |it: Difference| {
        let sign = if it.side == DiffSide::Old { '-' } else { '+' };
        let mark = if it.effect.wider { "!" } else { "" };
        let permission = it.permission.unwrap();
        format!("{sign}{mark} {} {permission}", it.aspect.as_str())
    };
    entitled(old).differences(&entitled(new)).into_iter().map(line).collect()
}

#[test]
fn allows_are_compared_by_what_they_reach() {
    let all = |allow: &[&str]| listed(allow, &[]);
    assert!(told(&all(&["a.b", "a.>"]), &all(&["a.>"])).is_empty());
    assert_eq!(told(&all(&["a.*"]), &all(&["a.b"])), ["- subscribe a.*"]);
    assert_eq!(told(&all(&["a.b"]), &all(&["a.b", "c"])), ["+! subscribe c"]);
    assert_eq!(told(&all(&["a"]), &all(&["b"])), ["- subscribe a", "+! subscribe b"]);
}

#[test]
fn denies_count_where_both_allow_something() {
    let open = listed(&["a.>"], &[]);
    let closed = listed(&["a.>"], &["a.x"]);
    assert_eq!(told(&open, &closed), ["+ deny subscribe a.x"]);
    assert_eq!(told(&closed, &open), ["-! deny subscribe a.x"]);
    assert!(told(&closed, &listed(&["a.>"], &["a.*", "a.x"])).len() == 1);
    assert!(told(&open, &listed(&["a.>"], &["b"])).is_empty(), "nothing is taken away");
    let gone = listed(&["a.>", "b.>"], &["b.>"]);
    assert!(told(&gone, &open).is_empty(), "what was denied anyway is not lost");
    assert!(told(&open, &gone).is_empty(), "nor gained");
}

#[test]
fn queue_groups_open_and_close() {
    let (all, with) = (listed(&["a"], &[]), listed(&["a", "a q"], &[]));
    assert_eq!(told(&all, &with), ["+ subscribe a q"], "other groups are kept out");
    assert_eq!(told(&with, &all), ["-! subscribe a q"], "and let in again");
    let other = listed(&["a", "a r"], &[]);
    assert_eq!(told(&with, &other), ["- subscribe a q", "+! subscribe a r"]);
    let group = listed(&["a q"], &[]);
    assert_eq!(told(&group, &all), ["+! subscribe a"]);
    assert_eq!(told(&all, &group), ["- subscribe a"]);
    assert!(told(&all, &listed(&["a", "a >"], &[])).is_empty(), "all groups, in so many words");
}

#[test]
fn responses_and_the_end_are_wider_or_narrower() {
    let entitled = |responses: Option<(u32, u64)>, ends_at: i64| Entitled {
        publish: Listed::default(),
        subscribe: Listed::default(),
        responses: responses.map(|(max, seconds)| (max, Duration::from_secs(seconds))),
        ends_at: Timestamp::from_second(ends_at).unwrap(),
    };
    let effect = |old: &Entitled, new: &Entitled| {
        old.differences(new).iter().fold(Effect::default(), |sum, it| sum.and(it.effect))
    };
    let base = entitled(Some((1, 60)), 100);
    for (other, wider, narrower) in [
        (entitled(None, 100), false, true),
        (entitled(Some((2, 60)), 100), true, false),
        (entitled(Some((2, 30)), 100), true, true),
        (entitled(Some((1, 60)), 50), false, true),
        (entitled(Some((1, 60)), 101), true, false),
        (base.clone(), false, false),
    ] {
        assert_eq!(effect(&base, &other), Effect { wider, narrower }, "{other:?}");
    }
    assert!(base.all(DiffSide::Old).iter().all(|it| it.effect == Effect::NARROWER));
    assert!(base.all(DiffSide::New).iter().all(|it| it.effect == Effect::WIDER));
}

/// Subjects of up to three tokens out of two words, and wildcards.
fn patterns() -> impl proptest::strategy::Strategy<Value = Vec<Permission>> {
    use proptest::strategy::Strategy as _;
    let pattern = "(a|b|\\*)(\\.(a|b|\\*)){0,2}(\\.>)?";
    let pattern = pattern.prop_map(|it| it.parse().unwrap());
    proptest::collection::vec(pattern, 0..4)
}

fn publishes(listed: &Listed, subject: &str) -> bool {
    let matches = |it: &Permission| it.subject.covers(&subject.parse().unwrap());
    listed.allow.iter().any(matches) && !listed.deny.iter().any(matches)
}

proptest::proptest! {
    #[test]
    fn what_is_not_wider_lets_nobody_do_more(
        (allow, deny, other_allow, other_deny) in
            (patterns(), patterns(), patterns(), patterns()),
    ) {
        let (old, new) = (Listed { allow, deny }, Listed { allow: other_allow, deny: other_deny });
        let lines = told(&old, &new);
        let words = ["a", "b", "c"];
        let deep = words.iter().flat_map(|one| words.map(|two| format!("{one}.{two}")));
        let deep: Vec<_> = deep.collect();
        let deeper = deep.iter().flat_map(|it| words.map(|word| format!("{it}.{word}.c")));
        let subjects = words.map(str::to_owned).into_iter().chain(deeper).chain(deep.clone());
        for subject in subjects {
            let (was, is) = (publishes(&old, &subject), publishes(&new, &subject));
            if is && !was {
                proptest::prop_assert!(lines.iter().any(|it| it.contains('!')), "{lines:?}");
            }
            if was && !is {
                proptest::prop_assert!(lines.iter().any(|it| !it.contains('!')), "{lines:?}");
            }
        }
        proptest::prop_assert!(told(&old, &old.clone()).is_empty());
    }
}
