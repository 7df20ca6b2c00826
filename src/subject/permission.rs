//! What a permission names: a subject, and for subscriptions perhaps a queue group.

use std::{fmt, str::FromStr};

use super::{PatternError, SubjectPattern};

/// A subject pattern and, where it is for members of a queue group only, the groups' pattern.
///
/// The text is the server's own: `orders.work workers`, with a space between the two.
/// Source: <https://docs.nats.io/running-a-nats-service/configuration/securing_nats/authorization#queue-permissions>.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    /// The subjects.
    pub subject: SubjectPattern,
    /// The queue groups; absent: with a queue group or without, whatever its name.
    pub queue: Option<SubjectPattern>,
}

impl Permission {
    /// Whether all that `other` permits is permitted by this one too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let queues = match (&self.queue, &other.queue) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(ours), Some(theirs)) => ours.covers(theirs),
        };
        queues && self.subject.covers(&other.subject)
    }
}

impl From<SubjectPattern> for Permission {
    fn from(subject: SubjectPattern) -> Self {
        Self { subject, queue: None }
    }
}

impl FromStr for Permission {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Ok(match text.split_once(' ') {
            None => text.parse::<SubjectPattern>()?.into(),
            Some((subject, queue)) => {
                Self { subject: subject.parse()?, queue: Some(queue.trim_start().parse()?) }
            }
        })
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.queue {
            None => self.subject.fmt(f),
            Some(queue) => write!(f, "{} {queue}", self.subject),
        }
    }
}

impl serde::Serialize for Permission {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
