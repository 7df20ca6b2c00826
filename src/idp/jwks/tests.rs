use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::json;

use super::*;
use crate::testkit::{a_token, base64url, ed25519, es256, rsa};

fn read(keys: Value) -> Result<KeySet, JwksError> {
    KeySet::from_json(json!({ "keys": keys }).to_string().as_bytes(), Accepted::default())
}

/// A JWK with one member changed; `null` removes it.
fn changed(mut jwk: Value, member: &str, value: impl Into<Value>) -> Value {
    let value = value.into();
    if value.is_null() {
        jwk.as_object_mut().unwrap().remove(member);
    } else {
        jwk[member] = value;
    }
    jwk
}

/// How many keys are used of this one beside a good one.
#[track_caller]
fn beside_a_good_one(jwk: Value) -> usize {
    read(json!([jwk, es256().jwk()])).unwrap().len() - 1
}

/// An RSA key with a modulus of so many bits (of ones: only its size is looked at).
fn rsa_of(bits: usize, exponent: &[u8]) -> Value {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    if !bits.is_multiple_of(8) {
        modulus[0] = (1 << (bits % 8)) - 1;
    }
    json!({ "kty": "RSA", "kid": "r", "n": base64url(modulus), "e": base64url(exponent) })
}

#[test]
fn documents_that_are_no_key_set() {
    let result = |text: &[u8]| KeySet::from_json(text, Accepted::default()).map(|set| set.len());
    for text in
        ["", "{}", "[]", "null", r#"{"keys":null}"#, r#"{"keys":{}}"#, r#"{"KEYS":[]}"#, "<html>"]
    {
        assert_eq!(result(text.as_bytes()), Err(JwksError::Malformed), "{text}");
    }
    assert_eq!(result(b"\xff"), Err(JwksError::Malformed));
    for empty in ["[]", "[1, null, \"x\", [], {}]", r#"[{"kty":"EC"}]"#] {
        let text = format!(r#"{{"keys":{empty}}}"#);
        assert_eq!(result(text.as_bytes()), Ok(0), "{empty}");
    }
}

/// Which of two members counts must not depend on the parser.
#[test]
fn a_member_twice_spoils_the_document() {
    let key = es256().jwk().to_string();
    let twice = key.replacen('{', r#"{"kid":"es","#, 1);
    for text in [format!(r#"{{"keys":[{twice}]}}"#), format!(r#"{{"keys":[{key}],"keys":[]}}"#)] {
        assert_eq!(
            KeySet::from_json(text.as_bytes(), Accepted::default()).unwrap_err(),
            JwksError::Malformed
        );
    }
}

#[test]
fn a_set_is_bounded() {
    let keys = |count: usize| read(vec![es256().jwk(); count].into()).map(|set| set.len());
    assert_eq!(keys(100), Ok(100));
    assert_eq!(keys(101), Err(JwksError::TooMany));
}

#[test]
fn weak_rsa_keys_are_passed_over() {
    for bits in [8, 512, 1024, 2040, 2047] {
        assert_eq!(beside_a_good_one(rsa_of(bits, &[1, 0, 1])), 0, "{bits} bits");
    }
    assert_eq!(beside_a_good_one(rsa_of(2048, &[1, 0, 1])), 1);
    assert_eq!(beside_a_good_one(rsa_of(4096, &[1, 0, 1])), 1);
    for exponent in
        [&[][..], &[0], &[1], &[0, 0, 1], &[2], &[1, 0, 0], &[3], &[17], &[0xff, 0xff], &[0, 3]]
    {
        assert_eq!(beside_a_good_one(rsa_of(2048, exponent)), 0, "{exponent:?}");
    }
    // Zeros in front make a number longer, not larger.
    let mut padded = vec![0; 128];
    padded.extend([0xff; 128]);
    let short = json!({ "kty": "RSA", "n": base64url(padded), "e": "AQAB" });
    assert_eq!(beside_a_good_one(short), 0);
    for torn in [json!("AQAB="), json!("A"), json!("!!!!"), json!(65537), json!("")] {
        assert_eq!(beside_a_good_one(changed(rsa().jwk(), "e", torn.clone())), 0, "{torn}");
        assert_eq!(beside_a_good_one(changed(rsa().jwk(), "n", torn.clone())), 0, "{torn}");
    }
}

#[test]
fn keys_for_other_uses_are_passed_over() {
    for jwk in [es256().jwk(), rsa().jwk()] {
        for other in ["enc", "SIG", ""] {
            assert_eq!(beside_a_good_one(changed(jwk.clone(), "use", other)), 0, "{other:?}");
        }
        assert_eq!(beside_a_good_one(changed(jwk.clone(), "use", Value::Null)), 1);
        for operations in [json!(["encrypt"]), json!(["sign"]), json!([]), json!(["Verify"])] {
            let jwk = changed(jwk.clone(), "key_ops", operations.clone());
            assert_eq!(beside_a_good_one(jwk), 0, "{operations}");
        }
        for operations in [json!(["verify"]), json!(["sign", "verify"])] {
            assert_eq!(beside_a_good_one(changed(jwk.clone(), "key_ops", operations)), 1);
        }
        for algorithm in ["HS256", "RSA-OAEP", "RSA-OAEP-256", "none", "ES512", "EdDSA", ""] {
            let jwk = changed(jwk.clone(), "alg", algorithm);
            assert_eq!(beside_a_good_one(jwk), 0, "{algorithm:?}");
        }
    }
}

#[test]
fn unknown_kinds_are_passed_over() {
    for jwk in [
        json!({ "kty": "LWE", "kid": "q", "x": "AAAA" }),
        json!({ "kid": "q" }),
        json!({ "kty": 1 }),
        json!({ "kty": "ec", "crv": "P-256", "x": "AAAA", "y": "AAAA" }),
        changed(es256().jwk(), "crv", "P-521"),
        changed(es256().jwk(), "crv", "secp256k1"),
        changed(es256().jwk(), "crv", "Ed25519"),
        changed(es256().jwk(), "x", Value::Null),
        changed(es256().jwk(), "kid", 7),
        json!({ "kty": "OKP", "crv": "X25519", "x": base64url([7; 32]) }),
        json!({ "kty": "OKP", "crv": "P-256", "x": base64url([7; 32]) }),
    ] {
        assert_eq!(beside_a_good_one(jwk.clone()), 0, "{jwk}");
    }
}

#[test]
fn symmetric_keys_are_never_used() {
    for algorithm in [json!("HS256"), json!("ES256"), Value::Null] {
        let jwk = json!({ "kty": "oct", "kid": "o", "k": base64url("secret") });
        let jwk = changed(jwk, "alg", algorithm);
        assert_eq!(read(json!([jwk])).unwrap().len(), 0);
        assert_eq!(beside_a_good_one(jwk), 0);
    }
}

/// A key's algorithm is found by its kind, and each kind that is offered really verifies.
#[test]
fn every_kind_of_key_verifies() {
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    let point = p384.public_key().as_ref();
    let random = aws_lc_rs::rand::SystemRandom::new();
    let set = read(json!([
        { "kty": "EC", "crv": "P-384", "kid": "p", "x": base64url(&point[1..49]), "y": base64url(&point[49..]) },
        { "kty": "OKP", "crv": "Ed25519", "kid": "e", "x": base64url(ed25519.public_key().as_ref()) },
    ]))
    .unwrap();
    let message = b"header.claims";
    let signature = base64url(p384.sign(&random, message).unwrap().as_ref());
    let key = set.find(None, Algorithm::ES384).unwrap();
    assert!(key.verify(&signature, message, Algorithm::ES384));
    assert!(!key.verify(&signature, b"header.claimz", Algorithm::ES384));
    assert!(!key.verify(&signature, message, Algorithm::ES256));
    let signature = base64url(ed25519.sign(message).as_ref());
    let key = set.find(None, Algorithm::EdDSA).unwrap();
    assert!(key.verify(&signature, message, Algorithm::EdDSA));
    assert!(!key.verify(&signature, b"header.claimz", Algorithm::EdDSA));
    assert!(set.find(None, Algorithm::ES256).is_err());
    assert!(set.find(Some("p"), Algorithm::EdDSA).is_err());
}

/// A point that is not on the curve verifies nothing and panics nowhere.
#[test]
fn wrong_coordinates_verify_nothing() {
    let text = a_token().text();
    let (message, signature) = text.rsplit_once('.').unwrap();
    let good = es256().jwk();
    for (x, y) in [
        (good["y"].clone(), good["x"].clone()),
        (json!(base64url([0; 32])), json!(base64url([0; 32]))),
        (json!(base64url([0xff; 32])), json!(base64url([0xff; 32]))),
        (json!(base64url([1; 31])), good["y"].clone()),
        (good["x"].clone(), json!("")),
    ] {
        let jwk = changed(changed(good.clone(), "x", x), "y", y);
        let Ok(set) = read(json!([jwk])) else { continue };
        let key = set.find(Some("es"), Algorithm::ES256).unwrap();
        assert!(!key.verify(signature, message.as_bytes(), Algorithm::ES256));
    }
    let set = read(json!([good])).unwrap();
    let key = set.find(Some("es"), Algorithm::ES256).unwrap();
    assert!(key.verify(signature, message.as_bytes(), Algorithm::ES256));
}

#[test]
fn the_right_key_is_found_or_none() {
    let nameless = |jwk| changed(jwk, "kid", Value::Null);
    let one = read(json!([nameless(es256().jwk()), rsa().jwk()])).unwrap();
    assert!(one.find(None, Algorithm::ES256).is_ok(), "the only one that fits");
    assert!(one.find(Some("es"), Algorithm::ES256).is_err(), "a nameless key has no name");
    assert!(one.find(Some(""), Algorithm::ES256).is_err());
    let two = read(json!([nameless(es256().jwk()), nameless(es256().jwk())])).unwrap();
    assert!(two.find(None, Algorithm::ES256).is_err(), "which of the two?");
    let named = read(json!([es256().jwk(), changed(es256().jwk(), "kid", "es2")])).unwrap();
    assert!(named.find(None, Algorithm::ES256).is_err());
    assert_eq!(named.find(Some("es2"), Algorithm::ES256).unwrap().id.as_deref(), Some("es2"));
    assert!(named.find(Some("es3"), Algorithm::ES256).is_err());
    assert!(named.find(Some("es"), Algorithm::ES384).is_err());
}

#[test]
fn a_playground_vouches_for_nobody() {
    let marked = changed(es256().jwk(), "kid", format!("{PLAYGROUND_KID_PREFIX}1"));
    assert_eq!(read(json!([marked])).unwrap_err(), JwksError::Playground);
    assert_eq!(read(json!([rsa().jwk(), marked])).unwrap_err(), JwksError::Playground);
    let text = json!({ "keys": [marked] }).to_string();
    assert_eq!(
        KeySet::from_json(text.as_bytes(), Accepted { playground: true, ..Accepted::default() })
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn debug_prints_names_only() {
    let printed = format!("{:?}", read(json!([es256().jwk()])).unwrap());
    assert!(printed.contains("es") && !printed.contains(es256().jwk()["x"].as_str().unwrap()));
}

proptest::proptest! {
    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        proptest::prop_assert!(KeySet::from_json(&bytes, Accepted::default()).is_err());
    }
}

/// What is printed for other programs is the very key: they verify with it what it has signed.
#[test]
fn a_key_in_pem_verifies_the_same() {
    const MESSAGE: &str = "header.claims";
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let point = p384.public_key().as_ref();
    let random = aws_lc_rs::rand::SystemRandom::new();
    let by_p384 = base64url(p384.sign(&random, MESSAGE.as_bytes()).unwrap().as_ref());
    let p384 = json!({
        "kty": "EC", "crv": "P-384", "kid": "p",
        "x": base64url(&point[1..49]), "y": base64url(&point[49..]),
    });
    for (jwk, algorithm, signature) in [
        (rsa().jwk(), Algorithm::RS256, rsa().sign(MESSAGE)),
        (es256().jwk(), Algorithm::ES256, es256().sign(MESSAGE)),
        (ed25519().jwk(), Algorithm::EdDSA, ed25519().sign(MESSAGE)),
        (p384, Algorithm::ES384, by_p384),
    ] {
        let set = read(json!([jwk])).unwrap();
        let pem = set.find(None, algorithm).unwrap().pem().unwrap();
        assert!(pem.lines().all(|line| line.len() <= 64) && pem.ends_with("-----\n"), "{pem}");
        let key = match algorithm {
            Algorithm::RS256 => DecodingKey::from_rsa_pem(pem.as_bytes()),
            Algorithm::EdDSA => DecodingKey::from_ed_pem(pem.as_bytes()),
            _ => DecodingKey::from_ec_pem(pem.as_bytes()),
        };
        let key = key.unwrap();
        let verifies = |message: &str| {
            jsonwebtoken::crypto::verify(&signature, message.as_bytes(), &key, algorithm).unwrap()
        };
        assert!(verifies(MESSAGE), "{pem}");
        assert!(!verifies("header.claimz"), "{pem}");
    }
}

#[test]
fn what_is_no_point_of_the_curve_is_not_printed() {
    let good = es256().jwk();
    let turned = changed(changed(good.clone(), "x", good["y"].clone()), "y", good["x"].clone());
    let set = read(json!([turned])).unwrap();
    assert!(set.iter().all(|key| key.pem().is_none()), "{turned}");
}
