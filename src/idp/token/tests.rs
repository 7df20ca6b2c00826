use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;

use serde_json::{Value, json};

use super::*;
use crate::{
    code::Code::*,
    identity::Identity,
    idp::KeySet,
    testkit::{
        NOW, a_token, an_issuer, base64url, bearer, es256, key_set, now, other_es256, rsa, verify,
        verify_with,
    },
};

const HEADER: &str = r#"{"alg":"ES256","kid":"es","typ":"at+jwt"}"#;
const CLAIMS: &str =
    r#"{"iss":"https://idp.example.com","aud":"nats","sub":"alice","exp":1800003600,"roles":[]}"#;

/// What a text is refused with.
#[track_caller]
fn refused(text: &str) -> Code {
    verify(text).expect_err("a refusal")
}

/// What a well signed header over good claims is refused with.
#[track_caller]
fn refused_header(header: &str) -> Code {
    refused(&bearer(header, CLAIMS, es256()))
}

/// What well signed claims are refused with.
#[track_caller]
fn refused_claims(claims: &str) -> Code {
    refused(&bearer(HEADER, claims, es256()))
}

/// A token signed by HMAC with a secret of one's choice.
fn secret_hs256(unsigned: &str, secret: &[u8]) -> String {
    use aws_lc_rs::hmac;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), unsigned.as_bytes());
    format!("{unsigned}.{}", base64url(tag))
}

mod good {
    use super::*;

    #[test]
    fn a_good_token_is_what_it_says() {
        let token = verify(&a_token().with_role("clerk").text()).unwrap();
        assert_eq!(token.issuer().as_str(), "corp");
        assert_eq!(token.subject(), "alice");
        assert_eq!(token.expires_at().as_second(), NOW + 3600);
        assert_eq!(token.claims()["roles"], json!(["clerk"]));
    }

    #[test]
    fn keys_of_both_kinds_verify() {
        assert!(verify(&a_token().by(es256()).text()).is_ok());
        assert!(verify(&a_token().by(rsa()).text()).is_ok());
    }

    #[test]
    fn the_fixtures_of_raw_texts_are_good_too() {
        assert!(verify(&bearer(HEADER, CLAIMS, es256())).is_ok());
    }

    #[test]
    fn the_facts_are_those_of_the_token() {
        let (text, issuer) = (a_token().text(), an_issuer());
        let key = key_set(&[es256()]).find(Some("es"), Algorithm::ES256).unwrap();
        let signed =
            UnverifiedToken::parse(&text).unwrap().verify_signature(&issuer, &key).unwrap();
        let facts = serde_json::to_value(signed.facts()).unwrap();
        assert_eq!(
            facts,
            json!({
                "issuer": "corp", "subject": "alice", "id": "token-1", "algorithm": "ES256",
                "key_id": "es", "token_type": "at+jwt",
                "issued_at": "2027-01-15T07:59:50Z", "expires_at": "2027-01-15T09:00:00Z",
            })
        );
    }

    #[test]
    fn the_facts_of_odd_claims_are_absent_and_long_ones_are_cut() {
        let (issuer, long) = (an_issuer(), "é".repeat(400));
        let token = a_token().with("sub", long).with("jti", 1).with("exp", "soon").with("iat", 1.5);
        let text = token.text();
        let key = key_set(&[es256()]).find(Some("es"), Algorithm::ES256).unwrap();
        let facts =
            UnverifiedToken::parse(&text).unwrap().verify_signature(&issuer, &key).unwrap().facts();
        assert_eq!(facts.subject, Some("é".repeat(255)));
        assert_eq!((facts.id, facts.issued_at, facts.expires_at), (None, None, None));
    }
}

mod form {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(refused(""), TokenMalformed);
        for byte in ["x", ".", "e"] {
            assert_eq!(refused(byte), TokenMalformed, "{byte:?}");
        }
        assert_eq!(refused(&"a".repeat(1 << 20)), TokenTooLarge);
        assert_eq!(refused(&"a".repeat(16 * 1024 + 1)), TokenTooLarge);
        assert_eq!(refused(&"a".repeat(16 * 1024)), TokenMalformed);
        let padded = |length| a_token().with("pad", "x".repeat(length)).text();
        let overhead = padded(0).len();
        let largest = padded((16 * 1024 - overhead) / 4 * 3);
        assert!(largest.len() > 16 * 1024 - 8 && largest.len() <= 16 * 1024);
        assert!(verify(&largest).is_ok(), "the bound itself is inside");
    }

    #[test]
    fn parts() {
        let text = a_token().text();
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, signature] = parts[..] else { panic!() };
        for wrong in [
            "...".to_owned(),
            "..".to_owned(),
            ".".to_owned(),
            text.replace('.', ""),
            format!("{header}.{claims}"),
            format!("{header}..{signature}"),
            format!(".{claims}.{signature}"),
            format!("{header}.{claims}."),
            format!("{text}."),
            format!(".{text}"),
            format!("{text}.{signature}"),
            format!("{header}.{header}.{claims}.{signature}.{signature}"),
            format!("Bearer {text}"),
        ] {
            assert_eq!(refused(&wrong), TokenMalformed, "{wrong}");
        }
    }

    #[test]
    fn base64url_is_strict_in_every_part() {
        let text = a_token().text();
        let parts: Vec<&str> = text.split('.').collect();
        for index in 0..3 {
            let part = parts[index];
            let middle = part.len() / 2;
            for wrong in [
                format!("{part}="),
                format!("{part}=="),
                format!("{part}\n"),
                format!("\r\n{part}"),
                format!(" {part}"),
                format!("{}\n{}", &part[..middle], &part[middle..]),
                format!("{}!{}", &part[..middle], &part[middle..]),
                format!("{}+{}", &part[..middle], &part[middle + 1..]),
                format!("{}/{}", &part[..middle], &part[middle + 1..]),
                format!("{}\0{}", &part[..middle], &part[middle + 1..]),
                format!("{}é{}", &part[..middle], &part[middle + 2..]),
            ] {
                let mut parts = parts.clone();
                parts[index] = &wrong;
                assert_eq!(refused(&parts.join(".")), TokenMalformed, "part {index}: {wrong:?}");
            }
        }
    }

    /// Two texts with one meaning would be one token with two names.
    #[test]
    fn trailing_bits_are_zero() {
        let text = a_token().text();
        let (unsigned, signature) = text.rsplit_once('.').unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert_eq!(bytes.len() % 3, 1, "64 bytes leave four spare bits");
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let last = *signature.as_bytes().last().unwrap();
        let value = alphabet.iter().position(|letter| *letter == last).unwrap();
        assert_eq!(value % 16, 0);
        for spare in 1..16 {
            let twin = char::from(alphabet[value + spare]);
            let forged = format!("{unsigned}.{}{twin}", &signature[..signature.len() - 1]);
            assert_eq!(refused(&forged), TokenMalformed, "{spare}");
        }
    }

    #[test]
    fn headers() {
        let deep = format!(r#"{{"alg":"ES256","x":{}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
        for header in [
            "",
            "alg",
            "[]",
            "null",
            "\"ES256\"",
            "{}",
            "{",
            r#"{"alg":"ES256","alg":"ES256"}"#,
            r#"{"alg":"none","alg":"ES256"}"#,
            r#"{"alg":"ES256","kid":"es","kid":"es"}"#,
            r#"{"alg":"ES256","\u0061lg":"ES256"}"#,
            r#"{"alg":["ES256"],"kid":"es"}"#,
            r#"{"alg":null,"kid":"es"}"#,
            r#"{"alg":7,"kid":"es"}"#,
            r#"{"alg":"ES256","kid":1}"#,
            r#"{"alg":"ES256","kid":null}"#,
            r#"{"alg":"ES256","kid":"es","typ":1}"#,
            r#"{"alg":"ES256","kid":"es","typ":null}"#,
            r#"{"alg":"ES256","kid":"es"} "x""#,
            &deep,
        ] {
            let expected = if header.is_empty() { TokenMalformed } else { TokenHeaderInvalid };
            assert_eq!(refused_header(header), expected, "{:.60}", header);
        }
        let not_utf8 = base64url(b"{\"alg\":\"ES256\",\"kid\":\"\xff\"}");
        assert_eq!(refused(&format!("{not_utf8}.e30.AAAA")), TokenHeaderInvalid);
    }

    #[test]
    fn claims() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
        let twice =
            |name: &str, value: &str| CLAIMS.replacen('{', &format!("{{\"{name}\":{value},"), 1);
        for claims in [
            "[]",
            "null",
            "{",
            "alice",
            &twice("sub", "\"bob\""),
            &twice("exp", "1900000000"),
            &twice("aud", "\"nats\""),
            &twice("iss", "\"https://idp.example.com\""),
            &twice("roles", "[\"admin\"]"),
            &twice("r\\u006fles", "[\"admin\"]"),
            &format!("{CLAIMS}{CLAIMS}"),
            &deep,
        ] {
            assert_eq!(refused_claims(claims), TokenClaimsInvalid, "{:.60}", claims);
        }
        let nested = CLAIMS.replace("[]", r#"[{"a":1,"a":2}]"#);
        assert_eq!(refused_claims(&nested), TokenClaimsInvalid);
        let not_utf8 = base64url(b"{\"iss\":\"\xff\"}");
        let header = base64url(HEADER);
        assert_eq!(refused(&format!("{header}.{not_utf8}.AAAA")), TokenClaimsInvalid);
    }

    /// The JSON of a token that large is never looked at; without the bound on the size, the
    /// bound on the depth would still hold.
    #[test]
    fn depth_never_reaches_the_stack() {
        let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
        assert_eq!(refused(&bearer(HEADER, &deep, es256())), TokenTooLarge);
        assert_eq!(refused(&bearer(&deep, CLAIMS, es256())), TokenTooLarge);
        assert_eq!(strict_json::object(deep.as_bytes()), Err(strict_json::JsonError::Invalid));
    }
}

mod algorithm {
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
}

mod header {
    use super::*;

    #[test]
    fn crit_is_refused_whatever_it_says() {
        for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!(null), json!("x")] {
            assert_eq!(refused(&a_token().with_header("crit", crit).text()), TokenCritical);
        }
    }

    #[test]
    fn types() {
        for good in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/JWT"] {
            assert!(verify(&a_token().with_header("typ", good).text()).is_ok(), "{good}");
        }
        assert!(verify(&a_token().without_header("typ").text()).is_ok());
        for wrong in [
            "logout+jwt",
            "secevent+jwt",
            "dpop+jwt",
            "id_token",
            "",
            "application/",
            "JWT ",
            "text/jwt",
            "application/application/jwt",
        ] {
            let token = a_token().with_header("typ", wrong);
            assert_eq!(refused(&token.text()), TokenTypeUnsupported, "{wrong:?}");
        }
    }

    /// The token does not choose its key: not by value, not by address, not by certificate.
    #[test]
    fn keys_in_the_header_are_not_looked_at() {
        let mut jwk = other_es256().jwk();
        jwk["kid"] = json!("mine");
        for (member, value) in [
            ("jwk", jwk),
            ("jku", json!("https://attacker.example/jwks")),
            ("x5u", json!("https://attacker.example/cert")),
            ("x5c", json!(["MIIB"])),
            ("jku", json!(5)),
        ] {
            let token = a_token().with_header(member, value);
            assert_eq!(refused(&token.clone().secretly_by(other_es256()).text()), SignatureInvalid);
            let named = token.clone().secretly_by(other_es256()).with_header("kid", "mine");
            assert_eq!(refused(&named.text()), KeyUnknown);
            assert!(verify(&token.text()).is_ok(), "{member} is ignored");
        }
    }
}

mod signature {
    use super::*;

    #[test]
    fn of_another_key() {
        assert_eq!(refused(&a_token().secretly_by(other_es256()).text()), SignatureInvalid);
    }

    #[test]
    fn of_another_token() {
        let (clerk, reader) = (a_token().with_role("clerk"), a_token().with_role("reader"));
        let signature = reader.text().rsplit_once('.').unwrap().1.to_owned();
        assert_eq!(refused(&format!("{}.{signature}", clerk.unsigned())), SignatureInvalid);
        // The header is signed as well.
        let other = a_token().with_role("reader").without_header("typ");
        assert_eq!(refused(&format!("{}.{signature}", other.unsigned())), SignatureInvalid);
    }

    #[test]
    fn shorter_longer_and_of_zeros() {
        for key in [es256(), rsa()] {
            let text = a_token().by(key).text();
            let (unsigned, signature) = text.rsplit_once('.').unwrap();
            let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
            let signed = |bytes: &[u8]| format!("{unsigned}.{}", base64url(bytes));
            for length in 1..bytes.len() {
                assert_eq!(refused(&signed(&bytes[..length])), SignatureInvalid, "{length}");
            }
            assert_eq!(refused(&signed(&[])), TokenMalformed);
            assert_eq!(refused(&signed(&[&bytes[..], &[0]].concat())), SignatureInvalid);
            // For ECDSA, r = s = 0 is the signature that careless verifiers accept.
            assert_eq!(refused(&signed(&vec![0; bytes.len()])), SignatureInvalid);
            assert_eq!(refused(&signed(&vec![0xff; bytes.len()])), SignatureInvalid);
        }
    }
}

mod times {
    use super::*;

    #[test]
    fn exp() {
        assert_eq!(refused(&a_token().expired().text()), TokenExpired);
        assert_eq!(refused(&a_token().with("exp", NOW).text()), TokenExpired, "no leeway");
        assert!(verify(&a_token().with("exp", NOW + 1).text()).is_ok());
        assert_eq!(refused(&a_token().with("exp", 0).text()), TokenExpired);
        assert_eq!(refused(&a_token().without("exp").text()), TokenClaimsInvalid);
    }

    #[test]
    fn exp_of_other_forms() {
        for exp in [
            json!(i64::MAX),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(-1),
            json!(253_402_300_800_i64), // the year 10000
            json!("1900000000"),
            json!(1_900_000_000.5),
            json!(1_900_000_000.0),
            json!(null),
            json!(true),
            json!([1_900_000_000]),
            json!({}),
        ] {
            let token = a_token().with("exp", exp.clone());
            assert_eq!(refused(&token.text()), TokenClaimsInvalid, "{exp}");
        }
        for exp in ["1e400", "99999999999999999999999999", "1.9e9", "01900000000", "-0", "+1"] {
            let claims = CLAIMS.replace("1800003600", exp);
            assert_eq!(refused_claims(&claims), TokenClaimsInvalid, "{exp}");
        }
        let last = Timestamp::MAX.as_second();
        let token = verify(&a_token().with("exp", last).text()).unwrap();
        assert_eq!(token.expires_at().as_second(), last);
        assert_eq!(refused(&a_token().with("exp", last + 1).text()), TokenClaimsInvalid);
    }

    #[test]
    fn nbf_and_iat() {
        for claim in ["nbf", "iat"] {
            for inside in [0, 1, NOW - 1, NOW, NOW + 1, NOW + 30] {
                assert!(verify(&a_token().with(claim, inside).text()).is_ok(), "{claim} {inside}");
            }
            for beyond in [NOW + 31, NOW + 86_400] {
                let token = a_token().with(claim, beyond);
                assert_eq!(refused(&token.text()), TokenNotYetValid, "{claim} {beyond}");
            }
            for odd in [json!(1.5), json!("1"), json!(-1), json!(i64::MAX), json!(null), json!([1])]
            {
                let token = a_token().with(claim, odd.clone());
                assert_eq!(refused(&token.text()), TokenClaimsInvalid, "{claim} {odd}");
            }
        }
        assert!(verify(&a_token().without("iat").text()).is_ok());
    }

    #[test]
    fn the_leeway_is_the_issuers() {
        let mut issuer = an_issuer();
        issuer.leeway = std::time::Duration::ZERO;
        let keys = key_set(&[es256()]);
        let result = |text: String| verify_with(&text, &issuer, &keys).map(|_| ());
        assert_eq!(result(a_token().with("nbf", NOW).text()), Ok(()));
        assert_eq!(result(a_token().with("nbf", NOW + 1).text()), Err(TokenNotYetValid));
    }
}

mod audience_and_issuer {
    use super::*;

    #[test]
    fn aud() {
        for good in [json!("nats"), json!(["nats"]), json!(["web", "nats", "nats"])] {
            assert!(verify(&a_token().with("aud", good.clone()).text()).is_ok(), "{good}");
        }
        for other in [
            json!("web"),
            json!(["web"]),
            json!([]),
            json!(""),
            json!("NATS"),
            json!("nats "),
            json!("nats,web"),
            json!("nats web"),
            json!("*"),
        ] {
            let token = a_token().with("aud", other.clone());
            assert_eq!(refused(&token.text()), AudienceMismatch, "{other}");
        }
        assert_eq!(refused(&a_token().without("aud").text()), AudienceMismatch);
        for odd in [
            json!(["nats", 1]),
            json!([["nats"]]),
            json!({ "nats": true }),
            json!(null),
            json!(1),
            json!([null]),
        ] {
            let token = a_token().with("aud", odd.clone());
            assert_eq!(refused(&token.text()), TokenClaimsInvalid, "{odd}");
        }
    }

    #[test]
    fn iss_is_compared_exactly() {
        for other in [
            json!("https://idp.example.com/"),
            json!("https://IDP.example.com"),
            json!("http://idp.example.com"),
            json!("https://idp.example.com:443"),
            json!(["https://idp.example.com"]),
            json!(null),
            json!(1),
            json!(""),
        ] {
            let text = a_token().with("iss", other.clone()).text();
            assert_eq!(refused(&text), IssuerUnknown, "{other}");
            // `judge` does not rely on the caller having looked.
            let key = key_set(&[es256()]).find(Some("es"), Algorithm::ES256).unwrap();
            let signed =
                UnverifiedToken::parse(&text).unwrap().verify_signature(&an_issuer(), &key);
            assert_eq!(signed.unwrap().judge(&an_issuer(), now()).unwrap_err(), IssuerUnknown);
        }
        assert_eq!(refused(&a_token().without("iss").text()), IssuerUnknown);
    }

    #[test]
    fn sub() {
        assert_eq!(refused(&a_token().without("sub").text()), TokenClaimsInvalid);
        for odd in [json!(7), json!(null), json!(["alice"]), json!({})] {
            assert_eq!(refused(&a_token().with("sub", odd).text()), TokenClaimsInvalid);
        }
    }

    #[test]
    fn a_sub_that_cannot_be_a_name_makes_no_identity() {
        let issuer = an_issuer();
        let identity = |sub: Value| {
            let token = verify(&a_token().with("sub", sub).text()).unwrap();
            Identity::of(&token, &issuer).map(|identity| identity.user_name())
        };
        assert_eq!(identity(json!("alice")), Ok("corp:alice".to_owned()));
        assert_eq!(
            identity(json!("system:serviceaccount:a:b")),
            Ok("corp:system:serviceaccount:a:b".to_owned())
        );
        assert_eq!(identity(json!("x".repeat(255))), Ok(format!("corp:{}", "x".repeat(255))));
        for unusable in ["".to_owned(), "x".repeat(256), "a\nb".to_owned(), "a\u{85}".to_owned()] {
            assert_eq!(identity(json!(unusable)), Err(SubjectUnusable), "{unusable:?}");
        }
        let roles = |token: crate::testkit::TokenBuilder| {
            let token = verify(&token.text()).unwrap();
            Identity::of(&token, &issuer).map(|_| ())
        };
        assert_eq!(roles(a_token().without("roles")), Err(RolesClaimAbsent));
        assert_eq!(roles(a_token().with("roles", Value::Null)), Err(RolesClaimUnreadable));
        assert_eq!(
            roles(a_token().with("roles", json!({ "admin": true }))),
            Err(RolesClaimUnreadable)
        );
    }
}

#[test]
fn debug_prints_no_claim_value() {
    let issuer = an_issuer();
    let text = a_token().with("sub", "SECRET-SUB").with("tenant", "SECRET-TENANT").text();
    let key = key_set(&[es256()]).find(Some("es"), Algorithm::ES256).unwrap();
    let signed = UnverifiedToken::parse(&text).unwrap().verify_signature(&issuer, &key).unwrap();
    let mut printed = format!("{signed:?} {signed:#?} {:?}", signed.facts());
    let verified = signed.judge(&issuer, now()).unwrap();
    printed += &format!("{verified:?} {:?}", Identity::of(&verified, &issuer).unwrap());
    assert!(!printed.contains("SECRET"), "{printed}");
    assert!(printed.contains("corp"));
}

proptest! {
    #[test]
    fn no_single_changed_byte_is_accepted(at in 0_usize..10_000, to in 0_u8..128, rs in any::<bool>()) {
        let text = if rs { a_token().by(rsa()).text() } else { a_token().text() };
        let mut bytes = text.into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(verify(std::str::from_utf8(&bytes).unwrap()).is_err());
    }

    #[test]
    fn no_cut_or_doubled_piece_is_accepted(from in 0_usize..10_000, length in 1_usize..40, double in any::<bool>()) {
        let text = a_token().text();
        let from = from % text.len();
        let to = (from + length).min(text.len());
        let changed = if double {
            format!("{}{}{}", &text[..to], &text[from..to], &text[to..])
        } else {
            format!("{}{}", &text[..from], &text[to..])
        };
        prop_assert!(verify(&changed).is_err());
    }

    #[test]
    fn nothing_makes_it_panic(text in "\\PC{0,200}", parts in "[A-Za-z0-9_.-]{0,200}") {
        prop_assert!(verify(&text).is_err());
        prop_assert!(verify(&parts).is_err());
    }

    #[test]
    fn no_json_makes_it_panic_or_lets_it_in(claim in "(exp|nbf|iat|aud|iss|sub)", value in "[-0-9eE.\"\\[\\]{}:,truefalsn]{1,20}") {
        let raw = CLAIMS.replacen('{', &format!("{{\"{claim}\":{value},"), 1);
        // Each of these is there already (a member twice) or made of a random text.
        if claim != "nbf" && claim != "iat" {
            prop_assert_eq!(refused_claims(&raw), TokenClaimsInvalid);
        } else {
            let _ = verify(&bearer(HEADER, &raw, es256()));
        }
    }
}
