//! Encoding and signing, decoding and verifying of NATS JWTs.
//!
//! Header `{"typ":"JWT","alg":"ed25519-nkey"}`, base64url without padding, Ed25519 over
//! `header.payload` by the nkey that `iss` names.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nkeys::KeyPair;
use serde::{Serialize, de::DeserializeOwned};

use super::claims::Claims;

const ALGORITHM: &str = "ed25519-nkey";

/// Why a JWT cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key pair has no seed.
    #[error("the signing key has no seed")]
    NoSeed,
    /// The claims cannot be written as JSON.
    #[error("the claims cannot be encoded")]
    Encode,
}

/// Why a text is not a NATS JWT with a good signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not three parts of base64url, or not JSON of the expected form.
    #[error("not a NATS JWT")]
    Malformed,
    /// The signature is not by the key that `iss` names.
    #[error("the signature does not match the issuer")]
    Signature,
}

/// Signs claims; `claims.iss` must be `key`'s public key.
///
/// # Errors
/// Where the key has no seed or the claims cannot be written.
pub fn sign<N: Serialize>(claims: &Claims<N>, key: &KeyPair) -> Result<String, SignError> {
    let payload = serde_json::to_vec(claims).map_err(|_| SignError::Encode)?;
    let header = format!(r#"{{"typ":"JWT","alg":"{ALGORITHM}"}}"#);
    let mut jwt = URL_SAFE_NO_PAD.encode(header);
    jwt.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut jwt);
    let signature = key.sign(jwt.as_bytes()).map_err(|_| SignError::NoSeed)?;
    jwt.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
    Ok(jwt)
}

#[derive(serde::Deserialize)]
struct Header {
    alg: String,
}

/// Verifies the signature of a JWT by its own `iss` and reads its claims.
///
/// That is no proof of anything but integrity: whether `iss` is to be believed is the caller's.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode<N: DeserializeOwned>(jwt: &[u8]) -> Result<Claims<N>, DecodeError> {
    let jwt = std::str::from_utf8(jwt).map_err(|_| DecodeError::Malformed)?;
    let (signed, signature) = jwt.rsplit_once('.').ok_or(DecodeError::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(DecodeError::Malformed)?;
    let part = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| DecodeError::Malformed);
    let header: Header =
        serde_json::from_slice(&part(header)?).map_err(|_| DecodeError::Malformed)?;
    if header.alg != ALGORITHM {
        return Err(DecodeError::Malformed);
    }
    let claims: Claims<N> =
        serde_json::from_slice(&part(payload)?).map_err(|_| DecodeError::Malformed)?;
    let signer = KeyPair::from_public_key(&claims.iss).map_err(|_| DecodeError::Malformed)?;
    signer.verify(signed.as_bytes(), &part(signature)?).map_err(|_| DecodeError::Signature)?;
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nats_jwt::AuthorizationResponse;

    fn response(key: &KeyPair) -> Claims<AuthorizationResponse> {
        Claims {
            aud: "N".into(),
            exp: None,
            iat: 1,
            iss: key.public_key(),
            jti: "id".into(),
            name: String::new(),
            sub: "U".into(),
            nats: AuthorizationResponse {
                kind: "authorization_response".into(),
                version: 2,
                jwt: None,
                error: Some("no".into()),
            },
        }
    }

    #[test]
    fn what_is_signed_can_be_decoded() {
        let key = KeyPair::new_account();
        let jwt = sign(&response(&key), &key).unwrap();
        let claims: Claims<AuthorizationResponse> = decode(jwt.as_bytes()).unwrap();
        assert_eq!(claims.nats.error.as_deref(), Some("no"));
    }

    #[test]
    fn a_signature_by_another_key_is_refused() {
        let key = KeyPair::new_account();
        let jwt = sign(&response(&key), &KeyPair::new_account()).unwrap();
        let result = decode::<AuthorizationResponse>(jwt.as_bytes());
        assert_eq!(result.unwrap_err(), DecodeError::Signature);
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic_or_accept(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            proptest::prop_assert!(decode::<AuthorizationResponse>(&bytes).is_err());
        }

        #[test]
        fn no_single_changed_byte_is_accepted(at in 0usize..600, to in 32u8..127) {
            let key = KeyPair::from_seed("SAANJIBNEKGCRUWJCPIWUXFBFJLR36FJTFKGBGKAT7AQXH2LVFNQWZJMQU").unwrap();
            let mut jwt = sign(&response(&key), &key).unwrap().into_bytes();
            let at = at % jwt.len();
            proptest::prop_assume!(jwt[at] != to);
            jwt[at] = to;
            proptest::prop_assert!(decode::<AuthorizationResponse>(&jwt).is_err());
        }
    }
}
