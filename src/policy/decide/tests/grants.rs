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

/// `explain` names what the server cannot tell apart, each once, of the roles that count.
#[test]
fn what_a_grant_gives_beside_its_words_is_explained() {
    let policy = policy(
        "[roles.r]\ninbox = \"_INBOX.{subject}\"\n\
         [[roles.r.grant]]\nkv = \"prefs\"\ncan = [\"write\", \"delete\"]\n\
         [[roles.r.grant]]\nkv = \"{subject}\"\nkeys = \"k\"\ncan = [\"read\"]\n\
         [roles.other]\n[[roles.other.grant]]\nstream = \"ORDERS\"\ncan = [\"manage\"]",
    );
    let who = identity("corp", &["r"], &[]);
    let explained = crate::policy::explain(&policy, who.who(), &facts(), &[]).granted.unwrap();
    // Places without the directory.
    let place = |part: &str| part.rsplit('/').next().unwrap().to_owned();
    let about = |note: &String| {
        let about = note.split(": ").next().unwrap();
        about.split('(').map(place).collect::<Vec<_>>().join("(")
    };
    let notes: Vec<_> = explained.notes.iter().map(about).collect();
    let (prefs, own) = ("bucket `prefs` (a.toml:4)", "bucket `{subject}` (a.toml:7)");
    let both = format!("{prefs}, {own}");
    // Deletes; headers; replies and `STREAM.INFO` of both; direct gets.
    assert_eq!(notes, [prefs, prefs, both.as_str(), both.as_str(), own]);
    assert!(
        explained.notes[0].contains("writing, deleting and purging a key are the same publish")
    );
}
