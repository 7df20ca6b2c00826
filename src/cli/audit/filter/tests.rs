use clap::Parser;
use jiff::Timestamp;
use serde_json::json;

use super::{span::moment, *};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    filter: Filter,
}

fn filter(arguments: &[&str]) -> Filter {
    Arguments::parse_from([&["x"], arguments].concat()).filter
}

fn a_grant() -> Record {
    let event = json!({
        "id": "1", "time": "2026-11-01T12:00:00Z", "type": "hallpass.decision",
        "data": {
            "decision": "01a1fb94-ec80-765c-9cb5-10b98ff2e5c9", "outcome": "granted",
            "identity": { "issuer": "corp", "subject": "alice", "user_name": "corp:alice",
                "client_id": "portal" },
            "token": { "id": "t-1" },
            "credential": { "fingerprint": "hmac-sha256:48180037ec2d7327ede7d11d4ad9d679" },
            "roles": ["clerk", "reader"], "grant": { "account": "APP" },
            "client": { "server_name": "n1", "server_id": "NX", "client_id": 7,
                "host": "10.1.2.3", "name": "app" },
            "hallpass": { "instance": "01a1fda6-0bf5-76f8-961a-1356e3220249" },
        },
    });
    Record::read(event.to_string().as_bytes())
}

#[test]
fn what_is_asked_for_fits_and_nothing_else_does() {
    let cases = [
        ("--type", "decision", "maps"),
        ("--account", "APP", "OPS"),
        ("--outcome", "granted", "refused"),
        ("--subject", "alice", "bob"),
        ("--subject", "corp:alice", "other:alice"),
        ("--issuer", "corp", "other"),
        ("--role", "reader", "admin"),
        ("--server", "n1", "n2"),
        ("--server", "NX", "NY"),
        ("--client-id", "7", "8"),
        ("--address", "10.1.2.3", "10.1.2.4"),
        ("--address", "10.1.0.0/16", "10.2.0.0/16"),
        ("--client-name", "app", "ap"),
        ("--fingerprint", "48180037ec2d7327ede7d11d4ad9d679", "48180037ec2d7327ede7d11d4ad9d678"),
        ("--token-id", "t-1", "t-2"),
        ("--client", "portal", "port"),
        ("--decision", "01a1fb94-ec80-765c-9cb5-10b98ff2e5c9", "10b98ff2e5c8"),
        ("--decision", "10b98ff2e5c9", "56e3220249"),
        ("--instance", "01a1fda6-0bf5-76f8-961a-1356e3220249", "10b98ff2e5c9"),
        ("--instance", "56e3220249-5", "56e3220248-5"),
        ("--since", "2026-11-01T12:00Z", "2026-11-01T12:00:01Z"),
        ("--until", "2026-11-02", "2026-11-01T12:00Z"),
    ];
    assert!(filter(&[]).fits(&a_grant()) && filter(&[]).is_empty());
    for (option, right, wrong) in cases {
        let (fits, misses) = (filter(&[option, right]), filter(&[option, wrong]));
        assert!(fits.fits(&a_grant()), "{option} {right}");
        assert!(!misses.fits(&a_grant()), "{option} {wrong}");
        assert!(!misses.is_empty(), "{option}");
    }
    assert!(!filter(&["--code", "no_role"]).fits(&a_grant()));
    assert!(filter(&["--outcome", "refused,granted"]).fits(&a_grant()));
    assert!(!filter(&["--role", "reader", "--account", "OPS"]).fits(&a_grant()));
}

#[test]
fn a_session_is_found_by_its_user_name() {
    let event = json!({ "type": "hallpass.session",
        "data": { "outcome": "started", "account": "APP", "user_name": "corp:alice" } });
    let session = Record::read(event.to_string().as_bytes());
    let fits: [&[&str]; 4] = [
        &["--subject", "alice"],
        &["--issuer", "corp"],
        &["--account", "APP"],
        &["--type", "session"],
    ];
    for arguments in fits {
        assert!(filter(arguments).fits(&session), "{arguments:?}");
    }
}

#[test]
fn times_are_told_in_many_ways() {
    let at = |text: &str| moment(text).unwrap().to_string();
    assert_eq!(at("2026-11-01T00:00Z"), "2026-11-01T00:00:00Z");
    assert_eq!(at("2026-11-01"), "2026-11-01T00:00:00Z");
    assert_eq!(at("2026-11-01T12:30"), "2026-11-01T12:30:00Z");
    let week = moment("7d").unwrap().duration_until(Timestamp::now());
    assert!((week.as_hours() - 168).abs() < 1, "{week}");
    for wrong in ["", "yesterday", "7", "2026-13-01"] {
        assert!(moment(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn no_word_asks_the_server_for_other_subjects() {
    let selection = filter(&["--account", "A.>", "--type", "maps"]).selection();
    assert_eq!(selection.subjects(), ["hallpass.audit.maps.A__.*.*"]);
}

#[test]
fn who_was_refused_is_found_by_what_a_line_shows() {
    let event = json!({ "type": "hallpass.decision",
        "data": { "outcome": "refused", "token": { "issuer": "corp", "subject": "a-long-name" } } });
    let refused = Record::read(event.to_string().as_bytes());
    assert_eq!(refused.who(), "(corp:a-long-name)");
    for subject in ["(corp:a-long-name)", "corp:a-long-name", "a-long-name", "(corp:a-lo…"] {
        assert!(filter(&["--subject", subject]).fits(&refused), "{subject}");
    }
    for subject in ["corp:a-long", "(corp:a-long-name", "-", "(corp:b…", "other:a-long-name"] {
        assert!(!filter(&["--subject", subject]).fits(&refused), "{subject}");
    }
    let nobody = json!({ "type": "hallpass.decision", "data": { "outcome": "refused" } });
    let nobody = Record::read(nobody.to_string().as_bytes());
    assert!(!filter(&["--subject", "-"]).fits(&nobody), "nobody is no name");
}

fn session(outcome: &str, number: u64, user: Option<&str>, own: bool) -> Record {
    let mut event = json!({ "type": "hallpass.session", "data": {
        "outcome": outcome, "started_at": "2026-11-01T12:00:00Z",
        "client": { "server_id": "NX", "client_id": number, "name": "hallpass-audit-tail" },
        "hallpass": { "instance": "01a1fda6-0bf5-76f8-961a-1356e3220249" } } });
    if let Some(user) = user {
        event["data"]["user_name"] = user.into();
    }
    if own {
        event["data"]["own"] = true.into();
    }
    Record::read(event.to_string().as_bytes())
}

#[test]
fn only_what_the_server_verified_makes_a_connection_hallpass_s_own() {
    let filter = filter(&["--no-own"]);
    let mut sieve = filter.sieve("UREADER".to_owned());
    assert!(!filter.is_empty());
    let mut passes = |record| sieve.passes(&record);
    assert!(!passes(session("started", 1, Some("UREADER"), false)));
    assert!(!passes(session("started", 2, Some("UWRITER"), true)));
    // All of them call themselves what hallpass does.
    assert!(passes(session("started", 3, Some("idp:mallory"), false)));
    assert!(passes(session("ended", 3, None, false)));
    assert!(passes(session("ended", 4, None, false)), "whose start was not seen");
    assert!(!passes(session("ended", 1, None, false)));
    assert!(!passes(session("ended", 2, None, false)));
    assert!(passes(session("ended", 2, None, false)), "a connection ends once");
    assert!(passes(a_grant()));
}

#[test]
fn the_server_is_asked_for_all_that_is_needed_to_tell() {
    let of = |arguments: &[&str]| filter(arguments).selection();
    let whole = "01a1fda6-0bf5-76f8-961a-1356e3220249";
    assert_eq!(of(&["--instance", whole]).instances, [whole]);
    let none: [&str; 0] = [];
    assert_eq!(of(&["--instance", "1356e3220249"]).instances, none);
    assert_eq!(of(&["--instance", &format!("{whole},1356e3220249")]).instances, none);
    // Whose an end is, its start says.
    let selection = of(&["--no-own", "--outcome", "ended", "--instance", whole]);
    assert_eq!((selection.outcomes.len(), selection.instances.len()), (2, 0));
}
