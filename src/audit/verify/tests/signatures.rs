//! Somebody who can write what they like, and has not the key.

use super::*;

/// The chain written anew from an event on, so that every hash fits; what becomes of a signature
/// is up to `sign`.
fn rewritten(
    lines: &[Vec<u8>],
    from: usize,
    sign: impl Fn(&str, &str) -> Option<String>,
) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = lines[..from].to_vec();
    let mut follows: Option<(String, String)> = None;
    for (index, line) in lines.iter().enumerate().skip(from) {
        let said: Value = serde_json::from_slice(line).unwrap();
        let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        let mut bytes = line.clone();
        if let Some((old, new)) = &follows {
            // In `previoushash`, and in what a checkpoint says of the one before it.
            bytes = String::from_utf8(bytes).unwrap().replace(old, new).into_bytes();
        }
        bytes = match index == from {
            true => mended(&bytes, "\"outcome\":\"granted\"", "\"outcome\":\"refused\""),
            false => mended(&bytes, "\"specversion\"", "\"specversion\""),
        };
        let new: Value = serde_json::from_slice(&bytes).unwrap();
        let hash = new["hash"].as_str().unwrap().to_owned();
        follows = Some((text("hash"), hash.clone()));
        if let Some(signature) = said["signature"].as_str().and_then(|old| sign(old, &hash)) {
            bytes.pop();
            bytes.extend(format!(",\"signature\":\"{signature}\"}}").into_bytes());
        }
        out.push(bytes);
    }
    out
}

fn signed_by(key: &KeyPair) -> impl Fn(&str, &str) -> Option<String> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let seed = key.seed().unwrap();
    move |_, hash| {
        let key = KeyPair::from_seed(&seed).unwrap();
        let signature = key.sign(format!("hallpass audit 1\n{hash}").as_bytes()).unwrap();
        Some(URL_SAFE_NO_PAD.encode(signature))
    }
}

#[test]
fn a_chain_that_was_written_anew_lacks_the_signature() {
    let (key, other) = (KeyPair::new_user(), KeyPair::new_user());
    let lines = payloads(&a_chain(&key).trail);
    let anew = rewritten(&lines, 4, signed_by(&key));
    assert!(verify(&[&key], &anew).intact, "who has the key could have written this");
    let stripped = verify(&[&key], &rewritten(&lines, 4, |_, _| None));
    let old = verify(&[&key], &rewritten(&lines, 4, |old, _| Some(old.to_owned())));
    let foreign = verify(&[&key], &rewritten(&lines, 4, signed_by(&other)));
    for report in [&stripped, &old, &foreign] {
        assert_eq!(first(report), (Kind::Changed, 8, Some(8)), "{report:?}");
        let chain = &report.chains[0];
        assert_eq!((chain.vouched_until, chain.unvouched), (Some(2), 6));
    }
    assert!(stripped.first().unwrap().what.contains("without a signature"));
    assert!(foreign.first().unwrap().what.contains("signed by nobody who is believed"));
    assert!(verify(&[&key, &other], &rewritten(&lines, 4, signed_by(&other))).intact);
}

#[test]
fn the_key_that_an_event_names_itself_is_nothing() {
    let (key, other) = (KeyPair::new_user(), KeyPair::new_user());
    let report = verify(&[&key], &payloads(&a_chain(&other).trail));
    assert_eq!(first(&report), (Kind::Changed, 1, Some(1)));
    assert_eq!(report.chains[0].vouched_until, None);
    assert!(!verify(&[], &payloads(&a_chain(&other).trail)).intact);
}

#[test]
fn an_invented_chain_is_vouched_for_by_nobody() {
    let key = KeyPair::new_user();
    let mut forged = Instance::forged(&[]);
    forged.decide_all(2);
    let report = verify(&[&key], &payloads(&forged.trail));
    assert_eq!(first(&report), (Kind::Added, 1, Some(1)), "{report:?}");
    assert_eq!((report.counts.added, report.chains[0].vouched_until), (3, None));
}

#[test]
fn a_checkpoint_vouches_for_what_is_before_it_and_for_nothing_else() {
    let key = KeyPair::new_user();
    let mut instance = a_chain(&key);
    let head = Head { sequence: 3, ..instance.chain.head() };
    instance.checkpoint_of(head, &[], false);
    let report = verify(&[&key], &payloads(&instance.trail));
    assert_eq!(first(&report), (Kind::Changed, 9, Some(9)));
}
