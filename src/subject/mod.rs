//! Subjects: what nats-server calls a subject, with wildcards.
//!
//! A subject is a list of tokens with `.` between them. In a pattern, `*` alone
//! stands for one token and `>` alone, at the end, for one or more.
//! Source: <https://docs.nats.io/nats-concepts/subjects>.

use std::{fmt, str::FromStr};

mod permission;

pub use permission::Permission;

/// One legal, literal token of a subject: what a claim must be to be put into one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectToken(String);

/// Why a text is not one literal token. Holds no piece of the text: it may be a claim value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// A `.`: it would be two tokens.
    #[error("has a `.`")]
    Separator,
    /// A `*` or `>`: it would reach further than itself.
    #[error("has a wildcard character")]
    Wildcard,
    /// White space of any script.
    #[error("has white space")]
    WhiteSpace,
    /// A control character.
    #[error("has a control character")]
    Control,
    /// More than [`SubjectToken::MAX_BYTES`].
    #[error("is longer than 255 bytes")]
    TooLong,
}

impl SubjectToken {
    /// Far above real tenants and names, far below the server's control line.
    pub const MAX_BYTES: usize = 255;

    /// The token's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SubjectToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(TokenError::TooLong);
        }
        for c in text.chars() {
            match c {
                '.' => return Err(TokenError::Separator),
                '*' | '>' => return Err(TokenError::Wildcard),
                c if c.is_control() => return Err(TokenError::Control),
                c if c.is_whitespace() => return Err(TokenError::WhiteSpace),
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }
}

/// A subject in which `*` and `>` may stand: what a permission is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectPattern(String);

/// Why a text is not a subject pattern. `position` counts tokens from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The token itself is not legal.
    #[error("token {position} {problem}")]
    Token {
        /// Which token.
        position: usize,
        /// What is wrong with it.
        problem: TokenError,
    },
    /// `>` before the end.
    #[error("token {position} is `>`, which stands only at the end")]
    TailNotLast {
        /// Which token.
        position: usize,
    },
    /// Wildcard characters inside a longer token: the server takes them literally,
    /// the writer did not mean that.
    #[error(
        "token {position} mixes a wildcard with other characters, which the server reads literally"
    )]
    MixedWildcard {
        /// Which token.
        position: usize,
    },
}

impl SubjectPattern {
    /// Everything: `>`.
    #[must_use]
    pub fn everything() -> Self {
        Self(">".to_owned())
    }

    /// The pattern's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether some subject is matched by both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.0.split('.'), other.0.split('.'));
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                // `>` stands for at least one token, and here there is one.
                (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
                (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
                _ => return false,
            }
        }
    }

    /// Whether every subject that `other` matches is matched by this one too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.0.split('.'), other.0.split('.'));
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some(">"), Some(_)) => return true,
                // What has no end is not covered by what has one.
                (_, Some(">")) => return false,
                (Some("*"), Some(_)) => {}
                (Some(a), Some(b)) if a == b => {}
                _ => return false,
            }
        }
    }

    /// The pattern with these tokens; each is a wildcard or comes from a [`SubjectToken`].
    ///
    /// # Errors
    /// Where the tokens do not make a legal pattern.
    pub fn from_tokens<'a>(
        tokens: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, PatternError> {
        let tokens: Vec<&str> = tokens.into_iter().collect();
        let last = tokens.len();
        for (index, token) in tokens.iter().enumerate() {
            check_pattern_token(token, index + 1, index + 1 == last)?;
        }
        if tokens.is_empty() {
            return Err(PatternError::Token { position: 1, problem: TokenError::Empty });
        }
        Ok(Self(tokens.join(".")))
    }
}

/// Checks one token of a pattern where wildcards are allowed.
fn check_pattern_token(token: &str, position: usize, last: bool) -> Result<(), PatternError> {
    match token {
        "*" => Ok(()),
        ">" if last => Ok(()),
        ">" => Err(PatternError::TailNotLast { position }),
        literal => match literal.parse::<SubjectToken>() {
            Ok(_) => Ok(()),
            Err(TokenError::Wildcard) => Err(PatternError::MixedWildcard { position }),
            Err(problem) => Err(PatternError::Token { position, problem }),
        },
    }
}

impl FromStr for SubjectPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::from_tokens(text.split('.'))
    }
}

impl fmt::Display for SubjectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for SubjectPattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
