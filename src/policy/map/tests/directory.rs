//! What only the whole directory shows: issuers, several files, the look of problems.

use super::*;

fn issuers_of(line: &str, known: &[&'static str]) -> Vec<String> {
    let text = format!("{ROLE}{line}\n");
    maps(&[("a.toml", &text)]).issuers(known).problems()
}

#[test]
fn issuers_are_named_where_there_are_several() {
    assert_eq!(issuers_of("", &["corp"]), [""; 0]);
    assert_eq!(issuers_of("issuers = [\"corp\", \"k8s\"]", &["corp", "k8s"]), [""; 0]);
    assert_eq!(
        issuers_of("", &["corp", "k8s"]),
        ["a.toml:2: role `clerk` does not say which issuers it believes | with more than one \
          issuer, write `issuers = [\"corp\", \"k8s\"]` or some of them, in the role or at the \
          top of the file for all its roles"]
    );
    assert_eq!(
        issuers_of("issuers = [\"crop\"]", &["corp", "k8s"]),
        ["a.toml:4: issuer `crop` is not configured | did you mean `corp`?"]
    );
    assert_eq!(
        issuers_of("issuers = [\"github\"]", &["corp"]),
        ["a.toml:4: issuer `github` is not configured | issuers are configured as \
          `[issuers.NAME]` in hallpass.toml"]
    );
    assert_eq!(
        issuers_of("issuers = [\"CORP\"]", &["corp"]),
        [
            "a.toml:4: `CORP`: an issuer name is made of lower-case letters, digits and `-` | write it as \
          in `[issuers.NAME]` of hallpass.toml"
        ]
    );
}

#[test]
fn issuers_that_are_nobody_are_said() {
    assert_eq!(
        issuers_of("issuers = []", &["corp"]),
        [
            "warning: a.toml:4: nobody can hold role `clerk`: no issuer is believed | name some of the \
          issuers of hallpass.toml"
        ]
    );
}

fn several_bad_files() -> Maps {
    maps(&[
        ("a.toml", "account = \"APP\"\n[roles.clerk]\npublsh = [\"a\"]\npublish = [\"a.>.b\"]\n"),
        ("b.toml", "account = \"APP\n"),
        ("c.toml", "account = \"OTHER\"\n[roles.clerk]\npublish = [\"a\"]\nsession = \"0s\"\n"),
        (".hidden.toml", "account = \n"),
        ("notes.txt", "account = \n"),
    ])
}

#[test]
fn all_problems_of_all_files_at_once() {
    let found = several_bad_files().problems();
    let places: Vec<_> = found
        .iter()
        .map(|line| line.trim_start_matches("warning: ").split(": ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        ["a.toml:3", "a.toml:4", "b.toml:1", "c.toml:1", "c.toml:2", "c.toml:4"],
        "{found:#?}"
    );
}

/// As people see them: this text is what the README shows, so a change is a decision.
#[test]
fn the_look_of_problems() {
    let unknown = maps(&[("a.toml", &format!("{ROLE}subscrbe = [\"b\"]\n"))]);
    assert_eq!(
        unknown.rendered(),
        "\
error: unknown key `subscrbe` in role `clerk`
 --> a.toml:4:1
  |
4 | subscrbe = [\"b\"]
  | ^^^^^^^^
  |
  = help: did you mean `subscribe`?"
    );
    let twice = maps(&[("a.toml", ROLE), ("b.toml", ROLE)]);
    assert_eq!(
        twice.rendered(),
        "\
error: role `clerk` is defined twice
 --> b.toml:2:8
  |
2 | [roles.clerk]
  |        ^^^^^
  |
 ::: a.toml:2:8
  |
2 | [roles.clerk]
  |        ----- first defined here
  |
  = help: put the two together, or give one of them another name"
    );
    let subject = maps(&[("a.toml", "account = \"APP\"\n[roles.r]\npublish = [\"é.{x}\"]\n")]);
    assert_eq!(
        subject.rendered().lines().take(5).collect::<Vec<_>>().join("\n"),
        "\
error: `é.{x}` is not a subject: `{x}` is no known placeholder; name its claim under `[claims]`
 --> a.toml:3:12
  |
3 | publish = [\"é.{x}\"]
  |            ^^^^^^^"
    );
}

/// Each gives a clear error or is fine.
#[test]
fn files_that_are_odd() {
    for fine in [format!("\u{feff}{ROLE}"), ROLE.replace('\n', "\r\n")] {
        assert_eq!(problems(&fine), [""; 0], "{fine:?}");
    }
    for empty in ["", "\n\n", "\u{feff}", "# nothing yet\n"] {
        let map = maps(&[("a.toml", empty)]);
        assert_eq!(
            map.rendered(),
            "error: the subject map is empty\n--> a.toml:1\n = help: begin it with `account = \"…\"`, \
             then `[roles.NAME]`; or remove the file",
            "{empty:?}"
        );
    }
    let odd = maps(&[("a.toml", ROLE)]);
    std::fs::write(odd.path().join("b.toml"), b"account = \"\xff\"\n").unwrap();
    std::fs::create_dir(odd.path().join("c.toml")).unwrap();
    std::fs::create_dir(odd.path().join("d")).unwrap();
    assert_eq!(
        odd.problems(),
        [
            "b.toml:1: the file is not UTF-8 text | save it in UTF-8, without other encodings in it",
            "c.toml: the subject map cannot be read: it is no regular file | a subject map \
             is a file that hallpass may read; move away what is none",
        ]
    );
    let none = maps(&[]);
    assert!(none.problems()[0].starts_with("warning: "), "{:?}", none.problems());
    std::fs::remove_dir(none.path()).unwrap();
    let found = none.problems();
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("the directory of the subject maps cannot be read: No such file"));
}

/// Without settings a map is still held against all that is known, and never loaded.
#[test]
fn unknown_boundaries_load_nothing() {
    use crate::policy::{self, Boundaries};
    let map = maps(&[("a.toml", ROLE), ("b.toml", ROLE)]);
    let mut problems = Problems::default();
    let boundaries = Boundaries { accounts: None, issuers: None, bounds: None, edge: false };
    assert!(policy::load(map.path(), &boundaries, &mut problems).is_none());
    assert_eq!(problems.len(), 1, "the role that is there twice: {problems}");
    let map = maps(&[("a.toml", ROLE)]);
    let (app, corp) = ("APP".parse().unwrap(), "corp".parse().unwrap());
    let (accounts, issuers) = (Some([app].into()), Some([corp].into()));
    let bounds = Some(Vec::new());
    for boundaries in [
        Boundaries {
            accounts: None,
            issuers: issuers.clone(),
            bounds: bounds.clone(),
            edge: false,
        },
        Boundaries {
            accounts: accounts.clone(),
            issuers: None,
            bounds: bounds.clone(),
            edge: false,
        },
        Boundaries {
            accounts: accounts.clone(),
            issuers: issuers.clone(),
            bounds: None,
            edge: false,
        },
    ] {
        assert!(policy::load(map.path(), &boundaries, &mut Problems::default()).is_none());
    }
    let all = Boundaries { accounts, issuers, bounds, edge: false };
    assert!(policy::load(map.path(), &all, &mut Problems::default()).is_some());
}
