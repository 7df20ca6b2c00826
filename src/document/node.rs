//! TOML as a tree of values that know their place.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use toml::de::{DeTable, DeValue};

use super::{Place, Problem, Problems, Source};

/// A value and where it was written.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub place: Place,
}

/// What a [`Node`] is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A text.
    String(String),
    /// A whole number.
    Integer(i64),
    /// `true` or `false`.
    Bool(bool),
    /// A list.
    List(Vec<Node>),
    /// A table: each key with its own place.
    Table(BTreeMap<String, (Place, Node)>),
    /// Floats and dates, which no setting takes.
    Other(&'static str),
}

impl Kind {
    /// What to call it in a message.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "a whole number",
            Self::Bool(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(what) => what,
        }
    }
}

impl Node {
    /// The text, where it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value at a key, where this is a table that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Table(table) => table.get(key).map(|(_, node)| node),
            _ => None,
        }
    }
}

/// Reads a TOML file; syntax errors go to `problems`, what could be read is returned.
pub fn parse(source: &Arc<Source>, problems: &mut Problems) -> Node {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        problems.add(match error.message() {
            "duplicate key" => twice(source, span),
            message => {
                let place = Place::File { source: Arc::clone(source), span };
                Problem::error(&place, message, "see https://toml.io for the syntax of TOML")
            }
        });
    }
    let place = Place::File { source: Arc::clone(source), span: 0..0 };
    Node { kind: table_kind(table.get_ref(), source), place }
}

/// A key or a table that the file has twice, which TOML forbids.
fn twice(source: &Arc<Source>, span: Range<usize>) -> Problem {
    const HELP: &str = "put the two together, or give one of them another name";
    let text = source.text.as_str();
    let start = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let header = |line: &str| {
        let line = line.trim_start();
        Some(line.get(..=line.find(']')?)?.to_owned()).filter(|line| line.starts_with('['))
    };
    let place = |span| Place::File { source: Arc::clone(source), span };
    let Some(twin) = text.get(start..).and_then(|rest| header(rest.lines().next()?)) else {
        let key = text.get(span.clone()).unwrap_or_default();
        return Problem::error(&place(span.clone()), format!("`{key}` is defined twice"), HELP);
    };
    let problem = Problem::error(&place(span), format!("`{twin}` is defined twice"), HELP);
    let mut at = 0;
    for line in text.get(..start).unwrap_or_default().split_inclusive('\n') {
        if header(line).as_ref() == Some(&twin) {
            let begin = at + line.find('[').unwrap_or_default();
            return problem.related(&place(begin..begin + twin.len()), "first defined here");
        }
        at += line.len();
    }
    problem
}

fn table_kind(table: &DeTable<'_>, source: &Arc<Source>) -> Kind {
    let place = |span| Place::File { source: Arc::clone(source), span };
    let entries = table.iter().map(|(key, value)| {
        let node = Node { kind: kind(value.get_ref(), source), place: place(value.span()) };
        (key.get_ref().to_string(), (place(key.span()), node))
    });
    Kind::Table(entries.collect())
}

fn kind(value: &DeValue<'_>, source: &Arc<Source>) -> Kind {
    match value {
        DeValue::String(text) => Kind::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Kind::Other("a number out of range"), Kind::Integer),
        DeValue::Float(_) => Kind::Other("a float"),
        DeValue::Boolean(value) => Kind::Bool(*value),
        DeValue::Datetime(_) => Kind::Other("a date"),
        DeValue::Array(list) => Kind::List(
            list.iter()
                .map(|item| Node {
                    kind: kind(item.get_ref(), source),
                    place: Place::File { source: Arc::clone(source), span: item.span() },
                })
                .collect(),
        ),
        DeValue::Table(table) => table_kind(table, source),
    }
}
