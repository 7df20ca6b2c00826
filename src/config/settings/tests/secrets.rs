use super::*;

fn seed_of(written: &Written, name: &str) -> String {
    std::fs::read_to_string(written.path(name)).unwrap().trim().to_owned()
}

/// All text that people or logs could see of the problems.
fn shown(written: &Written) -> String {
    let (_, problems) = written.read();
    let rendered: Vec<_> = problems.iter().map(|problem| problem.render(false)).collect();
    format!("{problems}\n{problems:?}\n{}", rendered.join("\n"))
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    for (key, name) in [
        ("service_seed", "service"),
        ("issuer_seed", "issuer"),
        ("xkey_seed", "xkey"),
        ("writer_seed", "audit-writer"),
    ] {
        let written = written();
        let seed = seed_of(&written, &format!("keys/{name}.nk"));
        let inline = format!("\"{seed}\"");
        let written = written.change(&format!("{{ file = \"keys/{name}.nk\" }}"), &inline);
        let (_, problems) = written.read();
        assert_eq!(written.messages(), [format!("`{key}` stands in the configuration itself")]);
        assert!(!shown(&written).contains(&seed[..12]), "{}", shown(&written));
        drop(problems);
    }
}

#[test]
fn a_secret_under_a_wrong_key_or_in_the_environment_is_not_repeated() {
    let written = written();
    let seed = seed_of(&written, "keys/issuer.nk");
    let written = written
        .add("callout", &format!("isuer_seed = \"{seed}\"\nservers = [\"{seed}\"]"))
        .environment("HALLPASS__NATS__SERVICE_SEED", &seed)
        .flag("audit.writer_seed", &seed);
    let found = written.messages();
    assert_eq!(found.len(), 4);
    for key in ["service_seed", "writer_seed"] {
        assert!(found.contains(&format!("`{key}` stands in the configuration itself")));
    }
    assert!(!shown(&written).contains(&seed[..12]), "{}", shown(&written));
}

/// Wherever a seed was put by mistake, and however the file is broken there.
#[test]
fn a_secret_in_the_wrong_slot_is_not_repeated() {
    let written = written();
    let seed = seed_of(&written, "keys/issuer.nk");
    let slot = "{ file = \"keys/service.nk\" }";
    for source in [
        format!("{{ file = \"{seed}\" }}"),
        format!("{{ env = \"{seed}\" }}"),
        format!("{{ command = [\"{seed}\"] }}"),
        format!("{{ command = [\"cat\", \"/none\", \"{seed}\"] }}"),
        format!("{{ value = \"{seed}\" }}"),
        format!("{{ {seed} = 1 }}"),
        format!("[\"{seed}\"]"),
        format!("\"\"\"\n{seed}\"\"\""),
        "\"hunter2, which is no seed\"".to_owned(),
    ] {
        let broken = super::written().change(slot, &source);
        let shown = shown(&broken);
        assert!(!broken.messages().is_empty());
        assert!(!shown.contains(&seed[..12]) && !shown.contains("hunter2"), "{shown}");
    }
    for text in [
        format!("issuer_seed = \"{seed}\nx = 1\n"),
        format!("issuer_seed = {seed}\n"),
        format!("issuer_seed = \"{seed}\" \"{seed}\"\n"),
        format!("a = \"{seed}\"\na = \"{seed}\"\n"),
        format!("[{seed}]\n[{seed}]\n"),
    ] {
        let path = written.directory.path().join("hallpass.toml");
        std::fs::write(&path, &text).unwrap();
        let problems = Layers::read(&path, [], &[]).unwrap_err();
        let rendered: Vec<_> = problems.iter().map(|problem| problem.render(false)).collect();
        let shown = format!("{problems}\n{problems:?}\n{}", rendered.join("\n"));
        assert!(!shown.contains(&seed[..12]), "{shown}");
    }
}

/// A flag or a variable that says where a secret is replaces what the file says of it.
#[test]
fn where_a_secret_is_can_be_overridden() {
    let written = written();
    let elsewhere = written.path("keys/elsewhere.nk");
    std::fs::rename(written.path("keys/service.nk"), &elsewhere).unwrap();
    use secrecy::ExposeSecret as _;
    let good = |written: Written| {
        assert!(written.settings().nats.service_seed.expose_secret().starts_with("SU"));
    };
    let command = format!("cat,{elsewhere}");
    let overridden = written.flag("nats.service_seed.command", &command);
    assert!(overridden.settings().nats.service_seed.expose_secret().starts_with("SU"));
    // A flag wins over a variable, as everywhere.
    good(overridden.environment("HALLPASS__NATS__SERVICE_SEED__ENV", "NOT_SET"));
    assert_eq!(
        super::written()
            .environment("HALLPASS__CALLOUT__ISSUER_SEED__ENV", "HALLPASS_TEST_NOT_SET")
            .problems(),
        ["environment variable HALLPASS__CALLOUT__ISSUER_SEED__ENV: the environment variable \
              `HALLPASS_TEST_NOT_SET` is not set | set it where hallpass is started"]
    );
    assert_eq!(
        super::written().flag("callout.issuer_seed.fil", "x").problems(),
        [
            "--set callout.issuer_seed.fil: unknown key `fil` in `issuer_seed` | did you mean \
                 `file`?",
            "--set callout.issuer_seed.fil: `issuer_seed` names not exactly one of `file`, \
                 `env` and `command` | name where it is: `{ file = \"…\" }`, `{ env = \"…\" }` or \
                 `{ command = [\"…\"] }`",
        ]
    );
}

#[test]
fn a_secret_that_is_not_there() {
    let missing = written().change("keys/service.nk", "keys/none.nk");
    let found = missing.problems();
    assert_eq!(
        found,
        ["3: the secret file `keys/none.nk` cannot be read: No such file or directory (os error \
                 2) | name the file that holds it; `hallpass init` makes keys that are not there"]
    );
    let of = |source: &str| written().change("{ file = \"keys/service.nk\" }", source).messages();
    assert_eq!(
        of("{ env = \"HALLPASS_TEST_NOT_SET\" }"),
        ["the environment variable `HALLPASS_TEST_NOT_SET` is not set"]
    );
    assert_eq!(of("{ command = [\"true\"] }"), ["the secret is empty"]);
    assert_eq!(of("{ command = [\"false\"] }"), ["the command `false` failed (exit status: 1)"]);
    assert_eq!(
        of("{ command = [\"hallpass-no-such-program\"] }"),
        [
            "the command `hallpass-no-such-program` cannot be run: No such file or directory (os error 2)"
        ]
    );
    assert_eq!(
        of("{ command = [\"printf\", \"\\\\377\"] }"),
        ["the command `printf` printed no text"]
    );
}

#[test]
fn a_secret_is_in_exactly_one_place() {
    let exactly = "`service_seed` names not exactly one of `file`, `env` and `command`";
    let of = |source: &str| written().change("{ file = \"keys/service.nk\" }", source).messages();
    assert_eq!(of("{}"), [exactly]);
    assert_eq!(of("{ file = \"keys/service.nk\", env = \"X\" }"), [exactly]);
    assert_eq!(of("{ command = [] }"), [exactly]);
    assert_eq!(
        of("{ flie = \"keys/service.nk\" }"),
        [exactly, "unknown key `flie` in `service_seed`"]
    );
    assert_eq!(of("1")[0], "`service_seed` is a whole number, not a table");
}

#[test]
fn a_command_gives_it_too() {
    let written = written();
    let path = written.path("keys/service.nk");
    let source = format!("{{ command = [\"cat\", {path:?}] }}");
    let settings = written.change("{ file = \"keys/service.nk\" }", &source).settings();
    use secrecy::ExposeSecret as _;
    assert!(settings.nats.service_seed.expose_secret().starts_with("SU"));
}

#[test]
fn a_seed_of_another_kind() {
    for (from, to, says) in [
        ("keys/service.nk", "keys/issuer.nk", "`service_seed` holds no nkey seed of a user"),
        ("keys/issuer.nk", "keys/service.nk", "`issuer_seed` holds no nkey seed of an account"),
        ("keys/issuer.nk", "keys/xkey.nk", "`issuer_seed` holds no nkey seed of an account"),
        ("keys/xkey.nk", "keys/issuer.nk", "`xkey_seed` holds no curve seed"),
        ("keys/audit-writer.nk", "keys/xkey.nk", "`writer_seed` holds no nkey seed of a user"),
    ] {
        let written =
            written().change(&format!("{{ file = \"{from}\""), &format!("{{ file = \"{to}\""));
        assert_eq!(written.messages(), [says]);
        assert!(!shown(&written).contains(&seed_of(&written, to)[..12]));
    }
    let written = written();
    for torn in ["x", "SUA", "é", "-----BEGIN", &"S".repeat(58)] {
        std::fs::write(written.path("keys/service.nk"), torn).unwrap();
        assert_eq!(written.messages(), ["`service_seed` holds no nkey seed of a user"]);
    }
    let public = nkeys::KeyPair::new_user().public_key();
    std::fs::write(written.path("keys/service.nk"), public).unwrap();
    assert_eq!(written.messages(), ["`service_seed` holds no nkey seed of a user"]);
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_can_read_is_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;
    let written = written();
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(written.path("keys/xkey.nk"), mode).unwrap();
    assert_eq!(
        written.problems(),
        ["warning: 8: the secret file can be read by others on this machine | chmod 600 it"]
    );
}

#[test]
fn debug_shows_no_seed() {
    let written = written();
    let (settings, layers) = (written.settings(), written.layers());
    let reader = written.reader().unwrap();
    let printed = format!("{settings:?}{settings:#?}{reader:?}{reader:#?}{layers:?}");
    let names = ["issuer", "service", "xkey", "audit-writer", "audit-reader", "break-glass"];
    for name in names {
        let seed = seed_of(&written, &format!("keys/{name}.nk"));
        assert!(seed.len() == 58 && !printed.contains(&seed), "{name}");
    }
    assert!(printed.contains("HALLPASS_AUDIT"));
}

#[test]
fn a_reader_needs_none_of_what_serve_signs_with() {
    let written = written();
    for name in ["issuer", "service", "xkey", "audit-writer", "break-glass"] {
        std::fs::remove_file(written.path(&format!("keys/{name}.nk"))).unwrap();
    }
    let reader = written.reader().unwrap();
    assert_eq!(reader.urls, ["nats://localhost:4222"]);
    assert_eq!(reader.stream, "HALLPASS_AUDIT");
    let bare = super::written().without("callout").without("accounts").without("issuers.corp");
    let bare = bare.cut("service_seed").cut("writer_seed").cut("account = \"AUDIT\"");
    assert!(bare.reader().is_ok());
    assert_eq!(
        bare.cut("reader_seed").cut("urls").reader().unwrap_err(),
        [
            "1: `[nats]` lacks `urls` | add `urls = [\"nats://host:4222\"]`",
            "6: `[audit]` lacks `reader_seed` | add `reader_seed = { file = \"…\" }`, or `env` or \
                 `command` in place of `file`",
        ]
    );
}

#[test]
fn serve_does_not_need_the_readers_seed() {
    let written = written();
    std::fs::remove_file(written.path("keys/audit-reader.nk")).unwrap();
    written.settings();
    let inline = written.change("{ file = \"keys/audit-reader.nk\" }", "\"x\"");
    assert_eq!(inline.messages(), ["`reader_seed` stands in the configuration itself"]);
}

#[test]
fn a_secret_has_one_purpose() {
    for (from, to, says) in [
        ("audit-writer.nk", "service.nk", "`audit.writer_seed` and `nats.service_seed`"),
        ("audit-signer.nk", "audit-writer.nk", "`audit.signing_seed` and `audit.writer_seed`"),
        ("audit.key", "audit-signer.nk", "`audit.signing_seed` and `audit.key`"),
        ("audit-reader.nk", "audit-writer.nk", "`audit.reader_seed` and `audit.writer_seed`"),
        ("system.nk", "service.nk", "`system.seed` and `nats.service_seed`"),
        ("audit.key", "issuer.nk", "`audit.key` and `callout.issuer_seed`"),
        ("audit.key", "xkey.nk", "`audit.key` and `callout.xkey_seed`"),
    ] {
        let system = "[system]\nseed = { file = \"keys/system.nk\" }\n\n[issuers.corp]";
        let written = written().change("[issuers.corp]", system);
        let keys = written.directory.path().join("keys");
        let seed = std::fs::read_to_string(keys.join(to)).unwrap();
        // Another file, and white space around: the same secret all the same.
        std::fs::write(keys.join(from), format!("\n{}\n\n", seed.trim())).unwrap();
        let told = written.problems();
        let one = told.iter().find(|it| it.contains("are the same secret")).expect(says);
        assert!(one.contains(says), "{one}");
        assert!(told.iter().all(|it| !it.contains(seed.trim())), "{told:?}");
    }
}
