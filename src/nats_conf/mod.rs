//! nats-server's configuration language, read into a tree of values that know their line.
//!
//! The language has no specification but the server's own reader (`conf/lex.go` and
//! `conf/parse.go` of nats-io/nats-server), so that is what this follows, turns included: a bare
//! word may be a text, a variable or a truth; a key without a separator has a value all the same;
//! an integer may have a unit; JSON is legal. A test holds it against the real server.
//!
//! What stands in such a file may be a password, and nobody knows where: no message here quotes
//! a value, no problem shows a line of the file, and [`Node`] does not show what it holds.

mod cursor;
mod elsewhere;
mod reader;
mod scalar;

use std::{fmt, sync::Arc};

use crate::document::{Place, Problem, Problems, Source};

/// Where something stands: a file and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    file: Arc<str>,
    line: usize,
}

impl At {
    /// As the place of a problem, with stars for its line: it may hold a password.
    #[must_use]
    pub fn place(&self) -> Place {
        const STARS: &str = "*****";
        let before = self.line.saturating_sub(1);
        let text = "\n".repeat(before) + STARS;
        let source = Arc::new(Source::new(&*self.file, text));
        Place::File { source, span: before..before + STARS.len() }
    }
}

impl fmt::Display for At {
    /// `nats-server.conf:7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A value and where it was written.
#[derive(Clone)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Where it stands; of a variable, where it is used.
    pub at: At,
}

/// What a [`Node`] is. Cheap to clone: a variable shares its value with its uses.
#[derive(Clone)]
pub enum Kind {
    /// A text.
    String(Arc<str>),
    /// A whole number, its unit multiplied in.
    Integer(i64),
    /// `true`, `yes`, `on` or their opposites.
    Bool(bool),
    /// A list.
    List(Arc<[Node]>),
    /// A map.
    Map(Arc<Map>),
    /// A variable that the file has not defined up to here: the environment may have it. It is
    /// looked up by who needs it, so that nobody looks up passwords.
    Variable(Arc<str>),
    /// Numbers with a fraction, and dates.
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
            Self::Map(_) => "a map",
            Self::Variable(_) => "a variable",
            Self::Other(what) => what,
        }
    }
}

impl fmt::Debug for Node {
    /// What it is and where, and nothing of what it holds: that may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.kind.describe(), self.at)
    }
}

impl fmt::Debug for Kind {
    /// See [`Node`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe())
    }
}

/// A map in the order of its file. A key that comes twice has its last value, as in the server.
#[derive(Debug, Clone, Default)]
pub struct Map {
    entries: Vec<Entry>,
}

/// A key of a [`Map`] with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key as it was written; most keys of the server mean the same in any case.
    pub key: String,
    /// Where the key stands.
    pub at: At,
    /// The value.
    pub node: Node,
    /// Whether a variable below took its value: then the server minds no key that it does not
    /// know.
    pub is_variable: bool,
}

impl Map {
    /// The keys with their values.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The value under any of these names, which mean the same and are in lower case. Where
    /// several are there the last one counts; the server takes one by chance.
    #[must_use]
    pub fn get(&self, names: &[&str]) -> Option<&Entry> {
        self.entries.iter().rfind(|entry| names.contains(&entry.key.to_lowercase().as_str()))
    }

    fn put(&mut self, entry: Entry) {
        match self.entries.iter_mut().find(|known| known.key == entry.key) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }
}

/// Finds what `include` names: given the path of the file that includes, and the path it says,
/// the path as people should know it and the bytes of the file, or why there are none. One file
/// must have one path: that is how a file that includes itself is noticed.
pub type Include<'a> = &'a dyn Fn(&str, &str) -> Result<(String, Vec<u8>), String>;

/// Reads a file and all that it includes. `None` where it cannot be read: the problem is the
/// first one, because behind it everything is guessing.
pub fn read(
    path: &str,
    bytes: Vec<u8>,
    include: Include<'_>,
    problems: &mut Problems,
) -> Option<Map> {
    match reader::file(path, bytes, include, &mut Vec::new()) {
        Ok(map) => Some(map),
        Err(fault) => {
            problems.add(Problem::error(&fault.at.place(), fault.message, fault.help));
            None
        }
    }
}

/// What the environment says for a variable: the server reads it as a value of the same language.
/// `None` where it is none. The value stands where the variable is used.
#[must_use]
pub fn value(text: &str, at: &At) -> Option<Node> {
    const KEY: &str = "value";
    let nothing = |_: &str, _: &str| Err("no".to_owned());
    let bytes = format!("{KEY}={text}").into_bytes();
    let map = reader::file("environment", bytes, &nothing, &mut Vec::new()).ok()?;
    let kind = map.get(&[KEY])?.node.kind.clone();
    Some(Node { kind, at: at.clone() })
}

/// Why a file could not be read. Quotes nothing of the file but names.
struct Fault {
    at: At,
    message: String,
    help: &'static str,
}

#[cfg(test)]
mod tests;
