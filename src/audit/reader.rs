//! Reading the audit stream back.

use std::{ops::ControlFlow, time::Duration};

use async_nats::{
    Client,
    jetstream::{
        self,
        consumer::{AckPolicy, DeliverPolicy, pull},
    },
};
use futures_util::StreamExt as _;
use serde_json::Value;

use crate::printable;

/// How often the server says that there is nothing new: silence of twice that is a loss.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long the server keeps a consumer that nobody asks any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// Between attempts to go on after a loss: from the first to the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Why the stream cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the audit stream cannot be read: {0}")]
pub struct ReadError(String);

impl ReadError {
    fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Where reading begins and ends.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// How many of the newest events that are there; `None` for all.
    pub last: Option<u64>,
    /// Whether events that come later are read too.
    pub follow: bool,
}

/// Reads events and hands each to `each`, until that says stop or the extent is reached.
///
/// Who follows sees each event once, in order, whatever happens to the server meanwhile: what
/// the server keeps for a reader does not survive its restart, so the place is kept here.
///
/// # Errors
/// Where the stream is not there, and, unless it is followed, where the connection ends.
pub async fn read(
    client: Client,
    stream: &str,
    extent: Extent,
    mut each: impl FnMut(Record) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let mut reading = Reading { context: jetstream::new(client), stream, place: None };
    let mut messages = reading.begin(extent).await?;
    loop {
        let error = match reading.go_on(messages, extent.follow, &mut each).await {
            Ok(()) => return Ok(()),
            Err(error) if !extent.follow => return Err(error),
            Err(error) => error,
        };
        let next = reading.place.as_ref().map_or(1, |place| place.next);
        tracing::warn!(%error, next, "interrupted; it goes on by itself where it was");
        messages = reading.begin_again(extent).await;
        tracing::info!(next, "the audit stream is read again");
    }
}

/// A place in a stream.
struct Place {
    /// The sequence that comes next.
    next: u64,
    /// Which stream: one that was deleted and made again counts from 1.
    created: i128,
}

struct Reading<'a> {
    context: jetstream::Context,
    stream: &'a str,
    place: Option<Place>,
}

/// What a consumer hands out.
struct Messages {
    stream: pull::Stream,
    /// How many there are to come before there is nothing more for now.
    pending: u64,
    /// The newest when this began.
    newest: u64,
}

impl Reading<'_> {
    /// A consumer at the place, or where the extent begins.
    async fn begin(&mut self, extent: Extent) -> Result<Messages, ReadError> {
        let stream = self.context.get_stream(self.stream).await.map_err(ReadError::of)?;
        let info = stream.cached_info();
        let created = info.created.unix_timestamp_nanos();
        let newest = info.state.last_sequence;
        let next = match &self.place {
            Some(place) if place.created == created => place.next,
            Some(_) => 1,
            None => extent.last.map_or(0, |count| newest.saturating_sub(count)) + 1,
        };
        self.place = Some(Place { next, created });
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: next },
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(ReadError::of)?;
        let pending = consumer.cached_info().num_pending;
        let stream = consumer.stream().heartbeat(HEARTBEAT).messages().await;
        Ok(Messages { stream: stream.map_err(ReadError::of)?, pending, newest })
    }

    /// As often as it takes.
    async fn begin_again(&mut self, extent: Extent) -> Messages {
        let (mut pause, longest) = PAUSES;
        loop {
            match self.begin(extent).await {
                Ok(messages) => return messages,
                Err(error) => tracing::debug!(%error, "not yet"),
            }
            tokio::time::sleep(pause).await;
            pause = longest.min(pause * 2);
        }
    }

    /// Hands out what comes, until the end of the extent.
    async fn go_on(
        &mut self,
        mut messages: Messages,
        follow: bool,
        each: &mut impl FnMut(Record) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut handed_out = 0;
        while follow || messages.pending > 0 {
            let message = messages.stream.next().await;
            let message = message.ok_or_else(|| ReadError::of("it ended"))?;
            let message = message.map_err(ReadError::of)?;
            let info = message.info().map_err(ReadError::of)?;
            handed_out += 1;
            if info.consumer_sequence != handed_out {
                return Err(ReadError::of("an event was lost on the way"));
            }
            let at_the_end = info.pending == 0 || info.stream_sequence >= messages.newest;
            messages.pending = if at_the_end { 0 } else { info.pending };
            if let Some(place) = &mut self.place {
                place.next = info.stream_sequence + 1;
            }
            if each(Record::read(&message.payload)).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// An event as it was read.
#[derive(Debug, Clone)]
pub struct Record(Value);

impl Record {
    fn read(payload: &[u8]) -> Self {
        Self(serde_json::from_slice(payload).unwrap_or_else(
            |_| serde_json::json!({ "type": "unreadable", "data": { "outcome": "unreadable" } }),
        ))
    }

    /// The whole event, as it was written: for a terminal, see [`printable::json`].
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// A text of the event by JSON pointer, such as `/data/code`; `-` where it is not there.
    /// Fit for a terminal: what it would obey is escaped.
    #[must_use]
    pub fn text(&self, pointer: &str) -> String {
        match self.0.pointer(pointer) {
            Some(Value::String(text)) if !text.is_empty() => printable::text(text),
            Some(Value::Number(number)) => number.to_string(),
            _ => "-".to_owned(),
        }
    }

    /// `granted`, `refused`, `undecided` or `dropped`; of maps, `changed` or `rejected`; of keys,
    /// `changed`; of sessions, `started` or `ended`; of answers, `rejected` or `timed_out`.
    #[must_use]
    pub fn outcome(&self) -> String {
        self.text("/data/outcome")
    }

    /// Who it was: the user name of a verified identity; the subject of a token whose signature
    /// held, in brackets; `-` where nobody vouched for anything.
    #[must_use]
    pub fn who(&self) -> String {
        // Of a session, the user as the server has it.
        for pointer in ["/data/identity/user_name", "/data/user_name"] {
            let user = self.text(pointer);
            if user != "-" {
                return user;
            }
        }
        match (self.text("/data/token/issuer"), self.text("/data/token/subject")) {
            (issuer, _) if issuer == "-" => issuer,
            (issuer, subject) => format!("({issuer}:{subject})"),
        }
    }

    /// What was granted, or the code of the refusal; of a session, the account; of an answer, what
    /// became of it.
    #[must_use]
    pub fn what(&self) -> String {
        let pointers = ["/data/code", "/data/grant/account", "/data/account", "/data/cause"];
        let mut texts = pointers.into_iter().map(|pointer| self.text(pointer));
        texts.find(|text| text != "-").unwrap_or_else(|| "-".to_owned())
    }

    /// The roles that were held.
    #[must_use]
    pub fn roles(&self) -> String {
        let roles = self.0.pointer("/data/roles").and_then(Value::as_array);
        let names: Vec<_> = roles.into_iter().flatten().filter_map(Value::as_str).collect();
        if names.is_empty() { "-".to_owned() } else { printable::text(&names.join(",")) }
    }

    /// The event on one line.
    #[must_use]
    pub fn line(&self) -> String {
        let seconds: String = self.text("/time").chars().take(19).collect();
        match self.text("/type").as_str() {
            "hallpass.maps" => return self.line_about_maps(&seconds),
            "hallpass.keys" => return self.line_about_keys(&seconds),
            _ => {}
        }
        // Ours, or the server's.
        let details = ["/data/detail", "/data/reason"].map(|pointer| self.text(pointer));
        let detail = details.iter().find(|text| *text != "-");
        let detail = detail.map(|detail| format!("  {detail}")).unwrap_or_default();
        format!(
            "{seconds}Z  {outcome:<9}  {who:<28}  {what:<22}  roles={roles}  from={host} {kind}  \
             client={server}:{client}  {id}{detail}",
            outcome = self.outcome(),
            who = self.who(),
            what = self.what(),
            roles = self.roles(),
            host = self.text("/data/client/host"),
            kind = self.text("/data/client/connection_type"),
            server = self.text("/data/client/server_name"),
            client = self.text("/data/client/client_id"),
            id = self.text("/id"),
        )
    }
}

impl Record {
    /// Whose keys, and which of them came and went.
    fn line_about_keys(&self, seconds: &str) -> String {
        let ids = |pointer| {
            let keys = self.0.pointer(pointer).and_then(Value::as_array);
            let id = |key: &Value| Some(key.get("id")?.as_str().unwrap_or("?").to_owned());
            let ids: Vec<_> = keys.into_iter().flatten().filter_map(id).collect();
            if ids.is_empty() { "-".to_owned() } else { printable::text(&ids.join(",")) }
        };
        format!(
            "{seconds}Z  {outcome:<9}  {who:<28}  {what:<22}  added={added}  removed={removed}  {id}",
            outcome = self.outcome(),
            who = "keys",
            what = self.text("/data/issuer"),
            added = ids("/data/added"),
            removed = ids("/data/removed"),
            id = self.text("/id"),
        )
    }

    /// Which version came, and either what it holds or the first of what is wrong with it.
    fn line_about_maps(&self, seconds: &str) -> String {
        let problem = match self.text("/data/problem_count") {
            none if none == "-" => String::new(),
            count => format!(
                "  problems={count}  {}: {}",
                self.text("/data/problems/0/at"),
                self.text("/data/problems/0/message")
            ),
        };
        format!(
            "{seconds}Z  {outcome:<9}  {who:<28}  {what:<22.22}  in_force={in_force:.19}  \
             roles={roles}  files={files}  {id}{problem}",
            outcome = self.outcome(),
            who = "subject maps",
            what = self.text("/data/new"),
            in_force = self.text("/data/in_force/digest"),
            roles = self.text("/data/in_force/roles"),
            files = self.text("/data/in_force/files"),
            id = self.text("/id"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_nothing_that_a_terminal_obeys() {
        let hostile = "x\u{1b}[2J\n\u{9b}\u{202e}";
        let event = serde_json::json!({ "id": hostile, "time": hostile, "data": {
            "outcome": hostile,
            "code": hostile,
            "detail": hostile,
            "identity": { "user_name": hostile },
            "roles": [hostile, hostile],
            "client": { "host": hostile, "connection_type": hostile, "server_name": hostile },
        }});
        let line = Record::read(event.to_string().as_bytes()).line();
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
        assert!(line.contains(r"roles=x\u{1b}[2J\n\u{9b}\u{202e},x\u{1b}"), "{line}");
        let keys = serde_json::json!({ "type": "hallpass.keys", "data": {
            "issuer": hostile, "added": [{ "id": hostile }], "removed": [{ "id": null }],
        }});
        let line = Record::read(keys.to_string().as_bytes()).line();
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
        assert!(line.contains("added=x") && line.contains("removed=?"), "{line}");
    }

    #[test]
    fn what_a_server_tells_has_a_line() {
        let client = serde_json::json!({ "host": "h", "connection_type": "nats", "server_name": "s",
            "client_id": 7 });
        let line = |kind: &str, data: serde_json::Value| {
            let mut event = serde_json::json!({ "id": "i", "type": kind, "data": data });
            event["data"]["client"] = client.clone();
            let line = Record::read(event.to_string().as_bytes()).line();
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        let ended = serde_json::json!({ "outcome": "ended", "account": "APP", "reason": "Kicked" });
        let told = line("hallpass.session", ended);
        assert_eq!(told, "-Z ended - APP roles=- from=h nats client=s:7 i Kicked");
        let started =
            serde_json::json!({ "outcome": "started", "account": "APP", "user_name": "u" });
        let told = line("hallpass.session", started);
        assert_eq!(told, "-Z started u APP roles=- from=h nats client=s:7 i");
        let late = serde_json::json!({ "outcome": "timed_out", "cause": "no_answer" });
        let told = line("hallpass.answer", late);
        assert_eq!(told, "-Z timed_out - no_answer roles=- from=h nats client=s:7 i");
    }
}
