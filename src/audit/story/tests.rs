use serde_json::json;

use super::*;

fn a_grant() -> Value {
    json!({
        "id": "i-7", "time": "2026-11-01T12:00:00Z", "type": "hallpass.decision",
        "data": {
            "decision": "d", "outcome": "granted",
            "identity": { "issuer": "corp", "subject": "alice", "user_name": "corp:alice" },
            "credential": { "carrier": "auth_token" },
            "token": { "issuer": "corp", "subject": "alice", "id": "t", "algorithm": "RS256",
                "key_id": "k", "issued_at": "2026-11-01T11:59:00Z",
                "expires_at": "2026-11-01T13:00:00Z" },
            "given": [{ "role": "clerk", "at": "orders.toml:5", "by": ["orders:write"] }],
            "unmet": [{ "role": "night", "at": "orders.toml:9", "why": "it is day" }],
            "roles": ["clerk"], "rules": [{ "role": "clerk", "at": "orders.toml:10" },
                { "role": "clerk", "at": "orders.toml:7" }],
            "grant": { "account": "APP",
                "publish": { "allow": ["a", "b", "c"], "deny": ["a.x"] },
                "subscribe": null, "ends_at": "2026-11-01T13:00:00Z",
                "ends_by": { "by": "credential" } },
            "client": { "server_name": "n1", "client_id": 7, "host": "10.1.2.3", "name": "app",
                "connection_type": "nats" },
            "decided_at": "2026-11-01T12:00:00Z", "latency": { "total": 900 },
            "hallpass": { "version": "0.1.0", "instance": "i", "maps": "sha256:0" },
        },
    })
}

#[test]
fn a_grant_is_told_from_the_proof_to_the_end() {
    let started = json!({ "type": "hallpass.session", "time": "2026-11-01T12:00:01Z",
        "data": { "outcome": "started", "started_at": "2026-11-01T12:00:00Z" } });
    let ended = json!({ "type": "hallpass.session", "time": "2026-11-01T12:30:00Z",
        "data": { "outcome": "ended", "reason": "Client Closed", "sent": { "msgs": 3 },
            "received": { "msgs": 4 } } });
    let told = story(&[&a_grant()], &[&started, &ended]);
    let expected = [
        "`corp:alice` was let into account `APP` at 2026-11-01 12:00:00 UTC.",
        "The login came from 10.1.2.3 (nats) to server `n1` as connection 7; the client calls itself `app`.",
        "The proof was a token of issuer `corp`, shown as `auth_token`, with the id `t`, issued at 2026-11-01 11:59:00 UTC, valid until 2026-11-01 13:00:00 UTC, signed (RS256) with key `k`.",
        "The issuer's `orders:write` gives role `clerk` (orders.toml:5).",
        "Role `night` is not held, because of orders.toml:9: it is day.",
        "Held: the role `clerk`.",
        "The rules that decided: orders.toml:7,10 of `clerk`.",
        "It may publish to `a`, `b` and `c`, but not `a.x`.",
        "It may subscribe to nothing.",
        "The session ends at 2026-11-01 13:00:00 UTC at the latest, when its proof ends.",
        "hallpass 0.1.0 (instance i) decided this by the subject maps sha256:0, in 900 µs.",
        "In the trail it is event i-7.",
        "The server let the connection in at 2026-11-01 12:00:00 UTC.",
        "It ended at 2026-11-01 12:30:00 UTC (`Client Closed`); the client had sent 3 messages and received 4 messages.",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_refusal_says_what_its_code_means_and_where_to_look() {
    for code in crate::code::Code::ALL {
        let event = json!({ "time": "2026-11-01T12:00:00Z", "data": {
            "outcome": "refused", "code": code.as_str(), "detail": "role `x` asks for it",
            "client": { "host": "h" } } });
        let told = story(&[&event], &[]).join("\n");
        assert!(told.contains("not identified was refused at 2026-11-01 12:00:00 UTC."), "{told}");
        assert!(told.contains(code.meaning()) && told.contains("\nLook at "), "{told}");
        assert!(told.contains("More exactly: role `x` asks for it."), "{told}");
        assert!(!told.contains("It may "), "{told}");
    }
}

#[test]
fn what_was_taken_back_is_told_so() {
    let correction = json!({ "time": "2026-11-01T12:00:02Z", "data": {
        "outcome": "undecided", "code": "audit_unavailable", "correction": true } });
    let told = story(&[&a_grant(), &correction], &[]).join("\n");
    assert!(told.contains("was let into account `APP` at"), "{told}");
    assert!(told.contains("At 2026-11-01 12:00:02 UTC that was taken back"), "{told}");
    assert!(told.contains("did JetStream take events then?"), "{told}");
}

#[test]
fn nothing_that_a_terminal_obeys_is_told() {
    let text = a_grant().to_string().replace("corp:alice", "\\u001b[2J\\u202e");
    let event: Value = serde_json::from_str(&text).unwrap();
    let told = story(&[&event], &[]).join("");
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
}

#[test]
fn who_acts_for_whom_and_what_was_wished_for_is_told() {
    let mut event = a_grant();
    event["data"]["identity"]["client_id"] = "portal".into();
    event["data"]["identity"]["actors"] =
        json!([{ "issuer": "https://idp", "subject": "bot" }, { "subject": "desk" }, {}]);
    event["data"]["wish"] = json!({ "account": "APP", "roles": ["clerk", "reader"] });
    let told = story(&[&event], &[]);
    let has = |sentence: &str| told.iter().any(|it| it.contains(sentence));
    assert!(has("shown as `auth_token`, issued to the client `portal`, with the id"), "{told:?}");
    let actors = "In the name of the subject acts `bot` of `https://idp`, and before that `desk` \
        and somebody who is not named.";
    assert!(has(actors), "{told:?}");
    let wish = "The client asked for account `APP` and roles `clerk` and `reader` only.";
    assert!(has(wish), "{told:?}");
}

#[test]
fn what_an_edge_said_is_told_and_whether_it_counted() {
    let mut event = a_grant();
    event["data"]["edge"] = json!({ "key": "edge-1", "request": "3b38", "source": "192.0.2.7",
        "tls": "TLSv1.3", "at": "2026-11-01T12:00:00Z" });
    let told = |event: &Value| story(&[event], &[]).join("\n");
    let said =
        "An edge calls it `3b38` (key `edge-1`) and saw it come from 192.0.2.7, over TLSv1.3";
    assert!(told(&event).contains(&format!("{said}.")), "{}", told(&event));
    event["data"]["stage"] = "edge".into();
    event["data"]["code"] = "edge_expired".into();
    assert!(told(&event).contains(&format!("{said}; that did not count.")), "{}", told(&event));
    event["data"]["edge"] = json!({ "key": "edge-1", "request": "3b38" });
    assert!(told(&event).contains("saw it come from a hidden address, without TLS"));
}
