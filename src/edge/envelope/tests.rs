//! What a proxy writes is read; what it did not write is refused, each for its own reason.

use std::time::Duration;

use secrecy::SecretString;

use super::*;
use crate::config::EdgeKey;

/// As HAProxy 2.6.12 wrote it, with the key [`key`] and the token `abc.def.ghi`, from
/// `examples/haproxy/websocket`.
const BY_HAPROXY: &str = "hallpass-edge:key=2026-11&at=1795275535\
    &id=3b382054-7d0b-434c-a460-4c27870824a0&src=127.0.0.1&tls=\
    &want=account%3DAPP%26role%3Da%252Fx&token=ZVnpC13VdAW98YDym1CQU6PTbEq_PeU1qySbVNQycjQ\
    &mac=eyLEUBK-lq1teasoeV06U0lPryHYx0Gk66II3t3O1eQ";
const TOKEN: &str = "abc.def.ghi";
/// Whom the server speaks with.
const EDGE: &str = "127.0.0.1";
const AT: i64 = 1_795_275_535;

fn key(byte: u8) -> EdgeKey {
    let text = base64::engine::general_purpose::STANDARD.encode([byte; 32]);
    EdgeKey::read(SecretString::from(text)).unwrap()
}

/// The key with which HAProxy wrote what stands above.
fn haproxy_s() -> EdgeKey {
    let text = base64::engine::general_purpose::STANDARD.encode("0123456789abcdef0123456789abcdef");
    EdgeKey::read(SecretString::from(text)).unwrap()
}

fn settings() -> EdgeSettings {
    let keys = [("2026-11", haproxy_s()), ("next", key(7)), ("prev", key(8))];
    let keys = keys.into_iter().map(|(name, key)| (name.to_owned(), key)).collect();
    EdgeSettings { keys, ..EdgeSettings::default() }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(AT + seconds).unwrap()
}

/// A form under the MAC of a key.
fn sealed(form: &str, key: &EdgeKey) -> String {
    let signed = format!("hallpass-edge:{form}");
    let mut hmac = Hmac::<Sha256>::new_from_slice(key.bytes.expose_secret()).unwrap();
    hmac.update(signed.as_bytes());
    format!("{signed}&mac={}", URL_SAFE_NO_PAD.encode(hmac.finalize().into_bytes()))
}

/// A good form; each of `changes` replaces a field, or takes it out, or adds one.
fn form(changes: &[(&str, Option<&str>)]) -> String {
    let token = URL_SAFE_NO_PAD.encode(Sha256::digest(TOKEN));
    let at = AT.to_string();
    let mut fields = vec![
        ("key", "next"),
        ("at", &at),
        ("id", "3b38:7"),
        ("src", "192.0.2.7"),
        ("tls", "TLSv1.3"),
        ("token", &token),
    ];
    for (name, value) in changes {
        fields.retain(|(it, _)| it != name);
        fields.extend(value.map(|value| (*name, value)));
    }
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn read(changes: &[(&str, Option<&str>)]) -> Result<Envelope, Code> {
    Envelope::authentic(&sealed(&form(changes), &key(7)), &settings())
}

fn judged(text: &str, token: Option<&str>, now: Timestamp) -> Result<Attested, Code> {
    Envelope::authentic(text, &settings())?.judge(token, EDGE, &settings(), now)
}

#[test]
fn what_haproxy_writes_is_read() {
    let envelope = Envelope::authentic(BY_HAPROXY, &settings()).unwrap();
    assert_eq!(envelope.request(), "3b382054-7d0b-434c-a460-4c27870824a0");
    assert_eq!(envelope.key(), "2026-11");
    assert_eq!((envelope.tls(), envelope.cipher()), (None, None));
    let attested = envelope.judge(Some(TOKEN), EDGE, &settings(), at(1)).unwrap();
    assert_eq!(attested.source().to_string(), "127.0.0.1");
    assert_eq!(*attested.wish(), Wish::read("account=APP&role=a%2Fx").unwrap());
}

#[test]
fn two_keys_are_believed_at_once_and_a_third_is_not() {
    for (name, byte) in [("next", 7), ("prev", 8)] {
        let text = sealed(&form(&[("key", Some(name))]), &key(byte));
        assert_eq!(Envelope::authentic(&text, &settings()).unwrap().key(), name);
    }
    let unknown = sealed(&form(&[("key", Some("old"))]), &key(9));
    assert_eq!(Envelope::authentic(&unknown, &settings()), Err(Code::EdgeKeyUnknown));
    let none = EdgeSettings::default();
    assert_eq!(Envelope::authentic(BY_HAPROXY, &none), Err(Code::EdgeKeyUnknown));
    // Who holds one key speaks in the name of no other.
    let other_name = sealed(&form(&[("key", Some("prev"))]), &key(7));
    assert_eq!(Envelope::authentic(&other_name, &settings()), Err(Code::EdgeForged));
}

/// Every single character counts.
#[test]
fn what_was_changed_is_forged() {
    for index in 0..BY_HAPROXY.len() {
        let mut bytes = BY_HAPROXY.as_bytes().to_vec();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let text = String::from_utf8(bytes).unwrap();
        let code = Envelope::authentic(&text, &settings()).unwrap_err();
        let expected = [Code::EdgeForged, Code::EdgeMalformed, Code::EdgeKeyUnknown];
        assert!(expected.contains(&code), "{index}: {code}");
    }
    let (signed, mac) = BY_HAPROXY.rsplit_once("&mac=").unwrap();
    let added = format!("{signed}&src=192.0.2.9&mac={mac}");
    assert_eq!(Envelope::authentic(&added, &settings()), Err(Code::EdgeMalformed), "twice");
    let added = format!("{signed}&cipher=X&mac={mac}");
    assert_eq!(Envelope::authentic(&added, &settings()), Err(Code::EdgeForged));
    // No part of the MAC is enough.
    for part in [&mac[..20], &mac[..40], ""] {
        let shorter = format!("{signed}&mac={part}");
        assert_eq!(Envelope::authentic(&shorter, &settings()), Err(Code::EdgeForged));
    }
}

#[test]
fn it_is_of_now() {
    let settings = EdgeSettings {
        max_age: Duration::from_secs(30),
        leeway: Duration::from_secs(5),
        ..settings()
    };
    let envelope = Envelope::authentic(BY_HAPROXY, &settings).unwrap();
    let code = |now| envelope.judge(Some(TOKEN), EDGE, &settings, now).err();
    assert_eq!([code(at(-5)), code(at(0)), code(at(30))], [None; 3]);
    assert_eq!(code(at(31)), Some(Code::EdgeExpired));
    assert_eq!(code(at(-6)), Some(Code::EdgeNotYetValid));
    assert_eq!(code(Timestamp::MAX), Some(Code::EdgeExpired));
    assert_eq!(code(Timestamp::MIN), Some(Code::EdgeNotYetValid));
}

#[test]
fn it_is_about_one_token() {
    let code = |token| judged(BY_HAPROXY, token, at(0)).err();
    assert_eq!(code(Some(TOKEN)), None);
    for other in [Some("abc.def.ghj"), Some(""), Some("abc.def.ghi "), None] {
        assert_eq!(code(other), Some(Code::EdgeTokenMismatch), "{other:?}");
    }
}

#[test]
fn it_comes_from_an_edge() {
    let envelope = Envelope::authentic(BY_HAPROXY, &settings()).unwrap();
    let code = |host, addresses: &[&str]| {
        let addresses = addresses.iter().map(|it| it.parse().unwrap()).collect();
        envelope.judge(Some(TOKEN), host, &EdgeSettings { addresses, ..settings() }, at(0)).err()
    };
    for good in ["10.0.0.5", "::ffff:10.0.0.5", "2001:db8::1"] {
        assert_eq!(code(good, &["10.0.0.0/8", "2001:db8::/32"]), None, "{good}");
    }
    for bad in ["192.0.2.7", "127.0.0.1", "", "10.0.0.5:4222", "localhost"] {
        assert_eq!(code(bad, &["10.0.0.0/8"]), Some(Code::EdgeAddressUnknown), "{bad}");
        assert_eq!(code(bad, &[]), None, "nobody said where edges are");
    }
}

#[test]
fn fields_are_of_their_forms() {
    assert!(read(&[]).is_ok());
    let long = "a".repeat(129);
    for (name, wrong) in [
        ("at", "1e9"),
        ("at", "-5"),
        ("at", "+5"),
        ("at", ""),
        ("at", "99999999999999999999"),
        ("at", "999999999999999999"),
        ("id", ""),
        ("id", "a b"),
        ("id", "a)\n"),
        ("id", &long),
        ("src", ""),
        ("src", "localhost"),
        ("src", "192.0.2.7:1"),
        ("src", "192.0.2.0/24"),
        ("tls", "TLS 1.3"),
        ("cipher", "a\nb"),
        ("token", ""),
        ("token", "ZVnp"),
        ("token", "ZVnpC13VdAW98YDym1CQU6PTbEq_PeU1qySbVNQycjQ="),
        ("more", "x"),
        ("mac", "x"),
    ] {
        assert_eq!(read(&[(name, Some(wrong))]), Err(Code::EdgeMalformed), "{name}={wrong:?}");
    }
    for needed in ["at", "id", "src", "token", "key"] {
        assert_eq!(read(&[(needed, None)]), Err(Code::EdgeMalformed), "{needed}");
    }
    let wish = |text| read(&[("want", Some(text))]).and_then(|it| it.wish);
    assert_eq!(wish(""), Ok(Wish::default()));
    assert_eq!(wish("role=r"), Wish::read("role=r"));
    assert_eq!(wish("rolle=r"), Err(Code::WishMalformed));
    assert_eq!(wish("hallpass-want:role=r"), Err(Code::WishMalformed));
    let v6 = read(&[("src", Some("::ffff:192.0.2.7"))]).unwrap();
    assert_eq!(v6.source().to_string(), "192.0.2.7");
    let told = read(&[("cipher", Some("TLS_AES_128_GCM_SHA256"))]).unwrap();
    assert_eq!((told.tls(), told.cipher()), (Some("TLSv1.3"), Some("TLS_AES_128_GCM_SHA256")));
    for wrong in ["hallpass-edge:", "hallpass-edge:&mac=", "hallpass-edge:key=next&mac=AA"] {
        assert!(Envelope::authentic(wrong, &settings()).is_err(), "{wrong}");
    }
    let endless = sealed(&form(&[("id", Some(&"a".repeat(5000)))]), &key(7));
    assert_eq!(Envelope::authentic(&endless, &settings()), Err(Code::EdgeMalformed));
}

#[test]
fn debug_shows_no_key() {
    let shown = format!("{:?}", settings());
    assert!(shown.contains("2026-11") && !shown.contains("MDEyMzQ1"), "{shown}");
    assert!(!shown.contains("48, 49, 50"), "{shown}");
}
