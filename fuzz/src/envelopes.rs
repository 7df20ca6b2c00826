//! What must be true of an edge's word that is believed.

use std::{collections::BTreeMap, sync::LazyLock};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hallpass::{
    code::Code,
    config::{EdgeKey, EdgeSettings},
    edge::Envelope,
};
use url::form_urlencoded::parse;

use super::parties::base64url;

const KEY: [u8; 32] = [7; 32];

static SETTINGS: LazyLock<EdgeSettings> = LazyLock::new(|| {
    let key = EdgeKey::read(STANDARD.encode(KEY).into()).unwrap();
    EdgeSettings { keys: BTreeMap::from([("a".to_owned(), key)]), ..EdgeSettings::default() }
});

/// Any text as what an edge says: as it comes nobody believes it; under the MAC of the key it is
/// what an ordinary reader of forms reads, field by field.
pub fn envelope(data: &[u8]) -> bool {
    let Ok(form) = std::str::from_utf8(data) else { return false };
    let signed = format!("hallpass-edge:{form}");
    assert!(Envelope::authentic(form, &SETTINGS).is_err());
    assert!(Envelope::authentic(&signed, &SETTINGS).is_err());
    let seal = |key: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        format!("{signed}&mac={}", base64url(hmac::sign(&key, signed.as_bytes())))
    };
    assert!(Envelope::authentic(&seal(&[8; 32]), &SETTINGS).is_err());
    let envelope = match Envelope::authentic(&seal(&KEY), &SETTINGS) {
        Ok(envelope) => envelope,
        Err(code) => {
            assert_ne!(code, Code::EdgeForged, "the MAC is right");
            return false;
        }
    };
    let mut fields = BTreeMap::new();
    for (name, value) in parse(form.as_bytes()) {
        assert!(fields.insert(name, value).is_none(), "a field twice");
    }
    let field = |name| fields.get(name).map(|value| value.as_ref());
    assert_eq!(field("key"), Some("a"));
    assert_eq!(field("id"), Some(envelope.request()));
    assert_eq!(field("at").unwrap().parse(), Ok(envelope.at().as_second()));
    let source: std::net::IpAddr = field("src").unwrap().parse().unwrap();
    assert_eq!(source.to_canonical(), envelope.source());
    let known = ["key", "at", "id", "src", "tls", "cipher", "want", "token"];
    assert!(fields.keys().all(|name| known.contains(&name.as_ref())));
    // It is about one token, and this is not it.
    assert!(envelope.judge(Some("another"), "", &SETTINGS, envelope.at()).is_err());
    assert!(envelope.judge(None, "", &SETTINGS, envelope.at()).is_err());
    true
}
