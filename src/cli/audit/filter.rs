//! Which events are meant: what `tail` and `query` have in common.

use core::net::IpAddr;

use clap::Args;
use ipnet::IpNet;
use jiff::{Span, Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::Value;

use crate::{
    audit::{
        event::subject_token,
        reader::{Record, Selection},
    },
    code::Code,
    document::did_you_mean,
};

/// How much later than its own time an event may seem to be stored earlier, by another clock.
const CLOCKS: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// All types and outcomes that there are: a slip would find nothing, and look like an answer.
const TYPES: [&str; 9] =
    ["decision", "request", "maps", "keys", "session", "answer", "instance", "checkpoint", "gap"];
const OUTCOMES: [&str; 13] = [
    "granted",
    "refused",
    "undecided",
    "dropped",
    "changed",
    "rejected",
    "started",
    "ended",
    "timed_out",
    "stopped",
    "signed",
    "recorded",
    "unreadable",
];

/// Which events are meant; all of what is given must fit, and of several values one.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Which events")]
pub(super) struct Filter {
    /// Of this type: decision, request, maps, keys, session, answer, instance, checkpoint, gap
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = TYPES)]
    types: Vec<String>,
    /// In this account
    #[arg(long, value_name = "ACCOUNT", value_delimiter = ',')]
    account: Vec<String>,
    /// With this outcome: granted, refused, undecided, dropped, changed, rejected, …
    #[arg(long, value_name = "OUTCOME", value_delimiter = ',', value_parser = OUTCOMES)]
    outcome: Vec<String>,
    /// Of whom: the token's `sub`, or the user name `ISSUER:SUB`
    #[arg(long, value_name = "SUB")]
    subject: Vec<String>,
    /// Of this issuer, by its name in the configuration
    #[arg(long, value_name = "ISSUER", value_delimiter = ',')]
    issuer: Vec<String>,
    /// With this role held
    #[arg(long, value_name = "ROLE", value_delimiter = ',')]
    role: Vec<String>,
    /// Refused for this
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = code)]
    code: Vec<String>,
    /// At this server, by name or id
    #[arg(long, value_name = "SERVER", value_delimiter = ',')]
    server: Vec<String>,
    /// Of the connection with this number at its server
    #[arg(long, value_name = "NUMBER")]
    client_id: Vec<u64>,
    /// From this address or network, such as `10.1.0.0/16`
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    address: Vec<IpNet>,
    /// Of clients that call themselves this
    #[arg(long, value_name = "NAME")]
    client_name: Vec<String>,
    /// About this decision, by its id
    #[arg(long, value_name = "ID")]
    decision: Vec<String>,
    /// Recorded by this instance, by its id
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    instance: Vec<String>,
    #[command(flatten)]
    pub(super) span: TimeSpan,
}

/// From when to when.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Which events")]
pub(in crate::cli) struct TimeSpan {
    /// Not before this: `7d`, `90m`, `2026-11-01` or `2026-11-01T12:00Z`
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(in crate::cli) since: Option<Timestamp>,
    /// Before this
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(in crate::cli) until: Option<Timestamp>,
}

impl TimeSpan {
    pub(in crate::cli) fn fits(&self, record: &Record) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        // What has no time of its own has that of the stream.
        let time = record.time().unwrap_or(record.stored);
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }

    /// From when the stream has to be read: an event is stored after it happened.
    pub(in crate::cli) fn stored_since(&self) -> Option<Timestamp> {
        self.since.map(|since| since.checked_sub(CLOCKS).unwrap_or(since))
    }
}

fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(time) = text.parse::<DateTime>() {
        return time.to_zoned(TimeZone::UTC).map(|it| it.timestamp()).map_err(|it| it.to_string());
    }
    let ago = text
        .parse::<Span>()
        .ok()
        .and_then(|span| Timestamp::now().to_zoned(TimeZone::UTC).checked_sub(span).ok());
    ago.map(|it| it.timestamp()).ok_or_else(|| {
        "a time such as `2026-11-01T12:00Z`, or how long ago, such as `7d`".to_owned()
    })
}

fn code(text: &str) -> Result<String, String> {
    let known = || Code::ALL.iter().map(|code| code.as_str());
    if known().any(|code| code == text) {
        return Ok(text.to_owned());
    }
    Err(match did_you_mean(text, known()) {
        Some(near) => format!("there is no such code; did you mean `{near}`?"),
        None => "there is no such code; docs/reference.md lists them".to_owned(),
    })
}

fn address(text: &str) -> Result<IpNet, &'static str> {
    let host = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or_else(|_| host()).map_err(|_| "an IP address or network")
}

impl Filter {
    /// Whether nothing is left out.
    pub(super) fn is_empty(&self) -> bool {
        let lists = [
            &self.types,
            &self.account,
            &self.outcome,
            &self.subject,
            &self.issuer,
            &self.role,
            &self.code,
            &self.server,
            &self.client_name,
            &self.decision,
            &self.instance,
        ];
        lists.iter().all(|list| list.is_empty())
            && self.client_id.is_empty()
            && self.address.is_empty()
            && self.span.since.is_none()
            && self.span.until.is_none()
    }

    /// What the server can leave out.
    pub(super) fn selection(&self) -> Selection {
        // A word with a dot or a wildcard would be another subject.
        let words = |words: &[String]| words.iter().map(|it| subject_token(it)).collect();
        Selection {
            types: words(&self.types),
            accounts: words(&self.account),
            outcomes: words(&self.outcome),
            instances: words(&self.instance),
            since: self.span.stored_since(),
        }
    }

    /// Whether an event is meant.
    pub(super) fn fits(&self, record: &Record) -> bool {
        let event = record.json();
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        let any = |wanted: &[String], pointers: &[&str]| {
            wanted.is_empty()
                || pointers
                    .iter()
                    .filter_map(|it| text(it))
                    .any(|it| wanted.iter().any(|w| w == it))
        };
        let in_account = any(&self.account, &["/data/grant/account", "/data/account"])
            // Of an event that does not say it otherwise.
            || record.subject.split('.').nth(3).is_some_and(|token| {
                text("/data/grant/account").or(text("/data/account")).is_none()
                    && self.account.iter().any(|it| subject_token(it) == token)
            });
        (self.types.is_empty() || self.types.contains(&record.kind()))
            && in_account
            && any(&self.outcome, &["/data/outcome"])
            && self.is_about_subject(event)
            && (any(&self.issuer, &["/data/identity/issuer", "/data/token/issuer", "/data/issuer"])
                || user_name(event)
                    .is_some_and(|(issuer, _)| self.issuer.iter().any(|it| it == issuer)))
            && (self.role.is_empty()
                || names(event, "/data/roles").any(|it| self.role.iter().any(|w| w == it)))
            && any(&self.code, &["/data/code"])
            && any(
                &self.server,
                &["/data/client/server_name", "/data/client/server_id", "/data/server_id"],
            )
            && self.is_of_client(event)
            && self.is_from_address(event)
            && any(&self.client_name, &["/data/client/name"])
            && any(&self.decision, &["/data/decision"])
            && any(&self.instance, &["/data/hallpass/instance"])
            && self.span.fits(record)
    }

    fn is_about_subject(&self, event: &Value) -> bool {
        let pointers = [
            "/data/identity/subject",
            "/data/identity/user_name",
            "/data/token/subject",
            "/data/user_name",
        ];
        let wanted = |text: &str| self.subject.iter().any(|it| it == text);
        let told = pointers.iter().filter_map(|it| event.pointer(it)?.as_str());
        self.subject.is_empty()
            || told.into_iter().any(wanted)
            || user_name(event).is_some_and(|(_, subject)| wanted(subject))
    }

    fn is_of_client(&self, event: &Value) -> bool {
        let number = event.pointer("/data/client/client_id").and_then(Value::as_u64);
        self.client_id.is_empty() || number.is_some_and(|it| self.client_id.contains(&it))
    }

    fn is_from_address(&self, event: &Value) -> bool {
        let host = event.pointer("/data/client/host").and_then(Value::as_str);
        let address = host.and_then(|host| host.parse::<IpAddr>().ok());
        self.address.is_empty()
            || address.is_some_and(|it| self.address.iter().any(|net| net.contains(&it)))
    }
}

/// Issuer and subject of a session, of which the server knows the user name only.
fn user_name(event: &Value) -> Option<(&str, &str)> {
    event.pointer("/data/user_name")?.as_str()?.split_once(':')
}

fn names<'a>(event: &'a Value, pointer: &str) -> impl Iterator<Item = &'a str> {
    let list = event.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests;
