//! Recorded decisions, decided again by other maps: who would be refused, who allowed, who could
//! do more and who less. Pure; nothing is issued.
//!
//! Only what an event says counts, and the time is that of then. What it does not say, because it
//! is hidden or was cut, is never guessed: where the decision depends on it, it cannot be decided
//! again.

mod compare;
mod hidden;
mod question;
mod read;
mod tally;

use std::collections::BTreeSet;

pub use compare::{Change, ChangeKind, Line, Stand};
pub use question::{Granted, Question, Taken, Unreadable, Was};
pub use tally::{Group, Report, Seen, Tally};

use crate::{
    names::IssuerName,
    policy::{PolicySet, suppose},
};

/// The maps that decide again.
#[derive(Debug, Clone, Copy)]
pub struct Replay<'a> {
    /// The maps.
    pub policy: &'a PolicySet,
    /// The issuers that the configuration knows.
    pub issuers: &'a BTreeSet<IssuerName>,
}

/// What becomes of one decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The same.
    Same,
    /// Something else.
    Changed(Box<Change>),
    /// It cannot be told, for this reason; no claim value is in it.
    Undecidable(String),
}

impl Replay<'_> {
    /// Decides again.
    #[must_use]
    pub fn judge(&self, question: &Question) -> Verdict {
        let issuer = &question.who.issuer;
        if !self.issuers.contains(issuer) {
            let why = format!("the issuer `{issuer}` is not in this configuration");
            return Verdict::Undecidable(why);
        }
        if let Some(why) = question.hidden.roles() {
            return Verdict::Undecidable(why.to_owned());
        }
        let needs = self.policy.needs(issuer, &question.who.idp_roles);
        if let Some(why) = question.hidden.of(&needs) {
            return Verdict::Undecidable(why);
        }
        let now = suppose(self.policy, &question.who, &question.facts);
        let is_same_maps = question.maps == self.policy.digest();
        compare::compare(question, &now, is_same_maps)
    }
}

#[cfg(test)]
mod tests;
