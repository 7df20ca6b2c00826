use serde_json::{Value, json};

use super::*;
use crate::testkit::maps;

const MAPS: &str = r#"account = "APP"
[claims]
tenant = { claim = "tenant", default = "none" }
[roles.reader]
idp_roles = ["read"]
subscribe = ["orders.{tenant}.>"]
[roles.office]
idp_roles = ["office"]
publish = ["desk"]
when = { hours = { days = ["mon-fri"], from = "08:00", to = "18:00", zone = "UTC" } }
[roles.inside]
idp_roles = ["inside"]
publish = ["desk"]
when = { sources = ["192.0.2.0/24"] }
"#;

/// A login of alice's on a Wednesday at noon who was let in as `read`.
fn granted() -> Value {
    json!({
        "type": "hallpass.decision", "dataschema": "urn:hallpass:audit:1", "id": "an-event-1",
        "data": {
            "decision": "01a1fb94-ec80-765c-9cb5-10b98ff2e5c9", "outcome": "granted",
            "decided_at": "2026-11-18T12:00:00.5Z",
            "identity": {
                "issuer": "corp", "subject": "alice", "user_name": "corp:alice",
                "idp_roles": ["read"], "claims": { "tenant": "acme" },
            },
            "credential": { "carrier": "auth_token", "expires_at": "2026-11-18T13:00:00Z" },
            "connection": {
                "type": "STANDARD", "source": "192.0.2.7", "certificate": false, "attested": false,
            },
            "roles": ["reader"],
            "grant": {
                "account": "APP", "publish": null,
                "subscribe": { "allow": ["orders.acme.>"], "deny": [] },
                "ends_at": "2026-11-18T13:00:00Z",
            },
            "hallpass": { "version": "0.0.1", "maps": "others" },
        },
    })
}

/// The same with members of `data` put in (or, with `null`, taken out), by JSON pointer.
fn with(mut event: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = event["data"].pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Value::Null => parent.remove(name),
            value => parent.insert(name.to_owned(), value.clone()),
        };
    }
    event
}

fn refused(code: &str, idp_role: &str, at: &str) -> Value {
    let changes = [
        ("/outcome", json!("refused")),
        ("/code", json!(code)),
        ("/grant", Value::Null),
        ("/identity/idp_roles", json!([idp_role])),
        ("/decided_at", json!(at)),
    ];
    with(granted(), &changes)
}

/// What becomes of events under these maps.
fn replayed(map: &str, events: &[Value]) -> Report {
    let policy = maps(&[("a.toml", map)]).policy();
    let issuers = ["corp".parse().unwrap()].into();
    let mut tally = Tally::default();
    for event in events {
        tally.take(event, &Replay { policy: &policy, issuers: &issuers });
    }
    tally.finish()
}

fn only(report: &Report) -> (ChangeKind, &Group) {
    let [group] = report.groups.as_slice() else { panic!("{report:?}") };
    assert_eq!(report.changed.get(&group.change.kind), Some(&group.seen.count));
    (group.change.kind, group)
}

fn why(report: &Report) -> &str {
    let [(why, _)] = report.reasons.as_slice() else { panic!("{report:?}") };
    why
}

#[test]
fn the_same_is_not_listed() {
    let report = replayed(MAPS, &[granted(), granted()]);
    assert_eq!((report.decided, report.same, report.groups.len()), (2, 2, 0), "{report:?}");
}

#[test]
fn each_kind_of_change_is_told_from_the_others() {
    let kind = |map: String| only(&replayed(&map, &[granted()])).0;
    let with = |from: &str, to: &str| {
        assert!(MAPS.contains(from));
        MAPS.replacen(from, to, 1)
    };
    assert_eq!(kind(with("\"read\"", "\"other\"")), ChangeKind::Refused);
    assert_eq!(kind(with("{tenant}.>", "{tenant}.created")), ChangeKind::Narrowed);
    assert_eq!(kind(with("orders.{tenant}.>", "orders.>")), ChangeKind::Widened);
    assert_eq!(kind(with("orders.{tenant}.>", "news.>")), ChangeKind::Both);
    assert_eq!(
        kind(with("[roles.office]", "session = \"5m\"\n[roles.office]")),
        ChangeKind::Narrowed
    );
    let denied = "deny_subscribe = [\"orders.*.secret\"]\n[roles.office]";
    assert_eq!(kind(with("[roles.office]", denied)), ChangeKind::Narrowed);
    let report = replayed(MAPS, &[refused("no_role", "office", "2026-11-18T12:00:00Z")]);
    let (kind, group) = only(&report);
    assert_eq!((kind, group.change.lines[0].text.as_str()), (ChangeKind::Allowed, "desk"));
}

#[test]
fn another_account_is_one() {
    let map = MAPS.replacen("account = \"APP\"", "account = \"OTHER\"", 1);
    let policy = maps(&[("a.toml", map.as_str())]).targets(&["APP", "OTHER"]).policy();
    let issuers = ["corp".parse().unwrap()].into();
    let mut tally = Tally::default();
    tally.take(&granted(), &Replay { policy: &policy, issuers: &issuers });
    let report = tally.finish();
    let (kind, group) = only(&report);
    assert_eq!(kind, ChangeKind::Account);
    assert_eq!(group.change.now.account.as_ref().unwrap().as_str(), "OTHER");
}

/// Whatever time it is now.
#[test]
fn hours_are_those_of_then() {
    let noon = refused("no_role", "office", "2026-11-18T12:00:00Z");
    let night = refused("no_role", "office", "2026-11-18T23:00:00Z");
    let night = with(night, &[("/credential/expires_at", json!("2026-11-19T00:00:00Z"))]);
    let report = replayed(MAPS, &[noon, night]);
    assert_eq!(only(&report).1.seen.count, 1);
    assert_eq!((only(&report).0, report.same), (ChangeKind::Allowed, 1));
}

#[test]
fn logins_of_one_person_with_one_change_are_one_group() {
    let later = [
        ("/decided_at", json!("2026-11-18T12:30:00Z")),
        ("/decision", json!("01a1fb94-ec80-765c-9cb5-000000000002")),
    ];
    let bob = [("/identity/subject", json!("bob")), ("/identity/user_name", json!("corp:bob"))];
    let events = [with(granted(), &later), granted(), with(granted(), &bob)];
    let report = replayed(&MAPS.replacen("\"read\"", "\"other\"", 1), &events);
    let users: Vec<_> = report.groups.iter().map(|it| (it.user.as_str(), it.seen.count)).collect();
    assert_eq!(users, [("corp:alice", 2), ("corp:bob", 1)]);
    let seen = &report.groups[0].seen;
    assert_eq!(seen.decision.to_string(), "01a1fb94-ec80-765c-9cb5-000000000002", "the last");
    assert!(seen.first < seen.last);
}

#[test]
fn what_the_maps_read_and_the_event_does_not_say_is_not_guessed() {
    let without = with(granted(), &[("/identity/claims", Value::Null)]);
    let report = replayed(MAPS, std::slice::from_ref(&without));
    assert_eq!(why(&report), "the claim `tenant` is not in the event: no map read it then");
    let absent = with(without.clone(), &[("/identity/claims_absent", json!(["tenant"]))]);
    let report = replayed(MAPS, &[absent]);
    assert_eq!(only(&report).0, ChangeKind::Both, "the default is taken, as it would have been");
    let cut = with(without, &[("/identity/claims_cut", json!(["tenant"]))]);
    assert!(why(&replayed(MAPS, &[cut])).contains("too large"));
    let roles = with(granted(), &[("/identity/idp_roles_cut", json!(true))]);
    assert!(why(&replayed(MAPS, &[roles])).contains("not all of the issuer's roles"));
    let stranger = with(granted(), &[("/identity/issuer", json!("elsewhere"))]);
    assert_eq!(
        why(&replayed(MAPS, &[stranger])),
        "the issuer `elsewhere` is not in this configuration"
    );
    // Only roles that are given count: the reader's claim is none of the office's.
    let office = refused("no_role", "office", "2026-11-18T12:00:00Z");
    let office = with(office, &[("/identity/claims", Value::Null)]);
    assert_eq!(only(&replayed(MAPS, &[office])).0, ChangeKind::Allowed);
}

#[test]
fn an_address_that_is_left_out_is_asked_for_in_vain() {
    let inside = refused("no_role", "inside", "2026-11-18T12:00:00Z");
    assert_eq!(only(&replayed(MAPS, std::slice::from_ref(&inside))).0, ChangeKind::Allowed);
    let behind = with(inside, &[("/connection/source", Value::Null)]);
    assert_eq!(replayed(MAPS, std::slice::from_ref(&behind)).same, 1, "not known then either");
    let hidden = json!({ "omitted": ["address"], "pseudonymized": [] });
    let hidden = with(behind, &[("/privacy", hidden)]);
    assert_eq!(why(&replayed(MAPS, &[hidden])), "the client's address is hidden");
}

#[test]
fn the_same_maps_that_say_something_else_are_a_kind_of_their_own() {
    let policy = maps(&[("a.toml", MAPS)]).policy();
    let same = [("/hallpass/maps", json!(policy.digest()))];
    let event = with(refused("no_role", "read", "2026-11-18T12:00:00Z"), &same);
    let report = replayed(MAPS, &[event, with(granted(), &same)]);
    let (kind, group) = only(&report);
    assert_eq!((kind, report.same), (ChangeKind::Differs, 1));
    assert!(group.change.note.as_ref().unwrap().starts_with("hallpass 0.0.1 decided then"));
    let other_code = with(refused("condition_unmet", "none", "2026-11-18T12:00:00Z"), &same);
    assert_eq!(only(&replayed(MAPS, &[other_code])).0, ChangeKind::Differs);
    let elsewhere = refused("condition_unmet", "none", "2026-11-18T12:00:00Z");
    assert_eq!(replayed(MAPS, &[elsewhere]).same, 1, "refused is refused");
}

#[test]
fn what_is_not_as_events_are_is_an_error_of_that_event() {
    let events = [
        with(granted(), &[("/identity/idp_roles", json!([1]))]),
        with(granted(), &[("/identity/subject", Value::Null)]),
        with(granted(), &[("/decided_at", json!("yesterday"))]),
        with(granted(), &[("/connection", Value::Null)]),
        with(granted(), &[("/connection/source", json!("somewhere"))]),
        with(granted(), &[("/connection/certificate", json!("yes"))]),
        with(granted(), &[("/grant/subscribe", json!({ "allow": ["a..b"], "deny": [] }))]),
        with(granted(), &[("/grant/subscribe", json!({ "allow": ["a"] }))]),
        with(granted(), &[("/identity/claims", json!({ "a": "text", "a.b": 1 }))]),
        with(granted(), &[("/outcome", json!("perhaps"))]),
        with(granted(), &[("/grant", Value::Null)]),
        with(granted(), &[("/hallpass/maps", Value::Null)]),
        json!({ "type": "hallpass.decision", "dataschema": "urn:hallpass:audit:2" }),
        json!({ "type": "hallpass.decision", "dataschema": "urn:hallpass:audit:1" }),
    ];
    let report = replayed(MAPS, &events);
    assert_eq!((report.unreadable, report.decided), (14, 0), "{report:?}");
    assert_eq!(
        report.unread[0],
        ("an-event-1".into(), "`data.identity.idp_roles` is not a list of texts".into())
    );
    assert!(report.unread.iter().all(|(_, why)| !why.contains("yesterday")), "no value is told");
    let other = json!({ "type": "hallpass.session", "data": {} });
    assert_eq!(replayed(MAPS, &[other]).unreadable, 0);
}
