//! `[[roles.NAME.grant]]` as part of a map; what grants expand to is tested where they are.

use super::*;

fn role(lines: &str) -> Vec<String> {
    problems(&format!("account = \"APP\"\n[claims]\ntenant = \"tenant_id\"\n[roles.r]\n{lines}\n"))
}

#[test]
fn a_role_may_be_made_of_grants() {
    let grants = "inbox = \"_INBOX.{subject}\"\n\
                  [[roles.r.grant]]\nkv = \"prefs\"\nkeys = \"{tenant}.>\"\ncan = [\"read\"]\n\
                  [[roles.r.grant]]\nstream = \"ORDERS\"\nconsumer = \"{subject}\"\ncan = [\"read\"]";
    assert_eq!(role(grants), [""; 0]);
    // One that serves needs no inbox, and nothing else.
    let serve = "[[roles.r.grant]]\nservice = \"echo\"\ncan = [\"serve\"]\nsubjects = [\"echo\"]";
    assert_eq!(role(serve), [""; 0]);
}

#[test]
fn what_is_no_grant() {
    assert_eq!(
        role("publish = [\"a\"]\ngrant = \"kv\""),
        ["a.toml:6: `grant` is a string, not a list of tables | write each grant under a line \
          `[[roles.NAME.grant]]`"]
    );
    let told =
        role("inbox = \"_INBOX.{subject}\"\n[[roles.r.grant]]\nkv = \"{tenat}\"\ncan = [\"read\"]");
    assert!(told[0].contains("`{tenat}` is no known placeholder"), "{told:?}");
    let told = role("[[roles.r.grant]]\nkv = \"a\"\ncan = [\"write\"]");
    assert!(
        told[0].starts_with("a.toml:7: `write` cannot be granted without `delete`"),
        "{told:?}"
    );
}

#[test]
fn a_grant_without_an_inbox() {
    let grant = "[[roles.r.grant]]\nkv = \"prefs\"\ncan = [\"read\"]";
    let told = role(grant);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("role `r` has a grant and no inbox"), "{told:?}");
    assert_eq!(role(&format!("subscribe = [\"_INBOX.{{subject}}.>\"]\n{grant}")), [""; 0]);
    let inherited =
        format!("inherits = [\"base\"]\n{grant}\n[roles.base]\ninbox = \"_INBOX.{{subject}}\"");
    assert_eq!(role(&inherited), [""; 0]);
}

/// The trap of responses is seen whether they are written or come with a service.
#[test]
fn a_service_that_could_answer_itself() {
    let told = role(
        "publish = [\"svc.>\"]\n[[roles.r.grant]]\nservice = \"echo\"\ncan = [\"serve\"]\n\
         subjects = [\"svc.echo\"]",
    );
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("may publish what it receives, and allows responses"), "{told:?}");
}
