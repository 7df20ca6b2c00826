//! What an event does not say: left out, replaced by a pseudonym, cut, or not looked at then.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Unreadable,
    read::{Data, wrong},
};
use crate::{audit::blind, claim_path::ClaimPath, config::PersonalField, policy::Needs};

/// What the rest of an event leaves open.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    /// Whether anything is left out.
    omits: bool,
    /// Whether anything is a pseudonym.
    blinds: bool,
    subject: bool,
    source: bool,
    idp_roles: Option<&'static str>,
    /// Paths whose value is told, and is none's pseudonym.
    told: BTreeSet<ClaimPath>,
    /// Paths with a pseudonym in the value's place.
    blinded: BTreeSet<ClaimPath>,
    cut: BTreeSet<ClaimPath>,
    absent: BTreeSet<ClaimPath>,
    claims: bool,
}

impl Hidden {
    pub(super) fn read(data: Data<'_>, claims: BTreeSet<ClaimPath>) -> Result<Self, Unreadable> {
        let omitted = data.texts("/privacy/omitted")?.unwrap_or_default();
        let blinded = data.texts("/privacy/pseudonymized")?.unwrap_or_default();
        let mut hidden = Self {
            omits: !omitted.is_empty(),
            blinds: !blinded.is_empty(),
            claims: omitted.contains(&PersonalField::Claims.as_str()),
            ..Self::default()
        };
        let subject = data.text("/identity/subject")?;
        hidden.subject = match subject {
            None if !hidden.omits => return Err(super::read::absent("/identity/subject")),
            None => true,
            Some(subject) => hidden.is_pseudonym(subject),
        };
        // Absent is what is not known as well as what is left out.
        hidden.source = match data.text("/connection/source")? {
            None => hidden.omits,
            Some(source) => hidden.is_pseudonym(source),
        };
        let roles = data.texts("/identity/idp_roles")?;
        hidden.idp_roles = match &roles {
            _ if data.flag("/identity/idp_roles_cut")? => {
                Some("not all of the issuer's roles are in the event")
            }
            None if !hidden.omits => return Err(super::read::absent("/identity/idp_roles")),
            None => Some("the issuer's roles are left out of the event"),
            Some(roles) if roles.iter().any(|it| hidden.is_pseudonym(it)) => {
                Some("some of the issuer's roles are pseudonyms")
            }
            Some(_) => None,
        };
        let is_blinded = |path: &ClaimPath| {
            let values = data.at("/identity/claims").and_then(Value::as_object);
            let value = values.and_then(|it| it.get(&path.to_text())).and_then(Value::as_str);
            value.is_some_and(|it| hidden.is_pseudonym(it))
        };
        let (blinded, told) = claims.into_iter().partition(is_blinded);
        (hidden.blinded, hidden.told) = (blinded, told);
        hidden.cut = paths(data, "/identity/claims_cut")?;
        hidden.absent = paths(data, "/identity/claims_absent")?;
        Ok(hidden)
    }

    pub(super) fn is_pseudonym(&self, text: &str) -> bool {
        self.blinds && blind::is_pseudonym(text)
    }

    pub(super) fn is_blinded(&self, path: &ClaimPath) -> bool {
        self.blinded.contains(path)
    }

    pub(super) fn hides_source(&self) -> bool {
        self.source
    }

    /// Why it is not known which roles the issuer gives.
    pub(super) fn roles(&self) -> Option<&'static str> {
        self.idp_roles
    }

    /// The first thing that is needed and not known.
    pub(super) fn of(&self, needs: &Needs<'_>) -> Option<String> {
        if needs.subject && self.subject {
            return Some("the subject is hidden".to_owned());
        }
        if needs.source && self.source {
            return Some("the client's address is hidden".to_owned());
        }
        needs.claims.iter().find_map(|path| self.claim(path))
    }

    fn claim(&self, path: &ClaimPath) -> Option<String> {
        let within = |paths: &BTreeSet<ClaimPath>| paths.iter().any(|it| path.is_within(it));
        let why = if within(&self.blinded) {
            "is a pseudonym"
        } else if within(&self.told) || within(&self.absent) {
            return None;
        } else if within(&self.cut) {
            "is too large to be recorded, or lies in something that is no object"
        } else if self.claims {
            "is left out of the event"
        } else if self.omits {
            "is not in the event: no map read it then, or it is left out"
        } else {
            "is not in the event: no map read it then"
        };
        Some(format!("the claim `{path}` {why}"))
    }
}

fn paths(data: Data<'_>, pointer: &'static str) -> Result<BTreeSet<ClaimPath>, Unreadable> {
    let paths = data.texts(pointer)?.unwrap_or_default();
    let read = paths.into_iter().map(|path| ClaimPath::from_text(path).ok()).collect();
    let read: Option<BTreeSet<_>> = read;
    read.ok_or_else(|| wrong(pointer, "a list of paths"))
}
