//! TOML as a tree of values that know their place.

use std::{collections::BTreeMap, sync::Arc};

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
        let place = Place::File { source: Arc::clone(source), span };
        problems.add(
            Problem::error(&place, error.message().to_owned())
                .help("see https://toml.io for the syntax of TOML"),
        );
    }
    let place = Place::File { source: Arc::clone(source), span: 0..0 };
    Node { kind: table_kind(table.get_ref(), source), place }
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
