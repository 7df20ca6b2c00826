//! `[roles.NAME.when]`: the conditions of a role.

use std::{collections::BTreeSet, sync::Arc};

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde_json::Value;

use super::claims::Claims;
use crate::{
    config,
    connection::ConnectionType,
    document::{Fields, Kind, Node, Place, Problem, Problems, parse_at},
    policy::{
        condition::{Condition, Test},
        hours::{DAY, DAYS, Window},
    },
};

/// More than a week is cut into.
const MOST_WINDOWS: usize = 32;

pub(super) fn read(node: &Node, claims: &Claims, problems: &mut Problems) -> Vec<Arc<Condition>> {
    let mut fields = Fields::of(node, "`when`", problems);
    let mut conditions = Vec::new();
    let mut add = |place: &Place, test| {
        conditions.push(Arc::new(Condition {
            test,
            place: place.clone(),
            at: place.to_string().into(),
        }));
    };
    if let Some(node) = fields.node("claims")
        && matches!(&node.kind, Kind::Table(table) if table.is_empty())
    {
        problems.add(never(node, "claims"));
    }
    for (name, place, node) in fields.entries("claims", problems) {
        let claim = claims.get(name).map_err(|help| {
            let message = format!("`{name}` is no claim that this file names");
            problems.add(Problem::error(place, message, help));
        });
        let values = values(name, node, problems);
        if let (Ok(claim), Some(values)) = (claim, values) {
            add(place, Test::Claim(claim, values));
        }
    }
    if let Some(node) = fields.node("connection_types") {
        let given = not_empty(&mut fields, "connection_types", node, problems);
        let names: Vec<_> = ConnectionType::ALL.iter().map(|kind| kind.as_str()).collect();
        let help = format!("write some of `{}`", names.join("`, `"));
        let kinds: BTreeSet<_> = given
            .into_iter()
            .filter_map(|(text, place)| parse_at(text, place, &help, problems))
            .collect();
        add(&node.place, Test::ConnectionTypes(kinds));
    }
    if let Some(node) = fields.node("sources") {
        let given = not_empty(&mut fields, "sources", node, problems);
        let mut networks = Vec::new();
        for (text, place) in given {
            match config::network(text) {
                Ok(network) => networks.push(network),
                Err(message) => problems.add(Problem::error(
                    place,
                    format!("`{text}` {message}"),
                    "write `192.0.2.7`, `192.0.2.0/24` or `2001:db8::/32`",
                )),
            }
        }
        add(&node.place, Test::Sources(networks));
    }
    if let Some(node) = fields.node("hours") {
        let windows = match &node.kind {
            Kind::List(items) if items.len() > MOST_WINDOWS => {
                let message = format!("`hours` has more than {MOST_WINDOWS} windows");
                let help = "say it with fewer: a window may be on several days";
                problems.add(Problem::error(&node.place, message, help));
                Vec::new()
            }
            Kind::List(items) if !items.is_empty() => {
                items.iter().filter_map(|item| window(item, problems)).collect()
            }
            Kind::List(_) => {
                problems.add(never(node, "hours"));
                Vec::new()
            }
            _ => window(node, problems).into_iter().collect(),
        };
        add(&node.place, Test::Hours(windows));
    }
    for (key, test) in [("certificate", Test::Certificate), ("edge", Test::Edge)] {
        let Some(node) = fields.node(key) else { continue };
        match fields.bool(key, problems) {
            Some(true) => add(&node.place, test),
            // It could be read as "without", which no condition can promise.
            Some(false) => problems.add(Problem::error(
                &node.place,
                format!("`{key} = false` asks for nothing"),
                format!("leave it out, or write `{key} = true`"),
            )),
            None => {}
        }
    }
    fields.finish(problems);
    conditions
}

fn never(node: &Node, key: &str) -> Problem {
    let message = format!("`{key}` is empty: nothing would meet it");
    Problem::error(&node.place, message, "leave it out where it does not matter")
}

fn not_empty<'a>(
    fields: &mut Fields<'a>,
    key: &'static str,
    node: &Node,
    problems: &mut Problems,
) -> Vec<(&'a str, &'a Place)> {
    if matches!(&node.kind, Kind::List(items) if items.is_empty()) {
        problems.add(never(node, key));
    }
    fields.strings(key, problems)
}

/// One value, or a list of which one is asked for.
fn values(name: &str, node: &Node, problems: &mut Problems) -> Option<Vec<Value>> {
    let scalar = |node: &Node| match &node.kind {
        Kind::String(text) => Some(Value::from(text.as_str())),
        Kind::Integer(number) => Some(Value::from(*number)),
        Kind::Bool(value) => Some(Value::from(*value)),
        _ => None,
    };
    let items = match &node.kind {
        Kind::List(items) if items.is_empty() => {
            problems.add(never(node, name));
            return None;
        }
        Kind::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    let mut values = Vec::new();
    for item in items {
        match scalar(item) {
            Some(value) => values.push(value),
            None => problems.add(Problem::error(
                &item.place,
                format!("`{name}` is compared with {}", item.kind.describe()),
                "write a text, a whole number, `true` or `false`, or a list of them",
            )),
        }
    }
    Some(values)
}

fn window(node: &Node, problems: &mut Problems) -> Option<Window> {
    let mut fields = Fields::of(node, "`hours`", problems);
    let days = match fields.node("days") {
        None => Some([true; 7]),
        Some(node) => days(node, &mut fields, problems),
    };
    let mut time = |key, default| match fields.string(key, problems) {
        None if fields.node(key).is_some() => None,
        None => Some(default),
        Some((text, place)) => {
            let minutes = minutes(text);
            if minutes.is_none() {
                let message = format!("`{text}` is no time of the day");
                problems.add(Problem::error(place, message, "write it as `08:00`, up to `24:00`"));
            }
            minutes
        }
    };
    let (from, to) = (time("from", 0), time("to", DAY));
    let example = "`zone = \"Europe/Zurich\"`, or `\"UTC\"`: whose clock is meant";
    let zone = fields.required("zone", example, problems);
    let zone = zone.and_then(|_| fields.string("zone", problems)).and_then(|(text, place)| {
        let zone = zone_named(text);
        if zone.is_none() {
            let help = "write a name of the IANA time zone database, such as `Europe/Zurich`";
            problems.add(Problem::error(place, format!("`{text}` is no time zone"), help));
        }
        zone
    });
    fields.finish(problems);
    let (from, to) = (from?, to?);
    if from == to || from == DAY {
        let message = "`hours` begin when they end";
        problems.add(Problem::error(&node.place, message, "for all day leave out `from` and `to`"));
        return None;
    }
    Some(Window { days: days?, from, to, zone: zone? })
}

/// The time zones that came with hallpass, so that all replicas know the same.
fn zone_named(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// `08:30` as minutes after midnight.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= DAY).then_some(minutes)
}

/// `["mon-fri", "sun"]`.
fn days(node: &Node, fields: &mut Fields<'_>, problems: &mut Problems) -> Option<[bool; 7]> {
    let given = not_empty(fields, "days", node, problems);
    let position = |name: &str| DAYS.iter().position(|day| *day == name);
    let mut days = [false; 7];
    for (text, place) in given {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (Some(first), Some(last)) = (position(first), position(last)) else {
            let help = format!("write `mon-fri`, or some of `{}`", DAYS.join("`, `"));
            problems.add(Problem::error(place, format!("`{text}` is no day of the week"), help));
            continue;
        };
        // `sat-mon` goes over the end of the week.
        let length = (last + DAYS.len() - first) % DAYS.len();
        for offset in 0..=length {
            if let Some(day) = days.get_mut((first + offset) % DAYS.len()) {
                *day = true;
            }
        }
    }
    days.contains(&true).then_some(days)
}
