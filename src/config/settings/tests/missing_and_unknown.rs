use super::*;

#[test]
fn sections() {
    for section in ["nats", "callout", "audit", "accounts"] {
        let found = written().without(section).messages();
        assert_eq!(found, [format!("the configuration lacks `{section}`")]);
    }
    assert_eq!(
        written().without("issuers.corp").problems(),
        ["1: no issuer is configured: nobody could log in | add `[issuers.NAME]` with \
              `issuer`, `audiences` and `roles_claim`"]
    );
    let defaults = written().without("maps");
    assert!(defaults.settings().maps.ends_with("subject-maps"));
    let mut empty = written();
    empty.text = "[maps]\n".to_owned();
    assert_eq!(empty.messages().len(), 5, "all of it at once: {:?}", empty.messages());
    for nothing in ["", "\n", "\u{feff}", "# nothing\r\n"] {
        empty.text = nothing.to_owned();
        assert_eq!(empty.messages(), ["the configuration is empty"], "{nothing:?}");
    }
}

#[test]
fn keys() {
    for (line, says) in [
        ("urls", "`[nats]` lacks `urls`"),
        ("service_seed", "`[nats]` lacks `service_seed`"),
        ("account = \"AUTH\"", "`[callout]` lacks `account`"),
        ("issuer_seed", "`[callout]` lacks `issuer_seed`"),
        ("targets", "`[accounts]` lacks `targets`"),
        ("account = \"AUDIT\"", "`[audit]` lacks `account`"),
        ("writer_seed", "`[audit]` lacks `writer_seed`"),
        ("system", "`[accounts]` lacks `system`"),
        ("issuer = ", "`[issuers.corp]` lacks `issuer`"),
        ("audiences", "`[issuers.corp]` lacks `audiences`"),
        ("roles_claim", "`[issuers.corp]` lacks `roles_claim`"),
    ] {
        assert_eq!(written().cut(line).messages(), [says]);
    }
}

#[test]
fn unknown_keys() {
    for (section, key, says) in [
        ("nats", "url", "unknown key `url` in `[nats]`"),
        ("callout", "dead_line", "unknown key `dead_line` in `[callout]`"),
        ("accounts", "target", "unknown key `target` in `[accounts]`"),
        ("maps", "dir", "unknown key `dir` in `[maps]`"),
        ("audit", "streams", "unknown key `streams` in `[audit]`"),
        ("issuers.corp", "audience", "unknown key `audience` in `[issuers.corp]`"),
    ] {
        assert_eq!(written().add(section, &format!("{key} = 1")).messages(), [says]);
    }
    let mut written = written();
    written.text += "\n[issuer.corp]\n";
    let found = written.problems();
    assert_eq!(found.len(), 1);
    assert!(
        found[0].ends_with("unknown key `issuer` in the configuration | did you mean `issuers`?")
    );
}

#[test]
fn unknown_keys_of_flags_and_variables() {
    for (key, says) in [
        ("foo", "unknown key `foo` in the configuration"),
        ("foo.bar", "unknown key `foo` in the configuration"),
        ("foo.bar.baz", "unknown key `foo` in the configuration"),
        ("nats.url", "unknown key `url` in `[nats]`"),
        ("nats.x.y", "unknown key `x` in `[nats]`"),
    ] {
        let flag = written().flag(key, "1").problems();
        assert!(flag[0].starts_with(&format!("--set {key}: {says}")), "{flag:?}");
        let variable = format!("HALLPASS__{}", key.to_uppercase().replace('.', "__"));
        let found = written().environment(&variable, "1").problems();
        let begins = format!("environment variable {variable}: {says}");
        assert!(found[0].starts_with(&begins), "{found:?}");
    }
}

#[test]
fn names_that_can_be_no_setting() {
    for key in ["nats..urls", "", ".", "nats.", "nats.urls[0]", "nats urls", "é", "a.b\n"] {
        let written = written();
        let path = written.directory.path().join("hallpass.toml");
        std::fs::write(&path, &written.text).unwrap();
        let flag = [(key.to_owned(), "x".to_owned())];
        let problems = Layers::read(&path, [], &flag).unwrap_err().to_string();
        let place = crate::printable::text(key);
        assert_eq!(problems, format!("--set {place}: `{key}` names no setting"));
    }
    let written = written();
    let path = written.directory.path().join("hallpass.toml");
    std::fs::write(&path, &written.text).unwrap();
    let names = ["HALLPASS__", "HALLPASS__NATS____URLS", "hallpass__nats__"];
    let environment = names.map(|name| (name.to_owned(), "x".to_owned()));
    assert_eq!(Layers::read(&path, environment, &[]).unwrap_err().len(), 3);
}

#[test]
fn wrong_kinds() {
    for (from, to, says) in [
        (
            "urls = [\"nats://localhost:4222\"]",
            "urls = 1",
            "`urls` is a whole number, not a list of strings",
        ),
        ("account = \"AUTH\"", "account = []", "`account` is a list, not a string"),
        ("system = \"SYSTEM\"", "system = true", "`system` is true or false, not a string"),
        ("directory = \"maps\"", "directory = 1", "`directory` is a whole number, not a string"),
        ("stream = \"HALLPASS_AUDIT\"", "stream = {}", "`stream` is a table, not a string"),
        (
            "roles_claim = \"realm_access.roles\"",
            "roles_claim = 1",
            "a claim path is a string or a list of strings",
        ),
        (
            "roles_claim = \"realm_access.roles\"",
            "roles_claim = \".a\"",
            "a claim path is one or more keys, none of them empty",
        ),
    ] {
        assert_eq!(written().change(from, to).messages().first().unwrap(), says);
    }
    let mut tables = written();
    tables.text = "nats = 1\ncallout = \"x\"\naccounts = []\naudit = true\nissuers = 5\nmaps = 1\n"
        .to_owned();
    let found = tables.messages();
    for section in ["`[nats]`", "`[callout]`", "`[accounts]`", "`[audit]`", "`[maps]`"] {
        let found = found.iter().filter(|says| says.starts_with(&format!("{section} is "))).count();
        assert_eq!(found, 1, "{section}");
    }
    assert!(found.contains(&"`issuers` is a whole number, not a table".to_owned()));
}

#[test]
fn all_problems_at_once() {
    let found = written()
        .change("account = \"AUTH\"", "account = \"A B\"")
        .change("keys/service.nk", "keys/none.nk")
        .change("\"https://idp.example.com\"", "\"http://idp.example.com\"")
        .change("\"APP\", \"WEB\"", "\"APP\", \"$G\", \"AUDIT\"")
        .add("audit", "max_age = \"1s\"")
        .problems();
    let lines: Vec<_> = found.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["3", "6", "11", "11", "18", "28"], "{found:#?}");
}

/// Whoever asks the instances how they are need not hold what they sign with.
#[test]
fn the_service_user_needs_nothing_of_the_rest() {
    let written = written().change("keys/issuer.nk", "keys/none.nk").without("audit");
    assert_eq!(written.messages().len(), 2);
    let settings = NatsSettings::read(&written.layers()).unwrap();
    assert_eq!(settings.urls, ["nats://localhost:4222"]);
    let missing = written.change("keys/service.nk", "keys/none.nk");
    assert!(NatsSettings::read(&missing.layers()).is_err());
}
