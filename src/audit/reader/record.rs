//! An event as it was read.

use std::{fmt, sync::OnceLock};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use crate::printable;

/// An event as it was read, and what the stream says of it.
#[derive(Clone)]
pub struct Record {
    payload: Bytes,
    value: OnceLock<Value>,
    /// Its sequence in the stream.
    pub sequence: u64,
    /// The subject that it was published on.
    pub subject: String,
    /// Its `Nats-Msg-Id`.
    pub message_id: Option<String>,
    /// When the stream took it.
    pub stored: Timestamp,
}

impl fmt::Debug for Record {
    /// Not what it says: claims are in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

impl Record {
    /// A message of the stream.
    pub(super) fn of(message: async_nats::jetstream::Message) -> Result<Self, super::ReadError> {
        let info = message.info().map_err(super::ReadError::of)?;
        let sequence = info.stream_sequence;
        let stored = Timestamp::from_nanosecond(info.published.unix_timestamp_nanos());
        let stored = stored.map_err(super::ReadError::of)?;
        let id =
            message.headers.as_ref().and_then(|it| it.get(async_nats::header::NATS_MESSAGE_ID));
        Ok(Self {
            message_id: id.map(ToString::to_string),
            sequence,
            stored,
            subject: message.subject.to_string(),
            payload: message.payload.clone(),
            value: OnceLock::new(),
        })
    }

    /// An event from elsewhere than a stream, which says nothing of it.
    pub(crate) fn read(payload: &[u8]) -> Self {
        Self {
            payload: Bytes::copy_from_slice(payload),
            value: OnceLock::new(),
            sequence: 0,
            subject: String::new(),
            message_id: None,
            stored: Timestamp::UNIX_EPOCH,
        }
    }

    /// Its bytes, exactly: a hash is over them.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The whole event, as it was written: for a terminal, see [`printable::json`].
    #[must_use]
    pub fn json(&self) -> &Value {
        self.value
            .get_or_init(|| serde_json::from_slice(&self.payload).unwrap_or_else(|_| unreadable()))
    }

    /// The whole event as JSON on one line, fit for a terminal: as it was written, where that is
    /// one line.
    #[must_use]
    pub fn json_line(&self) -> String {
        match std::str::from_utf8(&self.payload) {
            Ok(text) if !text.contains(['\n', '\r']) && self.json() != &unreadable() => {
                printable::json(text)
            }
            _ => printable::json(&self.json().to_string()),
        }
    }

    /// A text of the event by JSON pointer, such as `/data/code`; `-` where it is not there.
    /// Fit for a terminal: what it would obey is escaped.
    #[must_use]
    pub fn text(&self, pointer: &str) -> String {
        match self.json().pointer(pointer) {
            Some(Value::String(text)) if !text.is_empty() => printable::text(text),
            Some(Value::Number(number)) => number.to_string(),
            _ => "-".to_owned(),
        }
    }

    /// The word of its type: `decision`, `maps`, ….
    #[must_use]
    pub fn kind(&self) -> String {
        let kind = self.text("/type");
        kind.strip_prefix("hallpass.").map(str::to_owned).unwrap_or(kind)
    }

    /// Whether it is an event of hallpass at all, of whatever type.
    #[must_use]
    pub fn is_event(&self) -> bool {
        let kind = self.json().get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| kind.starts_with("hallpass."))
    }

    /// When it happened, as the event says.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        self.json().get("time")?.as_str()?.parse().ok()
    }

    /// `granted`, `refused`, `undecided` or `dropped`; of maps, `changed` or `rejected`; of keys,
    /// `changed`; of sessions, `started` or `ended`; of answers, `rejected` or `timed_out`; ….
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

    /// The names in a list of the event, such as `/data/roles`.
    pub(super) fn names(&self, pointer: &str) -> Vec<&str> {
        let names = self.json().pointer(pointer).and_then(Value::as_array);
        names.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The roles that were held.
    #[must_use]
    pub fn roles(&self) -> String {
        let names = self.names("/data/roles");
        if names.is_empty() { "-".to_owned() } else { printable::text(&names.join(",")) }
    }

    /// The end of the id that `hallpass audit why` takes: of the decision, or of the event.
    #[must_use]
    pub fn id_end(&self) -> String {
        let id = match self.text("/data/decision") {
            none if none == "-" => self.text("/id"),
            id => id,
        };
        match id.char_indices().rev().nth(11) {
            Some((at, _)) => id.get(at..).unwrap_or_default().to_owned(),
            None => id,
        }
    }
}

/// What stands for a text that is not JSON.
fn unreadable() -> Value {
    serde_json::json!({ "type": "unreadable", "data": { "outcome": "unreadable" } })
}
