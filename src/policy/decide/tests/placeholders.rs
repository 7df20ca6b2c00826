use super::*;

static POLICY: LazyLock<PolicySet> = LazyLock::new(|| {
    policy(
        r#"
            [roles.inner]
            publish = ["x.{t}.y"]
            [roles.first]
            publish = ["{t}.>"]
            [roles.nested]
            subscribe = ["x.{deep}"]
            [roles.denying]
            publish = ["x.>"]
            deny_publish = ["x.{t}.secret"]
            [claims]
            t = "tenant"
            deep = ["https://example.com/a.b", "c"]
            "#,
    )
});

fn with(role: &str, value: Value) -> Decision {
    decide(&POLICY, &identity("corp", &[role], &[("tenant", value)]), &facts())
}

fn publish(role: &str, value: Value) -> Result<String, Code> {
    match with(role, value).outcome() {
        Outcome::Granted(grant) => Ok(shown(grant.publish())),
        Outcome::Denied(denial) => Err(denial.code),
    }
}

#[test]
fn a_value_is_one_token() {
    for (value, subject) in [
        (json!("acme"), "x.acme.y"),
        (json!("Acme-1_2:x/y=@"), "x.Acme-1_2:x/y=@.y"),
        (json!("åäö"), "x.åäö.y"),
        (json!("$x"), "x.$x.y"),
        (json!("_x"), "x._x.y"),
        (json!("{t}"), "x.{t}.y"),
        (json!("%2e"), "x.%2e.y"),
        (json!(42), "x.42.y"),
        (json!(-1), "x.-1.y"),
        (json!(u64::MAX), "x.18446744073709551615.y"),
    ] {
        assert_eq!(publish("inner", value), Ok(format!("{subject} | ")));
    }
    assert_eq!(publish("inner", json!("x".repeat(255))), Ok(format!("x.{}.y | ", "x".repeat(255))));
}

#[test]
fn hostile_values_are_refused_and_not_repeated() {
    for value in [
        json!(""),
        json!("a.b"),
        json!("."),
        json!("*"),
        json!(">"),
        json!("a*"),
        json!("a>"),
        json!("a b"),
        json!(" a"),
        json!("a\t"),
        json!("a\n"),
        json!("a\r\nPUB x 1"),
        json!("\u{0}"),
        json!("a\u{7f}"),
        json!("a\u{85}"),
        json!("a\u{a0}b"),
        json!("a\u{2028}b"),
        json!("a\u{3000}b"),
        json!("x".repeat(256)),
        json!(1.5),
        json!(1e300),
        json!(true),
        json!(null),
        json!([]),
        json!(["acme"]),
        json!({ "a": 1 }),
    ] {
        for role in ["inner", "first", "denying"] {
            let decision = with(role, value.clone());
            let (code, detail) = denied(&decision);
            assert_eq!(code, ClaimUnusable, "{value}");
            // The rule that could not be filled is named.
            let last = decision.reasons().rules.last().unwrap();
            assert!(detail.contains(&*last.at) && detail.contains("{t}"), "{detail}");
        }
    }
    let decision = with("inner", json!("SECRET VALUE"));
    assert!(!format!("{decision:?}").contains("SECRET"));
}

/// A deny that cannot be filled must not simply be left out.
#[test]
fn a_claim_that_is_absent_refuses_the_login() {
    for role in ["inner", "first", "denying"] {
        let decision = decide(&POLICY, &identity("corp", &[role], &[]), &facts());
        let (code, detail) = denied(&decision);
        assert_eq!(code, ClaimAbsent);
        assert!(detail.ends_with("needs the claim `tenant` for {t}"), "{detail}");
    }
}

#[test]
fn the_servers_own_names_are_out_of_reach() {
    for value in ["$SYS", "$JS", "$", "_INBOX", "_", "$KV"] {
        assert_eq!(publish("first", json!(value)), Err(ClaimUnusable), "{value}");
    }
    assert_eq!(publish("first", json!("a$")), Ok("a$.> | ".to_owned()));
}

#[test]
fn nested_claims_and_keys_with_dots() {
    let of = |value: Value| {
        let claims = [("https://example.com/a.b", value)];
        let decision = decide(&POLICY, &identity("corp", &["nested"], &claims), &facts());
        match decision.outcome() {
            Outcome::Granted(grant) => Ok(shown(grant.subscribe())),
            Outcome::Denied(denial) => Err(denial.code),
        }
    };
    assert_eq!(of(json!({ "c": "v" })), Ok("x.v | ".to_owned()));
    assert_eq!(of(json!({ "d": "v" })), Err(ClaimAbsent));
    assert_eq!(of(json!("c")), Err(ClaimUnusable), "unreadable is not absent");
    assert_eq!(of(json!([{ "c": "v" }])), Err(ClaimUnusable));
}

proptest! {
    /// Whatever a token says, a subject keeps its shape: as many tokens, no wildcard that
    /// the map did not write, and no name of the server's in front.
    #[test]
    fn no_value_changes_the_shape_of_a_subject(value in prop_oneof![
        any::<String>(), "[a-z.*>$_ \t\n]{0,8}", "\\PC{0,12}",
    ]) {
        if let Outcome::Granted(grant) = with("inner", json!(value)).outcome() {
            let Side::Some { allow, .. } = grant.publish() else { panic!() };
            let tokens: Vec<_> = allow.keys().next().unwrap().subject.as_str().split('.').collect();
            prop_assert_eq!(&tokens, &["x", value.as_str(), "y"]);
            prop_assert!(!value.contains(['*', '>']) && !value.contains(char::is_whitespace));
        }
        if let Outcome::Granted(grant) = with("first", json!(value)).outcome() {
            let Side::Some { allow, .. } = grant.publish() else { panic!() };
            let subject = allow.keys().next().unwrap().subject.as_str();
            prop_assert_eq!(subject, format!("{value}.>"));
            prop_assert!(!subject.starts_with(['$', '_', '*', '>', '.']));
        }
    }
}
