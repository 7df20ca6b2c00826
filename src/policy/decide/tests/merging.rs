use super::*;

const ROLES: &str = r#"
        [roles.a]
        publish = ["p.a", "p.both"]
        subscribe = ["s.a"]
        deny_publish = ["p.a.x"]
        session = "2h"
        [roles.b]
        publish = ["p.b", "p.both"]
        deny_publish = ["p.b.x"]
        deny_subscribe = ["s.a.x"]
        session = "10m"
        [roles.silent]
        deny_publish = ["p.both"]
    "#;

#[test]
fn one_role_is_what_it_says() {
    let decision = decided(&policy(ROLES), &["a"]);
    let grant = granted(&decision);
    assert_eq!(grant.user_name(), "corp:alice");
    assert_eq!(grant.account().as_str(), "APP");
    assert_eq!(shown(grant.publish()), "p.a p.both | p.a.x");
    assert_eq!(shown(grant.subscribe()), "s.a | ");
    assert_eq!(grant.responses(), None);
    assert_eq!(decision.reasons().roles.len(), 1);
}

#[test]
fn several_roles_unite_allows_and_denies() {
    let decision = decided(&policy(ROLES), &["b", "a", "unknown"]);
    let grant = granted(&decision);
    assert_eq!(shown(grant.publish()), "p.a p.b p.both | p.a.x p.b.x");
    assert_eq!(shown(grant.subscribe()), "s.a | s.a.x");
    let names: Vec<_> = decision.reasons().roles.iter().map(RoleName::as_str).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_deny_of_one_role_binds_the_allows_of_another() {
    let decision = decided(&policy(ROLES), &["a", "silent"]);
    assert_eq!(shown(granted(&decision).publish()), "p.a p.both | p.a.x p.both");
}

#[test]
fn a_side_that_nobody_allows_is_nothing_with_or_without_denies() {
    for role in ["b", "silent"] {
        let decision = decided(&policy(ROLES), &[role]);
        assert!(granted(&decision).subscribe() == &Side::Nothing, "{role}");
    }
    assert_eq!(granted(&decided(&policy(ROLES), &["silent"])).publish(), &Side::Nothing);
}

#[test]
fn an_idp_role_may_grant_several_and_several_may_grant_one() {
    let policy = policy(
        "[roles.x]\nidp_roles = [\"staff\", \"boss\"]\npublish = [\"x\"]\n\
             [roles.y]\nidp_roles = [\"staff\"]\npublish = [\"y\"]\n",
    );
    let publish = |roles: &[&str]| shown(granted(&decided(&policy, roles)).publish());
    assert_eq!(publish(&["staff"]), "x y | ");
    assert_eq!(publish(&["boss", "staff"]), "x y | ");
    assert_eq!(publish(&["boss"]), "x | ");
    // A role's own name is no IdP role where others are named.
    assert_eq!(denied(&decided(&policy, &["x"])).0, NoRole);
    assert_eq!(denied(&decided(&policy, &["Staff"])).0, NoRole);
}

#[test]
fn the_rules_that_decided_are_named_with_their_place() {
    let decision = decided(&policy(ROLES), &["a", "b"]);
    let at: Vec<_> = decision
        .reasons()
        .rules
        .iter()
        .map(|rule| (rule.role.as_str(), rule.at.rsplit_once('/').unwrap().1))
        .collect();
    let expected = [
        // Where each role stands, and the lines of its subjects.
        ("a", "a.toml:3"),
        ("b", "a.toml:8"),
        ("a", "a.toml:4"),
        ("b", "a.toml:9"),
        ("a", "a.toml:6"),
        ("b", "a.toml:10"),
        ("a", "a.toml:5"),
        ("b", "a.toml:11"),
    ];
    assert_eq!(at, expected);
}

/// The sender of a request chooses where its answer goes: who may write to himself could
/// answer himself, anywhere.
#[test]
fn nobody_may_answer_himself() {
    let policy = policy(
        r#"
            [roles.answers]
            subscribe = ["svc.acme.>"]
            allow_responses = true
            [roles.asks]
            publish = ["svc.acme.orders"]
            [roles.asks-others]
            publish = ["svc.globex.orders", "log.>"]
            "#,
    );
    let code = |roles: &[&str]| match decided(&policy, roles).outcome() {
        Outcome::Granted(_) => None,
        Outcome::Denied(denial) => Some(denial.code),
    };
    assert_eq!(code(&["answers"]), None);
    assert_eq!(code(&["asks"]), None);
    assert_eq!(code(&["answers", "asks-others"]), None);
    assert_eq!(code(&["answers", "asks"]), Some(Code::ResponsesUnbounded));
    assert_eq!(code(&["answers", "asks", "asks-others"]), Some(Code::ResponsesUnbounded));
}

/// What lies below a last `*` is received too, where hallpass cannot deny it.
#[test]
fn nobody_may_answer_himself_from_deeper() {
    let policy = policy(
        r#"
            [roles.answers]
            subscribe = ["svc.*"]
            allow_responses = true
            [roles.deeper]
            subscribe = ["svc.x.y"]
            [roles.asks]
            publish = ["svc.a.b"]
            "#,
    );
    let code = |roles: &[&str]| match decided(&policy, roles).outcome() {
        Outcome::Granted(_) => None,
        Outcome::Denied(denial) => Some(denial.code),
    };
    assert_eq!(code(&["answers", "deeper"]), None);
    assert_eq!(code(&["answers", "asks"]), None, "held back by a deny of hallpass's own");
    assert_eq!(code(&["answers", "asks", "deeper"]), Some(Code::ResponsesUnbounded));
}

#[test]
fn responses_are_the_greatest_as_written() {
    let policy = policy(
        r#"
            [roles.many]
            allow_responses = { max = 9, expires = "1s" }
            [roles.long]
            allow_responses = { max = 1, expires = "1h" }
            [roles.longer]
            allow_responses = { max = 1, expires = "2h" }
            [roles.no]
            publish = ["a"]
            allow_responses = false
            "#,
    );
    let responses = |roles: &[&str]| {
        let decision = decided(&policy, roles);
        let responses = granted(&decision).responses();
        responses.map(|responses| (responses.max, responses.expires.as_secs()))
    };
    assert_eq!(responses(&["many", "long"]), Some((9, 1)), "never (9, 1h)");
    assert_eq!(responses(&["long", "longer"]), Some((1, 7200)));
    assert_eq!(responses(&["no", "long"]), Some((1, 3600)));
    assert_eq!(responses(&["no"]), None);
}

/// The server lets a subscription to `a.>` in by an allow of `a.*`.
#[test]
fn a_last_wildcard_is_one_token_for_subscriptions_too() {
    let policy = policy(
        "[roles.r]\npublish = [\"p.*\"]\nsubscribe = [\"s.*\", \"t.a.*\", \"u.{subject}\", \"v.> q\"]\n\
         [roles.deeper]\nsubscribe = [\"s.a.b\"]\n[roles.all]\nsubscribe = [\"*\"]\n",
    );
    let decision = decided(&policy, &["r"]);
    assert_eq!(shown(granted(&decision).publish()), "p.* | ", "publishing is held to it");
    assert_eq!(shown(granted(&decision).subscribe()), "s.* t.a.* u.alice v.> q | s.*.> t.a.*.>");
    let both = decided(&policy, &["r", "deeper"]);
    let expected = "s.* s.a.b t.a.* u.alice v.> q | t.a.*.>";
    assert_eq!(shown(granted(&both).subscribe()), expected, "what is allowed is not denied");
    assert_eq!(shown(granted(&decided(&policy, &["all"])).subscribe()), "* | *.>");
}

/// The server reads a second role's queue group as the only one.
#[test]
fn a_group_of_one_role_leaves_another_role_all_groups() {
    let policy = policy(
        "[roles.all]\nsubscribe = [\"work.>\", \"else\"]\n[roles.group]\nsubscribe = [\"work.a v1\"]\n\
         [roles.either]\nsubscribe = [\"work.>\", \"work.a v2\"]\n",
    );
    let subscribe = |roles: &[&str]| shown(granted(&decided(&policy, roles)).subscribe());
    assert_eq!(subscribe(&["all"]), "else work.> | ");
    assert_eq!(subscribe(&["either"]), "work.> work.a v2 | ", "as it is written");
    assert_eq!(subscribe(&["all", "group"]), "else work.> work.> > work.a v1 | ");
    assert_eq!(subscribe(&["group", "either"]), "work.> work.a v1 work.a v2 | ");
    assert_eq!(subscribe(&["all", "either"]), "else work.> work.> > work.a v2 | ");
}
