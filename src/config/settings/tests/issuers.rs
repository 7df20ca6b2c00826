use super::*;

fn with(url: &str, allow: bool) -> Vec<String> {
    let written = written().change("https://idp.example.com", url);
    let line = format!("allow_http_loopback = {allow}");
    written.add("issuers.corp", &line).messages()
}

#[test]
fn plain_http_is_for_loopback_and_by_name_only() {
    for url in ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:1/x", "http://127.9.9.9"]
    {
        assert_eq!(with(url, true), [""; 0], "{url}");
        assert_eq!(with(url, false), ["`issuer` is plain http"], "{url}");
    }
    for url in [
        "http://idp.example.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://[::2]",
        "ftp://127.0.0.1",
        "file:///x",
    ] {
        for allow in [true, false] {
            assert_eq!(with(url, allow), ["`issuer` is not an https URL"], "{url}");
        }
    }
    for url in
        ["https://u:PASSWORD@idp.example.com", "http://PASSWORD@127.0.0.1", "https://:PASSWORD@h"]
    {
        assert_eq!(with(url, true), ["`issuer` has credentials in it"], "{url}");
        let (_, problems) = written().change("https://idp.example.com", url).read();
        for problem in problems.iter() {
            assert!(!problem.render(false).contains("PASSWORD"), "{url}");
        }
    }
    for text in ["", "idp.example.com", "//idp.example.com", "https://"] {
        assert_eq!(with(text, true), ["`issuer` is not a URL"], "{text:?}");
    }
}

#[test]
fn an_address_of_keys_is_held_to_the_same() {
    let jwks =
        |uri: &str| written().add("issuers.corp", &format!("jwks_uri = \"{uri}\"")).messages();
    assert_eq!(jwks("https://keys.example.com"), [""; 0]);
    assert_eq!(jwks("http://127.0.0.1/jwks"), ["`jwks_uri` is plain http"]);
    assert_eq!(jwks("http://keys.example.com"), ["`jwks_uri` is not an https URL"]);
    // With it, `issuer` is a text to compare and nothing to fetch.
    let text = written()
        .change("https://idp.example.com", "kubernetes/serviceaccount")
        .add("issuers.corp", "jwks_uri = \"https://keys.example.com\"");
    assert_eq!(text.settings().issuers[0].issuer, "kubernetes/serviceaccount");
}

#[test]
fn keys_come_from_one_place() {
    let file = written().add("issuers.corp", "jwks_file = \"keys/jwks.json\"");
    let issuer = &file.settings().issuers[0];
    // What the file holds is judged elsewhere.
    assert_eq!(
        issuer.jwks_file.as_ref().unwrap().display().to_string(),
        file.path("keys/jwks.json")
    );
    // With it, `issuer` is a text to compare and nothing to fetch.
    let text = file.change("https://idp.example.com", "kubernetes/serviceaccount");
    text.settings();
    assert_eq!(text.change("kubernetes/serviceaccount", "").messages(), ["`issuer` is empty"]);
    let both = written()
        .add("issuers.corp", "jwks_file = \"jwks.json\"\njwks_uri = \"https://keys.example.com\"");
    assert_eq!(
        both.problems(),
        ["27: both `jwks_uri` and `jwks_file` say where the keys are | keep one of them"]
    );
    let odd = written().add("issuers.corp", "jwks_file = 1");
    assert_eq!(odd.messages(), ["`jwks_file` is a whole number, not a string"]);
}

#[test]
fn keys_are_believed_for_longer_than_until_the_next_fetch() {
    let of = |lines: &str| written().add("issuers.corp", lines);
    let issuer = &written().settings().issuers[0];
    assert_eq!(issuer.max_key_age, Duration::from_secs(24 * 3600));
    let good = of("max_key_age = \"11m\"").settings();
    assert_eq!(good.issuers[0].max_key_age, Duration::from_secs(660));
    let shorter = "`max_key_age` is not longer than `refresh`";
    // Whichever of the two was written.
    for (lines, line) in [
        ("max_key_age = \"10m\"", 27),
        ("max_key_age = \"1m\"", 27),
        ("refresh = \"24h\"", 27),
        ("refresh = \"2h\"\nmax_key_age = \"1h\"", 28),
    ] {
        let found = of(lines).problems();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("{line}: {shorter} | ")), "{found:?}");
    }
    of("refresh = \"24h\"\nmax_key_age = \"30d\"").settings();
    for out in ["14s", "31d"] {
        let found = of(&format!("max_key_age = \"{out}\"")).messages();
        assert_eq!(found, ["`max_key_age` is not between 15s and 30d"]);
    }
    // A value that cannot be read is one problem, not two.
    assert_eq!(of("max_key_age = \"soon\"\nrefresh = \"24h\"").messages().len(), 1);
}

#[test]
fn algorithms() {
    let of = |list: &str| written().add("issuers.corp", &format!("algorithms = {list}")).problems();
    for symmetric in ["HS256", "HS384", "HS512"] {
        assert_eq!(
            of(&format!("[\"{symmetric}\"]")),
            [format!(
                "27: `{symmetric}` is symmetric: who verifies with it can also sign | write names \
                     such as `RS256`, `PS256`, `ES256`, `EdDSA`"
            )]
        );
    }
    for unknown in ["none", "", "rs256", "ES512", "RSA-OAEP"] {
        let found = of(&format!("[\"RS256\", \"{unknown}\"]"));
        assert!(found[0].starts_with(&format!("27: `{unknown}` is no known signature algorithm")));
    }
    // Nothing is not everything.
    assert_eq!(
        of("[]"),
        ["27: `algorithms` is empty: no token could be accepted | leave it out for every \
              asymmetric algorithm, or name some"]
    );
    assert_eq!(
        of("\"RS256\"")[0],
        "27: `algorithms` is a string, not a list of strings | write it as `algorithms = [\"…\"]`"
    );
}

#[test]
fn audiences_are_texts_that_say_something() {
    let of = |list: &str| written().change("[\"nats\"]", list).messages();
    let empty = "`audiences` is empty: a token meant for anybody would be accepted";
    assert_eq!(of("[]"), [empty]);
    assert_eq!(of("[1]"), ["`audiences` is a whole number, not a string"]);
    assert_eq!(of("\"nats\""), ["`audiences` is a string, not a list of strings"]);
    assert_eq!(of("[\"\"]"), ["an audience is not empty"]);
    assert_eq!(of("[\"nats\", \" \"]"), ["an audience is not empty"]);
    assert_eq!(of("[\"na\\nts\"]"), ["an audience has no control characters"]);
    for (value, says) in [("", empty), (" ", empty), ("nats,,x", "an audience is not empty")] {
        let variable = written().environment("HALLPASS__ISSUERS__CORP__AUDIENCES", value);
        assert_eq!(variable.messages(), [says], "{value:?}");
        let flag = written().flag("issuers.corp.audiences", value);
        assert_eq!(flag.messages(), [says], "{value:?}");
    }
}

#[test]
fn two_names_for_one_issuer() {
    let mut twice = written();
    twice.text += "\n[issuers.twin]\nissuer = \"https://idp.example.com\"\naudiences = [\"a\"]\nroles_claim = \"r\"\n";
    assert_eq!(twice.messages(), ["`twin` has the same `issuer` as `corp`"]);
    let named = written().change("[issuers.corp]", "[issuers.\"a:b\"]");
    assert_eq!(
        named.messages(),
        ["`a:b`: an issuer name is made of lower-case letters, digits and `-`"]
    );
}
