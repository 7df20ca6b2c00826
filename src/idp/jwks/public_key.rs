//! Public keys for programs that read no JWK Sets. Pure.

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
        RsaPublicKeyComponents,
    },
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve};

/// RFC 7468, section 2: so many characters in each line but the last.
const LINE: usize = 64;

/// The key in PEM; ends with a line end.
pub(super) fn pem(parameters: &AlgorithmParameters) -> Option<String> {
    let text = STANDARD.encode(der(parameters)?.as_ref());
    let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END PUBLIC KEY-----\n");
    Some(pem)
}

fn der(parameters: &AlgorithmParameters) -> Option<PublicKeyX509Der<'static>> {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    match parameters {
        AlgorithmParameters::RSA(rsa) => {
            RsaPublicKeyComponents { n: bytes(&rsa.n)?, e: bytes(&rsa.e)? }.as_der().ok()
        }
        AlgorithmParameters::EllipticCurve(ec) => {
            // SEC 1, section 2.3.3: not compressed.
            let point = [vec![4], bytes(&ec.x)?, bytes(&ec.y)?].concat();
            let key = match ec.curve {
                EllipticCurve::P256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point),
                EllipticCurve::P384 => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point),
                _ => return None,
            };
            key.ok()?.as_der().ok()
        }
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => {
            ParsedPublicKey::new(&ED25519, bytes(&okp.x)?).ok()?.as_der().ok()
        }
        _ => None,
    }
}
