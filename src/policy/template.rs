//! Subjects with placeholders: `orders.{tenant}.created`.

use std::fmt;

use serde_json::Value;

use crate::{
    claim_path::ClaimPath,
    identity::Identity,
    subject::{SubjectPattern, SubjectToken, TokenError},
};

/// A subject pattern in which whole tokens may be values of the identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A literal or a wildcard, already checked.
    Fixed(String),
    Value(Variable),
}

/// A value of the identity that can stand in a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Variable {
    /// `{subject}`: `sub`.
    Subject,
    /// `{issuer}`: our name for the issuer.
    Issuer,
    /// A claim that the file's `[claims]` names.
    Claim { name: String, path: ClaimPath },
}

/// Why a template cannot be filled for an identity. Holds no claim value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FillError {
    Absent { variable: String, path: String },
    Unusable { variable: String, why: String },
}

impl Template {
    /// Reads a template; `lookup` knows the variables.
    pub(super) fn parse<E: fmt::Display>(
        text: &str,
        lookup: impl Fn(&str) -> Result<Variable, E>,
    ) -> Result<Self, String> {
        let mut tokens = Vec::new();
        for (index, token) in text.split('.').enumerate() {
            let name = token.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            tokens.push(match name {
                Some(name) if !name.contains(['{', '}']) => {
                    Token::Value(lookup(name).map_err(|error| error.to_string())?)
                }
                None if !token.contains(['{', '}']) => Token::Fixed(token.to_owned()),
                // `{a}{b}` would let two pairs of values meet in one subject.
                _ => return Err(format!("token {}: a placeholder is a whole token", index + 1)),
            });
        }
        // With a harmless word in each placeholder, the whole must be a legal pattern.
        SubjectPattern::from_tokens(tokens.iter().map(|token| match token {
            Token::Fixed(text) => text.as_str(),
            Token::Value(_) => "x",
        }))
        .map_err(|error| error.to_string())?;
        Ok(Self { tokens })
    }

    /// The subjects that it can become: any value where a placeholder is.
    pub(super) fn reach(&self) -> SubjectPattern {
        let tokens = self.tokens.iter().map(|token| match token {
            Token::Fixed(text) => text.as_str(),
            Token::Value(_) => "*",
        });
        // Checked when it was read; a wildcard in place of a word changes nothing about it.
        SubjectPattern::from_tokens(tokens).unwrap_or_else(|_| SubjectPattern::everything())
    }

    /// The subject for an identity.
    pub(super) fn fill(&self, identity: &Identity) -> Result<SubjectPattern, FillError> {
        let mut tokens = Vec::with_capacity(self.tokens.len());
        for (index, token) in self.tokens.iter().enumerate() {
            tokens.push(match token {
                Token::Fixed(text) => text.clone(),
                Token::Value(variable) => {
                    let value = variable.value(identity)?;
                    // The first token chooses the namespace: `$JS`, `$SYS`, `_INBOX` are the
                    // server's, and no claim may reach for them.
                    if index == 0 && value.as_str().starts_with(['$', '_']) {
                        return Err(
                            variable.unusable("begins with `$` or `_` where the subject begins")
                        );
                    }
                    value.as_str().to_owned()
                }
            });
        }
        // Each token is checked; only together could they still be no pattern, and are not.
        SubjectPattern::from_tokens(tokens.iter().map(String::as_str)).map_err(|error| {
            FillError::Unusable { variable: String::new(), why: error.to_string() }
        })
    }
}

impl Variable {
    fn name(&self) -> &str {
        match self {
            Self::Subject => "subject",
            Self::Issuer => "issuer",
            Self::Claim { name, .. } => name,
        }
    }

    fn unusable(&self, why: impl Into<String>) -> FillError {
        FillError::Unusable { variable: self.name().to_owned(), why: why.into() }
    }

    /// The value: exactly one legal subject token, or an error. Nothing is escaped: two
    /// values that differ must not become one subject.
    fn value(&self, identity: &Identity) -> Result<SubjectToken, FillError> {
        let text = match self {
            Self::Subject => identity.subject().to_owned(),
            Self::Issuer => identity.issuer().to_string(),
            Self::Claim { name, path } => match path.find(identity.claims()) {
                None => {
                    return Err(FillError::Absent {
                        variable: name.clone(),
                        path: path.to_string(),
                    });
                }
                Some(Value::String(text)) => text.clone(),
                Some(Value::Number(number)) if number.is_i64() || number.is_u64() => {
                    number.to_string()
                }
                Some(_) => return Err(self.unusable("is neither a string nor a whole number")),
            },
        };
        // The error names what is wrong with the value, and nothing of the value.
        text.parse().map_err(|error: TokenError| self.unusable(error.to_string()))
    }
}
