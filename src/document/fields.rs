//! Reading a table key by key: wrong types, missing and unknown keys all end up in one list.

use std::{collections::BTreeMap, fmt::Display, ops::RangeInclusive, str::FromStr, time::Duration};

use super::{Kind, Node, Place, Problem, Problems, did_you_mean};

const A_TABLE: &str = "a table is a `[section]` with a line for each key, or `{ key = value }`";

/// The keys of one table while they are being read.
///
/// Each read marks its key as known; [`Fields::finish`] reports the keys that nobody read.
pub struct Fields<'a> {
    table: Option<&'a BTreeMap<String, (Place, Node)>>,
    place: &'a Place,
    what: String,
    known: Vec<&'static str>,
    /// Keys that are read to say why they are none.
    refused: Vec<&'static str>,
    secret: bool,
}

impl<'a> Fields<'a> {
    /// Begins to read `node`, which `what` names in messages.
    pub fn of(node: &'a Node, what: impl Into<String>, problems: &mut Problems) -> Self {
        let what = what.into();
        let table = match &node.kind {
            Kind::Table(table) => Some(table),
            other => {
                let message = format!("{what} is {}, not a table", other.describe());
                problems.add(Problem::error(&node.place, message, A_TABLE));
                None
            }
        };
        Self {
            table,
            place: &node.place,
            what,
            known: Vec::new(),
            refused: Vec::new(),
            secret: false,
        }
    }

    /// The same, for a table about a secret: what stands under unknown keys may be one.
    #[must_use]
    pub fn about_a_secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// Where the table stands.
    #[must_use]
    pub fn place(&self) -> &'a Place {
        self.place
    }

    /// Whether it is a table, and one without any key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_some_and(BTreeMap::is_empty)
    }

    /// The value of a key, if it is there.
    pub fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table?.get(key).map(|(_, node)| node)
    }

    /// The value of a key that is none, for which there is something to say; it is not among the
    /// keys that are offered.
    pub fn refused(&mut self, key: &'static str) -> Option<&'a Node> {
        self.refused.push(key);
        self.table?.get(key).map(|(_, node)| node)
    }

    /// The value of a key that must be there, as in `example`.
    pub fn required(
        &mut self,
        key: &'static str,
        example: &str,
        problems: &mut Problems,
    ) -> Option<&'a Node> {
        let node = self.node(key);
        if node.is_none() && self.table.is_some() {
            let message = format!("{} lacks `{key}`", self.what);
            problems.add(Problem::error(self.place, message, format!("add {example}")));
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

    /// A text in a form of its own, as in `example`.
    pub fn parsed<T>(
        &mut self,
        key: &'static str,
        example: &str,
        problems: &mut Problems,
    ) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        let (text, place) = self.string(key, problems)?;
        parse_at(text, place, &format!("write it as in {example}"), problems)
    }

    /// A text in a form of its own, which must be there, as in `example`.
    pub fn required_parsed<T>(
        &mut self,
        key: &'static str,
        example: &str,
        problems: &mut Problems,
    ) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        self.required(key, example, problems)?;
        self.parsed(key, example, problems)
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
                // Nothing said is an empty list, not a list with nothing in it.
                let items = text.split(',').map(|item| (item.trim(), place));
                if text.trim().is_empty() { Vec::new() } else { items.collect() }
            }
            Some(Node { kind: Kind::List(items), .. }) => {
                items.iter().filter_map(|item| text(item, key, problems)).collect()
            }
            Some(other) => {
                let message =
                    format!("`{key}` is {}, not a list of strings", other.kind.describe());
                let help = format!("write it as `{key} = [\"…\"]`");
                problems.add(Problem::error(&other.place, message, help));
                Vec::new()
            }
        }
    }

    /// `true` or `false`.
    pub fn bool(&mut self, key: &'static str, problems: &mut Problems) -> Option<bool> {
        let node = self.node(key)?;
        match (&node.kind, &node.place) {
            (Kind::Bool(value), _) => Some(*value),
            // What an environment variable or a flag says is a string.
            (Kind::String(text), Place::Named(_)) if text == "true" || text == "false" => {
                Some(text == "true")
            }
            (other, place) => {
                let message = format!("`{key}` is {}, not `true` or `false`", other.describe());
                problems.add(Problem::error(
                    place,
                    message,
                    "write `true` or `false`, without quotes",
                ));
                None
            }
        }
    }

    /// A whole number within a range.
    pub fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
        problems: &mut Problems,
    ) -> Option<i64> {
        self.number(key, range, "", "write such a number, without quotes", problems)
    }

    /// How many bytes, within a range.
    pub fn bytes(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
        problems: &mut Problems,
    ) -> Option<i64> {
        let help = "write it in bytes, without a unit and without quotes: `1073741824` is 1 GiB";
        self.number(key, range, " of bytes", help, problems)
    }

    fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
        unit: &str,
        help: &str,
        problems: &mut Problems,
    ) -> Option<i64> {
        let node = self.node(key)?;
        let number = match (&node.kind, &node.place) {
            (Kind::Integer(number), _) => Some(*number),
            (Kind::String(text), Place::Named(_)) => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                let (least, most) = range.into_inner();
                problems.add(Problem::error(
                    &node.place,
                    format!("`{key}` is not a whole number{unit} from {least} to {most}"),
                    help,
                ));
                None
            }
        }
    }

    /// A span of time, such as `90s` or `1h 30m`, within a range.
    pub fn duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
        problems: &mut Problems,
    ) -> Option<Duration> {
        let node = self.node(key)?;
        let mut wrong = |message: String, help: String| {
            problems.add(Problem::error(&node.place, message, help));
            None
        };
        let text = match &node.kind {
            Kind::String(text) => text,
            Kind::Integer(number) => {
                return wrong(
                    format!("`{key}` is a whole number, not a span of time"),
                    format!("give it a unit and quotes: `{key} = \"{}s\"`", number.unsigned_abs()),
                );
            }
            other => {
                return wrong(
                    format!("`{key}` is {}, not a span of time", other.describe()),
                    format!("write it as `{key} = \"90s\"`, `\"1h 30m\"` or `\"7d\"`"),
                );
            }
        };
        let parsed = text
            .parse::<jiff::Span>()
            .and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()))
            .ok()
            .and_then(|duration| Duration::try_from(duration).ok());
        let (least, most) = (as_written(*range.start()), as_written(*range.end()));
        match parsed {
            Some(duration) if range.contains(&duration) => Some(duration),
            Some(_) => wrong(
                format!("`{key}` is not between {least} and {most}"),
                format!("write a span of time in that range, such as `{most}`"),
            ),
            None => wrong(
                format!("`{text}` is not a span of time"),
                "write it as `90s`, `1h 30m` or `7d`".to_owned(),
            ),
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
                problems.add(Problem::error(&other.place, message, A_TABLE));
                Vec::new()
            }
        }
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(self, problems: &mut Problems) {
        for (key, (place, node)) in self.table.into_iter().flatten() {
            if self.known.iter().chain(&self.refused).any(|known| known == key) {
                continue;
            }
            let help = match did_you_mean(key, self.known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys: `{}`", self.known.join("`, `")),
            };
            let message = format!("unknown key `{key}` in {}", self.what);
            problems.add(if self.secret || may_be_secret(key) {
                Problem::error(&node.place, message, help).conceal()
            } else {
                Problem::error(place, message, help)
            });
        }
    }
}

/// Whether a key, misspelled as it may be, sounds like that of a secret: its value is not shown.
fn may_be_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["sec", "seed", "pass", "pwd", "token", "key"].iter().any(|part| key.contains(part))
}

/// A span of time as people write it: in the largest unit that says it exactly.
pub fn as_written(span: Duration) -> String {
    // A day is said as `24h`: up to there people count in hours.
    const UNITS: [(u64, u64, &str); 3] = [(86_400, 2, "d"), (3600, 1, "h"), (60, 1, "m")];
    if span.subsec_millis() > 0 {
        return format!("{}ms", span.as_millis());
    }
    let seconds = span.as_secs();
    let fits = |(unit, least, _): &&(u64, u64, _)| {
        seconds.is_multiple_of(*unit) && seconds / unit >= *least
    };
    match UNITS.iter().find(fits) {
        Some((unit, _, name)) => format!("{}{name}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

fn text<'a>(node: &'a Node, key: &str, problems: &mut Problems) -> Option<(&'a str, &'a Place)> {
    if let Kind::String(text) = &node.kind {
        return Some((text, &node.place));
    }
    let message = format!("`{key}` is {}, not a string", node.kind.describe());
    problems.add(Problem::error(&node.place, message, "write a text in quotes: `\"…\"`"));
    None
}

/// A text in a form of its own, or a problem at its place.
pub fn parse_at<T>(text: &str, place: &Place, help: &str, problems: &mut Problems) -> Option<T>
where
    T: FromStr<Err: Display>,
{
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            let error = error.to_string();
            // Some errors are the rest of a sentence.
            let colon =
                if error.starts_with("is ") || error.starts_with("has ") { "" } else { ":" };
            problems.add(Problem::error(place, format!("`{text}`{colon} {error}"), help));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_as_people_write_them() {
        for text in
            ["0s", "1ms", "100ms", "1500ms", "1s", "90s", "5m", "1h", "24h", "2d", "366d", "7300d"]
        {
            let span: jiff::Span = text.parse().unwrap();
            let span = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).unwrap();
            assert_eq!(as_written(span.try_into().unwrap()), text);
        }
    }
}
