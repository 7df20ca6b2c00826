//! What is legal and probably not meant.

use super::*;

/// The warnings about a role with these lines, without places and help.
#[track_caller]
fn warned(lines: &str) -> Vec<String> {
    let text = format!("account = \"APP\"\n[claims]\ntenant = \"tenant_id\"\n[roles.r]\n{lines}\n");
    messages(&problems(&text))
}

#[track_caller]
fn messages(told: &[String]) -> Vec<String> {
    let message = |line: &String| {
        let line = line.strip_prefix("warning: ").unwrap_or_else(|| panic!("an error: {line}"));
        let (_, message) = line.split_once(": ").unwrap();
        message.split(" | ").next().unwrap().to_owned()
    };
    told.iter().map(message).collect()
}

const REPLIES: &str = "role `r` reads everybody's replies";
const SYSTEM: &str = "role `r` reaches the server's own subjects";
const EVERYTHING: &str =
    "role `r` reaches everything in the account: JetStream's API and everybody's replies too";
const WHOLE_API: &str =
    "role `r` reaches the whole of JetStream's API: every stream and consumer of the account";
const EVERY_STREAM: &str = "role `r` reaches JetStream's API for every stream of the account: a \
                            wildcard stands where the stream's name does";

#[test]
fn everybody_s_replies_in_all_forms() {
    for subject in [
        "_INBOX.>",
        "_INBOX.*",
        "_INBOX.*.>",
        "_INBOX.*.*",
        "_INBOX.*.x",
        "_INBOX.*.{subject}",
        "_INBOX.> workers",
        "*.*",
        "*.*.*",
    ] {
        assert_eq!(warned(&format!("subscribe = [\"{subject}\"]")), [REPLIES], "{subject}");
    }
    for subject in [
        "_INBOX.{subject}.>",
        "_INBOX.{tenant}.*",
        "_INBOX.shared.>",
        "*.*.created",
        "*.orders.>",
        "*",
        "{subject}.>",
        "{tenant}.*",
    ] {
        assert_eq!(warned(&format!("subscribe = [\"{subject}\"]")), [""; 0], "{subject}");
    }
    assert_eq!(warned("publish = [\"_INBOX.>\", \"*.*\"]"), [""; 0], "nothing is read");
}

#[test]
fn everything_and_the_server_s_own() {
    for subject in [">", "*.>", "*.*.>"] {
        for list in ["publish", "subscribe"] {
            assert_eq!(warned(&format!("{list} = [\"{subject}\"]")), [EVERYTHING], "{subject}");
        }
    }
    for subject in ["$SYS.>", "$SYS.ACCOUNT.x", "$SYS.REQ.{tenant}"] {
        assert_eq!(warned(&format!("publish = [\"{subject}\"]")), [SYSTEM], "{subject}");
    }
}

#[test]
fn the_api_of_jetstream_by_a_wildcard() {
    for subject in [
        "$JS.>",
        "$JS.API.>",
        "$JS.API.*.>",
        "$JS.hub.>",
        "$JS.hub.API.>",
        "$JS.*.API.>",
        "$JS.*.>",
        "$JS.*.*.>",
        "$JS.{tenant}.API.>",
        "*.API.>",
        "*.hub.API.>",
    ] {
        assert_eq!(warned(&format!("publish = [\"{subject}\"]")), [WHOLE_API], "{subject}");
    }
    for subject in [
        "$JS.API.STREAM.>",
        "$JS.API.STREAM.DELETE.*",
        "$JS.API.STREAM.*.ORDERS",
        "$JS.API.CONSUMER.>",
        "$JS.API.CONSUMER.MSG.NEXT.*.billing",
        "$JS.API.CONSUMER.MSG.>",
        "$JS.API.CONSUMER.DURABLE.CREATE.*.x",
        "$JS.hub.API.STREAM.INFO.*",
        "$JS.*.STREAM.INFO.*",
        "$JS.*.API.STREAM.PURGE.>",
        "$JS.API.DIRECT.GET.>",
        "$JS.API.META.>",
    ] {
        assert_eq!(warned(&format!("publish = [\"{subject}\"]")), [EVERY_STREAM], "{subject}");
    }
    for subject in [
        "$JS.API.INFO",
        "$JS.API.STREAM.NAMES",
        "$JS.API.CONSUMER.MSG.NEXT.ORDERS.billing",
        "$JS.API.CONSUMER.MSG.NEXT.ORDERS.*",
        "$JS.API.DIRECT.GET.ORDERS.>",
        "$JS.API.CONSUMER.CREATE.ORDERS.>",
        "$JS.API.STREAM.INFO.{tenant}",
        "$JS.*.API.STREAM.INFO.ORDERS",
        "$JS.ACK.>",
        "$JS.FC.>",
        "$JS.EVENT.>",
        "$JS.ACK.*.*.>",
        "$JS.API",
    ] {
        assert_eq!(warned(&format!("publish = [\"{subject}\"]")), [""; 0], "{subject}");
    }
    // A grant says in its notes what it reaches.
    let grant = "inbox = \"_INBOX.{subject}\"\n[[roles.r.grant]]\nstream = \"S\"\n\
                 can = [\"read\", \"manage\"]";
    assert_eq!(warned(grant), [""; 0]);
}

#[test]
fn what_is_denied_is_not_reached() {
    let deny = |spaces: &str| warned(&format!("subscribe = [\">\"]\ndeny_subscribe = [{spaces}]"));
    assert_eq!(deny("\"$SYS.>\", \"$JS.>\", \"_INBOX.>\""), [""; 0]);
    assert_eq!(deny("\"$SYS.>\", \"$JS.>\""), [REPLIES]);
    assert_eq!(deny("\"$SYS.>\", \"_INBOX.*.>\""), [WHOLE_API]);
    assert_eq!(deny("\"$JS.API.>\", \"_INBOX.>\""), [SYSTEM]);
    assert_eq!(deny("\"$JS.API.STREAM.>\", \"_INBOX.x.>\""), [EVERYTHING]);
    assert_eq!(deny("\"$SYS.> q\", \"$JS.> q\", \"_INBOX.> q\""), [EVERYTHING], "one group only");
    let other = "publish = [\">\"]\ndeny_subscribe = [\"$SYS.>\", \"$JS.>\", \"_INBOX.>\"]";
    assert_eq!(warned(other), [EVERYTHING], "the other side");
    let domain =
        |deny: &str| warned(&format!("publish = [\"$JS.hub.>\"]\ndeny_publish = [\"{deny}\"]"));
    assert_eq!(domain("$JS.API.>"), [WHOLE_API], "that of the account itself");
    assert_eq!(domain("$JS.*.API.>"), [""; 0]);
    let inherited = "publish = [\">\"]\ninherits = [\"base\"]\n[roles.base]\nidp_roles = []\n\
                     deny_publish = [\"$SYS.>\", \"$JS.>\"]";
    assert_eq!(warned(inherited), [""; 0]);
}

#[test]
fn what_is_there_to_be_inherited_may_allow_nothing() {
    let base = |lines: &str| {
        warned(&format!(
            "publish = [\"a\"]\ninherits = [\"base\"]\n[roles.base]\nidp_roles = []\n{lines}"
        ))
    };
    for lines in ["deny_publish = [\"b\"]", "session = \"1h\"", "when = { certificate = true }"] {
        assert_eq!(base(lines), [""; 0], "{lines}");
    }
    let nobody = "nobody can hold role `r`: it names no IdP role";
    assert_eq!(warned("idp_roles = []\ndeny_publish = [\"b\"]"), [nobody]);
}

/// Where nothing is missing, nothing is said.
#[test]
fn whoever_reads_all_has_an_inbox() {
    let grant = "[[roles.r.grant]]\nkv = \"prefs\"\ncan = [\"read\"]";
    assert_eq!(warned(&format!("subscribe = [\">\"]\n{grant}")), [EVERYTHING]);
}

#[test]
fn people_of_one_name_and_several_issuers() {
    let told = |lines: &str| {
        let text = format!(
            "account = \"APP\"\nissuers = [\"corp\", \"k8s\"]\n[claims]\ntenant = \"t\"\n\
             [roles.r]\n{lines}\n"
        );
        messages(&maps(&[("a.toml", &text)]).issuers(&["corp", "k8s"]).problems())
    };
    let shared = |what: &str, does: &str| {
        format!(
            "role `r` believes several issuers, and {what} does not tell them apart: alice of one \
             issuer {does} of alice of the other"
        )
    };
    let (reads, has) = ("reads the replies", "has what is");
    assert_eq!(told("inbox = \"_INBOX.{subject}\""), [shared("its inbox", reads)]);
    assert_eq!(told("inbox = \"_INBOX.{tenant}.{subject}\""), [shared("its inbox", reads)]);
    assert_eq!(
        told("subscribe = [\"_INBOX.{subject}.>\"]"),
        [shared("`_INBOX.{subject}.>`", reads)]
    );
    for good in ["_INBOX.{name}", "_INBOX.{issuer}.{subject}", "_INBOX.{tenant}"] {
        assert_eq!(told(&format!("inbox = \"{good}\"")), [""; 0], "{good}");
    }
    let grant =
        |lines: &str| told(&format!("inbox = \"_INBOX.{{name}}\"\n[[roles.r.grant]]\n{lines}"));
    let all = "can = [\"read\", \"watch\", \"write\", \"delete\"]";
    let keys = |keys: &str| grant(&format!("kv = \"prefs\"\nkeys = \"{keys}\"\n{all}"));
    assert_eq!(keys("{subject}.>"), [shared("its grant of bucket `prefs`", has)]);
    assert_eq!(keys("{name}.>"), [""; 0]);
    assert_eq!(
        grant("stream = \"S\"\nconsumer = \"{subject}\"\ncan = [\"read\"]"),
        [shared("its grant of stream `S`", has)]
    );
    // One issuer has each `sub` once.
    assert_eq!(told("issuers = [\"corp\"]\ninbox = \"_INBOX.{subject}\""), [""; 0]);
    // What is inherited counts where the role is held, and once.
    let base = "[roles.base]\nidp_roles = []\ninbox = \"_INBOX.{subject}\"";
    let one = "inherits = [\"base\"]\nissuers = [\"corp\"]";
    assert_eq!(told(&format!("{one}\n{base}")), [""; 0]);
    let two = "inherits = [\"base\"]\n[roles.s]\ninherits = [\"base\"]";
    assert_eq!(told(&format!("{two}\n{base}")), [shared("its inbox", reads)]);
}

#[test]
fn roles_that_nobody_can_get() {
    let edge = "nobody can hold role `r`: no edge can attest a connection";
    let asks = "publish = [\"a\"]\nwhen = { edge = true }";
    assert_eq!(warned(asks), [edge]);
    let behind_one = maps(&[("a.toml", &format!("account = \"APP\"\n[roles.r]\n{asks}"))]);
    assert_eq!(behind_one.behind_an_edge().problems(), [""; 0]);
    let with = |ours: &str, theirs: &str| {
        warned(&format!(
            "publish = [\"a\"]\ninherits = [\"base\"]\nwhen = {{ {ours} }}\n[roles.base]\n\
             idp_roles = []\nwhen = {{ {theirs} }}"
        ))
    };
    let kinds = "nobody can hold role `r`: no connection type is among its own and those that it \
                 inherits";
    let types = |kinds: &str| format!("connection_types = [{kinds}]");
    assert_eq!(with(&types("\"MQTT\""), &types("\"STANDARD\"")), [kinds]);
    assert_eq!(with(&types("\"MQTT\""), &types("\"STANDARD\", \"MQTT\"")), [""; 0]);
    let nowhere = "nobody can hold role `r`: no address is in its own `sources` and in those that \
                   it inherits";
    let from = |networks: &str| format!("sources = [{networks}]");
    assert_eq!(with(&from("\"10.0.0.0/8\""), &from("\"192.0.2.7\", \"fd00::/8\"")), [nowhere]);
    assert_eq!(with(&from("\"10.1.0.0/16\", \"::1\""), &from("\"10.0.0.0/8\"")), [""; 0]);
    assert_eq!(with(&from("\"10.0.0.0/8\""), &from("\"10.1.2.3\"")), [""; 0]);
    assert_eq!(with(&from("\"10.0.0.0/8\""), &types("\"MQTT\"")), [""; 0]);
    // A claim may be a list, and have both values.
    let claim = |value: &str| format!("claims = {{ tenant = \"{value}\" }}");
    assert_eq!(with(&claim("a"), &claim("b")), [""; 0]);
}

#[test]
fn one_cause_is_said_once() {
    let grant = "inbox = \"_INBOX.{subject}\"\n[[roles.r.grant]]\nstream = \"S\"\ncan = [\"read\"]";
    let told = warned(&format!("deny_publish = [\"$JS.>\"]\n{grant}"));
    assert_eq!(
        told,
        [
            "the grant of stream `S` does not work as a whole: `$JS.API.STREAM.INFO.S`, which is part \
          of it, is denied (a.toml:5: denied here)"
        ]
    );
    let file = "account = \"APP\"\nissuers = [\"crop\"]\n[roles.a]\npublish = [\"a\"]\n\
                [roles.b]\npublish = [\"b\"]\n[roles.c]\nissuers = [\"crop\"]\npublish = [\"c\"]\n";
    let said = "issuer `crop` is not configured | did you mean `corp`?";
    assert_eq!(problems(file), [format!("a.toml:2: {said}"), format!("a.toml:8: {said}")]);
    let answers = problems(
        "account = \"APP\"\n[roles.r]\nsubscribe = [\"x.>\"]\nallow_responses = true\n\
         inbox = \"_INBOX.{subject}\"\n[[roles.r.grant]]\nstream = \"S\"\ncan = [\"publish\"]\n\
         subjects = [\"x.a\", \"x.b\", \"x.c\"]\n",
    );
    assert_eq!(answers.len(), 1, "{answers:?}");
}
