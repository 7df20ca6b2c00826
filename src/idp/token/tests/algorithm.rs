use super::*;

#[test]
fn none_is_no_algorithm_however_it_is_spelt() {
    for none in ["none", "None", "NONE", "nOnE", "", " none", "none\n", "\tNoNe "] {
        let token = a_token().with_header("alg", none);
        let unsigned = token.unsigned();
        assert_eq!(refused(&format!("{unsigned}.")), AlgorithmNone, "{none:?}, unsigned");
        assert_eq!(refused(&format!("{unsigned}.AAAA")), AlgorithmNone, "{none:?}");
        assert_eq!(refused(&token.text()), AlgorithmNone, "{none:?}, signed");
    }
}

/// The classic: the public key, which everybody has, taken for an HMAC secret.
#[test]
fn a_public_key_is_no_secret() {
    for (key, jwk) in [(rsa(), rsa().jwk()), (es256(), es256().jwk())] {
        let secrets = [
            key.public_bytes(),
            jwk.to_string().into_bytes(),
            jwk["n"].as_str().or(jwk["x"].as_str()).unwrap().as_bytes().to_vec(),
        ];
        for secret in secrets {
            for alg in ["HS256", "HS384", "HS512"] {
                let token = a_token().with_header("alg", alg).with_header("kid", key.id);
                let forged = secret_hs256(&token.unsigned(), &secret);
                assert_eq!(refused(&forged), AlgorithmSymmetric);
                // Whatever else failed, no key would verify it.
                let set = key_set(&[key]);
                let held = set.find(Some(key.id), fitting(key.algorithm())).unwrap();
                let (signed, signature) = forged.rsplit_once('.').unwrap();
                assert!(!held.verify(signature, signed.as_bytes(), fitting(alg)));
            }
        }
    }
}

fn fitting(algorithm: &str) -> Algorithm {
    algorithm.parse().unwrap()
}

#[test]
fn only_what_the_issuer_may_use() {
    let keys = key_set(&[es256(), rsa()]);
    let mut issuer = an_issuer();
    issuer.algorithms = vec![Algorithm::RS256];
    let result = |text: &str| verify_with(text, &issuer, &keys).map(|_| ());
    assert_eq!(result(&a_token().text()), Err(AlgorithmNotAllowed));
    assert_eq!(result(&a_token().by(rsa()).text()), Ok(()));
    for alg in ["es256", "ES256K", "ES512", "RS1", "ed25519", "Ed448", "RSA-OAEP", "dir", "null"] {
        assert_eq!(refused(&a_token().with_header("alg", alg).text()), AlgorithmUnknown, "{alg}");
    }
}

#[test]
fn the_key_has_its_own_say() {
    // `kid` names a key of another kind than `alg`.
    assert_eq!(refused(&a_token().by(rsa()).with_header("kid", "es").text()), KeyAlgorithmMismatch);
    assert_eq!(
        refused(&a_token().by(es256()).with_header("kid", "rsa").text()),
        KeyAlgorithmMismatch
    );
    // And where a caller brings that key all the same, nothing is verified by it.
    let key = key_set(&[es256()]).find(Some("es"), Algorithm::ES256).unwrap();
    let text = a_token().by(rsa()).text();
    let result = UnverifiedToken::parse(&text).unwrap().verify_signature(&an_issuer(), &key);
    assert_eq!(result.unwrap_err().code, SignatureInvalid);
}

#[test]
fn a_key_for_another_algorithm_of_its_kind_is_not_used() {
    let mut jwk = rsa().jwk();
    jwk["alg"] = json!("PS256");
    let keys = json!({ "keys": [jwk] }).to_string();
    let keys = KeySet::from_json(keys.as_bytes(), Accepted::default()).unwrap();
    let result = verify_with(&a_token().by(rsa()).text(), &an_issuer(), &keys);
    assert_eq!(result.unwrap_err(), KeyAlgorithmMismatch);
}

#[test]
fn a_token_without_kid_has_the_only_key_that_fits() {
    let nameless = || a_token().without_header("kid").text();
    assert!(verify(&nameless()).is_ok());
    assert_eq!(refused(&a_token().with_header("kid", "other").text()), KeyUnknown);
    assert_eq!(refused(&a_token().with_header("kid", "").text()), KeyIdInvalid);
    assert_eq!(refused(&a_token().with_header("kid", "ES").text()), KeyUnknown);
}

/// There is no HMAC here, so no secret is long enough: not even one that a set publishes.
#[test]
fn secrets_of_any_length_are_none() {
    for length in [1, 16, 31, 32, 64, 128] {
        let secret = vec![b'k'; length];
        let jwk = json!({ "kty": "oct", "kid": "o", "alg": "HS256", "k": base64url(&secret) });
        let keys = json!({ "keys": [jwk, es256().jwk()] }).to_string();
        let keys = KeySet::from_json(keys.as_bytes(), Accepted::default()).unwrap();
        let token = a_token().with_header("alg", "HS256").with_header("kid", "o");
        let forged = secret_hs256(&token.unsigned(), &secret);
        let result = verify_with(&forged, &an_issuer(), &keys);
        assert_eq!(result.unwrap_err(), AlgorithmSymmetric, "{length}");
        assert_eq!(keys.find(Some("o"), Algorithm::HS256).unwrap_err(), KeyUnknown);
    }
}

#[test]
fn a_weak_key_is_named_as_the_reason() {
    let weak = |modulus: usize, exponent: &[u8]| {
        let n = base64url(vec![0xff; modulus]);
        json!({ "kty": "RSA", "kid": "weak", "n": n, "e": base64url(exponent) })
    };
    for jwk in [
        weak(128, &[1, 0, 1]),
        weak(255, &[1, 0, 1]),
        weak(256, &[1]),
        weak(256, &[2]),
        weak(256, &[3]),
    ] {
        let keys = json!({ "keys": [jwk, rsa().jwk()] }).to_string();
        let keys = KeySet::from_json(keys.as_bytes(), Accepted::default()).unwrap();
        let token = a_token().by(rsa()).with_header("kid", "weak");
        assert_eq!(verify_with(&token.text(), &an_issuer(), &keys).unwrap_err(), KeyTooWeak);
    }
}

/// RFC 9864 names algorithms fully; this is the one that has a second name.
#[test]
fn ed25519_has_two_names() {
    for (in_key, in_token) in [("EdDSA", "Ed25519"), ("Ed25519", "EdDSA"), ("Ed25519", "Ed25519")] {
        let mut jwk = ed25519().jwk();
        jwk["alg"] = json!(in_key);
        let keys = json!({ "keys": [jwk] }).to_string();
        let keys = KeySet::from_json(keys.as_bytes(), Accepted::default()).unwrap();
        let text = a_token().by(ed25519()).with_header("alg", in_token).text();
        assert!(verify_with(&text, &an_issuer(), &keys).is_ok(), "{in_key} {in_token}");
    }
}
