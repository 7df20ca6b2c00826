//! What stands for a secret or a personal value: keyed, so that nobody without the key can find
//! out by trying. Pure.
//!
//! All replicas have the same key: the same value has the same text everywhere, and whoever holds
//! the key can ask the stream about a value they know.

use core::fmt;

use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac as _, digest::KeyInit};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// SHA-256 hashes blocks of so many bytes.
const BLOCK: usize = 64;

/// How many bytes of an HMAC are told: 128 bits. Nobody meets two values with the same text, or
/// finds another value for one, and the text is short enough to be compared by eye.
const TOLD: usize = 16;

/// Makes keyed texts: HMAC-SHA256 (RFC 2104).
pub struct Blind {
    /// The key, as long as a block.
    key: Zeroizing<[u8; BLOCK]>,
}

impl fmt::Debug for Blind {
    /// Nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blind").finish_non_exhaustive()
    }
}

/// Whether a text has the form of what [`Blind::pseudonym`] makes.
#[must_use]
pub fn is_pseudonym(text: &str) -> bool {
    let digits = text.strip_prefix("pseudonym:");
    let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    digits.is_some_and(|it| it.len() == 2 * TOLD && it.bytes().all(is_digit))
}

impl Blind {
    /// With a key of any length, as RFC 2104, section 2, has it: a longer one than a block is
    /// hashed, a shorter one is filled up with zeros.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; BLOCK]);
        let hashed = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(key)));
        let key = if key.len() > BLOCK { hashed.as_slice() } else { key };
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        Self { key: block }
    }

    /// What a token is recognized by: `hmac-sha256:` and 32 hexadecimal digits of the HMAC over
    /// `token`, a zero byte, and the token.
    #[must_use]
    pub fn fingerprint(&self, token: &str) -> String {
        format!("hmac-sha256:{}", self.digits(&["token", token]))
    }

    /// What stands for a value: `pseudonym:` and 32 hexadecimal digits of the HMAC over
    /// `pseudonym`, the class and the value, with a zero byte between them. Of one class, the same
    /// value has the same pseudonym.
    #[must_use]
    pub fn pseudonym(&self, class: &str, value: &str) -> String {
        format!("pseudonym:{}", self.digits(&["pseudonym", class, value]))
    }

    /// What stands for a digest that would tell whether a guess is right.
    #[must_use]
    pub fn digest(&self, text: &str) -> String {
        format!("hmac-sha256:{}", self.digits(&["digest", text]))
    }

    fn digits(&self, parts: &[&str]) -> String {
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&*self.key).into());
        for (index, part) in parts.iter().enumerate() {
            // The last part alone may hold a zero byte: no two lists of parts are one text.
            if index > 0 {
                mac.update(&[0]);
            }
            mac.update(part.as_bytes());
        }
        let bytes = mac.finalize().into_bytes();
        HEXLOWER.encode(bytes.get(..TOLD).unwrap_or(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What another implementation says: Python's `hmac`.
    #[test]
    fn it_is_hmac_sha256_with_keys_of_any_length() {
        let short = Blind::new("k".repeat(32).as_bytes());
        let long = Blind::new("k".repeat(65).as_bytes());
        assert_eq!(short.fingerprint("abc"), "hmac-sha256:48180037ec2d7327ede7d11d4ad9d679");
        assert_eq!(long.fingerprint("abc"), "hmac-sha256:b869c133f71ee5766f8c59fbe3d65752");
        assert_eq!(
            short.pseudonym("subject", "alice"),
            "pseudonym:bb34e5d8816776c4f32a2a616aeb082e"
        );
    }

    #[test]
    fn another_key_class_or_value_is_another_text() {
        let (one, other) = (Blind::new(&[1; 32]), Blind::new(&[2; 32]));
        let texts = [
            one.pseudonym("subject", "a"),
            one.pseudonym("address", "a"),
            one.pseudonym("subject", "b"),
            other.pseudonym("subject", "a"),
            one.fingerprint("a"),
            one.digest("a"),
        ];
        let tails: std::collections::BTreeSet<_> =
            texts.iter().map(|text| text.split_once(':').unwrap().1).collect();
        assert_eq!(tails.len(), texts.len());
        assert_eq!(one.pseudonym("subject", "a"), texts[0]);
        assert_eq!(format!("{one:?}"), "Blind { .. }");
    }
}
