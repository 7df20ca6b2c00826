//! Who holds a role, when, for how long; roles that come and go.

use super::{Fate, between, lines, policy, role};
use crate::{policy::PolicyDiff, testkit::maps};

const P: &str = "publish = [\"a\"]\n";

#[test]
fn a_role_that_comes_gains_all_and_one_that_goes_loses_all() {
    let with = "[roles.r]\npublish = [\"a\"]\n[roles.s]\npublish = [\"b\"]\nsession = \"1h\"\n";
    let without = "[roles.r]\npublish = [\"a\"]\n";
    let diff = between(without, with);
    assert_eq!(
        lines(&diff),
        ["+ role `s` in the account `APP` WIDER", "+ publish b WIDER", "+ session at most 1h"]
    );
    assert_eq!((diff.roles[0].fate, diff.unchanged, diff.wider()), (Fate::Added, 1, 1));
    assert!(diff.roles[0].idp_roles.contains("s"));
    let without_session = with.replace("session = \"1h\"\n", "");
    let diff = between(&without_session, without);
    assert_eq!(lines(&diff), ["- role `s` in the account `APP` narrower", "- publish b narrower"]);
    assert_eq!((diff.roles[0].fate, diff.narrower(), diff.wider()), (Fate::Removed, 1, 0));
    // Who has both was held to an hour.
    assert_eq!(lines(&between(with, without))[0], "- role `s` in the account `APP` WIDER narrower");
}

#[test]
fn a_role_that_goes_takes_its_denies_along() {
    let other = "[roles.o]\npublish = [\"a.>\"]\n";
    let denying = |subject: &str| {
        format!("{other}[roles.r]\npublish = [\"b\"]\ndeny_publish = [\"{subject}\"]\n")
    };
    let diff = between(&denying("a.x"), other);
    assert_eq!(
        lines(&diff),
        [
            "- role `r` in the account `APP` WIDER narrower",
            "- publish b narrower",
            "- deny publish a.x WIDER",
        ]
    );
    assert!(diff.roles[0].changes[0].note.as_deref().unwrap().ends_with("who has `o`"));
    assert!(!between(&denying("c.x"), other).roles[0].effect.wider, "nobody was allowed that");
    // The same where only some lose it.
    let some = denying("a.x").replace("[roles.r]\n", "[roles.r]\nidp_roles = [\"r\", \"s\"]\n");
    assert_eq!(lines(&between(&some, &denying("a.x"))), ["- IdP role s WIDER narrower"]);
}

#[test]
fn what_nobody_can_hold_is_nothing() {
    let none = "[roles.r]\npublish = [\"a\"]\n";
    let base = format!("{none}[roles.base]\nidp_roles = []\npublish = [\">\"]\n");
    assert_eq!(between(none, &base).roles, []);
    let held = base.replace("idp_roles = []", "idp_roles = [\"x\"]");
    assert_eq!(between(&base, &held).roles[0].fate, Fate::Added);
    assert_eq!(between(&held, &base).roles[0].fate, Fate::Removed);
}

#[test]
fn idp_roles_and_patterns() {
    let by = |names: &str| format!("{P}idp_roles = [{names}]");
    assert_eq!(role(&by("\"a\""), &by("\"a\", \"b\"")), ["+ IdP role b WIDER"]);
    assert_eq!(role(&by("\"a\", \"b\""), &by("\"a\"")), ["- IdP role b narrower"]);
    assert_eq!(
        role(&by("\"/s/*\""), &by("\"/s/x\"")),
        ["- IdP role /s/* narrower", "+ IdP role /s/x"]
    );
    assert_eq!(
        role(&by("\"/s/x\""), &by("\"/s/*\"")),
        ["- IdP role /s/x", "+ IdP role /s/* WIDER"]
    );
    assert_eq!(role(&by("\"/s/*\""), &by("\"/s/*\", \"/s/x\"")), Vec::<String>::new());
}

#[test]
fn issuers_and_accounts() {
    let with = |issuers: &str| {
        let text = format!("account = \"APP\"\n[roles.r]\n{P}issuers = [{issuers}]\n");
        maps(&[("a.toml", &text)]).issuers(&["corp", "other"]).policy()
    };
    let compare = |old, new| lines(&PolicyDiff::between(&with(old), &with(new)));
    assert_eq!(compare("\"corp\"", "\"corp\", \"other\""), ["+ issuer other WIDER"]);
    assert_eq!(compare("\"corp\", \"other\"", "\"corp\""), ["- issuer other narrower"]);
    let other = format!("account = \"B\"\n[roles.r]\n{P}");
    let other = maps(&[("a.toml", &other)]).targets(&["APP", "B"]).policy();
    let diff = PolicyDiff::between(&policy(&format!("[roles.r]\n{P}")), &other);
    assert_eq!(lines(&diff), ["- account APP narrower", "+ account B WIDER"]);
}

#[test]
fn sessions_and_responses() {
    let with = |more: &str| format!("{P}{more}");
    assert_eq!(role(&with(""), &with("session = \"1h\"")), ["+ session at most 1h narrower"]);
    assert_eq!(role(&with("session = \"1h\""), &with("")), ["- session at most 1h WIDER"]);
    assert_eq!(
        role(&with("session = \"1h\""), &with("session = \"2h\"")),
        ["- session at most 1h", "+ session at most 2h WIDER"]
    );
    assert_eq!(role(&with("session = \"60m\""), &with("session = \"1h\"")), Vec::<String>::new());
    let answers =
        |max, time| with(&format!("allow_responses = {{ max = {max}, expires = \"{time}\" }}"));
    assert_eq!(role(&with(""), &answers(1, "1m")), ["+ responses 1 within 1m WIDER"]);
    assert_eq!(role(&answers(1, "1m"), &with("")), ["- responses 1 within 1m narrower"]);
    assert_eq!(
        role(&answers(1, "2m"), &answers(2, "1m")),
        ["- responses 1 within 2m narrower", "+ responses 2 within 1m WIDER"]
    );
}

#[test]
fn conditions() {
    let when = |text: &str| format!("{P}[roles.r.when]\n{text}");
    assert_eq!(role(P, &when("edge = true")), ["+ only through an attested edge narrower"]);
    assert_eq!(role(&when("edge = true"), P), ["- only through an attested edge WIDER"]);
    let changes = |old: &str, new: &str| -> (bool, bool) {
        let told = role(&when(old), &when(new));
        let any = |word: &str| told.iter().any(|line| line.ends_with(word));
        (any("WIDER"), any("narrower"))
    };
    for (narrow, wide) in [
        ("sources = [\"192.0.2.0/25\"]", "sources = [\"192.0.2.0/24\"]"),
        ("sources = [\"192.0.2.0/24\"]", "sources = [\"192.0.2.0/24\", \"2001:db8::/32\"]"),
        ("connection_types = [\"STANDARD\"]", "connection_types = [\"STANDARD\", \"MQTT\"]"),
        ("claims = { tenant = \"a\" }", "claims = { tenant = [\"a\", \"b\"] }"),
        (
            "hours = { days = [\"mon\"], from = \"09:00\", to = \"17:00\", zone = \"UTC\" }",
            "hours = { days = [\"mon-fri\"], from = \"08:00\", to = \"18:00\", zone = \"UTC\" }",
        ),
        ("edge = true\ncertificate = true", "certificate = true"),
    ] {
        assert_eq!(changes(narrow, wide), (true, false), "{narrow}");
        assert_eq!(changes(wide, narrow), (false, true), "{narrow}");
    }
    for (one, other) in [
        ("sources = [\"192.0.2.0/24\"]", "sources = [\"198.51.100.0/24\"]"),
        ("sources = [\"192.0.2.0/24\"]", "connection_types = [\"STANDARD\"]"),
        (
            "hours = { from = \"22:00\", to = \"06:00\", zone = \"UTC\" }",
            "hours = { from = \"22:00\", to = \"06:00\", zone = \"Europe/Zurich\" }",
        ),
        (
            "hours = { from = \"22:00\", to = \"06:00\", zone = \"UTC\" }",
            "hours = { from = \"23:00\", to = \"05:00\", zone = \"UTC\" }",
        ),
    ] {
        assert_eq!(changes(one, other), (true, true), "{one}");
    }
}
