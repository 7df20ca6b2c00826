mod advice;
mod bounds;
mod directory;
mod grants;
mod language;
mod robust;
mod schema;

use std::time::Duration;

use super::*;
use crate::testkit::{Maps, maps};

/// The problems of one map, for the target `APP` and the issuer `corp`.
fn problems(text: &str) -> Vec<String> {
    maps(&[("a.toml", text)]).problems()
}

/// The problems of a role with these lines, in `[claims]` `tenant`.
fn role_problems(lines: &str) -> Vec<String> {
    problems(&format!(
        "account = \"APP\"\n[claims]\ntenant = \"tenant_id\"\n[roles.r]\npublish = [\"a\"]\n{lines}\n"
    ))
}

fn responses_of(value: &str) -> Result<Option<(u32, Duration)>, Vec<String>> {
    let text =
        format!("account = \"APP\"\n[roles.r]\npublish = [\"a\"]\nallow_responses = {value}\n");
    let source = crate::document::Source::new("a.toml", text);
    let mut problems = Problems::default();
    let root = crate::document::parse(&source.into(), &mut problems);
    let map = read("a.toml".into(), &root, &mut problems);
    if problems.any_error() {
        return Err(problems.iter().map(|problem| problem.message.clone()).collect());
    }
    Ok(map.roles[0].responses.as_ref().map(|it| (it.max, it.expires)))
}

#[test]
fn the_map_of_the_repository_is_good() {
    assert_eq!(problems(crate::setup::EXAMPLE_MAP), [""; 0]);
}

#[test]
fn a_role_with_everything_is_good() {
    let everything = r#"
        account = "APP"
        [roles."team/orders.clerk:1"]
        description = "x"
        idp_roles = ["orders:write", "/groups/sales", "a role"]
        issuers = ["corp"]
        publish = ["a.{tenant}.b", "{subject}.>", "$JS.API.INFO", "{issuer}"]
        subscribe = ["x", "b.* workers.*", "_INBOX.{subject}.>"]
        inbox = "_INBOX.{name}"
        deny_publish = ["a.x"]
        deny_subscribe = ["b.{t_2}"]
        session = "1h 30m"
        [roles.answers]
        subscribe = ["svc.>"]
        allow_responses = { max = 5, expires = "1m" }
        [claims]
        tenant = "tenant_id"
        t_2 = ["https://example.com/t", "x"]
    "#;
    assert_eq!(problems(everything), [""; 0]);
}

#[test]
fn a_role_that_could_answer_itself() {
    let map = |publish: &str| {
        format!(
            "account = \"APP\"\n[roles.r]\npublish = [\"log\", \"{publish}\"]\n\
             subscribe = [\"other\", \"orders.{{subject}}.>\"]\nallow_responses = true\n"
        )
    };
    assert_eq!(problems(&map("orders")), [""; 0]);
    assert_eq!(problems(&map("orders.{subject}")), [""; 0]);
    for both in ["orders.acme.created", "orders.*.created", "orders.>", ">", "*.a.{issuer}"] {
        let mut told = problems(&map(both));
        told.retain(|told| !told.starts_with("warning: "));
        assert_eq!(told.len(), 1, "{both}");
        assert!(told[0].starts_with("a.toml:3: role `r` may publish what it receives"), "{told:?}");
    }
    // What lies below a last `*` is received where it cannot be denied.
    let told = |subscribe: &str| {
        let mut told = problems(&map("svc.a.b").replace("\"other\"", subscribe));
        told.retain(|told| !told.starts_with("warning: "));
        told.len()
    };
    let last = [r#""svc.*""#, r#""svc.{issuer}", "svc.x.y""#, r#""svc.*", "svc.x.y""#];
    assert_eq!(last.map(told), [0, 0, 1]);
}

#[test]
fn what_is_no_toml() {
    for (text, says) in [
        ("account = \"APP", "a.toml:1: "),
        ("account = \"APP\"\n[roles.r\n", "a.toml:2: "),
        ("account = APP\n", "a.toml:1: "),
        ("\u{0}", "a.toml:1: "),
    ] {
        let found = problems(text);
        assert!(found[0].starts_with(says), "{text:?}: {found:?}");
        assert!(found[0].ends_with("| see https://toml.io for the syntax of TOML"), "{found:?}");
    }
    let deep = format!("account = {}", "[".repeat(100_000));
    assert!(!problems(&deep).is_empty());
}

#[test]
fn what_stands_twice_in_a_file() {
    const HELP: &str = "put the two together, or give one of them another name";
    assert_eq!(
        problems("account = \"APP\"\naccount = \"APP\"\n"),
        [format!("a.toml:2: `account` is defined twice | {HELP}")]
    );
    for header in ["[roles.r]", "  [ roles . \"r\" ] # again"] {
        let name = header.split('#').next().unwrap().trim();
        assert_eq!(
            problems(&format!("account = \"APP\"\n{header}\npublish = [\"a\"]\n{header}\n")),
            [format!(
                "a.toml:4: `{name}` is defined twice (a.toml:2: first defined here) | {HELP}"
            )]
        );
    }
    assert_eq!(
        problems("account = \"APP\"\nroles.r.publish = []\n[roles.r]\n"),
        [format!("a.toml:3: `[roles.r]` is defined twice | {HELP}")]
    );
}

#[test]
fn a_claim_path_is_no_url() {
    assert_eq!(
        problems(
            "account = \"APP\"\n[claims]\nt = \"https://example.com/t\"\n[roles.r]\npublish = [\"{t}\"]\n"
        )[0],
        "a.toml:3: a URL written as a string would be split at its dots | `realm_access.roles`, \
         or `[\"https://example.com/roles\"]` where a key has dots"
    );
}

#[test]
fn keys_that_are_not_known() {
    assert_eq!(
        role_problems("subscrbe = [\"b\"]"),
        ["a.toml:6: unknown key `subscrbe` in role `r` | did you mean `subscribe`?"]
    );
    assert_eq!(
        problems("account = \"APP\"\nacount = \"B\"\n[role.r]\npublish = [\"a\"]\n"),
        [
            "warning: a.toml:1: the subject map has no role | add `[roles.NAME]` with `publish` and \
             `subscribe`",
            "a.toml:2: unknown key `acount` in the subject map | did you mean `account`?",
            "a.toml:3: unknown key `role` in the subject map | did you mean `roles`?",
        ]
    );
    assert_eq!(
        role_problems("queue = \"x\""),
        ["a.toml:6: unknown key `queue` in role `r` | known keys: `description`, `idp_roles`, \
          `issuers`, `inherits`, `publish`, `subscribe`, `deny_publish`, `deny_subscribe`, \
          `inbox`, `allow_responses`, `grant`, `session`, `when`"]
    );
    assert_eq!(
        problems(&format!("{ROLE}idp_roles = [\"x\"]\nissuers = [\"corp\"]\n[version]\n")),
        [
            "a.toml:6: unknown key `version` in the subject map | known keys: `account`, `issuers`, `claims`, \
          `roles`, `test`"
        ]
    );
    assert_eq!(
        role_problems("allow_responses = { max = 1, expire = \"1s\" }"),
        ["a.toml:6: unknown key `expire` in `allow_responses` | did you mean `expires`?"]
    );
}

#[test]
fn values_of_the_wrong_kind() {
    const TABLE: &str = "a table is a `[section]` with a line for each key, or `{ key = value }`";
    for (line, says) in [
        ("subscribe = \"b\"", "`subscribe` is a string, not a list of strings"),
        ("subscribe = [1]", "`subscribe` is a whole number, not a string"),
        ("subscribe = [[\"b\"]]", "`subscribe` is a list, not a string"),
        ("subscribe = { allow = [\"b\"] }", "`subscribe` is a table, not a list of strings"),
        ("idp_roles = \"x\"", "`idp_roles` is a string, not a list of strings"),
        ("issuers = \"corp\"", "`issuers` is a string, not a list of strings"),
        ("description = 1", "`description` is a whole number, not a string"),
    ] {
        let found = role_problems(line);
        let begins = format!("a.toml:6: {says} | ");
        assert!(found.iter().any(|line| line.starts_with(&begins)), "{line}: {found:?}");
    }
    assert_eq!(
        role_problems("session = 3600"),
        ["a.toml:6: `session` is a whole number, not a span of time | give it a unit and quotes: \
          `session = \"3600s\"`"]
    );
    for (line, kind) in [("session = 1.5", "a float"), ("session = 07:30:00", "a date")] {
        assert_eq!(
            role_problems(line),
            [format!(
                "a.toml:6: `session` is {kind}, not a span of time | write it as `session = \
                 \"90s\"`, `\"1h 30m\"` or `\"7d\"`"
            )]
        );
    }
    assert_eq!(
        problems("account = 1\nroles = 1\nclaims = []\n"),
        [
            "a.toml:1: `account` is a whole number, not a string | write a text in quotes: `\"…\"`"
                .to_owned(),
            format!("a.toml:2: `roles` is a whole number, not a table | {TABLE}"),
            format!("a.toml:3: `claims` is a list, not a table | {TABLE}"),
        ]
    );
    assert_eq!(
        problems("account = \"APP\"\n[roles]\nr = [\"publish\"]\n"),
        [format!("a.toml:3: role `r` is a list, not a table | {TABLE}")]
    );
}

#[test]
fn accounts() {
    assert_eq!(
        problems("[roles.r]\npublish = [\"a\"]\n"),
        ["a.toml:1: the subject map lacks `account` | add `account = \"APP\"`: where these roles \
          lead, one of `accounts.targets`"]
    );
    assert_eq!(
        problems("account = \"APQ\"\n[roles.r]\npublish = [\"a\"]\n"),
        ["a.toml:1: account `APQ` is not among the configured targets | did you mean `APP`?"]
    );
    assert_eq!(
        problems("account = \"AUTH\"\n[roles.r]\npublish = [\"a\"]\n"),
        ["a.toml:1: account `AUTH` is not among the configured targets | add it to `targets` \
          under `[accounts]` in hallpass.toml, if it may be one"]
    );
    assert_eq!(
        problems("account = \"A P\"\n[roles.r]\npublish = [\"a\"]\n"),
        [
            "a.toml:1: `A P`: an account name has no white space and no control characters | write it \
          as in the server's configuration"
        ]
    );
    assert!(problems("account = \"\"\n[roles.r]\npublish = [\"a\"]\n")[0].contains("is not empty"));
}

#[test]
fn names_of_roles() {
    assert_eq!(
        problems("account = \"APP\"\n[roles.\"a b\"]\npublish = [\"a\"]\n"),
        ["a.toml:2: `a b`: a role name is made of letters, digits and `- _ . : /` | give it \
          another name; the IdP's own names for it go into `idp_roles`"]
    );
    assert_eq!(
        role_problems("idp_roles = [\"*\", \"\", \"orders:*\"]"),
        [
            "a.toml:6: `*` is not the name of an IdP role: it has a `*` that stands for a piece of \
             a word | names are compared exactly; `/groups/sales/*` stands for all roles directly \
             below `/groups/sales/`",
            "a.toml:6: `` is not the name of an IdP role: it is empty | names are compared exactly; \
             `/groups/sales/*` stands for all roles directly below `/groups/sales/`",
        ]
    );
    assert_eq!(
        role_problems("idp_roles = []"),
        ["warning: a.toml:4: nobody can hold role `r`: it names no IdP role | name some; without \
          `idp_roles` it is the role's own name"]
    );
}

#[test]
fn subjects_that_are_none() {
    const HELP: &str = "write tokens with `.` between them; `*` is one token, `>` the rest, `{claim}` a \
                        value of the token";
    const QUEUE: &str = "; a queue group stands after a space, as in `orders.* workers`";
    for (subject, why) in [
        ("", "token 1 is empty"),
        ("a..b", "token 2 is empty"),
        ("a.>.b", "token 2 is `>`, which stands only at the end"),
        (
            "a.b*",
            "token 2 mixes a wildcard with other characters, which the server reads literally",
        ),
        ("a-{tenant}", "token 1: a placeholder is a whole token"),
        ("x.{tenant}-b", "token 2: a placeholder is a whole token"),
        ("x.{tenant}{tenant}", "token 2: a placeholder is a whole token"),
        ("x.{{tenant}}", "token 2: a placeholder is a whole token"),
        ("x.{tenant", "token 2: a placeholder is a whole token"),
        ("x.tenant}", "token 2: a placeholder is a whole token"),
        ("x.{a.b}", "token 2: a placeholder is a whole token"),
        ("{tenant}..x", "token 2 is empty"),
        ("x.{tennant}", "`{tennant}` is no known placeholder; did you mean `{tenant}`?"),
        ("x.{sub}", "`{sub}` is no known placeholder; name its claim under `[claims]`"),
        ("x.{subjct}", "`{subjct}` is no known placeholder; did you mean `{subject}`?"),
        ("x.{}", "`{}` is no known placeholder; name its claim under `[claims]`"),
    ] {
        for list in ["deny_publish", "deny_subscribe", "subscribe"] {
            let queue = if list == "deny_publish" { "" } else { QUEUE };
            assert_eq!(
                role_problems(&format!("{list} = [\"b\",\n\"{subject}\"]")),
                [format!("a.toml:7: `{subject}` is not a subject: {why} | {HELP}{queue}")],
            );
        }
    }
}

#[test]
fn responses_in_all_forms() {
    let of = |max, milliseconds| Ok(Some((max, Duration::from_millis(milliseconds))));
    assert_eq!(responses_of("true"), of(1, 120_000), "as the server takes it");
    assert_eq!(responses_of("false"), Ok(None));
    assert_eq!(responses_of("{}"), of(1, 120_000));
    assert_eq!(responses_of("{ max = 7 }"), of(7, 120_000));
    assert_eq!(responses_of("{ expires = \"1ms\" }"), of(1, 1));
    assert_eq!(responses_of("{ max = 4294967295, expires = \"24h\" }"), of(u32::MAX, 86_400_000));
    for max in ["0", "-1", "4294967296", "1.5", "true"] {
        let found = responses_of(&format!("{{ max = {max} }}")).unwrap_err();
        assert_eq!(found, ["`max` is not a whole number from 1 to 4294967295"], "{max}");
    }
    for (expires, says) in [
        ("0s", "`expires` is not between 1ms and 24h"),
        ("25h", "`expires` is not between 1ms and 24h"),
        ("-1s", "`-1s` is not a span of time"),
        ("2", "`2` is not a span of time"),
        ("", "`` is not a span of time"),
    ] {
        let found = responses_of(&format!("{{ expires = \"{expires}\" }}")).unwrap_err();
        assert_eq!(found, [says], "{expires}");
    }
    for (value, kind) in [("1", "a whole number"), ("\"yes\"", "a string"), ("[true]", "a list")] {
        let found = responses_of(value).unwrap_err();
        assert_eq!(found, [format!("`allow_responses` is {kind}, neither `true` nor a table")]);
    }
}

#[test]
fn sessions() {
    for good in ["1s", "1h 30m", "7d", "366d", "90 seconds"] {
        assert_eq!(role_problems(&format!("session = \"{good}\"")), [""; 0], "{good}");
    }
    for outside in ["0s", "999ms", "367d", "1000000h"] {
        assert_eq!(
            role_problems(&format!("session = \"{outside}\"")),
            [
                "a.toml:6: `session` is not between 1s and 366d | write a span of time in that range, \
              such as `366d`"
            ],
            "{outside}"
        );
    }
    for odd in ["", "1", "-1h", "1 month", "1y", "forever", "1h30"] {
        assert_eq!(
            role_problems(&format!("session = \"{odd}\"")),
            [format!(
                "a.toml:6: `{odd}` is not a span of time | write it as `90s`, `1h 30m` or `7d`"
            )],
        );
    }
}

#[test]
fn a_map_that_allows_nothing_is_legal_and_said() {
    for role in ["", "deny_publish = [\"a\"]", "allow_responses = false"] {
        assert_eq!(
            problems(&format!("account = \"APP\"\n[roles.r]\n{role}\n")),
            ["warning: a.toml:2: role `r` allows nothing | its holders can connect, and neither \
              publish nor subscribe; name subjects under `publish` or `subscribe`"]
        );
    }
    assert_eq!(
        problems("account = \"APP\"\n"),
        ["warning: a.toml:1: the subject map has no role | add `[roles.NAME]` with `publish` and \
          `subscribe`"]
    );
}

const ROLE: &str = "account = \"APP\"\n[roles.clerk]\npublish = [\"a\"]\n";

#[test]
fn a_role_twice_names_both_places() {
    let found = maps(&[("a.toml", ROLE), ("b.toml", ROLE)]).problems();
    assert_eq!(
        found,
        ["b.toml:2: role `clerk` is defined twice (a.toml:2: first defined here) | put the two \
          together, or give one of them another name"]
    );
}
