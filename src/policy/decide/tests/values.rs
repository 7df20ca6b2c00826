use super::*;

/// What somebody with these claims may publish.
fn published(rules: &str, claims: &[(&str, Value)]) -> Result<String, (Code, String)> {
    let policy = policy(&format!(
        "[claims]\nteams = {{ claim = \"teams\", at_most = 3 }}\n\
         regions = {{ claim = \"regions\", at_most = 200, default = \"eu\" }}\n\
         [roles.r]\npublish = {rules}\n"
    ));
    let decision = decide(&policy, &identity("corp", &["r"], claims), &facts());
    match decision.outcome() {
        Outcome::Granted(grant) => Ok(shown(grant.publish())),
        Outcome::Denied(Refusal { code, detail }) => Err((*code, detail.clone().unwrap())),
    }
}

#[test]
fn a_list_becomes_several_subjects() {
    let published = |rules, value| published(rules, &[("teams", value)]);
    let rules = "[\"t.{teams}.x\"]";
    assert_eq!(published(rules, json!(["a", "b"])).unwrap(), "t.a.x t.b.x | ");
    assert_eq!(published(rules, json!(["a", "a", 7])).unwrap(), "t.7.x t.a.x | ", "each once");
    assert_eq!(published(rules, json!("a")).unwrap(), "t.a.x | ");
    assert_eq!(published(rules, json!([])).unwrap(), "nothing");
    // One value at a time: no team reaches another's subjects.
    let twice = "[\"t.{teams}.{teams}\"]";
    assert_eq!(published(twice, json!(["a", "b"])).unwrap(), "t.a.a t.b.b | ");
}

#[test]
fn too_many_values_are_refused_and_never_cut() {
    let rules = "[\"t.{teams}.x\"]";
    let (code, detail) = published(rules, &[("teams", json!(["a", "b", "c", "d"]))]).unwrap_err();
    assert_eq!(code, ClaimTooMany);
    assert!(detail.contains("{teams}") && detail.ends_with("more than 3"), "{detail}");
    let many: Vec<_> = (0..150).collect();
    let product = "[\"t.{teams}.{regions}.{subject}\", \"u.{regions}.*.{teams}\"]";
    let claims = [("teams", json!(["a", "b", "c"])), ("regions", json!(many))];
    let all = published(product, &claims).unwrap();
    assert_eq!(all.split_whitespace().filter(|it| *it != "|").count(), 900);
    let thrice = "[\"t.{teams}.{regions}\", \"u.{regions}.{teams}\", \"v.{regions}.{teams}\", \"w.{regions}.{teams}\"]";
    assert_eq!(published(thrice, &claims).unwrap_err().0, PermissionsTooMany);
}

#[test]
fn one_unusable_value_of_a_list_refuses_all() {
    for wrong in [json!(["a", "b.c"]), json!(["a", ">"]), json!(["a", null]), json!([["a"]])] {
        let told = published("[\"t.{teams}\"]", &[("teams", wrong.clone())]).unwrap_err();
        assert_eq!(told.0, ClaimUnusable, "{wrong}");
    }
    let told = published("[\"{teams}.x\"]", &[("teams", json!(["a", "$SYS"]))]).unwrap_err();
    assert_eq!(told.0, ClaimUnusable);
}

#[test]
fn a_default_is_for_absent_claims_only() {
    let rules = "[\"r.{regions}\"]";
    assert_eq!(published(rules, &[]).unwrap(), "r.eu | ");
    assert_eq!(published(rules, &[("regions", json!("us"))]).unwrap(), "r.us | ");
    assert_eq!(published(rules, &[("regions", json!(""))]).unwrap_err().0, ClaimUnusable);
    assert_eq!(published(rules, &[("regions", json!(null))]).unwrap_err().0, ClaimUnusable);
    assert_eq!(published("[\"t.{teams}\"]", &[]).unwrap_err().0, ClaimAbsent);
}

#[test]
fn a_list_where_one_value_is_meant_is_refused() {
    let policy = policy("[claims]\nt = \"t\"\n[roles.r]\npublish = [\"t.{t}\"]\n");
    let decision = decide(&policy, &identity("corp", &["r"], &[("t", json!(["a"]))]), &facts());
    let (code, detail) = denied(&decision);
    assert_eq!(code, ClaimUnusable);
    assert!(detail.contains("`at_most` does not allow"), "{detail}");
}

#[test]
fn the_name_says_the_issuer_and_queues_may_have_values() {
    let policy = policy(
        "[roles.r]\npublish = [\"n.{name}\"]\nsubscribe = [\"w.* {subject}\", \"x v1.*\"]\n\
         deny_subscribe = [\"x v1.old\"]\ninbox = \"_INBOX.{subject}\"\n",
    );
    let decision = decided(&policy, &["r"]);
    assert_eq!(shown(granted(&decision).publish()), "n.corp:alice | ");
    let expected = "_INBOX.alice.> w.* alice x v1.* | w.*.> x v1.old";
    assert_eq!(shown(granted(&decision).subscribe()), expected);
}

/// What is granted must fit into a user JWT and into an audit event.
#[test]
fn permissions_that_no_message_could_hold_are_refused() {
    let long = |count: usize| {
        let subjects: Vec<_> =
            (0..count).map(|n| format!("\"s{n}.{}\"", "x.".repeat(500) + "y")).collect();
        policy(&format!("[roles.r]\npublish = [{}]\n", subjects.join(", ")))
    };
    assert!(matches!(decided(&long(200), &["r"]).outcome(), Outcome::Granted(_)));
    let decision = decided(&long(400), &["r"]);
    let (code, detail) = denied(&decision);
    assert_eq!(code, PermissionsTooMany);
    assert!(detail.contains("bytes"), "{detail}");
    // Denies that hallpass adds for a last wildcard count too.
    let tail = "x.".repeat(150);
    let policy = policy(&format!(
        "[claims]\nregions = {{ claim = \"regions\", at_most = 256 }}\n\
         [roles.r]\nsubscribe = [\"a.{{regions}}.{tail}*\", \"b.{{regions}}.{tail}*\"]\n",
    ));
    let of = |count: u32| {
        let regions: Vec<_> = (0..count).collect();
        let claims = [("regions", json!(regions))];
        decide(&policy, &identity("corp", &["r"], &claims), &facts())
    };
    assert!(matches!(of(190).outcome(), Outcome::Granted(_)));
    assert_eq!(denied(&of(250)).0, PermissionsTooMany);
}

#[test]
fn roles_without_end_are_refused() {
    let roles: String = (0..600)
        .map(|n| format!("[roles.r{n}]\nidp_roles = [\"x\"]\npublish = [\"a\"]\n"))
        .collect();
    let decision = decided(&policy(&roles), &["x"]);
    assert_eq!(denied(&decision).0, PermissionsTooMany);
    assert_eq!(decision.reasons().given.len(), 512);
}
