//! Key pairs of an IdP.

use std::sync::LazyLock;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use serde_json::{Value, json};

use super::base64url;

/// A key pair with its `kid`.
pub(crate) struct Key {
    pub(crate) id: &'static str,
    pair: Pair,
}

enum Pair {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

/// The key of the tests' IdP.
pub(crate) fn es256() -> &'static Key {
    static KEY: LazyLock<Key> = LazyLock::new(|| Key::es256("es"));
    &KEY
}

/// A key of the same kind and `kid` that nobody vouches for.
pub(crate) fn other_es256() -> &'static Key {
    static KEY: LazyLock<Key> = LazyLock::new(|| Key::es256("es"));
    &KEY
}

/// An Ed25519 key of the tests' IdP.
pub(crate) fn ed25519() -> &'static Key {
    static KEY: LazyLock<Key> = LazyLock::new(|| Key {
        id: "ed",
        pair: Pair::Ed25519(Ed25519KeyPair::generate().unwrap()),
    });
    &KEY
}

/// An RSA key of the tests' IdP.
pub(crate) fn rsa() -> &'static Key {
    static KEY: LazyLock<Key> = LazyLock::new(|| Key {
        id: "rsa",
        pair: Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())),
    });
    &KEY
}

impl Key {
    pub(crate) fn es256(id: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { id, pair: Pair::Es256(pair) }
    }

    /// The `alg` that it signs with.
    pub(crate) fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Es256(_) => "ES256",
            Pair::Ed25519(_) => "EdDSA",
            Pair::Rsa(_) => "RS256",
        }
    }

    /// The signature of a token's first two parts, as base64url.
    pub(crate) fn sign(&self, signed: &str) -> String {
        let random = SystemRandom::new();
        base64url(match &self.pair {
            Pair::Es256(pair) => pair.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
        })
    }

    /// The public key's own bytes: what a confused verifier would take for an HMAC secret.
    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Es256(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The public key as an IdP publishes it.
    pub(crate) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Es256(pair) => {
                let point = pair.public_key().as_ref().to_vec();
                json!({
                    "kty": "EC", "crv": "P-256", "use": "sig", "kid": self.id,
                    "x": base64url(&point[1..33]), "y": base64url(&point[33..65]),
                })
            }
            Pair::Ed25519(pair) => json!({
                "kty": "OKP", "crv": "Ed25519", "kid": self.id,
                "x": base64url(pair.public_key().as_ref()),
            }),
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                json!({
                    "kty": "RSA", "use": "sig", "kid": self.id,
                    "n": base64url(key.modulus().big_endian_without_leading_zero()),
                    "e": base64url(key.exponent().big_endian_without_leading_zero()),
                })
            }
        }
    }
}
