use super::*;
use crate::connection::ConnectionType;

/// A policy in which `r` is held on this condition.
fn when(condition: &str) -> PolicySet {
    policy(&format!(
        "[claims]\ndepartment = \"department\"\nlevel = {{ claim = \"org.level\", default = \"low\" }}\n\
         [roles.r]\npublish = [\"a\"]\nwhen = {{ {condition} }}\n[roles.always]\npublish = [\"b\"]\n"
    ))
}

/// Whether `r` is held, or why not.
fn held(
    policy: &PolicySet,
    claims: &[(&str, Value)],
    connection: Connection,
) -> Result<(), String> {
    let facts = Facts { connection, ..facts() };
    let decision = decide(policy, &identity("corp", &["r"], claims), &facts);
    let both = decide(policy, &identity("corp", &["r", "always"], claims), &facts);
    match decision.outcome() {
        Outcome::Granted(grant) => {
            assert_eq!(shown(grant.publish()), "a | ");
            assert_eq!(shown(granted(&both).publish()), "a b | ");
            Ok(())
        }
        Outcome::Denied(Refusal { code: code @ (ConditionUnmet | EdgeMissing), detail }) => {
            let unmet = &decision.reasons().unmet;
            assert_eq!(*code, unmet[0].code);
            assert!(detail.as_ref().unwrap().ends_with(&unmet[0].why));
            assert_eq!(shown(granted(&both).publish()), "b | ", "the other role is held");
            assert_eq!(both.reasons().unmet.len(), 1);
            Err(unmet[0].why.clone())
        }
        Outcome::Denied(Refusal { code, .. }) => {
            assert_eq!(denied(&both).0, *code, "nobody knows which roles deny");
            Err(code.to_string())
        }
    }
}

#[test]
fn a_claim_is_one_of_some_values() {
    let policy = when("claims = { department = [\"sales\", 7, true] }");
    let held = |value: Value| held(&policy, &[("department", value)], Connection::default());
    for yes in [json!("sales"), json!(7), json!(true), json!(["x", "sales"]), json!([7])] {
        assert_eq!(held(yes.clone()), Ok(()), "{yes}");
    }
    let no = Err("the claim `department` has another value".to_owned());
    for other in [json!("Sales"), json!("7"), json!(8), json!(false), json!([]), json!("true")] {
        assert_eq!(held(other.clone()), no, "{other}");
    }
    for unreadable in [json!({}), json!(null), json!(7.5), json!([["sales"]]), json!(["sales", {}])]
    {
        assert_eq!(held(unreadable.clone()), Err("claim_unusable".to_owned()), "{unreadable}");
    }
}

#[test]
fn an_absent_claim_is_met_by_a_written_default_only() {
    let without = Connection::default;
    let absent = Err("the claim `department` is absent".to_owned());
    assert_eq!(held(&when("claims = { department = \"sales\" }"), &[], without()), absent);
    let level = when("claims = { level = \"low\" }");
    assert_eq!(held(&level, &[], without()), Ok(()));
    assert_eq!(held(&level, &[("org", json!({}))], without()), Ok(()));
    let high = [("org", json!({ "level": "high" }))];
    assert!(held(&level, &high, without()).unwrap_err().contains("another value"));
    let blocked = [("org", json!("x"))];
    assert_eq!(held(&level, &blocked, without()), Err("claim_unusable".to_owned()));
}

#[test]
fn how_the_client_is_connected() {
    let unknown = Connection::default();
    let with = |kind| Connection { kind: Some(kind), ..Connection::default() };
    let policy = when("connection_types = [\"WEBSOCKET\", \"mqtt\"]");
    assert_eq!(held(&policy, &[], with(ConnectionType::WebSocket)), Ok(()));
    assert_eq!(held(&policy, &[], with(ConnectionType::Mqtt)), Ok(()));
    assert!(held(&policy, &[], with(ConnectionType::Standard)).is_err());
    assert!(held(&policy, &[], unknown.clone()).is_err());

    let from = |address: &str| Connection { source: address.parse().ok(), ..Connection::default() };
    let policy = when("sources = [\"192.0.2.0/24\", \"2001:db8::/32\", \"198.51.100.7\"]");
    for yes in ["192.0.2.255", "2001:db8::7", "198.51.100.7"] {
        assert_eq!(held(&policy, &[], from(yes)), Ok(()), "{yes}");
    }
    assert!(held(&policy, &[], from("198.51.100.8")).unwrap_err().contains("none of the networks"));
    assert!(held(&policy, &[], unknown.clone()).unwrap_err().contains("is not known"));

    let policy = when("certificate = true");
    assert!(held(&policy, &[], unknown.clone()).is_err());
    assert_eq!(held(&policy, &[], Connection { certificate: true, ..unknown.clone() }), Ok(()));
    let policy = when("edge = true");
    assert!(held(&policy, &[], unknown.clone()).is_err());
    let decision = decide(&policy, &identity("corp", &["r"], &[]), &facts());
    assert_eq!(denied(&decision).0, EdgeMissing, "a code of its own");
    assert_eq!(held(&policy, &[], Connection { attested: true, ..unknown }), Ok(()));
}

/// Without an edge the client's address is not known either: what is missing is the edge.
#[test]
fn of_several_conditions_the_edge_is_named() {
    let policy = when("edge = true, sources = [\"192.0.2.0/24\"], certificate = true");
    let decision = decide(&policy, &identity("corp", &["r"], &[]), &facts());
    assert_eq!(denied(&decision).0, EdgeMissing);
    assert!(denied(&decision).1.contains("no edge attested the connection"));
    let unmet = &decision.reasons().unmet;
    assert_eq!(unmet.len(), 3, "all are told: {unmet:?}");
}

#[test]
fn hours_end_the_session_too() {
    // NOW is somewhere within a day; the window is around it.
    let clock = now().to_zoned(jiff::tz::TimeZone::UTC);
    let (hour, ends) = (clock.hour(), clock.hour() + 1);
    assert!(hour > 0 && ends < 24, "the test's clock stands at {clock}");
    let policy = when(&format!(
        "hours = {{ from = \"{hour:02}:00\", to = \"{ends:02}:00\", zone = \"UTC\" }}"
    ));
    let facts = Facts { expires_at: now() + jiff::SignedDuration::from_hours(5), ..facts() };
    let decision = decide(&policy, &identity("corp", &["r", "always"], &[]), &facts);
    let end = clock.with().hour(ends).minute(0).second(0).subsec_nanosecond(0).build().unwrap();
    assert_eq!(granted(&decision).ends_at(), end.timestamp());
    assert!(
        matches!(granted(&decision).ends_by(), EndedBy::Hours(at) if at.at.ends_with("a.toml:7"))
    );
    let earlier = format!("hours = {{ to = \"{hour:02}:00\", zone = \"UTC\" }}");
    assert!(held(&when(&earlier), &[], Connection::default()).unwrap_err().contains("hours"));
}

#[test]
fn conditions_are_inherited_and_all_of_them_are_asked_for() {
    let policy = policy(
        "[roles.base]\nidp_roles = []\nsubscribe = [\"s\"]\nwhen = { certificate = true }\n\
         [roles.r]\ninherits = [\"base\"]\npublish = [\"a\"]\nwhen = { connection_types = [\"MQTT\"] }\n",
    );
    for (certificate, mqtt, ok) in
        [(true, true, true), (true, false, false), (false, true, false), (false, false, false)]
    {
        let kind = mqtt.then_some(ConnectionType::Mqtt);
        let connection = Connection { certificate, kind, ..Connection::default() };
        let facts = Facts { connection, ..facts() };
        let decision = decide(&policy, &identity("corp", &["r"], &[]), &facts);
        assert_eq!(matches!(decision.outcome(), Outcome::Granted(_)), ok);
    }
}

#[test]
fn a_role_that_is_asked_for_and_whose_condition_is_unmet() {
    let policy = when("certificate = true");
    let wish = Wish::read("role=r").unwrap();
    let facts = Facts { wish, ..facts() };
    let decision = decide(&policy, &identity("corp", &["r", "always"], &[]), &facts);
    let (code, detail) = denied(&decision);
    assert_eq!(code, ConditionUnmet);
    assert!(detail.contains("role `r` at") && detail.contains("a.toml:7"), "{detail}");
}

/// A second connection could bring the role whose condition this one does not meet.
#[test]
fn who_could_answer_himself_from_another_connection_is_refused() {
    let policy = policy(
        "[roles.answers]\nsubscribe = [\"svc.a\"]\nallow_responses = true\n\
         when = { connection_types = [\"STANDARD\"] }\n\
         [roles.asks]\npublish = [\"svc.a\"]\nwhen = { connection_types = [\"WEBSOCKET\"] }\n",
    );
    let code = |roles: &[&str], kind| {
        let connection = Connection { kind: Some(kind), ..Connection::default() };
        let facts = Facts { connection, ..facts() };
        match decide(&policy, &identity("corp", roles, &[]), &facts).outcome() {
            Outcome::Granted(_) => None,
            Outcome::Denied(refusal) => Some(refusal.code),
        }
    };
    let both = ["answers", "asks"];
    assert_eq!(code(&both, ConnectionType::Standard), Some(ResponsesUnbounded));
    assert_eq!(code(&both, ConnectionType::WebSocket), None, "nothing is answered from there");
    assert_eq!(code(&["answers"], ConnectionType::Standard), None);
}

#[test]
fn always_open_hours_end_some_time_and_soon_enough() {
    let windows: Vec<_> = (0..32)
        .map(|n| {
            let at = |minute: usize| format!("{:02}:{:02}", minute / 60, minute % 60);
            format!(
                "{{ from = \"{}\", to = \"{}\", zone = \"Europe/Zurich\" }}",
                at(n * 45),
                at(n * 45 + 45)
            )
        })
        .collect();
    let policy = when(&format!("hours = [{}]", windows.join(", ")));
    let facts = Facts { expires_at: "9000-01-01T00:00:00Z".parse().unwrap(), ..facts() };
    let decision = decide(&policy, &identity("corp", &["r"], &[]), &facts);
    assert!(granted(&decision).ends_at() > now() + jiff::SignedDuration::from_hours(24));
}
