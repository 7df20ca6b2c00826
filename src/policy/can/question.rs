//! What is asked of an entitlement, as people write it.

use std::{fmt, str::FromStr};

use crate::subject::{PatternError, Permission, SubjectPattern};

/// Something that somebody might do: `publish orders.created`, `subscribe orders.> workers`,
/// `receive orders.acme.created`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// To publish on this literal subject.
    Publish(SubjectPattern),
    /// To subscribe so, in this queue group where one is named.
    Subscribe(Permission),
    /// To be sent what is published on this literal subject, by any subscription at all.
    Receive(SubjectPattern),
}

/// Why a text is no question. Holds what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// It does not begin as one.
    #[error("`{0}` is none of `publish`, `subscribe` and `receive`")]
    Verb(String),
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Nothing follows the verb.
    #[error("no subject follows `{0}`")]
    NoSubject(String),
    /// Words beyond the subject, or the subject and the queue group.
    #[error("`{0}` is one word too many")]
    TooMany(String),
    /// What follows the verb is no subject.
    #[error("`{text}` is not a subject: {problem}")]
    Subject {
        /// As written.
        text: String,
        /// What is wrong with it.
        problem: PatternError,
    },
    /// What follows the subject is no queue group.
    #[error("`{text}` is not a queue group: {problem}")]
    Queue {
        /// As written.
        text: String,
        /// What is wrong with it.
        problem: PatternError,
    },
    /// A placeholder: a question is about somebody, whose values are known.
    #[error("`{0}` has a placeholder; write the value")]
    Placeholder(String),
    /// A message is published on one subject.
    #[error("`{0}` has a wildcard, and a message is on one subject")]
    Wildcard(String),
}

impl Question {
    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> &SubjectPattern {
        match self {
            Self::Publish(subject) | Self::Receive(subject) => subject,
            Self::Subscribe(permission) => &permission.subject,
        }
    }
}

impl FromStr for Question {
    type Err = QuestionError;

    fn from_str(text: &str) -> Result<Self, QuestionError> {
        let mut words = text.split_whitespace();
        let verb = words.next().ok_or(QuestionError::Empty)?;
        if !["publish", "subscribe", "receive"].contains(&verb) {
            return Err(QuestionError::Verb(verb.to_owned()));
        }
        let subject = words.next().ok_or_else(|| QuestionError::NoSubject(verb.to_owned()))?;
        let queue = if verb == "subscribe" { words.next() } else { None };
        if let Some(word) = words.next() {
            return Err(QuestionError::TooMany(word.to_owned()));
        }
        if let Some(word) =
            [Some(subject), queue].into_iter().flatten().find(|it| it.contains(['{', '}']))
        {
            return Err(QuestionError::Placeholder(word.to_owned()));
        }
        let pattern: SubjectPattern = subject
            .parse()
            .map_err(|problem| QuestionError::Subject { text: subject.to_owned(), problem })?;
        if verb == "subscribe" {
            let queue = queue.map(|text| {
                text.parse()
                    .map_err(|problem| QuestionError::Queue { text: text.to_owned(), problem })
            });
            return Ok(Self::Subscribe(Permission { subject: pattern, queue: queue.transpose()? }));
        }
        if subject.split('.').any(|token| ["*", ">"].contains(&token)) {
            return Err(QuestionError::Wildcard(subject.to_owned()));
        }
        Ok(if verb == "publish" { Self::Publish(pattern) } else { Self::Receive(pattern) })
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publish(subject) => write!(f, "publish {subject}"),
            Self::Subscribe(subscription) => write!(f, "subscribe {subscription}"),
            Self::Receive(subject) => write!(f, "receive {subject}"),
        }
    }
}
