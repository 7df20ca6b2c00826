use super::*;

#[test]
fn names_of_streams_and_consumers() {
    for name in ["ORDERS", "orders-2_x", "{tenant}", "Ünïcode"] {
        let grant = grant(&format!("stream = \"{name}\"\ncan = [\"manage\"]"));
        assert_eq!(grant.publish[0], format!("$JS.API.STREAM.CREATE.{name}"));
    }
    for name in
        ["", "a.b", "*", ">", "a b", "a/b", "KV_{tenant}", "{a}{b}", "{}", "a\\\\b", "a\\u0007"]
    {
        assert!(
            refused(&format!("stream = \"{name}\"\ncan = [\"read\"]"))[0]
                .contains("is not the name of a stream"),
            "{name}"
        );
        let lines = format!("stream = \"A\"\nconsumer = \"{name}\"\ncan = [\"read\"]");
        assert!(refused(&lines)[0].contains("is not the name of a consumer"), "{name}");
    }
}

#[test]
fn names_of_buckets_and_services() {
    let tenants = grant("kv = \"{tenant}\"\ncan = [\"write\", \"delete\"]");
    same(&tenants.publish, &["$JS.API.STREAM.INFO.KV_{tenant}", "$KV.{tenant}.>"]);
    for name in ["", "a.b", "a$", "ü", "x{tenant}", "*"] {
        for key in ["kv", "object_store"] {
            let told = refused(&format!("{key} = \"{name}\"\ncan = [\"read\"]"));
            assert!(told[0].starts_with(&format!("`{name}` is not the name of")), "{told:?}");
        }
        let told = refused(&format!("service = \"{name}\"\ncan = [\"discover\"]"));
        assert!(told[0].starts_with(&format!("`{name}` is not the name of")), "{told:?}");
    }
}

#[test]
fn subjects_are_the_applications_own() {
    for subject in ["$JS.API.>", "$KV.a", "_INBOX.>", ">", "*.orders", "$SRV.PING"] {
        let publish = format!("stream = \"A\"\ncan = [\"publish\"]\nsubjects = [\"{subject}\"]");
        let call = format!("service = \"a\"\ncan = [\"call\"]\nsubjects = [\"{subject}\"]");
        let deliver =
            format!("stream = \"A\"\nconsumer = \"b\"\ncan = [\"read\"]\ndeliver = \"{subject}\"");
        for lines in [publish, call] {
            assert!(refused(&lines)[0].contains("reaches beyond the application's own"), "{lines}");
        }
        refused(&deliver);
    }
    for subject in ["a..b", "a.{x}y", "a b", ""] {
        let lines = format!("stream = \"A\"\ncan = [\"publish\"]\nsubjects = [\"{subject}\"]");
        assert!(refused(&lines)[0].contains("is not a subject"), "{lines}");
    }
}

/// Naming none must not be the same as not naming any, which is all of them.
#[test]
fn no_subject_is_not_every_subject() {
    for can in ["watch", "get", "publish"] {
        let told = refused(&format!("stream = \"A\"\ncan = [\"{can}\"]\nsubjects = []"));
        assert_eq!(told, ["no subject is named"]);
    }
    let told = refused("service = \"a\"\ncan = [\"call\"]\nsubjects = []");
    assert_eq!(told, ["no subject is named"]);
}

#[test]
fn keys_that_are_none() {
    for (keys, says) in [
        ("\"a..b\"", "`a..b` is not a key: token 2 is empty"),
        ("\"a.x{t}\"", "`a.x{t}` is not a key: token 2: a placeholder is a whole token"),
        ("[\"a.>.b\"]", "`a.>.b` is not a key: token 2 is `>`, which stands only at the end"),
        ("[]", "no key is named"),
        ("1", "`keys` is a whole number, not a list of strings"),
    ] {
        assert_eq!(refused(&format!("kv = \"a\"\ncan = [\"read\"]\nkeys = {keys}"))[0], says);
    }
}

#[test]
fn prefixes_and_domains() {
    for domain in ["", "a.b", "*", "{tenant}"] {
        let told = refused(&format!("stream = \"A\"\ncan = [\"get\"]\ndomain = \"{domain}\""));
        assert_eq!(told, [format!("`{domain}` is not the name of a JetStream domain")]);
    }
    for prefix in ["", "JS.acme.", "JS.*", ">", "JS.{tenant}"] {
        let told = refused(&format!("stream = \"A\"\ncan = [\"get\"]\napi_prefix = \"{prefix}\""));
        assert_eq!(told, [format!("`{prefix}` is not the prefix of an API")]);
    }
    for prefix in ["$KV.hr", "$O.x", "$SYS", "$JS", "$JS.API", "$JS.hub.API.x", "_INBOX.x"] {
        let told = refused(&format!("kv = \"a\"\ncan = [\"read\"]\napi_prefix = \"{prefix}\""));
        assert_eq!(told, [format!("`{prefix}` begins what is the server's")]);
    }
    grant("kv = \"a\"\ncan = [\"read\"]\napi_prefix = \"$JS.hub.API\"");
}

#[test]
fn deliver_subjects() {
    for deliver in ["push.*", "push.>", "a b c", "$JS.x"] {
        let lines =
            format!("stream = \"A\"\nconsumer = \"b\"\ncan = [\"read\"]\ndeliver = \"{deliver}\"");
        assert_eq!(refused(&lines).len(), 1, "{lines}");
    }
}

/// A word that people look for gets the word that includes it, or the reason.
#[test]
fn wishes_that_have_another_word() {
    let help = |lines: &str| {
        let source = Source::new("a.toml", format!("[[grant]]\n{lines}\n"));
        let mut problems = Problems::default();
        let root = crate::document::parse(&source.into(), &mut problems);
        let Some(Kind::List(items)) = root.get("grant").map(|node| &node.kind) else { panic!() };
        assert!(read(&items[0], &mut problems).is_none(), "{lines}");
        let told: Vec<_> = problems.iter().map(|problem| problem.help.clone()).collect();
        assert_eq!(told.len(), 1, "{lines}: {problems}");
        told[0].clone()
    };
    let stream = "stream = \"A\"\nsubjects = [\"a\"]";
    let consumer = "stream = \"A\"\nconsumer = \"b\"";
    for (about, words, says) in [
        (stream, "durable ephemeral", "`read` is both"),
        (stream, "ordered", "part of `watch`"),
        (stream, "purge delete create", "part of `manage`"),
        (stream, "info", "`read` and `manage`"),
        (consumer, "get watch", "a grant without `consumer`"),
        (consumer, "ack next info", "`read` includes"),
        (consumer, "create delete", "part of `manage`"),
        ("kv = \"a\"", "put create purge", "`write` and `delete` together"),
        ("kv = \"a\"", "get", "part of `read`"),
        ("kv = \"a\"", "list history", "part of `watch`"),
        ("object_store = \"a\"", "put delete overwrite", "part of `write`, which takes `read`"),
        ("object_store = \"a\"", "get list", "part of `read`"),
        ("service = \"a\"", "request", "is `call`"),
        ("service = \"a\"", "reply", "is `serve`"),
        ("service = \"a\"", "ping", "`discover`"),
        ("service = \"a\"", "paint", "here one can `call`, `serve`, `discover`"),
        ("kv = \"a\"", "raed", "did you mean `read`?"),
    ] {
        for word in words.split(' ') {
            let told = help(&format!("{about}\ncan = [\"{word}\"]"));
            assert!(told.contains(says), "{about} {word}: {told}");
        }
    }
    let told = help("stream = \"A\"\ncan = [\"watch\"]\ndeliver = \"push\"");
    assert!(told.starts_with("add `consumer = "), "{told}");
}
