use super::*;

#[test]
fn durations_have_bounds() {
    for (section, key, low, high, outside) in [
        ("callout", "deadline", "100ms", "2s", ["99ms", "2001ms"]),
        ("audit", "max_age", "1h", "7300d", ["59m", "7301d"]),
        ("issuers.corp", "leeway", "0s", "5m", ["301s", "1h"]),
        ("issuers.corp", "refresh", "10s", "24h", ["9s", "25h"]),
    ] {
        let of = |value: &str| {
            // Or the longest `refresh` would be too long for it.
            let written = written().flag("issuers.corp.max_key_age", "30d");
            written.add(section, &format!("{key} = {value}")).messages()
        };
        for good in [low, high] {
            assert_eq!(of(&format!("\"{good}\"")), [""; 0], "{key} {good}");
        }
        for bad in outside {
            let found = of(&format!("\"{bad}\""));
            assert_eq!(found, [format!("`{key}` is not between {low} and {high}")]);
        }
        for odd in ["", "5", "-1s", "soon", "1 month"] {
            let says = format!("`{odd}` is not a span of time");
            assert_eq!(of(&format!("\"{odd}\"")), [says]);
        }
        assert_eq!(of("5"), [format!("`{key}` is a whole number, not a span of time")]);
    }
}

#[test]
fn numbers_have_bounds() {
    for (section, key, range) in
        [("callout", "max_in_flight", "1 to 100000"), ("audit", "replicas", "1 to 5")]
    {
        for bad in ["0", "-1", "100001", "1.5", "true", "\"x\"", "9223372036854775807"] {
            let found = written().add(section, &format!("{key} = {bad}")).messages();
            assert_eq!(found, [format!("`{key}` is not a whole number from {range}")], "{bad}");
        }
    }
}

#[test]
fn urls_of_servers() {
    const NOT: &str = "not the URL of a NATS server";
    let of = |url: &str| written().change("nats://localhost:4222", url);
    for good in ["nats://h", "tls://h:1", "nats://127.0.0.1:4222", "nats://[::1]:4222"] {
        assert_eq!(of(good).messages(), [""; 0], "{good}");
    }
    for bad in ["", "h:4222", "http://h", "nats:", "ws://h", "nats://"] {
        assert_eq!(of(bad).messages(), [NOT], "{bad:?}");
    }
    // Credentials do not belong here, and are not repeated.
    for bad in ["nats://u:PASSWORD@h", "nats://PASSWORD@h", "nats://:PASSWORD@h"] {
        let written = of(bad);
        let (_, problems) = written.read();
        let says = "the URL of a NATS server has credentials in it";
        assert_eq!(written.messages(), [says], "{bad}");
        assert!(written.problems()[0].starts_with("2: "), "where it stands is said");
        for problem in problems.iter() {
            assert!(!problem.render(false).contains("PASSWORD"), "{bad}");
        }
    }
    for bad in ["u:PASSWORD@h:4222", "nats:u:PASSWORD@h", "nats:/u:PASSWORD/@h"] {
        let written = of(bad);
        assert_eq!(written.messages(), [NOT], "{bad}");
        let (_, problems) = written.read();
        for problem in problems.iter() {
            assert!(!problem.render(false).contains("PASSWORD"), "{bad}");
        }
    }
    let none = "`urls` names no server";
    assert_eq!(written().change("[\"nats://localhost:4222\"]", "[]").messages(), [none]);
    assert_eq!(written().flag("nats.urls", "").messages(), [none]);
    assert_eq!(written().environment("HALLPASS__NATS__URLS", "").messages(), [none]);
}

#[test]
fn names_of_streams_and_servers() {
    for bad in ["", "a.b", "a b", "a*", "a>", "å"] {
        let written = written().change("\"HALLPASS_AUDIT\"", &format!("\"{bad}\""));
        assert_eq!(written.messages(), ["`stream` is not the name of a stream"], "{bad:?}");
    }
    let user = nkeys::KeyPair::new_user().public_key();
    for bad in ["N", "", &user] {
        let found = written().add("callout", &format!("servers = [\"{bad}\"]")).messages();
        assert_eq!(found, [format!("`{bad}`: a server id is a public nkey that begins with `N`")]);
    }
    let nobody = "`servers` is empty: nobody would be answered";
    assert_eq!(written().add("callout", "servers = []").messages(), [nobody]);
    assert_eq!(written().flag("callout.servers", "").messages(), [nobody]);
    for bad in ["", "a b", "a\\tb", "a*", ">", "a\\u0000"] {
        let found = written().add("callout", &format!("queue = \"{bad}\"")).messages();
        assert_eq!(found, ["`queue` is not the name of a queue group"], "{bad:?}");
    }
    assert_eq!(written().add("callout", "queue = \"a.b-c\"").settings().callout.queue, "a.b-c");
}
