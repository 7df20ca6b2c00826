//! What the server lets a user do, with its turns: nothing said is everything.

use std::time::Duration;

use super::reading::Reading;
use crate::nats_conf::{Kind, Map, Node};

/// Both directions, and answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Permissions {
    pub(super) publish: Side,
    pub(super) subscribe: Side,
    pub(super) responses: Option<Responses>,
}

/// One direction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Side {
    /// Absent: everything. Empty: nothing.
    pub(super) allow: Option<Subjects>,
    pub(super) deny: Subjects,
}

/// Subjects, each once. Lists that differ in their order only are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Subjects {
    /// In the order of the file.
    pub(super) written: Vec<String>,
    sorted: Vec<String>,
}

impl Subjects {
    fn new(written: Vec<String>) -> Self {
        let mut sorted = written.clone();
        sorted.sort();
        Self { written, sorted }
    }
}

impl PartialEq for Subjects {
    fn eq(&self, other: &Self) -> bool {
        self.sorted == other.sorted
    }
}

impl Eq for Subjects {}

/// Permission to answer requests. Absent: without limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Responses {
    pub(super) max: Option<u32>,
    pub(super) expires: Option<Duration>,
}

impl Default for Responses {
    /// What the server takes for `allow_responses: true`.
    fn default() -> Self {
        Self { max: Some(1), expires: Some(Duration::from_secs(120)) }
    }
}

const PUBLISH: [&str; 3] = ["publish", "pub", "import"];
const SUBSCRIBE: [&str; 3] = ["subscribe", "sub", "export"];
const RESPONSES: [&str; 2] = ["allow_responses", "publish_allow_responses"];

/// Reads `permissions` or `default_permissions`.
pub(super) fn read(node: &Node, reading: &mut Reading<'_>) -> Option<Permissions> {
    let map = reading.map(node, "`permissions`")?;
    let known: Vec<_> = [&PUBLISH[..], &SUBSCRIBE, &RESPONSES].concat();
    reading.only(&map, &known, "`permissions`");
    let mut permissions = Permissions::default();
    if let Some(entry) = map.get(&PUBLISH) {
        permissions.publish = side(&entry.node, false, reading)?;
    }
    if let Some(entry) = map.get(&SUBSCRIBE) {
        permissions.subscribe = side(&entry.node, true, reading)?;
    }
    if let Some(entry) = map.get(&RESPONSES) {
        permissions.responses = responses(&entry.node, reading)?;
    }
    // The one case in which nothing said is nothing.
    if permissions.responses.is_some() {
        permissions.publish.allow.get_or_insert_default();
    }
    Some(permissions)
}

fn side(node: &Node, has_queues: bool, reading: &mut Reading<'_>) -> Option<Side> {
    let node = reading.any(node)?;
    let Kind::Map(map) = &node.kind else {
        let allow = subjects(&node, has_queues, reading)?;
        return Some(Side { allow, deny: Subjects::default() });
    };
    reading.only(map, &["allow", "deny"], "`publish` or `subscribe`");
    let mut list = |name: &str| match map.get(&[name]) {
        Some(entry) => subjects(&entry.node, has_queues, reading),
        None => Some(None),
    };
    Some(Side { allow: list("allow")?, deny: list("deny")?.unwrap_or_default() })
}

/// A list of subjects; an empty one is one that is not there.
fn subjects(node: &Node, has_queues: bool, reading: &mut Reading<'_>) -> Option<Option<Subjects>> {
    let mut found: Vec<String> = Vec::new();
    for (text, at) in reading.strings(node, "a list of subjects")? {
        let parts: Vec<_> = text.split_whitespace().collect();
        let subject = match *parts.as_slice() {
            _ if is_subject(&text) => text.to_string(),
            [subject, queue] if has_queues && is_subject(subject) && is_subject(queue) => {
                format!("{subject} {queue}")
            }
            _ => {
                // Not quoted: what is no subject may be anything.
                let help = "`nats-server -t -c FILE` says what it thinks of it";
                reading.wrong(&at, "this is no subject", help);
                continue;
            }
        };
        if !found.contains(&subject) {
            found.push(subject);
        }
    }
    Some((!found.is_empty()).then(|| Subjects::new(found)))
}

/// The server's `IsValidSubject`.
fn is_subject(text: &str) -> bool {
    let tokens: Vec<_> = text.split('.').collect();
    let has_space = |token: &str| token.contains([' ', '\t', '\n', '\r', '\u{c}']);
    tokens.iter().enumerate().all(|(index, token)| {
        !token.is_empty() && !has_space(token) && (*token != ">" || index + 1 == tokens.len())
    })
}

fn responses(node: &Node, reading: &mut Reading<'_>) -> Option<Option<Responses>> {
    let node = reading.any(node)?;
    let map: &Map = match &node.kind {
        Kind::Bool(allowed) => return Some(allowed.then(Responses::default)),
        Kind::Map(map) => map,
        other => {
            let message =
                format!("`allow_responses` is {}, neither true nor a map", other.describe());
            reading.wrong(&node.at, message, "write `true` or `{ max: 1, expires: \"2m\" }`");
            return None;
        }
    };
    const MAX: [&str; 4] = ["max", "max_msgs", "max_messages", "max_responses"];
    const EXPIRES: [&str; 3] = ["expires", "expiration", "ttl"];
    reading.only(map, &[&MAX[..], &EXPIRES].concat(), "`allow_responses`");
    let mut found = Responses::default();
    if let Some(entry) = map.get(&MAX) {
        let node = reading.any(&entry.node)?;
        match node.kind {
            // Nothing is the default, less than nothing has no end.
            Kind::Integer(0) => {}
            Kind::Integer(number) => found.max = u32::try_from(number).ok(),
            _ => {
                reading.wrong(&node.at, "`max` is no whole number", "write it as `max: 1`");
                return None;
            }
        }
    }
    if let Some(entry) = map.get(&EXPIRES) {
        let text = reading.string(&entry.node, "`expires`")?;
        match go_duration(&text) {
            Some((_, Duration::ZERO)) => {}
            Some((is_negative, span)) => found.expires = (!is_negative).then_some(span),
            None => {
                let help = "write it as `expires: \"2m\"`";
                reading.wrong(&entry.node.at, "`expires` is no span of time", help);
                return None;
            }
        }
    }
    Some(Some(found))
}

/// A span of time as Go reads it (`time.ParseDuration`): `1m30s`, `1.5h`, `-1s`, `0`. The first
/// value is whether it is negative.
fn go_duration(text: &str) -> Option<(bool, Duration)> {
    const UNITS: [(&str, u64); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let is_negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Some((false, Duration::ZERO));
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanoseconds: u64 = 0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (digits, behind) = rest.split_at_checked(number)?;
        let end = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at_checked(end)?;
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        nanoseconds = nanoseconds.checked_add(whole.checked_mul(*factor)?)?;
        let mut place = *factor;
        for digit in fraction.chars() {
            place /= 10;
            nanoseconds = nanoseconds.checked_add(place * u64::from(digit.to_digit(10)?))?;
        }
        rest = behind;
    }
    Some((is_negative, Duration::from_nanos(nanoseconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_as_go_reads_them() {
        for (text, milliseconds) in
            [("2m", 120_000), ("1m30s", 90_000), ("1.5h", 5_400_000), ("+.5s", 500), ("300ms", 300)]
        {
            assert_eq!(go_duration(text), Some((false, Duration::from_millis(milliseconds))));
        }
        assert_eq!(go_duration("-1s"), Some((true, Duration::from_secs(1))));
        assert_eq!(go_duration("0"), Some((false, Duration::ZERO)));
        assert_eq!(go_duration("1500µs"), Some((false, Duration::from_micros(1500))));
        for text in ["", "-", "1", "s", "1d", "1.2.3s", "1 s", ".s", "99999999999h"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }

    #[test]
    fn subjects_as_the_server_takes_them() {
        for text in ["a", "a.b", "a.*.>", ">", "a.b*", "$JS.API.>"] {
            assert!(is_subject(text), "{text}");
        }
        for text in ["", "a..b", ".a", "a.", "a b", ">.a", "a\tb"] {
            assert!(!is_subject(text), "{text:?}");
        }
    }
}
