//! Subjects with placeholders: `orders.{tenant}.created`.

use std::{borrow::Cow, collections::BTreeSet, fmt, sync::Arc};

use serde_json::Value;

use crate::{
    claim_path::ClaimPath,
    identity::Who,
    subject::{Permission, SubjectPattern, SubjectToken, TokenError},
};

/// What one rule may become at most, where claims are lists.
const MOST_SUBJECTS: usize = 1024;

/// A permission in which whole tokens may be values of the identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    /// As it was written.
    text: String,
    subject: Vec<Token>,
    queue: Option<Vec<Token>>,
    /// Each variable once.
    variables: Vec<Variable>,
    /// What it can become: any value where a placeholder is.
    reach: Permission,
    /// See [`Self::as_literal`].
    literal: Permission,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A literal or a wildcard, already checked.
    Fixed(String),
    /// Which of the variables.
    Value(usize),
    /// The stream of a bucket that a variable names: one of [`BUCKETS`] before its value.
    Bucket(&'static str, usize),
}

/// What clients put before the name of a key-value bucket and of an object store, to make it the
/// name of a stream. Only these: a text of the map's own before a value could make another value
/// of it.
const BUCKETS: [&str; 2] = ["KV_", "OBJ_"];

/// A value of the identity that can stand in a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Variable {
    /// `{subject}`: `sub`.
    Subject,
    /// `{name}`: the connection's user name, which says the issuer too.
    Name,
    /// `{issuer}`: our name for the issuer.
    Issuer,
    /// A claim that the file's `[claims]` names.
    Claim(Arc<ClaimValue>),
}

/// A claim as `[claims]` says it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClaimValue {
    /// What placeholders call it.
    pub(super) name: String,
    /// Where it stands.
    pub(super) path: ClaimPath,
    /// Taken where the claim is absent.
    pub(super) default: Option<SubjectToken>,
    /// How many values a list of it may have; absent: it is no list.
    pub(super) at_most: Option<usize>,
}

/// Why a template cannot be filled for an identity. Holds no claim value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FillError {
    Absent { variable: String, path: String },
    Unusable { variable: String, why: String },
    TooMany { variable: String, most: usize },
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { path, .. } => write!(f, "the claim `{path}` is absent"),
            Self::Unusable { why, .. } => write!(f, "the value {why}"),
            Self::TooMany { most, .. } => write!(f, "the values are more than {most}"),
        }
    }
}

impl Template {
    /// Reads a template; `lookup` knows the variables. `queues`: whether a queue group may be
    /// named after the subject, as in the server's own permissions.
    pub(super) fn parse<E: fmt::Display>(
        text: &str,
        queues: bool,
        lookup: impl Fn(&str) -> Result<Variable, E>,
    ) -> Result<Self, String> {
        let (subject, queue) = match text.split_once(' ') {
            Some((subject, queue)) if queues => (subject, Some(queue.trim_start())),
            _ => (text, None),
        };
        let mut variables = Vec::new();
        let mut tokens = |text: &str| -> Result<Vec<Token>, String> {
            let token = |(index, token): (usize, &str)| {
                let before = BUCKETS.into_iter().find(|before| token.starts_with(*before));
                let value = token.strip_prefix(before.unwrap_or_default()).unwrap_or(token);
                let name = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
                Ok(match name {
                    Some(name) if !name.contains(['{', '}']) => {
                        let variable = lookup(name).map_err(|error| error.to_string())?;
                        let known = variables.iter().position(|known| *known == variable);
                        let index = known.unwrap_or_else(|| {
                            variables.push(variable);
                            variables.len() - 1
                        });
                        before.map_or(Token::Value(index), |before| Token::Bucket(before, index))
                    }
                    None if !token.contains(['{', '}']) => Token::Fixed(token.to_owned()),
                    // `{a}{b}` would let two pairs of values meet in one subject.
                    _ => {
                        return Err(format!("token {}: a placeholder is a whole token", index + 1));
                    }
                })
            };
            text.split('.').enumerate().map(token).collect()
        };
        let subject = tokens(subject)?;
        let queue = queue.map(&mut tokens).transpose().map_err(|why| format!("queue: {why}"))?;
        // With a harmless word in each placeholder, the whole must be a legal pattern; a wildcard
        // in place of that word changes nothing about it.
        if !variables.is_empty() {
            pattern(&subject, |_| "x").map_err(|error| error.to_string())?;
        }
        let reach = Permission {
            subject: pattern(&subject, |_| "*").map_err(|error| error.to_string())?,
            queue: queue
                .as_deref()
                .map(|queue| pattern(queue, |_| "*"))
                .transpose()
                .map_err(|error| format!("queue: {error}"))?,
        };
        let literal = if variables.is_empty() {
            reach.clone()
        } else {
            literal(&subject, queue.as_deref(), &variables, &reach)
        };
        Ok(Self { text: text.to_owned(), subject, queue, variables, reach, literal })
    }

    /// As it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// What it can become: any value where a placeholder is.
    pub(super) fn reach(&self) -> &Permission {
        &self.reach
    }

    /// The template as a pattern in which a placeholder is a word of its own: what two templates
    /// share, whoever they are filled for.
    pub(super) fn as_literal(&self) -> &Permission {
        &self.literal
    }

    /// What a subscription by this rule can bring: more than it names where it ends in `*`.
    pub(super) fn subscribed(&self) -> SubjectPattern {
        match self.subject.last() {
            Some(Token::Fixed(last)) if last == "*" => {
                let all_but_last =
                    self.reach.subject.as_str().strip_suffix('*').unwrap_or_default();
                let below = format!("{all_but_last}>").parse();
                below.unwrap_or_else(|_| SubjectPattern::everything())
            }
            _ => self.reach.subject.clone(),
        }
    }

    /// The variables in it.
    pub(super) fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The permissions for an identity: one, unless a claim is a list.
    pub(super) fn fill(&self, who: &Who) -> Result<BTreeSet<Permission>, FillError> {
        if self.variables.is_empty() {
            return Ok(BTreeSet::from([self.reach.clone()]));
        }
        let values: Vec<BTreeSet<SubjectToken>> =
            self.variables.iter().map(|variable| variable.values(who)).collect::<Result<_, _>>()?;
        // The first token chooses the namespace: `$JS`, `$SYS`, `_INBOX` are the server's, and
        // no claim may reach for them.
        if let Some(Token::Value(index)) = self.subject.first()
            && let (Some(variable), Some(values)) = (self.variables.get(*index), values.get(*index))
            && values.iter().any(|value| value.as_str().starts_with(['$', '_']))
        {
            return Err(variable.unusable("begins with `$` or `_` where the subject begins"));
        }
        let mut combinations: Vec<Vec<&str>> = vec![Vec::new()];
        for values in &values {
            combinations = combinations
                .iter()
                .flat_map(|begun| {
                    values.iter().map(|value| [begun.as_slice(), &[value.as_str()]].concat())
                })
                .collect();
            if combinations.len() > MOST_SUBJECTS {
                let names: Vec<_> = self.variables.iter().map(Variable::name).collect();
                return Err(FillError::TooMany {
                    variable: names.join("} and {"),
                    most: MOST_SUBJECTS,
                });
            }
        }
        combinations.into_iter().map(|values| self.with(&values)).collect()
    }

    fn with(&self, values: &[&str]) -> Result<Permission, FillError> {
        let value = |index: usize| values.get(index).copied().unwrap_or_default();
        let filled = |tokens| {
            // Each token is checked; only together could they still be no pattern, and are not.
            pattern(tokens, value).map_err(|error| FillError::Unusable {
                variable: String::new(),
                why: error.to_string(),
            })
        };
        Ok(Permission {
            subject: filled(self.subject.as_slice())?,
            queue: self.queue.as_deref().map(filled).transpose()?,
        })
    }
}

impl fmt::Display for Template {
    /// As it was written, but that a claim is called by where it stands, so that templates of two
    /// files are the same text where they mean the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |f: &mut fmt::Formatter<'_>, tokens: &[Token]| {
            for (index, token) in tokens.iter().enumerate() {
                if index > 0 {
                    f.write_str(".")?;
                }
                let (before, index) = match token {
                    Token::Fixed(text) => {
                        f.write_str(text)?;
                        continue;
                    }
                    Token::Value(index) => ("", index),
                    Token::Bucket(before, index) => (*before, index),
                };
                match self.variables.get(*index) {
                    Some(variable) => write!(f, "{before}{{{variable}}}")?,
                    None => return Err(fmt::Error),
                }
            }
            Ok(())
        };
        write(f, &self.subject)?;
        if let Some(queue) = &self.queue {
            f.write_str(" ")?;
            write(f, queue)?;
        }
        Ok(())
    }
}

/// What is compared where nobody's values are known: each variable by where its value stands.
fn literal(
    subject: &[Token],
    queue: Option<&[Token]>,
    variables: &[Variable],
    reach: &Permission,
) -> Permission {
    let plain = |c: char| c.is_alphanumeric() || "-_:/%".contains(c);
    let word = |c: char| if plain(c) { c.to_string() } else { format!("%{:x}", u32::from(c)) };
    let words: Vec<String> = variables
        .iter()
        .map(|variable| {
            format!("{{{}}}", variable.to_string().chars().map(word).collect::<String>())
        })
        .collect();
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    // Such words are legal wherever a value is, unless one is too long for a subject.
    Permission {
        subject: pattern(subject, word).unwrap_or_else(|_| reach.subject.clone()),
        queue: queue.map(|queue| pattern(queue, word).ok()).unwrap_or_else(|| reach.queue.clone()),
    }
}

/// The pattern that tokens make with these values.
fn pattern<'a>(
    tokens: &'a [Token],
    value: impl Fn(usize) -> &'a str,
) -> Result<SubjectPattern, crate::subject::PatternError> {
    let text = |token: &'a Token| match token {
        Token::Fixed(text) => Cow::Borrowed(text.as_str()),
        Token::Value(index) => Cow::Borrowed(value(*index)),
        // Any bucket: the pattern has nothing narrower.
        Token::Bucket(_, index) if value(*index) == "*" => Cow::Borrowed("*"),
        Token::Bucket(before, index) => Cow::Owned(format!("{before}{}", value(*index))),
    };
    let tokens: Vec<Cow<'_, str>> = tokens.iter().map(text).collect();
    SubjectPattern::from_tokens(tokens.iter().map(AsRef::as_ref))
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(claim) => write!(f, "claim {}", claim.path),
            other => f.write_str(other.name()),
        }
    }
}

impl Variable {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Subject => "subject",
            Self::Name => "name",
            Self::Issuer => "issuer",
            Self::Claim(claim) => &claim.name,
        }
    }

    /// Where the claim stands, where it is one.
    pub(super) fn path(&self) -> Option<&ClaimPath> {
        match self {
            Self::Claim(claim) => Some(&claim.path),
            Self::Subject | Self::Name | Self::Issuer => None,
        }
    }

    fn unusable(&self, why: impl Into<String>) -> FillError {
        FillError::Unusable { variable: self.name().to_owned(), why: why.into() }
    }

    /// The values, each exactly one legal subject token, or an error. Nothing is escaped: two
    /// values that differ must not become one subject.
    pub(super) fn values(&self, who: &Who) -> Result<BTreeSet<SubjectToken>, FillError> {
        let one = |token| BTreeSet::from([token]);
        let token = |text: &str| {
            // The error names what is wrong with the value, and nothing of the value.
            text.parse::<SubjectToken>()
                .map_err(|error: TokenError| self.unusable(error.to_string()))
        };
        match self {
            Self::Subject => token(&who.subject).map(one),
            Self::Name => token(&who.user_name()).map(one),
            Self::Issuer => token(who.issuer.as_str()).map(one),
            Self::Claim(claim) => match (claim.path.find(&who.claims), &claim.default) {
                (None, _) if claim.path.is_blocked(&who.claims) => {
                    Err(self.unusable("lies in something that is no object"))
                }
                (None, Some(default)) => Ok(one(default.clone())),
                (None, None) => Err(FillError::Absent {
                    variable: claim.name.clone(),
                    path: claim.path.to_string(),
                }),
                (Some(Value::Array(items)), _) => match claim.at_most {
                    None => Err(self.unusable("is a list, and `at_most` does not allow one")),
                    Some(most) => {
                        // Counted before anything is made of them.
                        let too_many = FillError::TooMany { variable: claim.name.clone(), most };
                        if items.len() > MOST_SUBJECTS {
                            return Err(too_many);
                        }
                        let values: BTreeSet<_> = items
                            .iter()
                            .map(|item| token(&self.scalar(item)?))
                            .collect::<Result<_, _>>()?;
                        if values.len() > most { Err(too_many) } else { Ok(values) }
                    }
                },
                (Some(value), _) => token(&self.scalar(value)?).map(one),
            },
        }
    }

    fn scalar(&self, value: &Value) -> Result<String, FillError> {
        match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
            _ => Err(self.unusable("is neither a string nor a whole number")),
        }
    }
}
