//! What CONNECT's user name means, or the cookie that fills it where CONNECT left it empty.

use super::Wish;
use crate::code::Code;

/// What user names that are meant for hallpass begin with.
const RESERVED: &str = "hallpass-";
/// What a wish begins with.
const WISH: &str = "hallpass-want:";
/// What an edge's envelope begins with.
pub const ENVELOPE: &str = "hallpass-edge:";

/// What a user name says. One field carries both forms: at an edge, the wish is in the envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserName {
    /// A wish of the client's own; of a user name that is none of our concern, the empty one.
    Wish(Wish),
    /// What says that it is an edge's word, prefix and all.
    UnverifiedEnvelope(String),
}

impl UserName {
    /// Reads a user name. One that does not begin with `hallpass-` is none of our concern: MQTT
    /// clients must send one. One that does and is neither form is refused, so that a slip never
    /// means more.
    ///
    /// # Errors
    /// It is meant for hallpass and cannot be read.
    pub fn of(text: &str) -> Result<Self, Code> {
        if text.starts_with(ENVELOPE) {
            return Ok(Self::UnverifiedEnvelope(text.to_owned()));
        }
        if let Some(wish) = text.strip_prefix(WISH) {
            return Wish::read(wish).map(Self::Wish);
        }
        let is_reserved = text.to_ascii_lowercase().starts_with(RESERVED);
        if is_reserved { Err(Code::WishMalformed) } else { Ok(Self::Wish(Wish::default())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_meant_for_us_ask_for_everything() {
        for name in ["", "alice", "hallpass", "want:account=X", "mqtt-device-7", "a hallpass-want:"]
        {
            assert_eq!(UserName::of(name), Ok(UserName::Wish(Wish::default())), "{name:?}");
        }
    }

    #[test]
    fn two_forms_are_told_apart_by_what_they_begin_with() {
        let wish = Wish { account: Some("APP".parse().unwrap()), roles: None };
        assert_eq!(UserName::of("hallpass-want:account=APP"), Ok(UserName::Wish(wish)));
        let envelope = "hallpass-edge:key=a";
        let said = UserName::UnverifiedEnvelope(envelope.to_owned());
        assert_eq!(UserName::of(envelope), Ok(said));
    }

    #[test]
    fn a_slip_never_means_more() {
        for wrong in [
            "hallpass-want",
            "hallpass-wish:account=APP",
            "HALLPASS-WANT:account=APP",
            "Hallpass-want:account=APP",
            "hallpass-edge",
            "Hallpass-Edge:key=a",
            "hallpass-want:",
            "hallpass-want:acount=APP",
        ] {
            assert_eq!(UserName::of(wrong), Err(Code::WishMalformed), "{wrong:?}");
        }
    }
}
