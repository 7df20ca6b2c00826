//! Keys in a file.

use super::*;

fn write(path: &std::path::Path, text: &str) {
    // As whoever brings keys should: there is never half a file.
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}

fn text(keys: &[&Key]) -> String {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() }).to_string()
}

#[tokio::test(start_paused = true)]
async fn keys_are_read_again_at_each_refresh_and_when_an_unknown_key_asks() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jwks.json");
    write(&path, &text(&[es256()]));
    let settings = IssuerSettings {
        jwks_file: Some(path.clone()),
        issuer: "any text".to_owned(),
        ..an_issuer()
    };
    let running = Running::of(Arc::new(IssuerKeys::new(Arc::new(settings), false, 10))).await;
    let begin = Instant::now();
    assert_eq!(running.find("es", Algorithm::ES256).await, Ok(()));
    write(&path, &text(&[rsa()]));
    assert_eq!(running.find("rsa", Algorithm::RS256).await, Ok(()));
    assert!(begin.elapsed() < Duration::from_secs(2));
    write(&path, &text(&[es256()]));
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(running.keys.status().fetches, 3);
    assert_eq!(running.find("rsa", Algorithm::RS256).await, Err(Code::KeyUnknown));
    // A file that is away or torn is an issuer that is away.
    for bad in [None, Some("{\"keys\":")] {
        match bad {
            None => std::fs::remove_file(&path).unwrap(),
            Some(text) => write(&path, text),
        }
        tokio::time::sleep(Duration::from_secs(601)).await;
        assert_eq!(running.keys.status().state, super::super::KeysState::Failing);
        assert_eq!(running.find("es", Algorithm::ES256).await, Ok(()));
    }
}

#[tokio::test]
async fn files_that_hold_no_keys() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jwks.json");
    let read = || async {
        let settings = IssuerSettings { jwks_file: Some(path.clone()), ..an_issuer() };
        discovery::fetch(&settings, false).await.map(|keys| keys.len())
    };
    let refusal = || async { read().await.unwrap_err().to_string() };
    assert!(refusal().await.starts_with("No such file or directory"));
    std::fs::create_dir(&path).unwrap();
    assert_eq!(refusal().await, "it is no file");
    std::fs::remove_dir(&path).unwrap();
    write(&path, "[]");
    assert_eq!(refusal().await, "the key set: not a JWK Set");
    let good = text(&[es256()]);
    write(&path, &format!("{good}{}", " ".repeat(512 * 1024 - good.len())));
    assert_eq!(read().await.unwrap(), 1);
    write(&path, &format!("{good}{}", " ".repeat(512 * 1024 + 1 - good.len())));
    assert_eq!(refusal().await, "the document is larger than 512 KiB");
    let mut jwk = es256().jwk();
    jwk["kid"] = json!("hallpass-playground-1");
    write(&path, &json!({ "keys": [jwk] }).to_string());
    assert!(refusal().await.contains("keys of a hallpass playground"));
}
