//! Whether a trail of events is whole: nothing missing, changed, reordered or added. Pure.
//!
//! Events are taken in the order in which they are found. What counts is each chain's own
//! sequence: on the stream events of one chain may overtake each other. Of a chain only the ends
//! of its stretches are kept, and a line for each checkpoint and for each event after the last, up
//! to a bound: a trail of millions of events needs little more memory than one of hundreds.
//!
//! The hashes alone show that a trail was changed by somebody who did not mend them. Who does
//! mend them, from the event that was changed to the end of the chain, is stopped by the
//! signatures: a checkpoint vouches for every event before it, and only the believed keys count.
//! What comes after the last checkpoint of a chain is vouched for by nobody yet; the report says
//! how much that is.

mod broken;
mod chain;
mod end;
mod names;
mod report;
mod unvouched;
mod vouching;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde_json::Value;

use chain::Trace;
pub use report::{ChainReport, Counts, Finding, Kind, Report};

use super::{
    SUBJECT_PREFIX,
    chain::{Hash, Head, Link, parse_event_id},
    event::subject_token,
};
use crate::names::InstanceId;

/// How many events are remembered one by one, to tell a copy from an event in another's place.
const RECENT: usize = 10_000;
/// How many findings of the walk are told one by one; all are counted.
const TOLD: usize = 1000;

/// An event as it is found.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Where: its sequence in the stream, or its line in a file. They grow.
    pub at: u64,
    /// The subject that it was published on; `None` in a file.
    pub subject: Option<&'a str>,
    /// Its `Nats-Msg-Id`, where it has one.
    pub message_id: Option<&'a str>,
    /// Its bytes.
    pub payload: &'a [u8],
}

/// What is known of what came before the first event that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// Nothing did.
    First,
    /// What was stored before this was removed by the stream's limits.
    Retained {
        /// When the first event that is left was stored.
        since: Timestamp,
    },
    /// Something was removed, and not by the stream's limits.
    Purged {
        /// How many events.
        count: u64,
    },
    /// Nothing is known: a file may hold a part.
    Unknown,
}

/// Takes the events of a trail, one after the other.
#[derive(Debug)]
pub struct Verifier {
    signers: BTreeSet<String>,
    chains: BTreeMap<InstanceId, Trace>,
    recent: VecDeque<Head>,
    findings: Vec<Finding>,
    counts: Counts,
    /// How many findings there are, told one by one or not.
    told: u64,
    /// The keys that signed and are not believed.
    strangers: BTreeSet<String>,
    /// How many texts are events of a hallpass, whole or not.
    recognized: u64,
    events: u64,
    last_at: Option<u64>,
    times: Option<(Timestamp, Timestamp)>,
}

/// A place in the trail.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: u64,
    time: Option<Timestamp>,
}

impl Verifier {
    /// Believes signatures of these public nkeys, and of nobody else.
    #[must_use]
    pub fn new(signers: BTreeSet<String>) -> Self {
        Self {
            signers,
            chains: BTreeMap::new(),
            recent: VecDeque::new(),
            findings: Vec::new(),
            counts: Counts::default(),
            told: 0,
            strangers: BTreeSet::new(),
            recognized: 0,
            events: 0,
            last_at: None,
            times: None,
        }
    }

    /// How many events were taken.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Whether an event is missing so far, that others follow or name. On a stream that is
    /// written to, it may still be on its way.
    #[must_use]
    pub fn lacks_any(&self) -> bool {
        self.chains.values().any(Trace::lacks_any)
    }

    /// Whether this event is such a one, by the id that it has.
    #[must_use]
    pub fn lacks(&self, id: &str) -> bool {
        let Some((instance, sequence)) = parse_event_id(id) else { return false };
        self.chains.get(&instance).is_some_and(|trace| trace.lacks(sequence))
    }

    /// Takes the next event.
    pub fn take(&mut self, found: Found<'_>) {
        self.neighbours(found);
        self.take_late(found);
    }

    /// Takes an event from further on, without those between.
    pub fn take_late(&mut self, found: Found<'_>) {
        self.events += 1;
        match Link::read(found.payload) {
            Ok((link, said)) => {
                let mark = self.mark(found.at, &said);
                self.take_event(found, &link, &said, mark);
            }
            Err(why) => self.take_broken(found, why),
        }
    }

    /// The stream's last message had this number when all until now were taken.
    pub fn ends_at(&mut self, last: u64) {
        self.follows(last.saturating_add(1));
    }

    fn neighbours(&mut self, found: Found<'_>) {
        if found.subject.is_some() {
            self.follows(found.at);
        }
        self.last_at = Some(found.at);
    }

    /// A stream counts its messages: a number that is left out is one that was deleted.
    fn follows(&mut self, at: u64) {
        let Some(last) = self.last_at.filter(|last| at > last + 1) else { return };
        let what = match at - last - 1 {
            1 => format!("message {} of the stream is gone", last + 1),
            _ => format!("messages {} to {} of the stream are gone", last + 1, at - 1),
        };
        // The chain that the message belonged to counts what it misses.
        let finding = Finding::at(Kind::Missing, at, what).after();
        self.tell(Finding { counted: 0, ..finding });
    }

    fn mark(&mut self, at: u64, said: &Value) -> Mark {
        let time = said.get("time").and_then(Value::as_str);
        let time = time.and_then(|text| text.parse::<Timestamp>().ok());
        if let Some(time) = time {
            let (from, until) = self.times.unwrap_or((time, time));
            self.times = Some((from.min(time), until.max(time)));
        }
        Mark { at, time }
    }

    fn take_event(&mut self, found: Found<'_>, link: &Link, said: &Value, mark: Mark) {
        if !is_place(link.head.sequence) {
            let what = "no chain has such a sequence".to_owned();
            self.tell(Finding::of(Kind::Added, link.head, mark, what));
            return;
        }
        if let Some(what) = contradiction(found, link.head, said) {
            self.tell(Finding::of(Kind::Added, link.head, mark, what));
        }
        self.recognized += 1;
        let is_checkpoint = kind(said) == "hallpass.checkpoint" || link.is_signed();
        if !self.place(link.head, link.previous, mark, is_checkpoint) {
            return;
        }
        self.take_vouching(link, said, mark);
    }

    /// Gives an event its place in its chain; `false` where that is taken.
    fn place(&mut self, head: Head, previous: Hash, mark: Mark, is_checkpoint: bool) -> bool {
        let trace = self.chains.entry(head.instance).or_default();
        let Some(placed) = trace.place(head, previous, mark, is_checkpoint) else {
            let is_copy = self.recent.iter().any(|it| *it == head);
            let what = match is_copy {
                true => "it is there already, with the same bytes",
                false => "another event with this sequence is there already",
            };
            self.tell(Finding::of(Kind::Added, head, mark, what.to_owned()));
            return false;
        };
        for torn in placed.torn {
            let elsewhere = self.recent.iter().find(|it| {
                it.instance == head.instance
                    && it.hash == torn.previous
                    && it.sequence + 1 != torn.sequence
            });
            let of = |sequence, mark, kind, what: String| {
                let head = Head { sequence, ..head };
                Finding::of(kind, head, mark, what)
            };
            let finding = match elsewhere {
                Some(it) => {
                    let what = format!("it follows event {}, and so stood elsewhere", it.sequence);
                    of(torn.sequence, torn.mark, Kind::Reordered, what)
                }
                None if torn.sequence == 1 => {
                    let what = "the first of its chain, and it follows another";
                    of(1, torn.mark, Kind::Changed, what.to_owned())
                }
                None => {
                    let what = format!(
                        "it is not the one that event {} follows: one of the two was changed",
                        torn.sequence
                    );
                    of(torn.sequence - 1, torn.before, Kind::Changed, what)
                }
            };
            self.tell(finding);
        }
        for named in placed.contradicts {
            self.contradicted(head, mark, named);
        }
        self.remember(head);
        true
    }

    fn remember(&mut self, head: Head) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(head);
    }

    fn tell(&mut self, finding: Finding) {
        self.counts.count(&finding);
        self.told += 1;
        if self.findings.len() < TOLD {
            self.findings.push(finding);
        }
    }
}

/// Whether a chain can have this sequence: it counts from 1, and none comes near the end.
fn is_place(sequence: u64) -> bool {
    (1..u64::MAX / 2).contains(&sequence)
}

fn kind(said: &Value) -> &str {
    said.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn outcome(said: &Value) -> Option<&str> {
    said.pointer("/data/outcome")?.as_str()
}

/// The account that stands in an event's subject: that of a grant or of a session.
fn account_of(said: &Value) -> String {
    let of = |pointer| said.pointer(pointer).and_then(Value::as_str);
    let account = of("/data/grant/account").or_else(|| of("/data/account"));
    subject_token(account.unwrap_or("_"))
}

/// What a message says of its event that the event does not.
fn contradiction(found: Found<'_>, head: Head, said: &Value) -> Option<String> {
    let id = said.get("id").and_then(Value::as_str);
    if found.message_id.is_some() && found.message_id != id {
        return Some("its `Nats-Msg-Id` is another event's".to_owned());
    }
    let subject = found.subject?;
    let wrong = || Some("it is on a subject that is not its own".to_owned());
    let Some(rest) = subject.strip_prefix(SUBJECT_PREFIX).and_then(|it| it.strip_prefix('.'))
    else {
        return wrong();
    };
    let tokens: Vec<_> = rest.split('.').collect();
    let [kind, account, outcome_token, instance] = tokens.as_slice() else { return wrong() };
    let says = said.get("type").and_then(Value::as_str)?.strip_prefix("hallpass.")?;
    let fits = *kind == says
        && outcome(said).is_some_and(|said| said == *outcome_token)
        && account_of(said) == *account
        && *instance == head.instance.to_string();
    if fits { None } else { wrong() }
}

#[cfg(test)]
mod tests;
