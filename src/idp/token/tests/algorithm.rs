use super::*;

#[test]
fn none_is_no_algorithm_however_it_is_spelt() {
    for none in ["none", "None", "NONE", "nOnE", "", " none", "null"] {
        let token = a_token().with_header("alg", none);
        let unsigned = token.unsigned();
        assert_eq!(refused(&format!("{unsigned}.")), TokenMalformed, "{none:?}, unsigned");
        assert_eq!(refused(&format!("{unsigned}.AAAA")), AlgorithmNotAllowed, "{none:?}");
        assert_eq!(refused(&token.text()), AlgorithmNotAllowed, "{none:?}, signed");
    }
}

/// The classic: the public key, which everybody has, taken for an HMAC secret.
#[test]
fn a_public_key_is_no_secret() {
    let issuer = an_issuer();
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
                assert_eq!(refused(&forged), AlgorithmNotAllowed);
                // Even if a configuration could allow it, no key would do it.
                let mut lax = issuer.clone();
                lax.algorithms.extend([Algorithm::HS256, Algorithm::HS384, Algorithm::HS512]);
                let result = verify_with(&forged, &lax, &key_set(&[es256(), rsa()]));
                assert_eq!(result.unwrap_err(), KeyUnknown);
                let held = key_set(&[key]).find(Some(key.id), fitting(key.algorithm()));
                let token = UnverifiedToken::parse(&forged).unwrap();
                let result = token.verify_signature(&lax, &held.unwrap());
                assert_eq!(result.unwrap_err(), SignatureInvalid);
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
    for alg in ["es256", "ES256K", "ES512", "RS1", "Ed25519", "RSA-OAEP", "dir"] {
        assert_eq!(refused(&a_token().with_header("alg", alg).text()), AlgorithmNotAllowed);
    }
}

#[test]
fn the_key_has_its_own_say() {
    // `kid` names a key of another kind than `alg`.
    assert_eq!(refused(&a_token().by(rsa()).with_header("kid", "es").text()), KeyUnknown);
    assert_eq!(refused(&a_token().by(es256()).with_header("kid", "rsa").text()), KeyUnknown);
    // And where a caller brings that key all the same, nothing is verified by it.
    let key = key_set(&[es256()]).find(Some("es"), Algorithm::ES256).unwrap();
    let text = a_token().by(rsa()).text();
    let result = UnverifiedToken::parse(&text).unwrap().verify_signature(&an_issuer(), &key);
    assert_eq!(result.unwrap_err(), SignatureInvalid);
}

#[test]
fn a_key_for_another_algorithm_of_its_kind_is_not_used() {
    let mut jwk = rsa().jwk();
    jwk["alg"] = json!("PS256");
    let keys = json!({ "keys": [jwk] }).to_string();
    let keys = KeySet::from_json(keys.as_bytes(), false).unwrap();
    let result = verify_with(&a_token().by(rsa()).text(), &an_issuer(), &keys);
    assert_eq!(result.unwrap_err(), KeyUnknown);
}

#[test]
fn a_token_without_kid_has_the_only_key_that_fits() {
    let nameless = || a_token().without_header("kid").text();
    assert!(verify(&nameless()).is_ok());
    assert_eq!(refused(&a_token().with_header("kid", "other").text()), KeyUnknown);
    assert_eq!(refused(&a_token().with_header("kid", "").text()), KeyUnknown);
    assert_eq!(refused(&a_token().with_header("kid", "ES").text()), KeyUnknown);
}
