use super::*;
use crate::credential::Wish;

const MAP: &str = r#"
    [roles.reader]
    subscribe = ["orders.>", "logs.>"]
    [roles.writer]
    publish = ["orders.>"]
    session = "10m"
    [roles.limits]
    deny_publish = ["orders.secret.>"]
    deny_subscribe = ["logs.secret"]
"#;

fn asked(policy: &PolicySet, roles: &[&str], wish: &str) -> Decision {
    let wish = if wish.is_empty() { Wish::default() } else { Wish::read(wish).unwrap() };
    let facts = Facts { wish, ..facts() };
    decide(policy, &identity("corp", roles, &[]), &facts)
}

#[test]
fn a_wish_is_a_subset_of_the_held_roles() {
    let policy = policy(MAP);
    let all = asked(&policy, &["reader", "writer"], "");
    assert_eq!(shown(granted(&all).publish()), "orders.> | ");
    let less = asked(&policy, &["reader", "writer"], "role=reader");
    assert_eq!(shown(granted(&less).publish()), "nothing");
    assert_eq!(shown(granted(&less).subscribe()), "logs.> orders.> | ");
    assert_eq!(
        less.reasons().roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
        ["reader"]
    );
}

/// A role that denies, or ends the session early, cannot be taken off like a coat.
#[test]
fn less_is_never_more() {
    let policy = policy(MAP);
    let held = ["reader", "writer", "limits"];
    let reader = asked(&policy, &held, "role=reader");
    assert_eq!(shown(granted(&reader).subscribe()), "logs.> orders.> | logs.secret");
    assert_eq!(granted(&reader).ends_at().as_second(), NOW + 600, "the writer's session");
    let writer = asked(&policy, &held, "role=writer");
    assert_eq!(shown(granted(&writer).publish()), "orders.> | orders.secret.>");
}

#[test]
fn more_is_refused() {
    let policy = policy(MAP);
    let refused = |wish| {
        let decision = asked(&policy, &["reader"], wish);
        let (code, detail) = denied(&decision);
        (code, detail.to_owned())
    };
    assert_eq!(refused("role=writer"), (RoleNotHeld, "`writer` is asked for".to_owned()));
    assert_eq!(refused("role=reader&role=writer").0, RoleNotHeld);
    assert_eq!(refused("role=unheard-of").0, RoleNotHeld);
    assert_eq!(refused("account=OTHER").0, AccountNotHeld);
    assert_eq!(refused("account=OTHER&role=reader").0, AccountNotHeld);
    // Nobody without a role learns whether a role is there.
    let decision = asked(&policy, &["nothing"], "role=writer");
    assert_eq!(denied(&decision).0, NoRole);
}

#[test]
fn an_account_is_picked_where_there_are_two() {
    let maps = maps(&[
        ("a.toml", "account = \"APP\"\n[roles.a]\npublish = [\"a\"]\n"),
        ("b.toml", "account = \"LAB\"\n[roles.b]\npublish = [\"b\"]\n"),
    ]);
    let policy = maps.targets(&["APP", "LAB"]).policy();
    let held = ["a", "b"];
    assert_eq!(denied(&asked(&policy, &held, "")).0, AccountAmbiguous);
    for wish in ["account=LAB", "role=b"] {
        let decision = asked(&policy, &held, wish);
        assert_eq!(granted(&decision).account().as_str(), "LAB", "{wish}");
        assert_eq!(shown(granted(&decision).publish()), "b | ", "{wish}");
    }
    let both = asked(&policy, &held, "role=a&role=b");
    assert_eq!(denied(&both).0, AccountAmbiguous);
    let crossed = asked(&policy, &held, "account=LAB&role=a");
    assert_eq!(denied(&crossed).0, RoleNotHeld);
}

/// Two connections of one holder could do together what one may not.
#[test]
fn what_may_not_be_held_at_once_may_not_be_held_by_turns() {
    let policy = policy(
        r#"
            [roles.asks]
            publish = ["prices.ask"]
            [roles.answers]
            subscribe = ["prices.ask"]
            allow_responses = true
            "#,
    );
    let held = ["asks", "answers"];
    let answers = asked(&policy, &held, "role=answers");
    assert_eq!(denied(&answers).0, ResponsesUnbounded);
    let asks = asked(&policy, &held, "role=asks");
    assert!(granted(&asks).responses().is_none());
    let alone = asked(&policy, &["answers"], "role=answers");
    assert!(granted(&alone).responses().is_some());
}

proptest! {
    /// Whatever is asked for: all that is allowed was allowed, all that was denied is denied.
    #[test]
    fn a_wish_never_widens(
        held in prop::collection::btree_set(0..6_usize, 1..6),
        wanted in prop::collection::btree_set(0..6_usize, 1..6),
    ) {
        let text: String = (0..6).map(|n| format!(
            "[roles.r{n}]\npublish = [\"p.{n}\"]\ndeny_publish = [\"d.{n}\"]\nsession = \"{}m\"\n",
            n + 1
        )).collect();
        let policy = policy(&text);
        let name = |n: &usize| format!("r{n}");
        let held_names: Vec<_> = held.iter().map(name).collect();
        let held_names: Vec<_> = held_names.iter().map(String::as_str).collect();
        let wish: Vec<_> = wanted.iter().map(|n| format!("role=r{n}")).collect();
        let all = asked(&policy, &held_names, "");
        let less = asked(&policy, &held_names, &wish.join("&"));
        if !wanted.is_subset(&held) {
            prop_assert_eq!(denied(&less).0, RoleNotHeld);
            return Ok(());
        }
        let (all, less) = (granted(&all), granted(&less));
        let (Side::Some { allow: more, deny: denied }, Side::Some { allow, deny }) =
            (all.publish(), less.publish()) else { panic!("both may publish something") };
        prop_assert!(allow.keys().all(|it| more.contains_key(it)));
        prop_assert_eq!(deny, denied);
        prop_assert_eq!(all.ends_at(), less.ends_at());
    }
}
