use super::*;
use crate::config::{AuditMode, WhenFull};

fn audit(lines: &str) -> Written {
    written().add("audit", lines)
}

#[test]
fn events_are_spooled_beside_the_configuration_unless_it_says_otherwise() {
    let settings = written();
    let usual = settings.settings().audit;
    let (directory, when_full) = (settings.directory.path().join("audit-spool"), WhenFull::Refuse);
    assert_eq!(
        usual.mode,
        AuditMode::Spool { directory, max_bytes: 1024 * 1024 * 1024, when_full }
    );
    assert_eq!(usual.checkpoint_every, Duration::from_secs(60));
    let said = audit("mode = \"strict\"\ncheckpoint_every = \"5s\"");
    let directory = said.directory.path().join("audit-spool");
    let said = said.settings().audit;
    assert_eq!(said.mode, AuditMode::Strict { directory });
    assert_eq!(said.checkpoint_every.as_secs(), 5);
    let elsewhere = audit("mode = \"strict\"\nspool.directory = \"/var/spool\"").settings();
    assert_eq!(elsewhere.audit.mode, AuditMode::Strict { directory: "/var/spool".into() });
    let spool = audit(
        "spool.directory = \"/var/spool\"\nspool.max_bytes = 1048576\nspool.when_full = \"go-on\"",
    )
    .settings();
    let directory = "/var/spool".into();
    assert_eq!(
        spool.audit.mode,
        AuditMode::Spool { directory, max_bytes: 1_048_576, when_full: WhenFull::GoOn }
    );
}

#[test]
fn what_no_mode_and_no_choice_is() {
    for (lines, says) in [
        ("mode = \"disk\"", "`disk` is no mode"),
        (
            "spool.when_full = \"drop\"",
            "`drop` is not what can be done when events can be kept nowhere",
        ),
        ("spool.directory = \"\"", "`directory` is empty"),
        (
            "mode = \"strict\"\nspool.max_bytes = 1048576",
            "with `mode = \"strict\"`, `[audit.spool]` has no bounds",
        ),
    ] {
        assert_eq!(audit(lines).messages(), [says]);
    }
    let few = audit("spool.max_bytes = 10").problems();
    assert!(few.len() == 1 && few[0].contains("number of bytes from 1048576 to"), "{few:?}");
    assert!(few[0].contains("write it in bytes, without a unit"), "{few:?}");
    assert_eq!(audit("checkpoint_every = \"0s\"").messages().len(), 1);
}

#[test]
fn a_key_that_could_be_guessed_is_refused() {
    let written = written();
    std::fs::write(written.directory.path().join("keys/audit.key"), "x".repeat(31)).unwrap();
    assert_eq!(written.messages(), ["`key` holds fewer than 32 bytes"]);
}

#[test]
fn who_signs_is_among_those_who_are_believed() {
    let other = nkeys::KeyPair::new_user().public_key();
    let signer = |with: &str| {
        let written = written();
        let own = written.settings().audit.signer.public_key();
        let text = written.text.replace(&format!("\"{own}\""), with);
        (own, Written { text, ..written })
    };
    let (own, strange) = signer(&format!("\"{other}\""));
    let told = strange.problems();
    assert!(told[0].contains("does not name the public key of `signing_seed`"), "{told:?}");
    assert!(told[0].contains(&format!("add `{own}`")), "{told:?}");
    let (_, no_user) = signer(&format!("\"{}\"", nkeys::KeyPair::new_account().public_key()));
    assert!(no_user.messages().contains(&"not the public nkey of a user".to_owned()));
}

#[test]
fn what_an_older_version_did_not_have_is_made_by_init() {
    for (key, file) in [("key", "audit.key"), ("signing_seed", "audit-signer.nk")] {
        let written = written();
        let line = format!("{key} = {{ file = \"keys/{file}\" }}");
        assert!(written.text.contains(&line));
        let text = written.text.replace(&line, "");
        let told = Written { text, ..written }.problems();
        assert!(told.len() == 1 && told[0].contains(&format!("lacks `{key}`")), "{told:?}");
        assert!(told[0].contains(&format!("add `{line}`; `hallpass init` makes")), "{told:?}");
    }
}
