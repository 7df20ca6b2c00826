use clap::Parser;
use serde_json::json;

use super::*;

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
            "decision": "d", "outcome": "granted",
            "identity": { "issuer": "corp", "subject": "alice", "user_name": "corp:alice" },
            "roles": ["clerk", "reader"], "grant": { "account": "APP" },
            "client": { "server_name": "n1", "server_id": "NX", "client_id": 7,
                "host": "10.1.2.3", "name": "app" },
            "hallpass": { "instance": "i" },
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
        ("--decision", "d", "e"),
        ("--instance", "i", "j"),
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
