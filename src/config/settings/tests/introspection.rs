use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::*;
use crate::config::{ClientAuth, IntrospectedTokens, IntrospectionSettings};

const SECRET: &str = "s:ecret-of-hallpass & more";

/// The least that must be said.
const LEAST: &str = "endpoint = \"https://idp.example.com/introspect\"\nclient_id = \"hallpass\"\n\
                     client_secret = { file = \"keys/idp-secret\" }";

/// With `[issuers.corp.introspection]` of these lines, and the secret where `LEAST` says.
fn asking(lines: &str) -> Written {
    let mut written = written();
    written.text.push_str(&format!("\n[issuers.corp.introspection]\n{lines}\n"));
    let file = written.path("keys/idp-secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    written
}

/// With the least and these further lines.
fn also(lines: &str) -> Written {
    asking(&format!("{LEAST}\n{lines}"))
}

fn of(written: &Written) -> IntrospectionSettings {
    written.settings().issuers[0].introspection.clone().unwrap()
}

fn secret_of(written: &Written) -> String {
    of(written).client_secret.unwrap().expose_secret().to_owned()
}

/// All text that people or logs could see of the problems.
fn shown(written: &Written) -> String {
    let (_, problems) = written.read();
    let rendered: Vec<_> = problems.iter().map(|problem| problem.render(false)).collect();
    format!("{problems}\n{problems:?}\n{}", rendered.join("\n"))
}

#[test]
fn little_is_enough_and_everything_can_be_said() {
    assert!(written().settings().issuers[0].introspection.is_none());
    let written = asking(LEAST);
    let least = of(&written);
    assert_eq!(least.endpoint.as_str(), "https://idp.example.com/introspect");
    assert_eq!(least.client_id, "hallpass");
    assert_eq!(secret_of(&written), SECRET, "without the line's end");
    assert_eq!((least.client_auth, least.tokens), (ClientAuth::Basic, IntrospectedTokens::Opaque));
    assert_eq!((least.opaque_prefix, least.max_age), (None, Duration::from_secs(30)));
    let all = of(&also(
        "client_auth = \"client_secret_post\"\ntokens = \"opaque\"\nopaque_prefix = \"ory_at_\"\n\
         max_age = \"1m\"",
    ));
    assert_eq!((all.client_auth, all.tokens), (ClientAuth::Post, IntrospectedTokens::Opaque));
    assert_eq!(all.opaque_prefix.as_deref(), Some("ory_at_"));
    assert_eq!(all.max_age, Duration::from_secs(60));
    let jwt = of(&also("client_auth = \"client_secret_basic\"\ntokens = \"jwt\""));
    assert_eq!((jwt.client_auth, jwt.tokens), (ClientAuth::Basic, IntrospectedTokens::All));
}

#[test]
fn what_must_be_said() {
    assert_eq!(
        asking("").messages(),
        [
            "`introspection` lacks `endpoint`",
            "`introspection` lacks `client_id`",
            "`introspection` lacks `client_secret`",
        ]
    );
    let found = also("max_aeg = \"1s\"").problems();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("unknown key `max_aeg` in `introspection`"), "{found:?}");
    assert!(found[0].ends_with("did you mean `max_age`?"), "{found:?}");
}

#[test]
fn what_may_be_said() {
    for (line, message) in [
        ("client_auth = \"private_key_jwt\"", "is no way to send a client's secret"),
        ("client_auth = \"none\"", "is no way to send a client's secret"),
        ("client_auth = \"\"", "is no way to send a client's secret"),
        ("tokens = \"all\"", "is no kind of tokens"),
        ("tokens = \"JWT\"", "is no kind of tokens"),
        ("opaque_prefix = \"\"", "`opaque_prefix` tells nothing apart"),
        ("tokens = \"jwt\"\nopaque_prefix = \"ory_at_\"", "`opaque_prefix` tells nothing apart"),
        ("opaque_prefix = \"e\"", "`opaque_prefix` is what JWTs begin with"),
        ("opaque_prefix = \"eyJ\"", "`opaque_prefix` is what JWTs begin with"),
        ("opaque_prefix = \"eyJhbGciOi\"", "`opaque_prefix` is what JWTs begin with"),
    ] {
        let found = also(line).messages();
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        assert!(found[0].contains(message), "{line}: {found:?}");
    }
    for near in ["eyX", "ye", "E", "ory_at_"] {
        assert_eq!(also(&format!("opaque_prefix = \"{near}\"")).messages(), [""; 0], "{near}");
    }
}

#[test]
fn an_answer_is_good_for_five_minutes_at_most() {
    for (age, seconds) in [("0s", 0), ("1s", 1), ("5m", 300)] {
        let settings = of(&also(&format!("max_age = \"{age}\"")));
        assert_eq!(settings.max_age, Duration::from_secs(seconds));
    }
    for age in ["301s", "1h"] {
        let found = also(&format!("max_age = \"{age}\"")).messages();
        assert_eq!(found, ["`max_age` is not between 0s and 5m"]);
    }
    for age in ["", "-1s", "soon"] {
        let found = also(&format!("max_age = \"{age}\"")).messages();
        assert_eq!(found, [format!("`{age}` is not a span of time")]);
    }
}

/// Tokens and the secret go there.
#[test]
fn who_is_asked_is_reached_by_https_or_stays_on_this_machine() {
    let with = |url: &str, allow: bool| {
        let written = asking(LEAST).change("https://idp.example.com/introspect", url);
        written.add("issuers.corp", &format!("allow_http_loopback = {allow}"))
    };
    for url in ["http://127.0.0.1:9000/x", "http://localhost/x", "http://[::1]:1/x"] {
        assert_eq!(with(url, true).messages(), [""; 0], "{url}");
        assert_eq!(with(url, false).messages(), ["`endpoint` is plain http"], "{url}");
    }
    for url in ["http://idp.example.com/x", "http://localhost.example.com", "ftp://127.0.0.1"] {
        for allow in [true, false] {
            assert_eq!(with(url, allow).messages(), ["`endpoint` is not an https URL"], "{url}");
        }
    }
    for url in ["", "idp.example.com/x", "https://"] {
        assert_eq!(with(url, true).messages(), ["`endpoint` is not a URL"], "{url:?}");
    }
    let url = "https://hallpass:PASSWORD@idp.example.com/introspect";
    assert_eq!(with(url, true).messages(), ["`endpoint` has credentials in it"]);
    assert!(!shown(&with(url, true)).contains("PASSWORD"));
}

#[test]
fn the_secret_is_anywhere_but_in_the_file() {
    let from = |source: &str| asking(LEAST).change("{ file = \"keys/idp-secret\" }", source);
    let inline = from(&format!("\"{SECRET}\""));
    assert_eq!(inline.messages(), ["`client_secret` stands in the configuration itself"]);
    for source in [format!("\"{SECRET}\""), format!("\"\"\"\n{SECRET}\"\"\"")] {
        let written = from(&source);
        assert!(!written.messages().is_empty(), "{source}");
        assert!(!shown(&written).contains("s:ecret"), "{}", shown(&written));
    }
    // The environment of this process, in which cargo says where this is.
    let manifest = secret_of(&from("{ env = \"CARGO_MANIFEST_DIR\" }"));
    assert_eq!(manifest, std::env::var("CARGO_MANIFEST_DIR").unwrap());
    assert_eq!(
        secret_of(&from("{ command = [\"printf\", \" from a command\\n\"] }")),
        "from a command"
    );
    assert_eq!(
        from("{ env = \"HALLPASS_TEST_NOT_SET\" }").messages(),
        ["the environment variable `HALLPASS_TEST_NOT_SET` is not set"]
    );
    assert_eq!(from("{ command = [\"false\"] }").messages().len(), 1);
    assert_eq!(from("{ command = [\"true\"] }").messages(), ["the secret is empty"]);
    let missing = from("{ file = \"keys/none\" }").messages();
    assert!(missing.len() == 1 && missing[0].contains("keys/none` cannot be read"), "{missing:?}");
}

#[test]
fn where_the_secret_is_can_be_overridden() {
    let name = "HALLPASS__ISSUERS__CORP__INTROSPECTION__CLIENT_SECRET__ENV";
    let overridden = asking(LEAST).environment(name, "CARGO_PKG_NAME");
    assert_eq!(secret_of(&overridden), "hallpass");
    let flag = overridden.flag("issuers.corp.introspection.client_secret.command", "echo,flag");
    assert_eq!(secret_of(&flag), "flag", "a flag wins over a variable, as everywhere");
    assert_eq!(
        asking(LEAST).environment(name, "HALLPASS_TEST_NOT_SET").messages(),
        ["the environment variable `HALLPASS_TEST_NOT_SET` is not set"]
    );
    // The secret itself is no better there than in the file.
    let bare = name.trim_end_matches("__ENV");
    let written = asking(LEAST).environment(bare, SECRET);
    assert_eq!(written.messages(), ["`client_secret` stands in the configuration itself"]);
    assert!(!shown(&written).contains("s:ecret"), "{}", shown(&written));
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_can_read_is_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;
    let written = asking(LEAST);
    let mode = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(written.path("keys/idp-secret"), mode).unwrap();
    let found = written.problems();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("warning: "), "{found:?}");
    assert!(found[0].contains("the secret file can be read by others"), "{found:?}");
}

/// A token is never tried against several issuers.
#[test]
fn no_token_could_be_of_two_issuers() {
    let two = |one: &str, other: &str| {
        let mut written = also(one);
        written.text.push_str(&format!(
            "\n[issuers.partner]\nissuer = \"https://partner.example\"\naudiences = [\"nats\"]\n\
             roles_claim = \"roles\"\n[issuers.partner.introspection]\n{LEAST}\n{other}\n"
        ));
        written.messages()
    };
    let prefix = |text: &str| format!("opaque_prefix = \"{text}\"");
    let message = "an opaque token could be of `partner` and of `corp`";
    for (one, other) in [
        (String::new(), String::new()),
        (String::new(), prefix("a_")),
        (prefix("a_"), String::new()),
        (prefix("a_"), prefix("a_")),
        (prefix("a_"), prefix("a_b_")),
        (prefix("a_b_"), prefix("a_")),
    ] {
        assert_eq!(two(&one, &other), [message], "{one} {other}");
    }
    for (one, other) in [
        (prefix("a_"), prefix("b_")),
        (prefix("a_b"), prefix("a_c")),
        (String::new(), "tokens = \"jwt\"".to_owned()),
        ("tokens = \"jwt\"".to_owned(), "tokens = \"jwt\"".to_owned()),
    ] {
        assert_eq!(two(&one, &other), [""; 0], "{one} {other}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let written = asking(LEAST);
    let (settings, layers) = (written.settings(), written.layers());
    let introspection = of(&written);
    let printed = format!("{settings:?}{settings:#?}{introspection:?}{layers:?}");
    assert!(secret_of(&written) == SECRET && !printed.contains("s:ecret"));
    assert!(printed.contains("client_secret: Some("), "it is there, and not shown");
}

/// A seed is known by its form; a client's secret has none.
#[test]
fn a_secret_under_a_slip_of_a_key_is_not_shown() {
    for line in [
        "client_secert = \"hunter2\"",
        "secret = \"hunter2\"",
        "password = \"hunter2\"",
        "client_secret = { value = \"hunter2\" }",
        "client_secret = { file = \"x\", env = \"hunter2\" }",
        "client_secret = [\"hunter2\"]",
        "client_secret = \"hunter2\"",
    ] {
        let mut written = written();
        written.text.push_str(&format!("\n[issuers.corp.introspection]\n{line}\n"));
        let (_, problems) = written.read();
        assert!(!problems.is_empty(), "{line}");
        for problem in problems.iter() {
            assert!(
                !problem.render(false).contains("hunter2"),
                "{line}: {}",
                problem.render(false)
            );
        }
    }
}
