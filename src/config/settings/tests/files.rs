use super::*;

fn read(bytes: &[u8]) -> Result<Layers, Problems> {
    let written = written();
    let path = written.directory.path().join("hallpass.toml");
    std::fs::write(&path, bytes).unwrap();
    Layers::read(&path, [], &[])
}

#[test]
fn a_mark_at_the_beginning_and_other_ends_of_lines_are_fine() {
    let mut marked = written();
    marked.text = format!("\u{feff}{}", marked.text);
    marked.settings();
    let mut ended = written();
    ended.text = ended.text.replace('\n', "\r\n");
    ended.settings();
    let marked = marked.change("stream =", "steam =");
    assert!(marked.problems()[0].starts_with("19: unknown key `steam`"));
    let (_, problems) = marked.read();
    let shown = problems.iter().next().unwrap().render(false);
    assert!(shown.contains("hallpass.toml:19:1\n"), "{shown}");
    assert!(shown.contains("\n   | ^^^^^\n"), "{shown}");
}

#[test]
fn what_is_no_text_no_file_or_not_there() {
    let problems = read(b"[nats]\nurls = \"\xff\"\n").unwrap_err();
    assert!(problems.to_string().ends_with("hallpass.toml:2: the file is not UTF-8 text"));
    let directory = tempfile::tempdir().unwrap();
    let problems = Layers::read(directory.path(), [], &[]).unwrap_err().to_string();
    assert!(problems.contains("the configuration cannot be read: Is a directory"), "{problems}");
    let none = directory.path().join("none");
    let problems = Layers::read(&none, [], &[]).unwrap_err();
    assert!(problems.to_string().contains("the configuration cannot be read: No such file"));
    assert!(read(b"\0").is_err());
    assert!(read("a = [".repeat(10_000).as_bytes()).is_err());
}

#[test]
fn certificates() {
    let written = written();
    let key = rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap();
    let (good, path) = (key.cert.pem(), written.path("ca.pem"));
    let torn = good.replace("-----END", "-----ENDE");
    let damaged = format!("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{good}");
    let secret = key.signing_key.serialize_pem();
    let nats = written.add("nats", "ca_file = \"ca.pem\"");
    let nats = nats.add("issuers.corp", "ca_file = \"ca.pem\"");
    for bad in ["", "not PEM", &torn, &damaged, &secret] {
        std::fs::write(&path, bad).unwrap();
        let found = nats.problems();
        assert_eq!(found.len(), 2, "{bad}: {found:?}");
        let says = "2: the certificates in `ca.pem` cannot be used: ";
        assert!(found[0].starts_with(says), "{bad}: {found:?}");
        assert!(nats.reader().is_err(), "{bad}");
    }
    std::fs::write(&path, format!("{good}{secret}")).unwrap();
    nats.settings();
    std::fs::remove_file(&path).unwrap();
    assert!(nats.problems()[1].contains("No such file or directory"));
    std::fs::create_dir(&path).unwrap();
    assert!(nats.problems()[1].contains("Is a directory"));
}

#[test]
fn the_certificate_that_hallpass_shows() {
    let both = written().add("nats", "key_file = \"own.key\"");
    let both = both.add("nats", "cert_file = \"own.pem\"");
    let make = |host: &str| rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    let (own, other) = (make("hallpass"), make("other"));
    let allow = |name: &str, mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(both.path(name), mode).unwrap();
    };
    let put = |certificate: &str, key: &str| {
        std::fs::write(both.path("own.pem"), certificate).unwrap();
        std::fs::write(both.path("own.key"), key).unwrap();
        allow("own.key", 0o600);
    };
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    put(&certificate, &key);
    let shown = both.settings().nats.certificate.unwrap();
    assert!(shown.certificate.ends_with("own.pem") && shown.key.ends_with("own.key"));
    assert!(both.reader().unwrap().certificate.is_some());
    assert!(written().settings().nats.certificate.is_none());
    allow("own.key", 0o640);
    let warning = "warning: 3: the file of the private key can be read by others on this machine";
    assert!(both.problems()[0].starts_with(warning), "{:?}", both.problems());

    let of_another = other.signing_key.serialize_pem();
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let torn = key.replace("-----END", "-----ENDE");
    let no_certificate = "2: the certificates in `own.pem` cannot be used: ";
    let no_key = "3: the private key in `own.key` cannot be used: ";
    for (certificate, key, says) in [
        ("", key.as_str(), no_certificate),
        (&key, &key, no_certificate),
        (damaged, &key, no_certificate),
        (&certificate, "", "3: the private key in `own.key` cannot be used: it holds none that"),
        (&certificate, &certificate, no_key),
        (&certificate, &torn, no_key),
        (
            &certificate,
            &of_another,
            "3: the private key in `own.key` cannot be used: it is not that of `own.pem`",
        ),
    ] {
        put(certificate, key);
        let found = both.problems();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(says), "{found:?}");
        assert!(both.reader().is_err());
        // Not a line of what is in the file of the key.
        let lines = key.lines().filter(|line| !line.is_empty() && !line.starts_with("-----"));
        assert!(lines.into_iter().all(|line| !found[0].contains(line)), "{found:?}");
    }
    std::fs::remove_file(both.path("own.key")).unwrap();
    assert!(both.problems()[0].contains("No such file or directory"));
}

#[test]
fn a_certificate_without_its_key_and_a_key_without_its_certificate() {
    for (given, lacking) in [("cert_file", "key_file"), ("key_file", "cert_file")] {
        let half = written().add("nats", &format!("{given} = \"own.pem\""));
        let found = half.problems();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(&format!("`[nats]` lacks `{lacking}`")), "{found:?}");
        assert!(half.reader().is_err());
    }
}
