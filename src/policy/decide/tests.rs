use std::{collections::BTreeMap, sync::LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    code::Code::*,
    testkit::{NOW, identity, maps, now},
};

fn facts() -> Facts {
    Facts { now: now(), token_expires_at: Timestamp::from_second(NOW + 3600).unwrap() }
}

/// A policy of one file in the account `APP`.
fn policy(roles: &str) -> PolicySet {
    maps(&[("a.toml", &format!("account = \"APP\"\n{roles}"))]).policy()
}

/// What somebody with these roles at `corp` gets.
fn decided(policy: &PolicySet, roles: &[&str]) -> Decision {
    decide(policy, &identity("corp", roles, &[]), &facts())
}

#[track_caller]
fn granted(decision: &Decision) -> &Grant {
    match decision.outcome() {
        Outcome::Granted(grant) => grant,
        Outcome::Denied(denial) => panic!("{denial:?}"),
    }
}

#[track_caller]
fn denied(decision: &Decision) -> (Code, &str) {
    match decision.outcome() {
        Outcome::Granted(grant) => panic!("{grant:?}"),
        Outcome::Denied(denial) => (denial.code, denial.detail.as_deref().unwrap_or_default()),
    }
}

/// A side as `allow | deny`.
fn shown(side: &Side) -> String {
    let list = |subjects: &BTreeSet<SubjectPattern>| {
        subjects.iter().map(|subject| subject.as_str()).collect::<Vec<_>>().join(" ")
    };
    match side {
        Side::Nothing => "nothing".to_owned(),
        Side::Some { allow, deny } => format!("{} | {}", list(allow), list(deny)),
    }
}

mod merging {
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
        assert_eq!(decision.roles().len(), 1);
    }

    #[test]
    fn several_roles_unite_allows_and_denies() {
        let decision = decided(&policy(ROLES), &["b", "a", "unknown"]);
        let grant = granted(&decision);
        assert_eq!(shown(grant.publish()), "p.a p.b p.both | p.a.x p.b.x");
        assert_eq!(shown(grant.subscribe()), "s.a | s.a.x");
        let names: Vec<_> = decision.roles().iter().map(RoleName::as_str).collect();
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
            assert_eq!(granted(&decision).subscribe(), &Side::Nothing, "{role}");
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
            .rules()
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
}

mod denials {
    use super::*;

    #[test]
    fn without_a_role_there_is_nothing() {
        let policy = policy("[roles.a]\npublish = [\">\"]\nsubscribe = [\">\"]\n");
        for roles in [&[][..], &["b"], &["A"], &["a "], &[""], &["*"], &[">"]] {
            let decision = decided(&policy, roles);
            assert_eq!(denied(&decision), (NoRole, ""), "{roles:?}");
            assert!(decision.roles().is_empty() && decision.rules().is_empty());
        }
        let empty = maps(&[]).load().0.unwrap();
        assert_eq!(denied(&decided(&empty, &["a"])).0, NoRole);
    }

    #[test]
    fn accounts_are_never_merged() {
        let app =
            "account = \"APP\"\n[roles.app]\nidp_roles = [\"both\", \"app\"]\npublish = [\"a\"]\n";
        let web =
            "account = \"WEB\"\n[roles.web]\nidp_roles = [\"both\", \"web\"]\npublish = [\"b\"]\n";
        let set = maps(&[("app.toml", app), ("web.toml", web)]).targets(&["APP", "WEB"]).policy();
        for roles in [&["both"][..], &["app", "web"], &["web", "app", "both"]] {
            let decision = decided(&set, roles);
            assert_eq!(denied(&decision), (AccountAmbiguous, "roles of the accounts APP, WEB"));
            assert_eq!(decision.rules().len(), 2, "both are named");
        }
        let alone = decided(&set, &["web"]);
        assert_eq!(granted(&alone).account().as_str(), "WEB");
        assert_eq!(shown(granted(&alone).publish()), "b | ");
    }

    #[test]
    fn the_word_of_another_issuer_is_not_believed() {
        let text = "account = \"APP\"\n[roles.corp]\nissuers = [\"corp\"]\nidp_roles = [\"admin\"]\n\
                    publish = [\"c\"]\n[roles.k8s]\nissuers = [\"k8s\"]\nidp_roles = [\"admin\", \"pod\"]\n\
                    publish = [\"k\"]\n[roles.all]\nissuers = [\"corp\", \"k8s\"]\nidp_roles = [\"user\"]\n\
                    publish = [\"u\"]\n[roles.nobody]\nissuers = []\nidp_roles = [\"admin\", \"user\"]\n\
                    publish = [\"n\"]\n";
        let set = maps(&[("a.toml", text)]).issuers(&["corp", "k8s", "github"]).policy();
        let publish = |issuer, roles: &[&str]| {
            let decision = decide(&set, &identity(issuer, roles, &[]), &facts());
            match decision.outcome() {
                Outcome::Granted(grant) => Ok(shown(grant.publish())),
                Outcome::Denied(denial) => Err(denial.code),
            }
        };
        assert_eq!(publish("corp", &["admin"]), Ok("c | ".to_owned()));
        assert_eq!(publish("k8s", &["admin"]), Ok("k | ".to_owned()));
        assert_eq!(publish("corp", &["pod"]), Err(NoRole));
        assert_eq!(publish("github", &["admin", "user"]), Err(NoRole));
        assert_eq!(publish("k8s", &["user", "admin"]), Ok("k u | ".to_owned()));
    }

    /// One `sub` at two issuers is two people.
    #[test]
    fn the_issuer_is_part_of_the_name() {
        let text = "account = \"APP\"\n[roles.u]\nissuers = [\"corp\", \"k8s\"]\npublish = [\"{issuer}.{subject}\"]\n";
        let set = maps(&[("a.toml", text)]).issuers(&["corp", "k8s"]).policy();
        for issuer in ["corp", "k8s"] {
            let decision = decide(&set, &identity(issuer, &["u"], &[]), &facts());
            assert_eq!(granted(&decision).user_name(), format!("{issuer}:alice"));
            assert_eq!(shown(granted(&decision).publish()), format!("{issuer}.alice | "));
        }
    }
}

mod sessions {
    use super::*;

    fn end(sessions: &[&str], now: Timestamp, expires: Timestamp) -> Result<Timestamp, Code> {
        let roles: String = sessions
            .iter()
            .enumerate()
            .map(|(index, session)| {
                format!("[roles.r{index}]\nidp_roles = [\"x\"]\npublish = [\"a\"]\n{session}\n")
            })
            .collect();
        let facts = Facts { now, token_expires_at: expires };
        let decision = decide(&policy(&roles), &identity("corp", &["x"], &[]), &facts);
        match decision.outcome() {
            Outcome::Granted(grant) => Ok(grant.ends_at()),
            Outcome::Denied(denial) => Err(denial.code),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn milliseconds(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    #[test]
    fn the_shortest_session_or_the_token_whichever_is_first() {
        let (short, long) = ("session = \"10m\"", "session = \"2h\"");
        let end = |sessions: &[&str], token| end(sessions, at(NOW), at(NOW + token));
        assert_eq!(end(&[long, short], 3600), Ok(at(NOW + 600)));
        assert_eq!(end(&[short, long], 3600), Ok(at(NOW + 600)));
        assert_eq!(end(&[short, ""], 3600), Ok(at(NOW + 600)));
        assert_eq!(end(&[long], 3600), Ok(at(NOW + 3600)));
        assert_eq!(end(&[""], 3600), Ok(at(NOW + 3600)));
        assert_eq!(end(&["", short], 599), Ok(at(NOW + 599)));
        assert_eq!(end(&[short], 0), Err(SessionTooShort));
        assert_eq!(end(&[short], -1), Err(SessionTooShort));
    }

    #[test]
    fn ends_are_whole_seconds_downwards() {
        let now = milliseconds(NOW * 1000 + 700);
        assert_eq!(end(&["session = \"1s\""], now, at(NOW + 9)), Ok(at(NOW + 1)));
        assert_eq!(end(&["session = \"1500ms\""], now, at(NOW + 9)), Ok(at(NOW + 2)));
        assert_eq!(end(&[""], now, at(NOW + 1)), Ok(at(NOW + 1)));
        assert_eq!(end(&[""], now, milliseconds(NOW * 1000 + 999)), Err(SessionTooShort));
    }

    #[test]
    fn the_end_of_time_is_no_overflow() {
        let end = end(&["session = \"366d\""], at(NOW), Timestamp::MAX);
        assert_eq!(end, Ok(at(NOW + 366 * 86_400)));
        let end = super::sessions::end(&[""], at(NOW), Timestamp::MAX);
        assert_eq!(end, Ok(at(Timestamp::MAX.as_second())));
        let late = at(Timestamp::MAX.as_second() - 1);
        let end = super::sessions::end(&["session = \"366d\""], late, Timestamp::MAX);
        assert_eq!(end, Ok(at(Timestamp::MAX.as_second())));
    }
}

mod placeholders {
    use super::*;

    static POLICY: LazyLock<PolicySet> = LazyLock::new(|| {
        policy(
            r#"
            [roles.inner]
            publish = ["x.{t}.y"]
            [roles.first]
            publish = ["{t}.>"]
            [roles.nested]
            subscribe = ["x.{deep}"]
            [roles.denying]
            publish = ["x.>"]
            deny_publish = ["x.{t}.secret"]
            [claims]
            t = "tenant"
            deep = ["https://example.com/a.b", "c"]
            "#,
        )
    });

    fn with(role: &str, value: Value) -> Decision {
        decide(&POLICY, &identity("corp", &[role], &[("tenant", value)]), &facts())
    }

    fn publish(role: &str, value: Value) -> Result<String, Code> {
        match with(role, value).outcome() {
            Outcome::Granted(grant) => Ok(shown(grant.publish())),
            Outcome::Denied(denial) => Err(denial.code),
        }
    }

    #[test]
    fn a_value_is_one_token() {
        for (value, subject) in [
            (json!("acme"), "x.acme.y"),
            (json!("Acme-1_2:x/y=@"), "x.Acme-1_2:x/y=@.y"),
            (json!("åäö"), "x.åäö.y"),
            (json!("$x"), "x.$x.y"),
            (json!("_x"), "x._x.y"),
            (json!("{t}"), "x.{t}.y"),
            (json!("%2e"), "x.%2e.y"),
            (json!(42), "x.42.y"),
            (json!(-1), "x.-1.y"),
            (json!(u64::MAX), "x.18446744073709551615.y"),
        ] {
            assert_eq!(publish("inner", value), Ok(format!("{subject} | ")));
        }
        assert_eq!(
            publish("inner", json!("x".repeat(255))),
            Ok(format!("x.{}.y | ", "x".repeat(255)))
        );
    }

    #[test]
    fn hostile_values_are_refused_and_not_repeated() {
        for value in [
            json!(""),
            json!("a.b"),
            json!("."),
            json!("*"),
            json!(">"),
            json!("a*"),
            json!("a>"),
            json!("a b"),
            json!(" a"),
            json!("a\t"),
            json!("a\n"),
            json!("a\r\nPUB x 1"),
            json!("\u{0}"),
            json!("a\u{7f}"),
            json!("a\u{85}"),
            json!("a\u{a0}b"),
            json!("a\u{2028}b"),
            json!("a\u{3000}b"),
            json!("x".repeat(256)),
            json!(1.5),
            json!(1e300),
            json!(true),
            json!(null),
            json!([]),
            json!(["acme"]),
            json!({ "a": 1 }),
        ] {
            for role in ["inner", "first", "denying"] {
                let decision = with(role, value.clone());
                let (code, detail) = denied(&decision);
                assert_eq!(code, ClaimUnusable, "{value}");
                // The rule that could not be filled is named.
                let last = decision.rules().last().unwrap();
                assert!(detail.contains(&last.at) && detail.contains("{t}"), "{detail}");
            }
        }
        let decision = with("inner", json!("SECRET VALUE"));
        assert!(!format!("{decision:?}").contains("SECRET"));
    }

    /// A deny that cannot be filled must not simply be left out.
    #[test]
    fn a_claim_that_is_absent_refuses_the_login() {
        for role in ["inner", "first", "denying"] {
            let decision = decide(&POLICY, &identity("corp", &[role], &[]), &facts());
            let (code, detail) = denied(&decision);
            assert_eq!(code, ClaimAbsent);
            assert!(detail.ends_with("needs the claim for {t}"), "{detail}");
        }
    }

    #[test]
    fn the_servers_own_names_are_out_of_reach() {
        for value in ["$SYS", "$JS", "$", "_INBOX", "_", "$KV"] {
            assert_eq!(publish("first", json!(value)), Err(ClaimUnusable), "{value}");
        }
        assert_eq!(publish("first", json!("a$")), Ok("a$.> | ".to_owned()));
    }

    #[test]
    fn nested_claims_and_keys_with_dots() {
        let of = |value: Value| {
            let claims = [("https://example.com/a.b", value)];
            let decision = decide(&POLICY, &identity("corp", &["nested"], &claims), &facts());
            match decision.outcome() {
                Outcome::Granted(grant) => Ok(shown(grant.subscribe())),
                Outcome::Denied(denial) => Err(denial.code),
            }
        };
        assert_eq!(of(json!({ "c": "v" })), Ok("x.v | ".to_owned()));
        assert_eq!(of(json!({ "d": "v" })), Err(ClaimAbsent));
        assert_eq!(of(json!("c")), Err(ClaimAbsent));
        assert_eq!(of(json!([{ "c": "v" }])), Err(ClaimAbsent));
    }

    proptest! {
        /// Whatever a token says, a subject keeps its shape: as many tokens, no wildcard that
        /// the map did not write, and no name of the server's in front.
        #[test]
        fn no_value_changes_the_shape_of_a_subject(value in prop_oneof![
            any::<String>(), "[a-z.*>$_ \t\n]{0,8}", "\\PC{0,12}",
        ]) {
            if let Outcome::Granted(grant) = with("inner", json!(value)).outcome() {
                let Side::Some { allow, .. } = grant.publish() else { panic!() };
                let tokens: Vec<_> = allow.first().unwrap().as_str().split('.').collect();
                prop_assert_eq!(&tokens, &["x", value.as_str(), "y"]);
                prop_assert!(!value.contains(['*', '>']) && !value.contains(char::is_whitespace));
            }
            if let Outcome::Granted(grant) = with("first", json!(value)).outcome() {
                let Side::Some { allow, .. } = grant.publish() else { panic!() };
                let subject = allow.first().unwrap().as_str();
                prop_assert_eq!(subject, format!("{value}.>"));
                prop_assert!(!subject.starts_with(['$', '_', '*', '>', '.']));
            }
        }
    }
}

/// Any role: some subjects on each list, perhaps a session, perhaps responses.
#[derive(Debug, Clone)]
struct AnyRole {
    lists: [BTreeSet<String>; 4],
    session: Option<u32>,
    responses: Option<(u32, u32)>,
}

const LISTS: [&str; 4] = ["publish", "subscribe", "deny_publish", "deny_subscribe"];

fn any_role() -> impl Strategy<Value = AnyRole> {
    // What is published is not received: with responses, that is refused.
    let publish = || proptest::collection::btree_set("p(\\.[ab*]){0,2}", 0..3);
    let subscribe = || proptest::collection::btree_set("s(\\.[ab*]){0,2}", 0..3);
    (
        (publish(), subscribe(), publish(), subscribe()).prop_map(<[_; 4]>::from),
        proptest::option::of(1_u32..7200),
        proptest::option::of((1_u32..5, 1_u32..5)),
    )
        .prop_map(|(lists, session, responses)| AnyRole { lists, session, responses })
}

impl AnyRole {
    fn text(&self, name: &str) -> String {
        let mut text = format!("[roles.{name}]\nidp_roles = [\"x\"]\n");
        for (key, list) in LISTS.iter().zip(&self.lists) {
            text += &format!("{key} = {list:?}\n").replace('{', "[").replace('}', "]");
        }
        if let Some(session) = self.session {
            text += &format!("session = \"{session}s\"\n");
        }
        if let Some((max, expires)) = self.responses {
            text += &format!("allow_responses = {{ max = {max}, expires = \"{expires}s\" }}\n");
        }
        text
    }
}

/// A grant as plain data.
type Plain = (Side, Side, Option<Responses>, Timestamp);

fn plain(roles: &BTreeMap<String, AnyRole>) -> Plain {
    let text: String = roles.iter().map(|(name, role)| role.text(name)).collect();
    let decision = decided(&policy(&text), &["x"]);
    let grant = granted(&decision);
    (grant.publish().clone(), grant.subscribe().clone(), grant.responses(), grant.ends_at())
}

/// Names give the roles another order in the merge.
fn named(roles: &[AnyRole], name: impl Fn(usize) -> String) -> BTreeMap<String, AnyRole> {
    roles.iter().cloned().enumerate().map(|(index, role)| (name(index), role)).collect()
}

fn lists(side: &Side) -> (BTreeSet<SubjectPattern>, BTreeSet<SubjectPattern>) {
    match side {
        Side::Nothing => <_>::default(),
        Side::Some { allow, deny } => (allow.clone(), deny.clone()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_roles_does_not_matter(roles in proptest::collection::vec(any_role(), 1..5)) {
        let forwards = plain(&named(&roles, |index| format!("r{index}")));
        let backwards = plain(&named(&roles, |index| format!("r{}", 9 - index)));
        prop_assert_eq!(forwards, backwards);
    }

    /// Another role adds subjects to both lists and never makes the session longer.
    #[test]
    fn another_role_takes_nothing_away_but_time(
        roles in proptest::collection::vec(any_role(), 2..5),
    ) {
        let all = plain(&named(&roles, |index| format!("r{index}")));
        let fewer = plain(&named(&roles[1..], |index| format!("r{index}")));
        for (all, fewer) in [(&all.0, &fewer.0), (&all.1, &fewer.1)] {
            let ((allow, deny), (fewer_allow, fewer_deny)) = (lists(all), lists(fewer));
            prop_assert!(allow.is_superset(&fewer_allow) && deny.is_superset(&fewer_deny));
        }
        prop_assert!(all.2 >= fewer.2 && all.3 <= fewer.3);
        // What is granted was written by one of them.
        let written: BTreeSet<String> = roles.iter().flat_map(|role| role.lists[0].clone()).collect();
        let (allow, _) = lists(&all.0);
        prop_assert!(allow.iter().all(|subject| written.contains(subject.as_str())));
        prop_assert_eq!(allow.len(), written.len());
    }

    #[test]
    fn another_deny_only_denies(
        roles in proptest::collection::vec(any_role(), 1..4),
        subject in "[ab](\\.[ab*]){0,2}",
        list in 2_usize..4,
    ) {
        let before = plain(&named(&roles, |index| format!("r{index}")));
        let mut roles = roles;
        roles[0].lists[list].insert(subject.clone());
        let after = plain(&named(&roles, |index| format!("r{index}")));
        for (side, (before, after)) in [(&before.0, &after.0), (&before.1, &after.1)].into_iter().enumerate() {
            let ((allow, mut deny), (after_allow, after_deny)) = (lists(before), lists(after));
            prop_assert_eq!(&allow, &after_allow, "no allow comes or goes");
            if side + 2 == list && !allow.is_empty() {
                deny.insert(subject.parse().unwrap());
            }
            prop_assert_eq!(deny, after_deny);
        }
        prop_assert_eq!((before.2, before.3), (after.2, after.3));
    }
}
