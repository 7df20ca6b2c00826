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
