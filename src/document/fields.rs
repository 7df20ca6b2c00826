//! Reading a table key by key: wrong types, missing and unknown keys all end up in one list.

use std::{collections::BTreeMap, fmt::Display, str::FromStr, time::Duration};

use super::{Kind, Node, Place, Problem, Problems, did_you_mean};

/// The keys of one table while they are being read.
///
/// Each read marks its key as known; [`Fields::finish`] reports the keys that nobody read.
pub struct Fields<'a> {
    table: Option<&'a BTreeMap<String, (Place, Node)>>,
    place: &'a Place,
    what: String,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Begins to read `node`, which `what` names in messages.
    pub fn of(node: &'a Node, what: impl Into<String>, problems: &mut Problems) -> Self {
        let what = what.into();
        let table = match &node.kind {
            Kind::Table(table) => Some(table),
            other => {
                let message = format!("{what} is {}, not a table", other.describe());
                problems.add(Problem::error(&node.place, message));
                None
            }
        };
        Self { table, place: &node.place, what, known: Vec::new() }
    }

    /// Where the table stands.
    #[must_use]
    pub fn place(&self) -> &'a Place {
        self.place
    }

    /// The value of a key, if it is there.
    pub fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table?.get(key).map(|(_, node)| node)
    }

    /// The value of a key that must be there.
    pub fn required(&mut self, key: &'static str, problems: &mut Problems) -> Option<&'a Node> {
        let node = self.node(key);
        if node.is_none() && self.table.is_some() {
            let message = format!("{} lacks `{key}`", self.what);
            problems.add(Problem::error(self.place, message));
        }
        node
    }

    /// A text, with its place.
    pub fn string(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<(&'a str, &'a Place)> {
        text(self.node(key)?, key, problems)
    }

    /// A text in a form of its own.
    pub fn parsed<T>(&mut self, key: &'static str, problems: &mut Problems) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        let (text, place) = self.string(key, problems)?;
        parse_at(text, place, problems)
    }

    /// A text in a form of its own, which must be there.
    pub fn required_parsed<T>(&mut self, key: &'static str, problems: &mut Problems) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        self.required(key, problems)?;
        self.parsed(key, problems)
    }

    /// A list of texts, each with its place; absent: none. An environment variable or a flag
    /// says it with commas.
    pub fn strings(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Vec<(&'a str, &'a Place)> {
        match self.node(key) {
            None => Vec::new(),
            Some(Node { kind: Kind::String(text), place: place @ Place::Named(_) }) => {
                text.split(',').map(|item| (item.trim(), place)).collect()
            }
            Some(Node { kind: Kind::List(items), .. }) => {
                items.iter().filter_map(|item| text(item, key, problems)).collect()
            }
            Some(other) => {
                let message =
                    format!("`{key}` is {}, not a list of strings", other.kind.describe());
                problems.add(Problem::error(&other.place, message));
                Vec::new()
            }
        }
    }

    /// `true` or `false`.
    pub fn bool(&mut self, key: &'static str, problems: &mut Problems) -> Option<bool> {
        let node = self.node(key)?;
        match &node.kind {
            Kind::Bool(value) => Some(*value),
            // What an environment variable or a flag says is a string.
            Kind::String(text) if text == "true" || text == "false" => Some(text == "true"),
            other => {
                let message = format!("`{key}` is {}, not `true` or `false`", other.describe());
                problems.add(Problem::error(&node.place, message));
                None
            }
        }
    }

    /// A whole number within a range.
    pub fn integer(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<i64>,
        problems: &mut Problems,
    ) -> Option<i64> {
        let node = self.node(key)?;
        let number = match &node.kind {
            Kind::Integer(number) => Some(*number),
            Kind::String(text) => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                let message = format!(
                    "`{key}` is not a whole number from {} to {}",
                    range.start(),
                    range.end()
                );
                problems.add(Problem::error(&node.place, message));
                None
            }
        }
    }

    /// A span of time, such as `90s` or `1h 30m`, within a range.
    pub fn duration(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<Duration>,
        problems: &mut Problems,
    ) -> Option<Duration> {
        let (text, place) = self.string(key, problems)?;
        let parsed = text
            .parse::<jiff::Span>()
            .and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()))
            .ok()
            .and_then(|duration| Duration::try_from(duration).ok());
        match parsed {
            Some(duration) if range.contains(&duration) => Some(duration),
            Some(_) => {
                let message =
                    format!("`{key}` is not between {:?} and {:?}", range.start(), range.end());
                problems.add(Problem::error(place, message));
                None
            }
            None => {
                problems.add(
                    Problem::error(place, format!("`{text}` is not a span of time"))
                        .help("write it as `90s`, `1h 30m` or `7d`"),
                );
                None
            }
        }
    }

    /// The entries of a table whose keys are the user's own; absent: none.
    pub fn entries(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Vec<(&'a str, &'a Place, &'a Node)> {
        match self.node(key) {
            None => Vec::new(),
            Some(Node { kind: Kind::Table(table), .. }) => {
                table.iter().map(|(name, (place, node))| (name.as_str(), place, node)).collect()
            }
            Some(other) => {
                let message = format!("`{key}` is {}, not a table", other.kind.describe());
                problems.add(Problem::error(&other.place, message));
                Vec::new()
            }
        }
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(self, problems: &mut Problems) {
        for (key, (place, _)) in self.table.into_iter().flatten() {
            if self.known.contains(&key.as_str()) {
                continue;
            }
            let problem = Problem::error(place, format!("unknown key `{key}` in {}", self.what));
            problems.add(match did_you_mean(key, self.known.iter().copied()) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help(format!("known keys: `{}`", self.known.join("`, `"))),
            });
        }
    }
}

fn text<'a>(node: &'a Node, key: &str, problems: &mut Problems) -> Option<(&'a str, &'a Place)> {
    if let Kind::String(text) = &node.kind {
        return Some((text, &node.place));
    }
    let message = format!("`{key}` is {}, not a string", node.kind.describe());
    problems.add(Problem::error(&node.place, message));
    None
}

/// A text in a form of its own, or a problem at its place.
pub fn parse_at<T>(text: &str, place: &Place, problems: &mut Problems) -> Option<T>
where
    T: FromStr<Err: Display>,
{
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            problems.add(Problem::error(place, format!("`{text}`: {error}")));
            None
        }
    }
}
