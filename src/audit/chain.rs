//! The chain of an instance's events: each names the one before it by its hash. Pure.
//!
//! The chain is part of the event's bytes, as CloudEvents extension attributes at the end of its
//! JSON text. `sequence` counts from 1 and is written with twenty digits, so that texts sort as
//! numbers do (the CloudEvents extension of that name asks for it). `previoushash` is the `hash`
//! of the event before; the first has [`Hash::NONE`]. `hash` is the SHA-256 of all bytes of the
//! event before `,"hash":`. Where there is a `signature`, it is the last attribute: an nkey's
//! (Ed25519) over `hallpass audit 1`, a line break and the hash as text. It vouches for the event
//! and, through the hashes, for every event before it.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use nkeys::KeyPair;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::SUBJECT_PREFIX;
use crate::names::InstanceId;

/// What a chain adds to an event takes no more than so many bytes.
const AROUND: usize = 512;

/// What a signed text begins with, so that no signature made for something else fits.
const SIGNED: &str = "hallpass audit 1\n";

/// The SHA-256 of an event, as 64 hexadecimal digits where it is text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What stands where there is no event before.
    pub const NONE: Self = Self([0; 32]);
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        HEXLOWER.encode_mut(&self.0, &mut digits);
        f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Not a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 hexadecimal digits in lower case")]
pub struct NotAHash;

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let mut hash = [0; 32];
        if text.len() != 64 || HEXLOWER.decode_mut(text.as_bytes(), &mut hash).is_err() {
            return Err(NotAHash);
        }
        Ok(Self(hash))
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How far a chain goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Whose chain.
    pub instance: InstanceId,
    /// The sequence of its last event; 0 where there is none yet.
    pub sequence: u64,
    /// The hash of that.
    pub hash: Hash,
}

/// A chain that grows.
#[derive(Debug)]
pub struct Chain {
    head: Head,
}

/// An event with its place in the chain: what is published, and never changed again.
#[derive(Clone)]
pub struct Sealed {
    /// Its place in the chain.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
    /// The subject to publish it on.
    pub subject: String,
    /// The JSON text.
    pub payload: Bytes,
}

impl fmt::Debug for Sealed {
    /// Not what it says: claims are in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

/// The id of an event, which is its `Nats-Msg-Id` too.
#[must_use]
pub fn event_id(instance: InstanceId, sequence: u64) -> String {
    format!("{instance}-{sequence}")
}

/// The instance and the sequence of an event's id.
#[must_use]
pub fn parse_event_id(id: &str) -> Option<(InstanceId, u64)> {
    let (instance, sequence) = id.rsplit_once('-')?;
    let (instance, sequence) = (instance.parse().ok()?, sequence.parse().ok()?);
    (event_id(instance, sequence) == id).then_some((instance, sequence))
}

impl Chain {
    /// A chain without events.
    #[must_use]
    pub fn new(instance: InstanceId) -> Self {
        Self { head: Head { instance, sequence: 0, hash: Hash::NONE } }
    }

    /// How far it goes.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// Makes an event the next of the chain: its topic, and its JSON members without the braces
    /// around them. With a `signer`, it is signed.
    ///
    /// # Errors
    /// Where the signer has no seed; the chain is as it was then.
    pub(super) fn seal(
        &mut self,
        topic: &str,
        members: &str,
        signer: Option<&KeyPair>,
    ) -> Result<Sealed, nkeys::error::Error> {
        let Head { instance, sequence, hash: previous } = self.head;
        let sequence = sequence + 1;
        // Once and for all: events are made and freed by the thousand.
        let mut text = String::with_capacity(members.len() + AROUND);
        let id = event_id(instance, sequence);
        text.push_str(&format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"hallpass/{instance}","#
        ));
        text.push_str(members);
        text.push_str(&format!(r#","sequence":"{sequence:020}","previoushash":"{previous}""#));
        let hash = Hash(Sha256::digest(text.as_bytes()).into());
        text.push_str(&format!(r#","hash":"{hash}""#));
        if let Some(signer) = signer {
            let signature = signer.sign(format!("{SIGNED}{hash}").as_bytes())?;
            text.push_str(&format!(r#","signature":"{}""#, URL_SAFE_NO_PAD.encode(signature)));
        }
        text.push('}');
        self.head = Head { instance, sequence, hash };
        let subject = format!("{SUBJECT_PREFIX}.{topic}.{instance}");
        Ok(Sealed { sequence, hash, subject, payload: text.into() })
    }
}

/// An event as it was read, with a hash that is its own.
#[derive(Debug, Clone)]
pub struct Link {
    /// Whose chain it belongs to, its place there, and its hash.
    pub head: Head,
    /// The hash of the event before.
    pub previous: Hash,
    signature: Option<Vec<u8>>,
}

/// Why a text is no event of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoLink {
    /// It has not the form of one.
    #[error("not an event of a chain")]
    Malformed,
    /// Its hash is that of another text.
    #[error("its hash is not that of what it says")]
    Altered,
}

impl Link {
    /// Reads the bytes of an event; also what they say.
    ///
    /// # Errors
    /// See [`NoLink`].
    pub fn read(payload: &[u8]) -> Result<(Self, Value), NoLink> {
        let said: Value = serde_json::from_slice(payload).map_err(|_| NoLink::Malformed)?;
        let text = std::str::from_utf8(payload).map_err(|_| NoLink::Malformed)?;
        let link = Self::of(text, &said).ok_or(NoLink::Malformed)?;
        let (hashed, _) = text.rsplit_once(r#","hash":""#).ok_or(NoLink::Malformed)?;
        if Hash(Sha256::digest(hashed.as_bytes()).into()) != link.head.hash {
            return Err(NoLink::Altered);
        }
        Ok((link, said))
    }

    fn of(text: &str, said: &Value) -> Option<Self> {
        let attribute = |name: &str| said.get(name)?.as_str();
        let (instance, sequence) = parse_event_id(attribute("id")?)?;
        let hash: Hash = attribute("hash")?.parse().ok()?;
        let previous = attribute("previoushash")?.parse().ok()?;
        let signature = match said.get("signature") {
            None => None,
            Some(text) => Some(URL_SAFE_NO_PAD.decode(text.as_str()?).ok()?),
        };
        // What follows the hash is covered by nothing but this.
        let mut end = format!(r#","hash":"{hash}""#);
        if let Some(signature) = &signature {
            end.push_str(&format!(r#","signature":"{}""#, URL_SAFE_NO_PAD.encode(signature)));
        }
        end.push('}');
        let fits = text.ends_with(&end)
            && attribute("source")? == format!("hallpass/{instance}")
            && attribute("sequence")? == format!("{sequence:020}");
        let head = Head { instance, sequence, hash };
        fits.then_some(Self { head, previous, signature })
    }

    /// Whether it is signed at all.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.signature.is_some()
    }

    /// Whether this key (a public nkey) has signed it.
    #[must_use]
    pub fn is_signed_by(&self, key: &str) -> bool {
        let (Some(signature), Ok(key)) = (&self.signature, KeyPair::from_public_key(key)) else {
            return false;
        };
        key.verify(format!("{SIGNED}{}", self.head.hash).as_bytes(), signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(chain: &mut Chain, say: &str, signer: Option<&KeyPair>) -> Sealed {
        let members = serde_json::json!({ "say": say }).to_string();
        let members = members.trim_matches(['{', '}']);
        chain.seal("gap._.recorded", members, signer).unwrap()
    }

    #[test]
    fn each_event_names_the_one_before_it() {
        let mut chain = Chain::new(InstanceId::fresh());
        let events: Vec<_> = ["a", "b\",", "c"].map(|it| seal(&mut chain, it, None)).into();
        let links: Vec<_> =
            events.iter().map(|event| Link::read(&event.payload).unwrap()).collect();
        assert_eq!(links[0].0.previous, Hash::NONE);
        for (pair, sequence) in links.windows(2).zip(1..) {
            assert_eq!(pair[0].0.head.sequence, sequence);
            assert_eq!(pair[1].0.previous, pair[0].0.head.hash);
            assert!(!pair[0].0.is_signed());
        }
        assert_eq!(links[2].0.head, chain.head());
        assert_eq!(links[1].1["say"], "b\",");
        assert_eq!(links[1].1["sequence"], "00000000000000000002");
        let id = links[1].1["id"].as_str().unwrap();
        assert_eq!(parse_event_id(id), Some((chain.head().instance, 2)));
        assert_eq!(
            events[0].subject,
            format!("hallpass.audit.gap._.recorded.{}", chain.head().instance)
        );
    }

    #[test]
    fn no_byte_of_an_event_can_be_changed() {
        let key = KeyPair::new_user();
        let mut chain = Chain::new(InstanceId::fresh());
        let event = seal(&mut chain, "x", Some(&key));
        let (link, _) = Link::read(&event.payload).unwrap();
        assert!(link.is_signed_by(&key.public_key()));
        assert!(!link.is_signed_by(&KeyPair::new_user().public_key()));
        for index in 0..event.payload.len() {
            let mut changed = event.payload.to_vec();
            changed[index] ^= 1;
            let Ok((link, _)) = Link::read(&changed) else { continue };
            assert!(!link.is_signed_by(&key.public_key()), "byte {index}");
        }
        // What stands after the hash is no way around it.
        let text = String::from_utf8(event.payload.to_vec()).unwrap();
        let added = text.replace("\",\"signature\"", "\",\"x\":1,\"signature\"");
        assert_eq!(Link::read(added.as_bytes()).unwrap_err(), NoLink::Malformed);
        let spaced = text.replace(",\"hash\"", ", \"hash\"");
        assert_eq!(Link::read(spaced.as_bytes()).unwrap_err(), NoLink::Malformed);
    }

    #[test]
    fn hashes_and_ids_have_one_spelling() {
        let hash = "0f".repeat(32);
        assert_eq!(hash.parse::<Hash>().unwrap().to_string(), hash);
        for wrong in [hash.to_uppercase(), hash[1..].to_owned(), format!("+{}", &hash[1..])] {
            assert!(wrong.parse::<Hash>().is_err(), "{wrong}");
        }
        let instance = InstanceId::fresh();
        let id = event_id(instance, 7);
        assert_eq!(parse_event_id(&id), Some((instance, 7)));
        for wrong in [id.to_uppercase(), format!("{instance}-07"), format!("{instance}-+7")] {
            assert_eq!(parse_event_id(&wrong), None, "{wrong}");
        }
    }
}
