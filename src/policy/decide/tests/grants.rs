use super::*;

#[test]
fn a_grant_is_filled_for_the_person() {
    let policy = policy(
        "[claims]\ntenant = \"tenant\"\n[roles.r]\ninbox = \"_INBOX.{subject}\"\n\
         [[roles.r.grant]]\nkv = \"{tenant}\"\nkeys = \"{subject}.>\"\ncan = [\"read\"]\n\
         [[roles.r.grant]]\nobject_store = \"{tenant}\"\ncan = [\"read\"]",
    );
    let filled = |tenant: &str| {
        let who = identity("corp", &["r"], &[("tenant", json!(tenant))]);
        decide(&policy, &who, &facts())
    };
    let decision = filled("acme");
    let subject = identity("corp", &["r"], &[]).who().subject.clone();
    let publish = shown(granted(&decision).publish());
    for expected in [
        "$JS.API.STREAM.INFO.KV_acme ",
        &format!("$JS.API.DIRECT.GET.KV_acme.$KV.acme.{subject}.> "),
        "$JS.API.STREAM.MSG.GET.OBJ_acme ",
        "$JS.API.DIRECT.GET.OBJ_acme.$O.acme.M.* ",
    ] {
        assert!(publish.contains(expected), "{publish}");
    }
    // A value is one word, whatever stands before it.
    for tenant in ["a.b", "*", ">", ""] {
        assert_eq!(denied(&filled(tenant)).0, ClaimUnusable, "{tenant}");
    }
}

#[test]
fn a_service_answers_once_for_each_request() {
    let policy = policy(
        "[roles.r]\n[[roles.r.grant]]\nservice = \"echo\"\ncan = [\"serve\"]\n\
         subjects = [\"svc.echo\"]",
    );
    let decision = decided(&policy, &["r"]);
    let responses = granted(&decision).responses().unwrap();
    assert_eq!((responses.max, responses.expires.as_secs()), (1, 120));
    assert!(shown(granted(&decision).subscribe()).contains("svc.echo q"));
}
