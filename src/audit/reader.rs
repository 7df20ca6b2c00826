//! Reading the audit stream back.

use async_nats::{
    Client,
    jetstream::{self, consumer::DeliverPolicy, consumer::pull::OrderedConfig},
};
use futures_util::StreamExt as _;
use serde_json::Value;

/// Why the stream cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the audit stream cannot be read: {0}")]
pub struct ReadError(String);

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
/// # Errors
/// Where the stream is not there or the connection ends.
pub async fn read(
    client: Client,
    stream: &str,
    extent: Extent,
    mut each: impl FnMut(Record) -> std::ops::ControlFlow<()>,
) -> Result<(), ReadError> {
    let fail = |error: &dyn std::fmt::Display| ReadError(error.to_string());
    let context = jetstream::new(client);
    let stream = context.get_stream(stream).await.map_err(|error| fail(&error))?;
    let newest = stream.cached_info().state.last_sequence;
    let deliver_policy = match extent.last {
        None => DeliverPolicy::All,
        Some(count) => {
            DeliverPolicy::ByStartSequence { start_sequence: newest.saturating_sub(count) + 1 }
        }
    };
    if !extent.follow && (stream.cached_info().state.messages == 0 || extent.last == Some(0)) {
        return Ok(());
    }
    let consumer = stream
        .create_consumer(OrderedConfig { deliver_policy, ..OrderedConfig::default() })
        .await
        .map_err(|error| fail(&error))?;
    let mut messages = consumer.messages().await.map_err(|error| fail(&error))?;
    while let Some(message) = messages.next().await {
        let message = message.map_err(|error| fail(&error))?;
        let sequence = message.info().map_err(|error| fail(&error))?.stream_sequence;
        let stop = each(Record::read(&message.payload)).is_break();
        if stop || (!extent.follow && sequence >= newest) {
            return Ok(());
        }
    }
    Err(ReadError("it ended".to_owned()))
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

    /// The whole event.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// A text of the event by JSON pointer, such as `/data/code`; `-` where it is not there.
    /// Control characters are shown, not sent to the terminal.
    #[must_use]
    pub fn text(&self, pointer: &str) -> String {
        match self.0.pointer(pointer) {
            Some(Value::String(text)) if !text.is_empty() => {
                let safe = |c: char| if c.is_control() { '\u{fffd}' } else { c };
                text.chars().map(safe).collect()
            }
            Some(Value::Number(number)) => number.to_string(),
            _ => "-".to_owned(),
        }
    }

    /// `granted`, `refused`, `undecided` or `dropped`.
    #[must_use]
    pub fn outcome(&self) -> String {
        self.text("/data/outcome")
    }

    /// Who it was: the user name of a verified identity; the subject of a token whose signature
    /// held, in brackets; `-` where nobody vouched for anything.
    #[must_use]
    pub fn who(&self) -> String {
        let user = self.text("/data/identity/user_name");
        if user != "-" {
            return user;
        }
        match (self.text("/data/token/issuer"), self.text("/data/token/subject")) {
            (issuer, _) if issuer == "-" => issuer,
            (issuer, subject) => format!("({issuer}:{subject})"),
        }
    }

    /// What was granted, or the code of the refusal.
    #[must_use]
    pub fn what(&self) -> String {
        let code = self.text("/data/code");
        if code == "-" { self.text("/data/grant/account") } else { code }
    }

    /// The roles that were held.
    #[must_use]
    pub fn roles(&self) -> String {
        let roles = self.0.pointer("/data/roles").and_then(Value::as_array);
        let names: Vec<_> = roles.into_iter().flatten().filter_map(Value::as_str).collect();
        if names.is_empty() { "-".to_owned() } else { names.join(",") }
    }

    /// The event on one line.
    #[must_use]
    pub fn line(&self) -> String {
        let seconds: String = self.text("/time").chars().take(19).collect();
        let detail = match self.text("/data/detail") {
            none if none == "-" => String::new(),
            detail => format!("  {detail}"),
        };
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
