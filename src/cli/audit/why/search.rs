//! Finding the events of one decision without reading the whole stream: an id holds its time.

use std::{collections::BTreeSet, fmt, ops::ControlFlow};

use jiff::{SignedDuration, Timestamp};

use super::super::{Opened, filter::TimeSpan, progress::Progress};
use crate::{
    audit::{
        chain::parse_event_id,
        reader::{ReadError, Record, Selection},
    },
    names::{DecisionId, InstanceId},
};

/// How far the clocks of instances and servers may be apart.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);
/// After a decision, its correction comes by then; after a session's end, its event.
const LATE: SignedDuration = SignedDuration::from_mins(15);
/// No fewer characters of an id.
const SHORTEST_END: usize = 8;

/// What somebody wants to know about.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    Decision(DecisionId),
    Event(InstanceId, String),
    Ending(String),
    Request(String),
}

impl Wanted {
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('…').to_ascii_lowercase();
        if let Ok(id) = text.parse() {
            return Some(Self::Decision(id));
        }
        if let Some((instance, _)) = parse_event_id(&text) {
            return Some(Self::Event(instance, text));
        }
        let is_end =
            text.len() >= SHORTEST_END && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        is_end.then_some(Self::Ending(text))
    }

    fn fits(&self, record: &Record) -> bool {
        match self {
            Self::Decision(id) => record.text("/data/decision") == id.to_string(),
            Self::Event(_, id) => record.text("/id") == *id,
            Self::Request(id) => record.text("/data/edge/request") == *id,
            Self::Ending(end) => {
                ["/data/decision", "/id"].iter().any(|it| record.text(it).ends_with(end.as_str()))
            }
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decision(id) => id.fmt(f),
            Self::Event(_, text) | Self::Ending(text) | Self::Request(text) => f.write_str(text),
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The events of the decision, or the one event that was asked for.
    pub(super) decisions: Vec<Record>,
    /// The events of its connection.
    pub(super) sessions: Vec<Record>,
    /// The ids that fit, where an ending fits several.
    pub(super) others: Vec<String>,
}

pub(super) struct Search<'a> {
    pub(super) opened: Opened,
    pub(super) span: &'a TimeSpan,
    pub(super) progress: &'a Progress,
}

impl Search<'_> {
    pub(super) async fn run(&self, wanted: &Wanted) -> Result<Found, ReadError> {
        let id = match wanted {
            Wanted::Decision(id) => *id,
            Wanted::Event(..) | Wanted::Ending(_) | Wanted::Request(_) => {
                let found = self.by_event(wanted).await?;
                let ids: BTreeSet<_> = found.iter().map(id_of).collect();
                let decision = ids.first().and_then(|id| id.parse().ok());
                match decision.filter(|_| ids.len() == 1) {
                    Some(id) => id,
                    None => {
                        let others = ids.into_iter().collect();
                        return Ok(Found { decisions: found, others, ..Found::default() });
                    }
                }
            }
        };
        let decisions = self.decisions(id).await?;
        let sessions = match decisions.first() {
            Some(first) => self.sessions(first).await?,
            None => Vec::new(),
        };
        Ok(Found { decisions, sessions, ..Found::default() })
    }

    /// The events that fit, of whatever type.
    async fn by_event(&self, wanted: &Wanted) -> Result<Vec<Record>, ReadError> {
        let (instances, since) = match wanted {
            Wanted::Event(instance, _) => (vec![instance.to_string()], instance.started_at()),
            _ => (Vec::new(), None),
        };
        let since = self.span.stored_since().or(since.map(earlier));
        let selection = Selection { instances, since, ..Selection::default() };
        let mut found = Vec::new();
        self.opened
            .each(&selection, self.progress, |record| {
                let is_it = self.span.fits(&record) && wanted.fits(&record);
                found.extend(is_it.then_some(record));
                match wanted {
                    Wanted::Event(..) if !found.is_empty() => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                }
            })
            .await?;
        Ok(found)
    }

    /// The decision, and its correction.
    async fn decisions(&self, id: DecisionId) -> Result<Vec<Record>, ReadError> {
        let selection = Selection {
            // A request that was dropped has such an id too.
            types: vec!["decision".to_owned()],
            since: id.made_at().map(earlier),
            ..Selection::default()
        };
        let mut found: Vec<Record> = Vec::new();
        self.opened
            .each(&selection, self.progress, |record| {
                let is_past = found.first().is_some_and(|it| record.stored > later(it.stored));
                if is_past {
                    return ControlFlow::Break(());
                }
                found.extend(Wanted::Decision(id).fits(&record).then_some(record));
                ControlFlow::Continue(())
            })
            .await?;
        // A correction may overtake what it corrects.
        found.sort_by_key(|it| it.json().pointer("/data/correction").is_some());
        Ok(found)
    }

    /// What the server told of the connection.
    async fn sessions(&self, decision: &Record) -> Result<Vec<Record>, ReadError> {
        let connection = |record: &Record| {
            (record.text("/data/client/server_id"), record.text("/data/client/client_id"))
        };
        let of = connection(decision);
        let decided = decision.time().unwrap_or(decision.stored);
        let ends_at = decision.text("/data/grant/ends_at").parse::<Timestamp>().ok();
        let over = later(ends_at.unwrap_or(decided).max(decision.stored));
        let selection = Selection {
            types: vec!["session".to_owned(), "answer".to_owned()],
            since: Some(earlier(decided)),
            ..Selection::default()
        };
        let mut found: Vec<Record> = Vec::new();
        self.opened
            .each(&selection, self.progress, |record| {
                if record.stored > over {
                    return ControlFlow::Break(());
                }
                let is_end = record.outcome() == "ended";
                if connection(&record) == of {
                    found.push(record);
                    if is_end {
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            })
            .await?;
        // By the order of what happened: `started` before `ended`.
        found.sort_by_key(|it| (it.outcome() == "ended", it.time()));
        Ok(found)
    }
}

fn id_of(record: &Record) -> String {
    match record.text("/data/decision") {
        none if none == "-" => record.text("/id"),
        id => id,
    }
}

fn earlier(time: Timestamp) -> Timestamp {
    time.checked_sub(CLOCKS).unwrap_or(time)
}

fn later(time: Timestamp) -> Timestamp {
    time.checked_add(LATE).unwrap_or(time)
}
