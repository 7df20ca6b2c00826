//! Sealing: nacl boxes between the server's curve key and ours.

use nkeys::XKey;

/// What a sealed message begins with.
const SEALED: &[u8] = b"xkv1";

/// Whether a message is sealed rather than a plain JWT.
pub(super) fn is_sealed(message: &[u8]) -> bool {
    message.starts_with(SEALED)
}

/// The server's public curve key, as the text of a header or a claim.
///
/// `None` where it is no public curve key. A length check comes first: the key's text comes
/// from outside, and the decoder expects whole keys.
pub(super) fn server_key(text: &str) -> Option<XKey> {
    (text.len() == 56 && text.starts_with('X')).then(|| XKey::from_public_key(text).ok())?
}
