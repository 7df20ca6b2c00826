use super::*;

#[test]
fn what_is_said_is_said_once() {
    let directory = tempfile::tempdir().unwrap();
    let keys_path = directory.path().join("keys");
    std::fs::write(&keys_path, "").unwrap();
    let error = anyhow::Error::from(keys(directory.path()).unwrap_err());
    let told = format!("{error:#}");
    assert!(told.starts_with(&format!("`{}` cannot be read or written: ", keys_path.display())));
    assert_eq!(told.matches("os error").count(), 1, "{told}");
}

#[test]
fn what_is_in_the_way_of_a_file_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    std::fs::create_dir(&path).unwrap();
    let told = write_new(&path, "").unwrap_err().to_string();
    assert_eq!(told, format!("`{}` is there and is no file; move it away", path.display()));
    assert_eq!(create_directory(&path).unwrap(), Fate::Kept);
    let file = directory.path().join("y");
    assert_eq!(write_new(&file, "a").unwrap(), Fate::Written);
    assert_eq!(write_new(&file, "b").unwrap(), Fate::Kept);
    let told = create_directory(&file).unwrap_err().to_string();
    assert_eq!(told, format!("`{}` is there and is no directory; move it away", file.display()));
}

#[test]
fn every_text_is_written_as_toml_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let (keys, _) = keys(directory.path()).unwrap();
    for text in ["nats", "a\"b", "\\u{0}", "\u{7f}\u{1}", "é\n'\"\"\"", "https://example.com/x.y"]
    {
        let issuer = IssuerText {
            name: "corp".to_owned(),
            issuer: text.to_owned(),
            audience: text.to_owned(),
            roles_claim: text.to_owned(),
            allow_http_loopback: false,
        };
        let written: toml::Table = configuration_text(text, &keys, &[issuer]).parse().unwrap();
        let corp = &written["issuers"]["corp"];
        assert_eq!(written["nats"]["urls"][0].as_str(), Some(text));
        assert_eq!(corp["issuer"].as_str(), Some(text));
        assert_eq!(corp["audiences"][0].as_str(), Some(text));
        let path = &corp["roles_claim"];
        assert_eq!(path.as_str().or_else(|| path[0].as_str()), Some(text));
        assert_eq!(path.is_array(), text.contains("://"));
    }
}
