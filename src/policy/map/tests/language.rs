//! What the language has beyond lists of subjects: values, inheritance, conditions.

use super::*;

fn file(lines: &str) -> Vec<String> {
    problems(&format!("account = \"APP\"\n{lines}\n"))
}

/// The problems of a role with this condition.
fn when(condition: &str) -> Vec<String> {
    file(&format!(
        "[claims]\ndepartment = \"department\"\n[roles.r]\npublish = [\"a\"]\n[roles.r.when]\n{condition}"
    ))
}

#[test]
fn conditions_of_every_kind() {
    let good = r#"
        claims = { department = ["sales", 7, true] }
        connection_types = ["STANDARD", "websocket", "MQTT", "LEAFNODE"]
        sources = ["192.0.2.7", "10.0.0.0/8", "2001:db8::/32"]
        hours = [
            { days = ["mon-fri"], from = "08:00", to = "18:30", zone = "Europe/Zurich" },
            { days = ["sat-mon", "wed"], from = "22:00", to = "06:00", zone = "UTC" },
            { zone = "America/New_York" },
        ]
        certificate = true
    "#;
    assert_eq!(when(good), [""; 0]);
    let told = when("edge = true");
    assert!(told.len() == 1 && told[0].contains("no edge can attest a connection"), "{told:?}");
}

#[test]
fn conditions_that_say_nothing_or_nonsense() {
    for (condition, says) in [
        (
            "claims = { departmnt = 1 }",
            "`departmnt` is no claim that this file names | did you mean `department`?",
        ),
        ("claims = { department = [] }", "`department` is empty: nothing would meet it"),
        ("claims = { department = 1.5 }", "`department` is compared with a float"),
        ("claims = { department = [[1]] }", "`department` is compared with a list"),
        ("connection_types = []", "`connection_types` is empty: nothing would meet it"),
        ("connection_types = [\"MQTT_WS\"]", "`MQTT_WS`: the server does not tell it from `MQTT`"),
        ("connection_types = [\"tcp\"]", "`tcp` is no connection type"),
        ("sources = []", "`sources` is empty: nothing would meet it"),
        ("sources = [\"10.0.0.1/8\"]", "`10.0.0.1/8` has bits set beyond its length"),
        (
            "sources = [\"::ffff:10.0.0.0/104\"]",
            "`::ffff:10.0.0.0/104` is IPv4 in the form of IPv6",
        ),
        ("sources = [\"example.com\"]", "`example.com` is neither an address nor a network"),
        ("hours = []", "`hours` is empty: nothing would meet it"),
        ("hours = {}", "`hours` lacks `zone`"),
        ("hours = { zone = \"Europe/Bern\" }", "`Europe/Bern` is no time zone"),
        ("hours = { zone = \"UTC\", from = \"8:00\" }", "`8:00` is no time of the day"),
        ("hours = { zone = \"UTC\", to = \"24:01\" }", "`24:01` is no time of the day"),
        (
            "hours = { zone = \"UTC\", from = \"08:00\", to = \"08:00\" }",
            "`hours` begin when they end",
        ),
        ("hours = { zone = \"UTC\", days = [\"monday\"] }", "`monday` is no day of the week"),
        ("hours = { zone = \"UTC\", days = [] }", "`days` is empty: nothing would meet it"),
        ("certificate = false", "`certificate = false` asks for nothing"),
        ("certificate = 1", "`certificate` is a whole number, not `true` or `false`"),
        ("source = [\"10.0.0.0/8\"]", "unknown key `source` in `when` | did you mean `sources`?"),
    ] {
        let told = when(condition);
        assert_eq!(told.len(), 1, "{condition}: {told:?}");
        assert!(
            told[0].starts_with("a.toml:7: ") && told[0].contains(says),
            "{condition}: {told:?}"
        );
    }
}

#[test]
fn limits_that_the_server_ignores_are_refused_with_what_does_it() {
    for key in
        ["subs", "payload", "data", "max_payload", "src", "times", "allowed_connection_types"]
    {
        let told = role_problems(&format!("{key} = 1"));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with(&format!(
                "a.toml:6: `{key}` would not be kept: nats-server ignores it"
            ))
        );
        assert!(
            told[0].contains(" | write `") || told[0].contains("| write the account's"),
            "{told:?}"
        );
    }
}

#[test]
fn values_of_claims() {
    let claims = |claims: &str| file(&format!("[claims]\n{claims}\n[roles.r]\npublish = [\"a\"]"));
    assert_eq!(
        claims("a = { claim = [\"x.y\", \"z\"], default = \"none\", at_most = 256 }"),
        [""; 0]
    );
    for (wrong, says) in [
        ("a = { claim = \"x\", default = \"a.b\" }", "`a.b` has a `.`"),
        ("a = { claim = \"x\", default = \"*\" }", "`*` has a wildcard character"),
        ("a = { claim = \"x\", at_most = 0 }", "`at_most` is not a whole number from 1 to 256"),
        ("a = { claim = \"x\", many = true }", "unknown key `many` in claim `a`"),
        ("a = { default = \"x\" }", "claim `a` lacks `claim`"),
    ] {
        let told = claims(wrong);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(says), "{told:?}");
    }
}

#[test]
fn inbox_prefixes_that_are_not_one_s_own() {
    assert_eq!(role_problems("inbox = \"_INBOX.{subject}\""), [""; 0]);
    for (wrong, says) in [
        ("_INBOX", "it is the same for everybody"),
        ("_INBOX.*.{subject}", "a wildcard would reach other people's replies"),
        ("{tenant}.x", "it begins with a value of the token"),
        ("_INBOX.{subject}.>", "is not a subject"),
        ("", "is not a subject"),
    ] {
        let told = role_problems(&format!("inbox = \"{wrong}\""));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(says), "{told:?}");
    }
}

#[test]
fn inheritance_has_no_cycles_and_one_account() {
    let role = |name: &str, inherits: &str| {
        format!("[roles.{name}]\npublish = [\"{name}\"]\ninherits = [{inherits}]\n")
    };
    let roles = |roles: &[(&str, &str)]| {
        file(&roles.iter().map(|(name, inherits)| role(name, inherits)).collect::<String>())
    };
    assert_eq!(roles(&[("a", "\"b\", \"c\""), ("b", "\"d\""), ("c", "\"d\""), ("d", "")]), [""; 0]);
    assert_eq!(
        roles(&[("a", "\"a\"")]),
        ["a.toml:4: role `a` inherits from itself | take one of the steps away"]
    );
    assert_eq!(
        roles(&[("a", "\"b\""), ("b", "\"c\""), ("c", "\"a\"")]),
        [
            "a.toml:10: role `a` inherits from itself, by way of `a`, `b`, `c` | take one of the steps away"
        ]
    );
    assert_eq!(
        roles(&[("clerk", "\"clrk\"")]),
        ["a.toml:4: there is no role `clrk` to inherit from | did you mean `clerk`?"]
    );
    let chain: Vec<_> =
        (0..40).map(|n| (format!("r{n:02}"), format!("\"r{:02}\"", n + 1))).collect();
    let mut chain: Vec<_> = chain.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    chain.push(("r40", ""));
    let told = roles(&chain);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("over more than 32 steps"), "{told:?}");

    let other = "account = \"B\"\n[roles.b]\npublish = [\"b\"]\n";
    let told = maps(&[
        ("a.toml", &format!("account = \"APP\"\n{}", role("a", "\"b\""))),
        ("b.toml", other),
    ])
    .targets(&["APP", "B"])
    .problems();
    assert!(told[0].contains("leads to the account `B`, this one to `APP` (b.toml:2"), "{told:?}");
}

#[test]
fn a_role_may_be_there_to_be_inherited_from_only() {
    let base = "[roles.base]\nidp_roles = []\npublish = [\"a\"]\n";
    assert_eq!(file(&format!("{base}[roles.r]\ninherits = [\"base\"]")), [""; 0]);
    assert!(file(base)[0].contains("nobody can hold role `base`"));
}

#[test]
fn issuers_for_a_whole_file() {
    let map = "account = \"APP\"\nissuers = [\"corp\"]\n[roles.a]\npublish = [\"a\"]\n\
               [roles.b]\npublish = [\"b\"]\nissuers = [\"k8s\"]\n";
    assert_eq!(maps(&[("a.toml", map)]).issuers(&["corp", "k8s"]).problems(), [""; 0]);
}

#[test]
fn what_is_allowed_in_vain_or_too_widely_is_said() {
    for (lines, says) in [
        ("subscribe = [\"_INBOX.>\"]", "warning: a.toml:6: role `r` reads everybody's replies"),
        ("subscribe = [\">\"]", "role `r` reaches everything in the account"),
        ("subscribe = [\"$SYS.ACCOUNT.x\"]", "role `r` reaches the server's own subjects"),
        (
            "deny_publish = [\"a\"]",
            "warning: a.toml:5: `a` is allowed in vain: it is denied (a.toml:6: denied here)",
        ),
        (
            "subscribe = [\"x.{tenant}\"]\ndeny_subscribe = [\"x.*\"]",
            "`x.{tenant}` is allowed in vain",
        ),
        ("subscribe = [\"x.{tenant}\"]\ndeny_subscribe = [\"x.{tenant}\"]", "is allowed in vain"),
    ] {
        let told = role_problems(lines);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(says), "{told:?}");
    }
    assert_eq!(role_problems("subscribe = [\"x.*\"]\ndeny_subscribe = [\"x.{tenant}\"]"), [""; 0]);
    assert_eq!(role_problems("subscribe = [\"x\"]\ndeny_subscribe = [\"x q\"]"), [""; 0]);
    let api = "account = \"APP\"\n[roles.r]\npublish = [\"$JS.API.>\"]\n";
    assert!(problems(api)[0].contains("reaches the whole of JetStream's API"));
}

#[test]
fn a_last_wildcard_reaches_deeper_where_something_there_is_allowed() {
    let told = role_problems("subscribe = [\"x.*\", \"x.a.b\"]");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("lets who may subscribe to `x.*` subscribe to all that is below"));
    assert_eq!(role_problems("subscribe = [\"x.*\", \"x.a\", \"y.{tenant}\", \"y.a.b\"]"), [""; 0]);
}

#[test]
fn queue_groups_stand_after_a_space() {
    assert_eq!(role_problems("subscribe = [\"b.* v1.*\", \"c.> >\", \"d {tenant}\"]"), [""; 0]);
    assert!(role_problems("deny_publish = [\"a b\"]")[0].contains("token 1 has white space"));
    for wrong in ["a b c", "a ", "a b.>.c", " a", "a b*"] {
        let told = role_problems(&format!("subscribe = [\"{wrong}\"]"));
        assert!(told[0].contains("is not a subject"), "{told:?}");
    }
}

#[test]
fn placeholders() {
    let claims = |line: &str| {
        problems(&format!("account = \"APP\"\n[roles.r]\npublish = [\"a\"]\n[claims]\n{line}\n"))
    };
    const HELP: &str = "choose another: `{subject}` is the token's `sub`, `{issuer}` the issuer's \
                        configured name, `{name}` the two together: `issuer:subject`";
    for reserved in ["subject", "issuer", "name"] {
        assert_eq!(
            claims(&format!("{reserved} = \"x\"")),
            [format!("a.toml:5: `{reserved}` already has a meaning as a placeholder | {HELP}")]
        );
    }
    for name in ["a-b", "", "a b", "é", "a.b"] {
        assert_eq!(
            claims(&format!("\"{name}\" = \"x\"")),
            [format!(
                "a.toml:5: `{name}` cannot be a placeholder | a placeholder is made of letters, \
                 digits and `_`"
            )]
        );
    }
    for path in ["\"a..b\"", "\"\"", "[]", "[\"\"]", "[\"a\", 1]", "1", "{ claim = 1 }"] {
        let found = claims(&format!("t = {path}"));
        assert!(found[0].starts_with("a.toml:5: a claim path is "), "{path}: {found:?}");
        assert_eq!(found.len(), 1);
    }
}
