//! Values of the configuration as what they should be; what is wrong ends up in one list.

use std::sync::Arc;

use crate::{
    document::{Problem, Problems},
    nats_conf::{self, At, Entry, Kind, Map, Node},
};

/// Variables whose value is a variable, at most so many: then it is a circle.
const LONGEST_CHAIN: usize = 16;

/// What is read, and what was found wrong so far.
pub(super) struct Reading<'a> {
    environment: &'a dyn Fn(&str) -> Option<String>,
    problems: &'a mut Problems,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        environment: &'a dyn Fn(&str) -> Option<String>,
        problems: &'a mut Problems,
    ) -> Self {
        Self { environment, problems }
    }

    pub(super) fn wrong(&mut self, at: &At, message: impl Into<String>, help: &str) {
        self.problems.add(Problem::error(&at.place(), message, help));
    }

    /// The value itself, where a variable of the environment stands for it.
    fn resolved(&mut self, node: &Node) -> Option<Node> {
        let mut node = node.clone();
        for _ in 0..LONGEST_CHAIN {
            let Kind::Variable(name) = &node.kind else { return Some(node) };
            let Some(text) = (self.environment)(name) else {
                // What begins with `$` and was not meant as a variable may be anything.
                let shown = if is_plain(name) { format!("`${name}`") } else { "it".to_owned() };
                self.wrong(
                    &node.at,
                    format!(
                        "a variable is used here, and neither file nor environment have {shown}"
                    ),
                    "set it in the environment, or put what is no variable in quotes",
                );
                return None;
            };
            let Some(value) = nats_conf::value(&text, &node.at) else {
                let message = "a variable of the environment is used here and is no value";
                self.wrong(&node.at, message, "the server could not read it either");
                return None;
            };
            node = value;
        }
        self.wrong(&node.at, "a variable stands for itself", "give it a value");
        None
    }

    pub(super) fn map(&mut self, node: &Node, what: &str) -> Option<Arc<Map>> {
        let node = self.resolved(node)?;
        match node.kind {
            Kind::Map(map) => Some(map),
            other => {
                let message = format!("{what} is {}, not a map", other.describe());
                self.wrong(&node.at, message, "write it as `{ key: value }`");
                None
            }
        }
    }

    pub(super) fn list(&mut self, node: &Node, what: &str) -> Option<Arc<[Node]>> {
        let node = self.resolved(node)?;
        match node.kind {
            Kind::List(items) => Some(items),
            other => {
                let message = format!("{what} is {}, not a list", other.describe());
                self.wrong(&node.at, message, "write it as `[a, b]`");
                None
            }
        }
    }

    pub(super) fn string(&mut self, node: &Node, what: &str) -> Option<Arc<str>> {
        let node = self.resolved(node)?;
        match node.kind {
            Kind::String(text) => Some(text),
            other => {
                let message = format!("{what} is {}, not a string", other.describe());
                self.wrong(&node.at, message, "put it in quotes");
                None
            }
        }
    }

    pub(super) fn bool(&mut self, node: &Node, what: &str) -> Option<bool> {
        let node = self.resolved(node)?;
        match node.kind {
            Kind::Bool(value) => Some(value),
            other => {
                let message = format!("{what} is {}, not true or false", other.describe());
                self.wrong(&node.at, message, "write `true` or `false`, without quotes");
                None
            }
        }
    }

    /// The value, where the environment has it or none is needed for it.
    pub(super) fn any(&mut self, node: &Node) -> Option<Node> {
        self.resolved(node)
    }

    /// One string or a list of them.
    pub(super) fn strings(&mut self, node: &Node, what: &str) -> Option<Vec<(Arc<str>, At)>> {
        let node = self.resolved(node)?;
        match &node.kind {
            Kind::String(text) => Some(vec![(Arc::clone(text), node.at)]),
            Kind::List(items) => {
                let read = |item: &Node| Some((self.string(item, what)?, item.at.clone()));
                Some(items.iter().filter_map(read).collect())
            }
            other => {
                let message = format!("{what} is {}, not a list of strings", other.describe());
                self.wrong(&node.at, message, "write it as `[\"a\", \"b\"]`");
                None
            }
        }
    }

    /// Refuses keys that the server would refuse: a permission that is misspelled would be none,
    /// and none is everything.
    pub(super) fn only(&mut self, map: &Map, known: &[&str], what: &str) {
        let is_known = |entry: &&Entry| known.contains(&entry.key.to_lowercase().as_str());
        for entry in map.iter().filter(|entry| !entry.is_variable && !is_known(entry)) {
            let key =
                if is_plain(&entry.key) { format!("`{}`", entry.key) } else { "a key".to_owned() };
            let message = format!("{key} is unknown in {what}");
            self.wrong(&entry.at, message, "`nats-server -t -c FILE` says whether it is legal");
        }
    }
}

/// A name that can be told: nothing that looks like it was meant as a secret.
fn is_plain(name: &str) -> bool {
    name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}
