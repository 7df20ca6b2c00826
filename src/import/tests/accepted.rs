//! The loader takes every draft, and what it grants is what the server allowed.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    connection::{Connection, ConnectionType},
    credential::Wish,
    policy::{Facts, Grant, Outcome, Permissions, Side, decide},
    testkit::{Maps, NOW, identity, maps, now},
};

fn loaded(draft: &Draft) -> Maps {
    let files: Vec<_> =
        draft.files.iter().map(|file| (file.name.as_str(), file.text.as_str())).collect();
    maps(&files).targets(&["APP", "SHOP", "TEAM.B"])
}

/// What the holder of a role is granted by a draft.
fn granted<T>(maps: &Maps, role: &str, look: impl FnOnce(&Grant) -> T) -> T {
    let facts = Facts {
        now: now(),
        expires_at: Timestamp::from_second(NOW + 3600).unwrap(),
        wish: Wish::default(),
        connection: Connection { kind: Some(ConnectionType::WebSocket), ..Connection::default() },
    };
    match decide(&maps.policy(), &identity("corp", &[role], &[]), &facts).outcome() {
        Outcome::Granted(grant) => look(grant),
        Outcome::Denied(denial) => panic!("{role}: {denial:?}"),
    }
}

/// A grant as `publish -denied / subscribe -denied / responses`.
fn shown(grant: &Grant) -> String {
    let side = |side: &Side| match side {
        Side::Nothing => "nothing".to_owned(),
        Side::Some { allow, deny } => {
            let allowed = allow.keys().map(ToString::to_string);
            let denied = deny.keys().map(|subject| format!("-{subject}"));
            allowed.chain(denied).collect::<Vec<_>>().join(" ")
        }
    };
    let responses = match grant.responses() {
        Some(responses) => format!(" / {} in {:?}", responses.max, responses.expires),
        None => String::new(),
    };
    format!("{} / {}{responses}", side(grant.publish()), side(grant.subscribe()))
}

#[test]
fn drafts_grant_what_the_server_allowed() {
    let cases: [(&str, &[(&str, &str)]); 6] = [
        (
            "accounts.conf",
            &[
                ("alice", "nothing / orders.>"),
                (
                    "Carol-Smith",
                    "$JS.API.CONSUMER.> orders.*.created -orders.eu.created / _INBOX.> orders.eu.>",
                ),
                ("prices", "nothing / prices.ask / 1 in 120s"),
                ("quotes", "prices.> / prices.ask"),
                ("endless", "nothing / x / 4294967295 in 86400s"),
                ("echo", "echo.> / echo.* -echo.*.>"),
                ("nkey-UDXU4RCS", "> / >"),
                ("alice-b", "b.> / _INBOX.b.> b.>"),
                ("bob/b", "b.> / _INBOX.b.> b.>"),
                ("carol-smith", "c / >"),
                ("odd", "nothing / a"),
            ],
        ),
        (
            "users.conf",
            &[
                ("admin", "> / >"),
                ("client", "req.bar req.foo / _INBOX.>"),
                ("service", "_INBOX.> / req.bar req.foo"),
                ("other", "SANDBOX.* / PUBLIC.> _INBOX.>"),
            ],
        ),
        ("token.conf", &[("token", "> / >")]),
        ("single.conf", &[("derek", "> / >")]),
        ("included.conf", &[("ann", "a / b")]),
        ("json.conf", &[("ann", "a / b -b.c")]),
    ];
    for (name, expected) in cases {
        let (draft, problems) = sample(name);
        assert!(problems.is_empty(), "{name}: {problems}");
        let maps = loaded(&draft.unwrap());
        // What the server allowed was unwise here and there.
        assert!(!maps.load().1.any_error(), "{name}: {:?}", maps.problems());
        assert_eq!(maps.policy().roles(), expected.len(), "{name}");
        for (role, grant) in expected {
            assert_eq!(granted(&maps, role, shown), *grant, "{name}: {role}");
        }
    }
}

/// Subjects that the server takes, odd ones among them, and lists of them.
fn subjects() -> impl Strategy<Value = Vec<String>> {
    let token = "[ab]|\\*|[ab][*>{}]|\\{a\\}|\\$JS|\u{e9}|\u{202e}";
    let subject = proptest::collection::vec(token, 1..3).prop_map(|tokens| tokens.join("."));
    proptest::collection::vec(prop_oneof![4 => subject, 1 => Just(">".to_owned())], 0..3)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the server lets users do: the draft loads, and grants nothing beyond it.
    #[test]
    fn any_draft_loads_and_grants_no_more(
        users in proptest::collection::vec(
            ("[^\u{0}]{1,9}", [subjects(), subjects(), subjects(), subjects()], any::<bool>()),
            1..4,
        ),
    ) {
        for (user, [publish, deny_publish, subscribe, deny_subscribe], responses) in &users {
            let list = |list: &[String]| {
                list.iter().map(|text| quoted(text)).collect::<Vec<_>>().join("\n")
            };
            let configuration = format!(
                "accounts {{ APP {{ users = [{{ user: {}, permissions: {{\
                 publish {{ allow: [{}], deny: [{}] }} subscribe {{ allow: [{}], deny: [{}] }} \
                 allow_responses: {responses} }} }}] }} }}",
                quoted(user), list(publish), list(deny_publish), list(subscribe),
                list(deny_subscribe),
            ).replace("} subscribe", "}, subscribe").replace("} allow_resp", "}, allow_resp");
            let draft = drafted(&configuration).unwrap();
            let maps = loaded(&draft);
            let (_, problems) = maps.load();
            prop_assert!(!problems.any_error(), "{}\n{}", maps.rendered(), draft.files[0].text);
            let head = draft.files[0].text.lines().find(|line| line.starts_with("[roles.")).unwrap();
            let role = head["[roles.".len()..].trim_end_matches(']').trim_matches('"');
            let within = |side: &Side, allow: &[String], deny: &[String], absent_is_all: bool| {
                let Side::Some { allow: allowed, deny: denied } = side else { return true };
                let has = |set: &Permissions, text: &String| {
                    set.keys().any(|subject| subject.to_string() == *text)
                };
                let is_all = allow.is_empty() && absent_is_all;
                deny.iter().all(|text| has(denied, text))
                    && (is_all || allowed.keys().all(|subject| allow.contains(&subject.to_string())))
            };
            granted(&maps, role, |grant| {
                assert!(within(grant.publish(), publish, deny_publish, !responses));
                assert!(within(grant.subscribe(), subscribe, deny_subscribe, true));
                assert!(*responses || grant.responses().is_none());
            });
        }
    }
}
