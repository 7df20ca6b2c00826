use crate::{
    document::{Problem, Problems},
    testkit::{Maps, maps},
};

const MAP: &str = r#"
account = "APP"
[claims]
tenant = "tenant_id"
[roles.clerk]
idp_roles = ["orders:write"]
publish = ["orders.{tenant}.created"]
subscribe = ["orders.{tenant}.>"]
deny_subscribe = ["orders.*.internal.>"]
session = "1h"
[roles.boss]
idp_roles = ["orders:all"]
publish = ["orders.*.deleted"]
when = { certificate = true, sources = ["192.0.2.0/24"], connection_types = ["MQTT"], hours = { to = "12:01", zone = "UTC" } }
"#;

fn with_case(case: &str) -> Maps {
    maps(&[("a.toml", MAP), ("a.test.toml", &format!("[[test]]\nname = \"t\"\n{case}\n"))])
}

/// What does not hold, as `line: message | why`.
fn failures(case: &str) -> Vec<String> {
    let maps = with_case(case);
    let (set, cases) = maps.cases().unwrap_or_else(|problems| panic!("{problems}"));
    let issuers = ["corp".parse().unwrap()].into();
    let told = |it: &Problem| {
        format!("{}: {} | {}", it.place.line().unwrap(), it.message, maps.relative(&it.help))
    };
    cases[0].run(&set, &issuers).err().unwrap_or_default().iter().map(told).collect()
}

fn problems(case: &str) -> Vec<String> {
    let told = |it: &Problem| format!("{}: {}", it.place.line().unwrap(), it.message);
    with_case(case).cases().err().unwrap_or_default().iter().map(told).collect()
}

const CLERK: &str = "as = { idp_roles = [\"orders:write\"], claims = { tenant_id = \"acme\" } }\n";
const BOSS: &str = "as = { idp_roles = [\"orders:all\"], certificate = true, source = \"192.0.2.7\", connection_type = \"MQTT\" }\n";

#[test]
fn what_holds_is_said_by_nobody() {
    for case in [
        "can = [\"publish orders.acme.created\", \"subscribe orders.acme.> workers\", \"receive orders.acme.x\"]",
        "cannot = [\"publish orders.b.created\", \"subscribe >\", \"receive orders.acme.internal.x\"]",
        "session = \"1h\"\naccount = \"APP\"",
    ] {
        assert_eq!(failures(&format!("{CLERK}{case}")), [""; 0], "{case}");
    }
    assert_eq!(
        failures(&format!("{BOSS}can = [\"publish orders.x.deleted\"]\nsession = \"1m\"")),
        [""; 0]
    );
    assert_eq!(failures("as = { idp_roles = [\"x\"] }\nrefused = \"no_role\""), [""; 0]);
    let day = CLERK.replace("} }", "}, token_valid = \"30m\" }");
    assert_eq!(failures(&format!("{day}session = \"30m\"")), [""; 0]);
}

#[test]
fn what_does_not_hold_is_said_with_the_reason() {
    for (case, says) in [
        (
            "can = [\"publish orders.b.created\"]",
            "4: cannot `publish orders.b.created` | nothing allows it; with another {tenant}, `orders.{tenant}.created` of role `clerk` would (a.toml:7)",
        ),
        (
            "can = [\"publish orders.b.deleted\"]",
            "4: cannot `publish orders.b.deleted` | nothing allows it; role `boss` would (a.toml:13), which the IdP's `orders:all` gives",
        ),
        (
            "cannot = [\"publish orders.acme.created\"]",
            "4: can `publish orders.acme.created` | allowed by role `clerk` (a.toml:7)",
        ),
        (
            "can = [\"receive orders.acme.internal.x\"]",
            "4: cannot `receive orders.acme.internal.x` | denied by role `clerk` (a.toml:9)",
        ),
        ("can = [\"publish x\"]", "4: cannot `publish x` | nothing allows anything like it"),
        (
            "session = \"2h\"",
            "4: the session lasts 1h, not 2h | it is ended by `session` of role `clerk` (a.toml:10)",
        ),
        (
            "account = \"B\"",
            "4: the account is `APP`, not `B` | a role leads to the account of its file",
        ),
        (
            "refused = \"no_role\"",
            "4: the login is granted, not refused as `no_role` | in account `APP`",
        ),
    ] {
        assert_eq!(failures(&format!("{CLERK}{case}")), [says]);
    }
}

/// Somebody who is not let in can do nothing: that would hold for every slip of the pen.
#[test]
fn a_refusal_that_is_not_expected_fails() {
    let told = failures("as = { idp_roles = [\"ordres:write\"] }\ncannot = [\"publish a\"]");
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("2: the login is refused as `no_role` | "), "{told:?}");
    assert!(told[0].ends_with("where that is meant, write `refused = \"no_role\"`"));
    let told = failures("as = { idp_roles = [\"orders:write\"] }\nrefused = \"no_role\"");
    assert!(
        told[0].starts_with("4: the login is refused as `claim_absent`, not `no_role` | "),
        "{told:?}"
    );
    for less in ["certificate = true, ", "source = \"192.0.2.7\", ", ", connection_type = \"MQTT\""]
    {
        let told = failures(&format!("{}cannot = [\"publish a\"]", BOSS.replace(less, "")));
        assert!(told[0].contains("`condition_unmet`"), "{less}: {told:?}");
    }
    let late = BOSS.replace(" }", ", at = \"2026-01-07T13:01:00+01:00\" }");
    assert!(failures(&format!("{late}cannot = [\"publish a\"]"))[0].contains("outside the hours"));
}

#[test]
fn cases_that_cannot_be_read() {
    for (case, says) in [
        ("", "1: the test lacks `as`"),
        ("as = {}", "2: the test `t` expects nothing"),
        ("as = {}\ncan = []", "2: the test `t` expects nothing"),
        (
            "as = {}\ncan = [\"pubish a\"]",
            "4: `pubish a`: `pubish` is none of `publish`, `subscribe` and `receive`",
        ),
        (
            "as = {}\ncannot = [\"publish a.{tenant}\"]",
            "4: `publish a.{tenant}`: `a.{tenant}` has a placeholder; write the value",
        ),
        (
            "as = {}\ncannot = [\"publish a.{tenant}\"]",
            "4: `publish a.{tenant}`: `a.{tenant}` has a placeholder; write the value",
        ),
        ("as = {}\nrefused = \"norole\"", "4: `norole` is no code"),
        (
            "as = {}\nrefused = \"no_role\"\ncannot = [\"publish a\"]",
            "4: who is refused can do nothing: `can` and `cannot` say nothing here",
        ),
        ("as = { role = \"x\" }\ncan = [\"publish a\"]", "3: unknown key `role` in `as`"),
        ("as = { at = \"noon\" }\ncan = [\"publish a\"]", "3: `noon`: "),
        ("as = { want = \"x\" }\ncan = [\"publish a\"]", "3: `x` is no wish"),
        ("as = { claims = { a = 1.5 } }\ncan = [\"publish a\"]", "3: the claim is a float"),
        ("as = { source = \"here\" }\ncan = [\"publish a\"]", "3: `here`: "),
    ] {
        let told = problems(case);
        assert_eq!(told.len(), 1, "{case}: {told:?}");
        assert!(told[0].starts_with(says), "{case}: {told:?}");
    }
    assert_eq!(problems(&format!("{CLERK}can = [\"publish a\"]")), [""; 0]);
}

#[test]
fn with_several_issuers_a_case_says_whose_word_it_is() {
    let run = |case: &str| {
        let map = MAP.replace("account = \"APP\"", "account = \"APP\"\nissuers = [\"corp\"]");
        let case =
            format!("[[test]]\nname = \"t\"\n{case}\ncan = [\"publish orders.acme.created\"]\n");
        let maps = maps(&[("a.toml", &map), ("b.test.toml", &case)]).issuers(&["corp", "k8s"]);
        let (set, cases) = maps.cases().unwrap();
        let issuers = ["corp", "k8s"].map(|name| name.parse().unwrap()).into();
        cases[0].run(&set, &issuers).map_err(|failures| failures[0].message.clone())
    };
    let with = |issuer: &str| CLERK.replace("} }", &format!("}}, issuer = \"{issuer}\" }}"));
    assert_eq!(run(&with("corp")), Ok(()));
    assert_eq!(run(&with("k8s")).unwrap_err(), "the login is refused as `no_role`");
    assert_eq!(run(&with("other")).unwrap_err(), "issuer `other` is not configured");
    assert!(run(CLERK).unwrap_err().contains("does not say whose word it is"));
}

#[test]
fn cases_in_maps_and_test_files_are_found_and_serve_reads_the_maps_only() {
    let case = "[[test]]\nname = \"t\"\nas = { idp_roles = [\"x\"] }\nrefused = \"no_role\"\n";
    let map = format!("{MAP}{case}");
    let files = [("a.toml", map.as_str()), ("a.test.toml", case), ("team/b.test.toml", case)];
    let all = maps(&files);
    assert_eq!(all.cases().unwrap().1.len(), 3);
    let broken = maps(&[("a.toml", MAP), ("a.test.toml", "[[test]]\n")]);
    assert!(broken.cases().is_err());
    assert_eq!(broken.policy().digest(), maps(&[("a.toml", MAP)]).policy().digest());
    let mut problems = Problems::default();
    let (_, found) = broken.load();
    problems.append(found);
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn a_deny_of_hallpass_s_own_is_said_to_be_one() {
    let map = "account = \"APP\"\n[roles.r]\nsubscribe = [\"d.*\"]\n";
    let case = "[[test]]\nname = \"t\"\nas = { idp_roles = [\"r\"] }\n\
                can = [\"receive d.x\", \"receive d.x.y\"]\n";
    let maps = maps(&[("a.toml", map), ("a.test.toml", case)]);
    let (set, cases) = maps.cases().unwrap();
    let failures = cases[0].run(&set, &["corp".parse().unwrap()].into()).unwrap_err();
    assert_eq!(failures.len(), 1);
    assert_eq!(
        maps.relative(&failures[0].help),
        "denied by hallpass, for which the last `*` of `d.*` is one token: role `r` (a.toml:3)"
    );
}
