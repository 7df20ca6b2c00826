//! Names and ids: strings from outside become one of these types at the door.
//!
//! Each type has one constructor that checks its form; what holds a value holds
//! the proof. None of them is secret, so all of them may appear in logs.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

/// Why a string is not the name it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {problem}")]
pub struct NameError {
    what: &'static str,
    problem: &'static str,
}

/// Defines a checked string: `name!(Type, "what it is", check, "the doc")`.
macro_rules! name {
    ($type:ident, $what:literal, $check:path, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            /// The name as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                match $check(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(problem) => Err(NameError { what: $what, problem }),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    AccountName,
    "an account name",
    account,
    "The name of a NATS account in the server's configuration, such as `APP`.\n\nVisible characters without white space, 128 bytes at most."
);
name!(
    IssuerName,
    "an issuer name",
    issuer,
    "What the configuration calls an issuer (`[issuers.corp]`): lower-case letters, digits and `-`.\n\nIt is the first part of every user name that hallpass issues, so it has no `:`."
);
name!(
    RoleName,
    "a role name",
    role,
    "The name of a role in the subject maps: letters, digits and `- _ . : /`, 128 bytes at most."
);
name!(
    UserNkey,
    "a user nkey",
    user_nkey,
    "A public user nkey (`U…`): for each login attempt the server makes a fresh one, which is the only id that tells attempts apart."
);
name!(
    ServerId,
    "a server id",
    server_id,
    "A public server nkey (`N…`): the id of a nats-server, fresh at each of its starts."
);

fn account(text: &str) -> Result<(), &'static str> {
    bounded(text, 128, "has at most 128 bytes")?;
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("has no white space and no control characters");
    }
    Ok(())
}

fn issuer(text: &str) -> Result<(), &'static str> {
    bounded(text, 64, "has at most 64 bytes")?;
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !text.chars().all(legal) || text.starts_with('-') {
        return Err("is made of lower-case letters, digits and `-`");
    }
    Ok(())
}

fn role(text: &str) -> Result<(), &'static str> {
    bounded(text, 128, "has at most 128 bytes")?;
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    if !text.chars().all(legal) {
        return Err("is made of letters, digits and `- _ . : /`");
    }
    Ok(())
}

fn user_nkey(text: &str) -> Result<(), &'static str> {
    nkey(text, 'U', "is a public nkey that begins with `U`")
}

fn server_id(text: &str) -> Result<(), &'static str> {
    nkey(text, 'N', "is a public nkey that begins with `N`")
}

/// A public nkey is 56 characters of base32: prefix, 32 bytes of key, checksum.
fn nkey(text: &str, prefix: char, problem: &'static str) -> Result<(), &'static str> {
    if text.len() != 56 || !text.starts_with(prefix) || nkeys::from_public_key(text).is_err() {
        return Err(problem);
    }
    Ok(())
}

fn bounded(text: &str, most: usize, problem: &'static str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("is not empty");
    }
    if text.len() > most {
        return Err(problem);
    }
    Ok(())
}

/// The id of one decision: a UUIDv7 (RFC 9562), so that ids sort by time.
///
/// It stands in the audit event, in the server's log on a refusal, and as `jti`
/// in the user JWT on a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct DecisionId(uuid::Uuid);

impl DecisionId {
    /// A fresh id.
    #[must_use]
    pub fn fresh() -> Self {
        Self(uuid::Uuid::now_v7())
    }

    /// When it was made, by the clock of who made it; `None` where it is no UUIDv7.
    #[must_use]
    pub fn made_at(&self) -> Option<Timestamp> {
        made_at(self.0)
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for DecisionId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        written("a decision's id", text).map(Self)
    }
}

/// One run of one hallpass: a UUIDv7 (RFC 9562), fresh at each start. Its audit events are a chain
/// of their own.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct InstanceId(uuid::Uuid);

impl InstanceId {
    /// A fresh id.
    #[must_use]
    pub fn fresh() -> Self {
        Self(uuid::Uuid::now_v7())
    }

    /// When it started, by its own clock; `None` where the id is no UUIDv7.
    #[must_use]
    pub fn started_at(&self) -> Option<Timestamp> {
        made_at(self.0)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for InstanceId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        written("an instance's id", text).map(Self)
    }
}

/// The milliseconds since 1970 in a UUIDv7 (RFC 9562, section 5.7).
fn made_at(id: uuid::Uuid) -> Option<Timestamp> {
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    Timestamp::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?).ok()
}

/// A UUID in the one spelling that is written here.
fn written(what: &'static str, text: &str) -> Result<uuid::Uuid, NameError> {
    let id: Option<uuid::Uuid> = text.parse().ok();
    id.filter(|id| id.to_string() == text)
        .ok_or(NameError { what, problem: "is a UUID in lower case, with hyphens" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_name_cannot_hold_the_separator_of_user_names() {
        assert!("corp".parse::<IssuerName>().is_ok());
        for wrong in ["", "corp:x", "Corp", "-corp", "a b", "c\u{0}"] {
            assert!(wrong.parse::<IssuerName>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_user_nkey_is_checked_to_its_checksum() {
        let good = nkeys::KeyPair::new_user().public_key();
        assert!(good.parse::<UserNkey>().is_ok());
        let account = nkeys::KeyPair::new_account().public_key();
        assert!(account.parse::<UserNkey>().is_err());
        let mut torn = good.clone();
        torn.pop();
        assert!(torn.parse::<UserNkey>().is_err());
        let swapped = format!("{}{}", &good[..55], if good.ends_with('A') { 'B' } else { 'A' });
        assert!(swapped.parse::<UserNkey>().is_err());
        assert!("U".repeat(56).parse::<UserNkey>().is_err());
    }

    #[test]
    fn an_id_holds_its_time() {
        let id: DecisionId = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f".parse().unwrap();
        // RFC 9562, appendix A.6: 2022-02-22T14:22:22-05:00.
        assert_eq!(id.made_at(), "2022-02-22T14:22:22-05:00".parse().ok());
        let random: DecisionId = "919108f7-52d1-4320-9bac-f847db4148a8".parse().unwrap();
        assert_eq!(random.made_at(), None);
    }
}
