//! Which events are meant: what `tail` and `query` have in common.

mod ids;
mod own;
mod span;

use core::net::IpAddr;

use clap::Args;
use ids::{PartOfFingerprint, PartOfId};
use ipnet::IpNet;
use own::Own;
use serde_json::Value;
pub(in crate::cli) use span::TimeSpan;

use crate::{
    audit::{
        event::subject_token,
        reader::{Record, Selection},
    },
    code::Code,
    document::did_you_mean,
};

/// All types and outcomes that there are: a slip would find nothing, and look like an answer.
const TYPES: [&str; 10] = [
    "decision",
    "request",
    "maps",
    "keys",
    "session",
    "answer",
    "alarm",
    "instance",
    "checkpoint",
    "gap",
];
const OUTCOMES: [&str; 14] = [
    "granted",
    "refused",
    "undecided",
    "dropped",
    "changed",
    "rejected",
    "started",
    "ended",
    "timed_out",
    "break_glass",
    "stopped",
    "signed",
    "recorded",
    "unreadable",
];

/// Which events are meant; all of what is given must fit, and of several values one.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Which events")]
pub(super) struct Filter {
    /// Of this type: decision, request, maps, keys, session, answer, alarm, instance, checkpoint,
    /// gap
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = TYPES)]
    types: Vec<String>,
    /// In this account
    #[arg(long, value_name = "ACCOUNT", value_delimiter = ',')]
    account: Vec<String>,
    /// With this outcome: granted, refused, undecided, dropped, changed, rejected, …
    #[arg(long, value_name = "OUTCOME", value_delimiter = ',', value_parser = OUTCOMES)]
    outcome: Vec<String>,
    /// Of whom: the token's `sub`, the user name `ISSUER:SUB`, or what a line shows, such as
    /// `(ISSUER:SUB)`
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
    /// With the token that has this fingerprint, or one that begins so; `hallpass audit
    /// fingerprint` tells that of a token
    #[arg(long, value_name = "HEX", value_parser = PartOfFingerprint::read)]
    fingerprint: Vec<PartOfFingerprint>,
    /// With the token that has this id (`jti`)
    #[arg(long, value_name = "ID")]
    token_id: Vec<String>,
    /// With tokens that were issued to this OAuth client (`client_id` or `azp`)
    #[arg(long, value_name = "CLIENT")]
    client: Vec<String>,
    /// About this decision, by its id or the end of it that a line shows
    #[arg(long, value_name = "ID", value_parser = PartOfId::read)]
    decision: Vec<PartOfId>,
    /// About what an edge calls this: the id in the proxy's log
    #[arg(long, value_name = "ID")]
    request: Vec<String>,
    /// Recorded by this instance, by its id or the end of it that a line shows
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = PartOfId::of_instance)]
    instance: Vec<PartOfId>,
    /// Without the connections of hallpass itself, of this reader too, as far as their events prove
    /// it by the nkey
    #[arg(long)]
    no_own: bool,
    #[command(flatten)]
    pub(super) span: TimeSpan,
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
            &self.token_id,
            &self.client,
            &self.request,
        ];
        lists.iter().all(|list| list.is_empty())
            && self.fingerprint.is_empty()
            && self.decision.is_empty()
            && self.instance.is_empty()
            && !self.no_own
            && self.client_id.is_empty()
            && self.address.is_empty()
            && self.span.since.is_none()
            && self.span.until.is_none()
    }

    /// What the server can leave out.
    pub(super) fn selection(&self) -> Selection {
        // A word with a dot or a wildcard would be another subject.
        let words = |words: &[String]| words.iter().map(|it| subject_token(it)).collect();
        let mut outcomes: Vec<String> = words(&self.outcome);
        // The server knows whole ids only.
        let instances = self.instance.iter().map(PartOfId::instance).collect::<Option<Vec<_>>>();
        let mut instances = instances.unwrap_or_default();
        if self.no_own {
            // Whose an end is, its start says, which another instance may have recorded.
            instances.clear();
            if outcomes.iter().any(|it| it == "ended") {
                outcomes.push("started".to_owned());
            }
        }
        Selection {
            types: words(&self.types),
            accounts: words(&self.account),
            outcomes,
            instances,
            since: self.span.stored_since(),
        }
    }

    /// Finds what is meant among events that are read one after the other. `reader` is the public
    /// nkey of who reads.
    pub(super) fn sieve(&self, reader: String) -> Sieve<'_> {
        Sieve { filter: self, own: self.no_own.then(|| Own::of(reader)) }
    }

    /// Whether an event is meant, whoever's connection it is about.
    fn fits(&self, record: &Record) -> bool {
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
            && self.is_about_subject(record)
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
            && any(&self.token_id, &["/data/token/id"])
            && any(&self.client, &["/data/identity/client_id"])
            && any(&self.request, &["/data/edge/request"])
            && is_one(
                &self.fingerprint,
                text("/data/credential/fingerprint"),
                PartOfFingerprint::fits,
            )
            && is_one(&self.decision, text("/data/decision"), PartOfId::fits)
            && is_one(&self.instance, text("/data/hallpass/instance"), PartOfId::fits)
            && self.span.fits(record)
    }

    fn is_about_subject(&self, record: &Record) -> bool {
        if self.subject.is_empty() {
            return true;
        }
        let event = record.json();
        let pointers = [
            "/data/identity/subject",
            "/data/identity/user_name",
            "/data/token/subject",
            "/data/user_name",
        ];
        let told = pointers.iter().filter_map(|it| event.pointer(it)?.as_str());
        let mut told: Vec<&str> =
            told.chain(user_name(event).map(|(_, subject)| subject)).collect();
        // As a line shows it: in brackets, where nobody vouched for more than the token.
        let shown = record.who();
        let bare = shown.strip_prefix('(').and_then(|it| it.strip_suffix(')'));
        told.extend([shown.as_str()].into_iter().filter(|it| *it != "-").chain(bare));
        let is_it = |wanted: &str, told: &str| match wanted.strip_suffix('…') {
            Some(begin) => told.starts_with(begin),
            None => told == wanted,
        };
        self.subject.iter().any(|wanted| told.iter().any(|it| is_it(wanted, it)))
    }

    fn is_of_client(&self, event: &Value) -> bool {
        let number = event.pointer("/data/client/client_id").and_then(Value::as_u64);
        self.client_id.is_empty() || number.is_some_and(|it| self.client_id.contains(&it))
    }

    fn is_from_address(&self, event: &Value) -> bool {
        let pointers = ["/data/client/host", "/data/connection/source", "/data/edge/source"];
        let told = pointers.iter().filter_map(|it| event.pointer(it)?.as_str()?.parse().ok());
        let mut told = told.map(|address: IpAddr| address.to_canonical());
        self.address.is_empty()
            || told.any(|it| self.address.iter().any(|network| network.contains(&it)))
    }
}

/// What is meant, among events that are read one after the other.
pub(super) struct Sieve<'a> {
    filter: &'a Filter,
    own: Option<Own>,
}

impl Sieve<'_> {
    /// Whether an event is meant.
    pub(super) fn passes(&mut self, record: &Record) -> bool {
        // Each is looked at, whatever else it is.
        let is_own = self.own.as_mut().is_some_and(|own| own.is(record));
        !is_own && self.filter.fits(record)
    }
}

/// Whether nothing is asked for, or what is told is one of them.
fn is_one<T>(wanted: &[T], told: Option<&str>, fits: impl Fn(&T, &str) -> bool) -> bool {
    wanted.is_empty() || told.is_some_and(|told| wanted.iter().any(|it| fits(it, told)))
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
