//! The keys an issuer publishes: a JWK Set (RFC 7517) in, [`KeySet`] out. Pure.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse, ThumbprintHash},
};
use serde_json::Value;

use crate::{code::Code, strict_json};

mod public_key;

/// What the `kid` of the playground's signing keys begins with. `serve` refuses such keys:
/// whoever can start a playground could log in.
pub const PLAYGROUND_KID_PREFIX: &str = "hallpass-playground-";

/// RSA keys shorter than this are not used (NIST SP 800-131A; RFC 7518, section 3.3).
const RSA_LEAST_BITS: usize = 2048;

/// More keys than any issuer has; a larger set is taken for a mistake.
const MAX_KEYS: usize = 100;

/// Why a document is not a usable key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Not a JSON object with a list `keys`.
    #[error("not a JWK Set")]
    Malformed,
    /// More keys than any issuer has.
    #[error("more than {MAX_KEYS} keys")]
    TooMany,
    /// The playground's keys.
    #[error("these are keys of a hallpass playground, which vouch for nobody")]
    Playground,
}

/// A public key that signatures are verified with.
pub struct VerificationKey {
    id: Option<String>,
    /// RFC 7638, with SHA-256.
    thumbprint: String,
    algorithms: Vec<Algorithm>,
    parameters: AlgorithmParameters,
    key: DecodingKey,
}

impl std::fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerificationKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl VerificationKey {
    /// `kid`.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What the key is known by, whatever its `kid` (RFC 7638, with SHA-256).
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The key as a `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7) in PEM (RFC 7468): for
    /// programs that read no JWK Sets. `None` where its numbers are no key.
    #[must_use]
    pub fn pem(&self) -> Option<String> {
        public_key::pem(&self.parameters)
    }

    /// What it may be used for.
    #[must_use]
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Whether the signature (base64url) over the message is by this key.
    #[must_use]
    pub fn verify(&self, signature: &str, message: &[u8], algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
            && jsonwebtoken::crypto::verify(signature, message, &self.key, algorithm)
                .unwrap_or(false)
    }

    /// The key in a JWK, with the algorithms it may be used for.
    fn of(jwk: &Jwk, key_use: &PublicKeyUse) -> Entry {
        let Some(key) = Self::usable(jwk, key_use) else { return Entry::Other };
        match (&jwk.algorithm, &jwk.common.key_id) {
            (AlgorithmParameters::RSA(rsa), id) if !rsa_is_strong(&rsa.n, &rsa.e) => {
                id.clone().map_or(Entry::Other, Entry::Weak)
            }
            _ => Entry::Usable(key),
        }
    }

    /// `None` where it is none for verifying signatures.
    fn usable(jwk: &Jwk, key_use: &PublicKeyUse) -> Option<Self> {
        if matches!(&jwk.common.public_key_use, Some(other) if other != key_use) {
            return None;
        }
        // RFC 7517, section 4.3: another way to say what a key is for.
        let operations = jwk.common.key_operations.as_ref();
        if operations.is_some_and(|operations| !operations.contains(&KeyOperations::Verify)) {
            return None;
        }
        let fitting = fitting(&jwk.algorithm)?;
        let algorithms = match jwk.common.key_algorithm {
            None => fitting.to_vec(),
            Some(named) => {
                let named: Algorithm = named.to_string().parse().ok()?;
                fitting.contains(&named).then(|| vec![named])?
            }
        };
        let key = DecodingKey::from_jwk(jwk).ok()?;
        let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).ok()?;
        let (id, parameters) = (jwk.common.key_id.clone(), jwk.algorithm.clone());
        Some(Self { id, thumbprint, algorithms, parameters, key })
    }
}

/// What an entry of a set is to us.
enum Entry {
    /// A key that signatures are verified with.
    Usable(VerificationKey),
    /// An RSA key of this name that is too weak to be one.
    Weak(String),
    /// Nothing that concerns us, or nothing that can be named.
    Other,
}

/// The algorithms that fit a kind of key: a token's `alg` alone never chooses.
fn fitting(parameters: &AlgorithmParameters) -> Option<&'static [Algorithm]> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    match parameters {
        AlgorithmParameters::RSA(_) => Some(&[RS256, RS384, RS512, PS256, PS384, PS512]),
        AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
            EllipticCurve::P256 => Some(&[ES256]),
            EllipticCurve::P384 => Some(&[ES384]),
            _ => None,
        },
        AlgorithmParameters::OctetKeyPair(okp) => {
            (okp.curve == EllipticCurve::Ed25519).then_some(&[EdDSA])
        }
        _ => None,
    }
}

/// `Ed25519` is RFC 9864's name for the only EdDSA that is verified here; the library knows the
/// older one.
fn renamed(mut entry: Value) -> Value {
    if let Some(algorithm) = entry.get_mut("alg").filter(|name| **name == "Ed25519") {
        *algorithm = "EdDSA".into();
    }
    entry
}

/// At least 2048 bits, and an odd public exponent of 65537 or more (FIPS 186-5, section A.1.1:
/// above 2^16).
fn rsa_is_strong(modulus: &str, exponent: &str) -> bool {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    let (modulus, exponent) = (bytes(modulus), bytes(exponent));
    let leading = modulus.iter().take_while(|byte| **byte == 0).count();
    let bits = modulus
        .get(leading)
        .map_or(0, |first| (modulus.len() - leading) * 8 - first.leading_zeros() as usize);
    let significant: Vec<u8> = exponent.into_iter().skip_while(|byte| *byte == 0).collect();
    let odd = significant.last().is_some_and(|last| last & 1 == 1);
    // Three bytes or more are 65536 or more, and odd.
    bits >= RSA_LEAST_BITS && odd && significant.len() >= 3
}

/// The keys of one issuer.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: Vec<Arc<VerificationKey>>,
    /// The `kid`s of keys that are too weak.
    weak: BTreeSet<String>,
}

/// What is taken from a set.
#[derive(Debug, Clone, Copy)]
pub struct Accepted<'a> {
    /// The `use` that keys may have; they may also have none. `sig`, except in SPIFFE's bundles.
    pub key_use: &'a str,
    /// Whether keys of a playground are believed.
    pub playground: bool,
}

impl Default for Accepted<'_> {
    fn default() -> Self {
        Self { key_use: "sig", playground: false }
    }
}

impl KeySet {
    /// Reads a JWK Set. Keys of unknown types and keys for encryption are passed over, as
    /// RFC 7517, section 5, asks. A set without a usable key is a set: that is how an issuer
    /// withdraws all of them.
    ///
    /// # Errors
    /// See [`JwksError`].
    pub fn from_json(text: &[u8], accepted: Accepted<'_>) -> Result<Self, JwksError> {
        let document = strict_json::object(text).map_err(|_| JwksError::Malformed)?;
        let Some(Value::Array(entries)) = document.get("keys") else {
            return Err(JwksError::Malformed);
        };
        if entries.len() > MAX_KEYS {
            return Err(JwksError::TooMany);
        }
        let key_use = match accepted.key_use {
            "sig" => PublicKeyUse::Signature,
            other => PublicKeyUse::Other(other.to_owned()),
        };
        let mut set = Self::default();
        for entry in entries {
            let Ok(jwk) = serde_json::from_value::<Jwk>(renamed(entry.clone())) else { continue };
            match VerificationKey::of(&jwk, &key_use) {
                Entry::Usable(key) => set.keys.push(Arc::new(key)),
                Entry::Weak(id) => {
                    set.weak.insert(id);
                }
                Entry::Other => {}
            }
        }
        let playground = |key: &Arc<VerificationKey>| {
            key.id.as_deref().is_some_and(|id| id.starts_with(PLAYGROUND_KID_PREFIX))
        };
        if !accepted.playground && set.keys.iter().any(playground) {
            return Err(JwksError::Playground);
        }
        Ok(set)
    }

    /// The key that a token names: by `kid` where it has one, the first that fits the algorithm;
    /// otherwise the only key that fits the algorithm.
    ///
    /// # Errors
    /// [`Code::KeyUnknown`], and where the `kid` is that of other keys: [`Code::KeyTooWeak`],
    /// [`Code::KeyAlgorithmMismatch`].
    pub fn find(
        &self,
        key_id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<VerificationKey>, Code> {
        let named = |key: &&Arc<VerificationKey>| key_id.is_none() || key.id.as_deref() == key_id;
        let mut fitting =
            self.keys.iter().filter(named).filter(|key| key.algorithms.contains(&algorithm));
        match (fitting.next(), key_id) {
            (Some(key), Some(_)) => Ok(Arc::clone(key)),
            (Some(key), None) if fitting.next().is_none() => Ok(Arc::clone(key)),
            (None, Some(id)) if self.weak.contains(id) => Err(Code::KeyTooWeak),
            (None, Some(_)) if self.keys.iter().any(|key| named(&key)) => {
                Err(Code::KeyAlgorithmMismatch)
            }
            _ => Err(Code::KeyUnknown),
        }
    }

    /// Whether a key is in the set, whatever its `kid`.
    #[must_use]
    pub fn holds(&self, thumbprint: &str) -> bool {
        self.keys.iter().any(|key| key.thumbprint == thumbprint)
    }

    /// Whether a key is in the set under the same `kid`.
    #[must_use]
    pub fn names(&self, key: &VerificationKey) -> bool {
        self.keys.iter().any(|own| own.id == key.id && own.thumbprint == key.thumbprint)
    }

    /// Whether both have the same keys under the same `kid`s, in whatever order.
    #[must_use]
    pub fn is_the_same_as(&self, other: &Self) -> bool {
        self.iter().all(|key| other.names(key)) && other.iter().all(|key| self.names(key))
    }

    /// The keys, in the order in which they are published.
    pub fn iter(&self) -> impl Iterator<Item = &VerificationKey> {
        self.keys.iter().map(AsRef::as_ref)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests;
