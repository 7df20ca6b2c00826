//! Ids as people copy them: whole, or the piece of one that a line shows.

use crate::{audit::chain::parse_event_id, names::InstanceId};

/// No fewer characters of an id, or of a fingerprint.
const SHORTEST: usize = 4;
/// As many digits are the last group of an id, not a sequence.
const LAST_GROUP: usize = 12;
/// The hexadecimal digits of a fingerprint.
const DIGITS: usize = 32;

/// An id, or its beginning or end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartOfId(String);

impl PartOfId {
    /// Of an id as a line or an event has it.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let text = text.trim_matches('…').to_ascii_lowercase();
        let is_part =
            text.len() >= SHORTEST && text.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-');
        if is_part { Ok(Self(text)) } else { Err("an id, or at least 4 characters of its end") }
    }

    /// Of an instance: also as it stands in the ids of its events, before the sequence.
    pub(super) fn of_instance(text: &str) -> Result<Self, &'static str> {
        if let Some((instance, _)) = parse_event_id(text) {
            return Ok(Self(instance.to_string()));
        }
        let is_sequence = |end: &str| {
            !end.is_empty() && end.len() != LAST_GROUP && end.bytes().all(|c| c.is_ascii_digit())
        };
        match text.rsplit_once('-') {
            // Not the first groups of an id: these end with other than a sequence of few digits.
            Some((instance, end)) if is_sequence(end) && !instance.contains('-') => {
                Self::read(instance)
            }
            _ => Self::read(text),
        }
    }

    pub(super) fn fits(&self, id: &str) -> bool {
        id.starts_with(&self.0) || id.ends_with(&self.0)
    }

    /// The whole id of an instance, where it is one.
    pub(super) fn instance(&self) -> Option<String> {
        self.0.parse::<InstanceId>().ok().map(|id| id.to_string())
    }
}

/// A fingerprint, or its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartOfFingerprint(String);

impl PartOfFingerprint {
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let digits = text.strip_prefix("hmac-sha256:").unwrap_or(text);
        let digits = digits.trim_end_matches('…').to_ascii_lowercase();
        let fits = (SHORTEST..=DIGITS).contains(&digits.len());
        if fits && digits.bytes().all(|c| c.is_ascii_hexdigit()) {
            return Ok(Self(format!("hmac-sha256:{digits}")));
        }
        Err(
            "a fingerprint, or its first digits; `hallpass audit fingerprint` tells that of a token",
        )
    }

    pub(super) fn fits(&self, fingerprint: &str) -> bool {
        fingerprint.starts_with(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a1fda6-0bf5-76f8-961a-1356e3220249";

    #[test]
    fn what_a_line_shows_of_an_id_is_enough() {
        for part in [ID, "1356e3220249", "…1356e3220249", "01A1FDA6", "961a-1356e3220249"] {
            assert!(PartOfId::read(part).unwrap().fits(ID), "{part}");
        }
        assert!(!PartOfId::read("1356e3220248").unwrap().fits(ID));
        for wrong in ["", "249", "idp:alice", "…", "56e3 220249"] {
            assert!(PartOfId::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_instance_is_found_by_the_id_of_its_event() {
        let event = format!("{ID}-17");
        for part in [ID, &event, "1356e3220249", "56e3220249-1", "220249-12345"] {
            assert!(PartOfId::of_instance(part).unwrap().fits(ID), "{part}");
        }
        let whole = [ID, &event].map(|it| PartOfId::of_instance(it).unwrap().instance());
        assert_eq!(whole, [Some(ID.to_owned()), Some(ID.to_owned())]);
        assert_eq!(PartOfId::of_instance("220249-12345").unwrap().instance(), None);
        // A beginning whose last group has digits only.
        assert!(PartOfId::of_instance("01a1fda6-0bf5-7618").unwrap().fits("01a1fda6-0bf5-7618-9"));
    }

    #[test]
    fn a_fingerprint_is_found_by_its_first_digits() {
        let whole = "hmac-sha256:48180037ec2d7327ede7d11d4ad9d679";
        for part in [whole, "48180037ec2d7327ede7d11d4ad9d679", "48180037EC", "hmac-sha256:4818…"]
        {
            assert!(PartOfFingerprint::read(part).unwrap().fits(whole), "{part}");
        }
        assert!(!PartOfFingerprint::read("ec2d7327").unwrap().fits(whole));
        let long = format!("{whole}0");
        for wrong in ["", "481", "sha256:48180037", "token", &long] {
            assert!(PartOfFingerprint::read(wrong).is_err(), "{wrong}");
        }
    }
}
