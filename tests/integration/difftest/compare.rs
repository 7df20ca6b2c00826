//! What was asked, and both answers.

use std::{collections::BTreeMap, fmt};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Whether somebody gets in.
    Login,
    /// Whether a message is published.
    Publish,
    /// Whether a subscription is let in.
    Subscribe,
    /// Whether a message is delivered to a subscription that was let in and covers it.
    Deliver,
    /// Whether a message on a subject can be received at all.
    Receive,
    /// Whether an answer is published, where the lists do not allow it.
    Respond,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Login, Self::Publish, Self::Subscribe, Self::Deliver, Self::Receive, Self::Respond];
}

/// One question with both answers.
#[derive(Debug, Clone)]
pub struct Comparison {
    pub kind: Kind,
    pub question: String,
    pub hallpass: bool,
    pub server: bool,
}

impl Comparison {
    pub fn agrees(&self) -> bool {
        self.hallpass == self.server
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |yes| if yes { "yes" } else { "no" };
        let (hallpass, server) = (said(self.hallpass), said(self.server));
        write!(f, "{}: hallpass says {hallpass}, the server {server}", self.question)
    }
}

/// How many comparisons of each kind agreed on yes and on no.
#[derive(Debug, Default)]
pub struct Tally(BTreeMap<(Kind, bool), usize>);

impl Tally {
    pub fn add(&mut self, comparison: &Comparison) {
        *self.0.entry((comparison.kind, comparison.server)).or_default() += 1;
    }

    pub fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// Whether every kind was answered with yes and with no.
    pub fn is_whole(&self) -> bool {
        Kind::ALL.iter().all(|kind| [true, false].iter().all(|yes| self.of(*kind, *yes) > 0))
    }

    fn of(&self, kind: Kind, yes: bool) -> usize {
        self.0.get(&(kind, yes)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} comparisons", self.total())?;
        for kind in Kind::ALL {
            let (yes, no) = (self.of(kind, true), self.of(kind, false));
            write!(f, "; {kind:?} {yes} yes, {no} no")?;
        }
        Ok(())
    }
}
