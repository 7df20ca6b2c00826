//! `[[test]]` as written.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::{Asker, Case, Expectation};
use crate::{
    code::Code,
    connection::{Connection, ConnectionType},
    credential::Wish,
    document::{Fields, Kind, Node, Problem, Problems, did_you_mean, parse_at},
    policy::{Facts, LONGEST_SESSION, Question},
};

/// When a case happens that does not say it: a Wednesday.
const NOON: &str = "2026-01-07T12:00:00Z";
/// How long the token of a case is valid that does not say it.
const A_DAY: Duration = Duration::from_secs(24 * 3600);

/// The cases of a file that has nothing else.
pub(in crate::policy) fn file(root: &Node, problems: &mut Problems) -> Vec<Case> {
    let mut fields = Fields::of(root, "the test file", problems);
    let cases = read(&mut fields, problems);
    fields.finish(problems);
    cases
}

/// The cases under `test`.
pub(in crate::policy) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<Case> {
    match fields.node("test") {
        None => Vec::new(),
        Some(Node { kind: Kind::List(items), .. }) => {
            items.iter().filter_map(|item| case(item, problems)).collect()
        }
        Some(other) => {
            let message = format!("`test` is {}, not a list of tables", other.kind.describe());
            problems.add(Problem::error(&other.place, message, "begin each case with `[[test]]`"));
            Vec::new()
        }
    }
}

fn case(node: &Node, problems: &mut Problems) -> Option<Case> {
    let before = problems.len();
    let mut fields = Fields::of(node, "the test", problems);
    let name = fields
        .required("name", "`name = \"a clerk stays in the own tenant\"`", problems)
        .and_then(|_| fields.string("name", problems));
    let example = "`as = { idp_roles = [\"orders:write\"] }`: who asks";
    let asker = fields.required("as", example, problems).and_then(|node| asker(node, problems));
    let mut expected = Vec::new();
    for (key, expectation) in
        [("can", Expectation::Can as fn(_, _) -> _), ("cannot", Expectation::Cannot as _)]
    {
        for (text, place) in fields.strings(key, problems) {
            let help = "write `publish SUBJECT`, `subscribe SUBJECT`, `subscribe SUBJECT QUEUE` or \
                        `receive SUBJECT`";
            let question: Option<Question> = parse_at(text, place, help, problems);
            expected.extend(question.map(|question| expectation(question, place.clone())));
        }
    }
    if let Some((code, place)) = fields.string("refused", problems) {
        let codes = || Code::ALL.iter().map(|code| code.as_str());
        if !codes().any(|known| known == code) {
            let near = did_you_mean(code, codes()).map(|near| format!("did you mean `{near}`?"));
            let help = near.unwrap_or_else(|| "docs/reference.md lists the codes".to_owned());
            problems.add(Problem::error(place, format!("`{code}` is no code"), help));
        }
        if !expected.is_empty() {
            let message = "who is refused can do nothing: `can` and `cannot` say nothing here";
            problems.add(Problem::error(place, message, "make it two tests"));
        }
        expected.push(Expectation::Refused(code.to_owned(), place.clone()));
    }
    if let Some((text, place)) = fields.string("account", problems) {
        let account = parse_at(text, place, "write it as in the server's configuration", problems);
        expected.extend(account.map(|account| Expectation::Account(account, place.clone())));
    }
    let place = fields.node("session").map(|node| node.place.clone());
    let session = fields.duration("session", Duration::from_secs(1)..=LONGEST_SESSION, problems);
    if let (Some(session), Some(place)) = (session, place) {
        expected.push(Expectation::Session(session, place));
    }
    fields.finish(problems);
    let (name, name_place) = name?;
    if expected.is_empty() && problems.len() == before {
        problems.add(Problem::error(
            name_place,
            format!("the test `{name}` expects nothing"),
            "say what somebody `can` and `cannot` do, or `refused`, `account` or `session`",
        ));
    }
    Some(Case { name: name.to_owned(), place: name_place.clone(), asker: asker?, expected })
}

fn asker(node: &Node, problems: &mut Problems) -> Option<Asker> {
    let mut fields = Fields::of(node, "`as`", problems);
    let issuer = fields.string("issuer", problems).and_then(|(text, place)| {
        let help = "write it as in `[issuers.NAME]` of hallpass.toml";
        Some((parse_at(text, place, help, problems)?, place.clone()))
    });
    let subject = fields.string("subject", problems).map_or("test", |(text, _)| text).to_owned();
    let idp_roles: BTreeSet<String> = fields
        .strings("idp_roles", problems)
        .into_iter()
        .map(|(text, _)| text.to_owned())
        .collect();
    let mut claims = Map::new();
    for (name, _, node) in fields.entries("claims", problems) {
        if let Some(value) = json(node, problems) {
            claims.insert(name.to_owned(), value);
        }
    }
    claims.entry("sub").or_insert_with(|| subject.clone().into());
    let time = fields.string("at", problems);
    let help = "write a time with its zone, such as `2026-01-07T12:00:00+01:00`";
    let now = match time {
        None => NOON.parse().ok(),
        Some((text, place)) => parse_at::<Timestamp>(text, place, help, problems),
    };
    let expires = Duration::from_secs(1)..=LONGEST_SESSION;
    let valid = fields.duration("token_valid", expires, problems).unwrap_or(A_DAY);
    let help = "write `account=APP` and `role=NAME`, with `&` between them";
    let wish = fields.string("want", problems).map_or(Some(Wish::default()), |(text, place)| {
        let wish = Wish::read(text);
        if wish.is_err() {
            problems.add(Problem::error(place, format!("`{text}` is no wish"), help));
        }
        wish.ok()
    });
    let connection = connection(&mut fields, problems);
    fields.finish(problems);
    let now = now?;
    let expires_at = now.saturating_add(SignedDuration::try_from(valid).ok()?).ok()?;
    let facts = Facts { now, expires_at, wish: wish?, connection };
    Some(Asker { issuer, subject, idp_roles, claims, facts })
}

fn connection(fields: &mut Fields<'_>, problems: &mut Problems) -> Connection {
    let kind = match fields.node("connection_type") {
        None => Some(ConnectionType::Standard),
        Some(_) => fields.parsed("connection_type", "`connection_type = \"WEBSOCKET\"`", problems),
    };
    let source = fields.parsed("source", "`source = \"192.0.2.7\"`", problems);
    Connection {
        kind,
        source,
        certificate: fields.bool("certificate", problems).unwrap_or(false),
        attested: fields.bool("edge", problems).unwrap_or(false),
    }
}

/// A claim's value: as JSON has it, but for fractions, which no claim of a subject is.
fn json(node: &Node, problems: &mut Problems) -> Option<Value> {
    Some(match &node.kind {
        Kind::String(text) => text.as_str().into(),
        Kind::Integer(number) => (*number).into(),
        Kind::Bool(value) => (*value).into(),
        Kind::List(items) => {
            Value::Array(items.iter().map(|item| json(item, problems)).collect::<Option<_>>()?)
        }
        Kind::Table(table) => {
            let entry = |(key, (_, node)): (&String, &(_, Node))| {
                Some((key.clone(), json(node, problems)?))
            };
            Value::Object(table.iter().map(entry).collect::<Option<_>>()?)
        }
        Kind::Other(what) => {
            let message = format!("the claim is {what}");
            let help = "write a text, a whole number, `true` or `false`, a list or a table";
            problems.add(Problem::error(&node.place, message, help));
            return None;
        }
    })
}
