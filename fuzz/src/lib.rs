//! What holds of hallpass whatever it is given: a function for each way in, which stops where
//! it does not hold and says whether the input was accepted. The fuzzer runs them on what it
//! comes up with, the integration tests on the seeds.
//!
//! What must be true of an input that was accepted is read off it again here, by other means
//! than hallpass's own.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass::{
    code::Code,
    config::IssuerSettings,
    idp::{
        Accepted, KeySet, PLAYGROUND_KID_PREFIX,
        token::{AuthenticToken, MAX_BYTES, UnverifiedToken},
    },
    strict_json,
};
use jsonwebtoken::AlgorithmFamily;
use serde_json::{Map, Value};

mod envelopes;
mod judging;
mod parties;
mod requests;

pub use envelopes::envelope;
pub use parties::good_token;
use parties::{
    GOOD_CLAIMS, GOOD_HEADER, base64url, idp, issuers, keys, signed, stranger, unsigned,
};
pub use requests::{request, wish};

/// Any text as a token: it is verified only if it is the one that is good, to the letter.
pub fn token(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    if let Ok(token) = UnverifiedToken::parse(text) {
        assert!(text.len() <= MAX_BYTES);
        assert_ne!(token.unverified_algorithm().family(), AlgorithmFamily::Hmac);
        let parts: Vec<_> = text.split('.').map(|part| URL_SAFE_NO_PAD.decode(part)).collect();
        let [Ok(header), Ok(claims), Ok(signature)] = parts.as_slice() else {
            panic!("not three parts of base64url")
        };
        assert_eq!(*token.unverified_claims(), object(claims));
        assert_eq!(token.unverified_key_id(), object(header).get("kid").and_then(Value::as_str));
        assert!(signature.iter().any(|byte| *byte != 0));
    }
    let verified = authentic(text).is_ok();
    assert!(!verified || text == good_token());
    verified
}

/// Any bytes as the header of good claims: whoever did not sign with the issuer's key is refused,
/// and who did, unless the header is an ordinary one.
pub fn header(data: &[u8]) -> bool {
    let claims = GOOD_CLAIMS.as_bytes();
    let bare = unsigned(data, claims);
    // Nobody's signature, the one of another token, and one with the public key as a secret.
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, parties::public_key());
    let confused = aws_lc_rs::hmac::sign(&secret, bare.as_bytes());
    for signature in [&[] as &[u8], &[0; 64], &[1; 64], confused.as_ref()] {
        assert!(authentic(&format!("{bare}.{}", base64url(signature))).is_err());
    }
    let (_, other) = good_token().rsplit_once('.').unwrap();
    assert!(data == GOOD_HEADER.as_bytes() || authentic(&format!("{bare}.{other}")).is_err());
    assert!(authentic(&bare).is_err());
    assert!(authentic(&signed(data, claims, stranger())).is_err());

    let accepted = authentic(&signed(data, claims, idp())).is_ok();
    if accepted {
        judging::holds_no_member_twice(data);
        let header = object(data);
        assert!(["EdDSA", "Ed25519"].into_iter().any(|name| header["alg"] == name));
        assert_eq!(header["kid"], "ed");
        for member in ["crit", "jwk", "jku", "x5u", "x5c"] {
            assert!(!header.contains_key(member), "{member}");
        }
    }
    accepted
}

/// Any bytes as well-signed claims: see [`judging`].
pub fn claims(data: &[u8]) -> bool {
    let text = signed(GOOD_HEADER.as_bytes(), data, idp());
    let Ok((token, issuer)) = authentic(&text) else { return false };
    judging::holds_no_member_twice(data);
    judging::hold(&token, issuer, &object(data))
}

/// Any bytes as what the first issuer says of a token when it is asked.
pub fn introspection(data: &[u8]) -> bool {
    let issuer = &issuers()[0];
    let Ok(answer) = strict_json::object(data) else { return false };
    judging::holds_no_member_twice(data);
    assert_eq!(answer, object(data));
    let Ok(token) = AuthenticToken::introspected(issuer, answer) else { return false };
    let answer = object(data);
    assert_eq!(answer["active"], true);
    judging::hold(&token, issuer, &answer)
}

/// Any bytes as the keys that an issuer publishes: no key is good for another kind of signature,
/// and none for a signature that nobody made.
pub fn jwks(data: &[u8]) -> bool {
    let Ok(set) = KeySet::from_json(data, Accepted::default()) else { return false };
    judging::holds_no_member_twice(data);
    let playground = Accepted { playground: true, ..Accepted::default() };
    assert_eq!(KeySet::from_json(data, playground).unwrap().len(), set.len());
    assert!(set.len() <= 100);
    let message = b"nobody signed this";
    let signatures = [base64url(stranger().sign(message)), base64url([0x5a; 256])];
    for key in set.iter() {
        assert!(!key.algorithms().is_empty());
        assert!(!key.id().is_some_and(|id| id.starts_with(PLAYGROUND_KID_PREFIX)));
        assert!(set.holds(key.thumbprint()));
        for algorithm in key.algorithms().iter().copied() {
            assert_eq!(algorithm.family(), key.algorithms()[0].family());
            assert_ne!(algorithm.family(), AlgorithmFamily::Hmac);
            for signature in &signatures {
                assert!(!key.verify(signature, message, algorithm));
            }
            if let Some(id) = key.id() {
                assert_eq!(set.find(Some(id), algorithm).unwrap().id(), Some(id));
            }
        }
    }
    !set.is_empty()
}

/// The token path up to the signature, with the issuer that the token names; without one it is
/// the first, which must say so.
fn authentic(text: &str) -> Result<(AuthenticToken, &'static IssuerSettings), Code> {
    let token = UnverifiedToken::parse(text)?;
    let called = |iss: &str| issuers().iter().find(|issuer| issuer.is_called(iss));
    let issuer = token.unverified_issuer().and_then(called).unwrap_or(&issuers()[0]);
    let key = keys().find(token.unverified_key_id(), token.allowed_algorithm(issuer)?)?;
    let token = token.verify_signature(issuer, &key).map_err(|refusal| refusal.code)?;
    Ok((token, issuer))
}

/// JSON by the ordinary reader.
fn object(json: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(json).expect("a JSON object")
}
