//! What became of one login, told in sentences by its events. Pure.
//!
//! A field that an event does not have, because it is older or because it is left out for
//! privacy, is not told.

mod asked;
mod edge;
mod refusal;
mod session;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::printable;

/// Tells the story of a decision. `decisions` are its events, by time: the decision, and where it
/// was corrected, the correction. `sessions` are the events of its connection, by time.
#[must_use]
pub fn story(decisions: &[&Value], sessions: &[&Value]) -> Vec<String> {
    let Some(first) = decisions.first().copied().map(Told) else { return Vec::new() };
    let mut told = vec![verdict(first)];
    for correction in decisions.iter().skip(1).copied().map(Told) {
        told.push(corrected(correction));
    }
    let last = decisions.last().copied().map_or(first, Told);
    told.extend(refusal::why(last));
    told.extend(from_where(first));
    told.extend(edge::said(first));
    told.extend(by_which_token(first));
    told.extend(asked::asked(first));
    told.extend(roles(first));
    told.extend(allowed(first));
    told.extend(until_when(first));
    told.extend(by_whom(first));
    told.extend(sessions.iter().flat_map(|it| session::tell(Told(it))));
    if sessions.is_empty() && last.is("/data/outcome", "granted") {
        told.push("Of its connection, nothing was recorded.".to_owned());
    }
    told
}

/// An event that is told of.
#[derive(Clone, Copy)]
struct Told<'a>(&'a Value);

impl<'a> Told<'a> {
    fn at(self, pointer: &str) -> Option<&'a Value> {
        self.0.pointer(pointer).filter(|it| !it.is_null())
    }

    /// A text or a number, fit for a terminal.
    fn text(self, pointer: &str) -> Option<String> {
        match self.at(pointer)? {
            Value::String(text) if !text.is_empty() => Some(printable::text(text)),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A text as it is quoted.
    fn quoted(self, pointer: &str) -> Option<String> {
        self.text(pointer).map(|text| format!("`{text}`"))
    }

    fn is(self, pointer: &str, text: &str) -> bool {
        self.at(pointer).and_then(Value::as_str) == Some(text)
    }

    fn list(self, pointer: &str) -> &'a [Value] {
        self.at(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The texts of a list, as they are quoted.
    fn quoted_list(self, pointer: &str) -> Vec<String> {
        let texts = self.list(pointer).iter().filter_map(Value::as_str);
        texts.map(|it| format!("`{}`", printable::text(it))).collect()
    }

    fn time(self, pointer: &str) -> Option<String> {
        let time = self.at(pointer)?.as_str()?.parse::<Timestamp>().ok()?;
        Some(time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
    }
}

/// Texts with commas between them, and a word before the last.
fn listed(texts: &[String], word: &str) -> String {
    match texts {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} {word} {last}", most.join(", ")),
    }
}

fn who(told: Told<'_>) -> String {
    let token = || {
        let (issuer, subject) =
            (told.text("/data/token/issuer")?, told.text("/data/token/subject")?);
        Some(format!("Somebody with a token of `{issuer}` for `{subject}`"))
    };
    told.quoted("/data/identity/user_name")
        .or_else(token)
        .unwrap_or_else(|| "Somebody who was not identified".to_owned())
}

fn verdict(told: Told<'_>) -> String {
    let (who, time) = (who(told), told.time("/time").unwrap_or_default());
    match told.text("/data/outcome").as_deref() {
        Some("granted") => {
            let account = told.text("/data/grant/account").unwrap_or_default();
            format!("{who} was let into account `{account}` at {time}.")
        }
        Some("undecided") => {
            format!("{who} was kept out at {time}, because nothing could be decided.")
        }
        _ => format!("{who} was refused at {time}."),
    }
}

fn corrected(told: Told<'_>) -> String {
    let time = told.time("/time").unwrap_or_default();
    format!("At {time} that was taken back before the server heard of it: nobody was let in.")
}

fn from_where(told: Told<'_>) -> Option<String> {
    let host = told.text("/data/client/host")?;
    let mut text = format!("The login came from {host}");
    if let Some(kind) = told.text("/data/client/connection_type") {
        text.push_str(&format!(" ({kind})"));
    }
    if let Some(server) = told.quoted("/data/client/server_name") {
        text.push_str(&format!(" to server {server}"));
    }
    if let Some(number) = told.text("/data/client/client_id") {
        text.push_str(&format!(" as connection {number}"));
    }
    if let Some(name) = told.quoted("/data/client/name") {
        text.push_str(&format!("; the client calls itself {name}"));
    }
    let tls = told.text("/data/client/tls/version").or_else(|| told.text("/data/client/tls"));
    if let Some(version) = tls {
        text.push_str(&format!(", over TLS {}", version.trim_start_matches("TLS ")));
    }
    Some(text + ".")
}

fn by_which_token(told: Told<'_>) -> Option<String> {
    let certificate = told.text("/data/client/tls/certificate_sha256");
    let certificate = certificate.or_else(|| told.text("/data/client/certificate_sha256"));
    let carrier = told.text("/data/credential/carrier").or_else(|| told.text("/data/carrier"));
    let as_what = carrier.as_ref().map(|it| format!(", shown as `{it}`")).unwrap_or_default();
    let Some(issuer) = told.quoted("/data/token/issuer") else {
        if carrier.as_deref() == Some("certificate") {
            let hash = certificate.map(|it| format!(" with SHA-256 {it}")).unwrap_or_default();
            return Some(format!("The proof was a client certificate{hash}."));
        }
        return Some(match carrier {
            Some(carrier) => {
                format!("What was shown as `{carrier}` was not found to be any issuer's token.")
            }
            None => "No token was found in what the client sent.".to_owned(),
        });
    };
    let mut text = format!("The proof was a token of issuer {issuer}{as_what}");
    if let Some(client) = told.quoted("/data/identity/client_id") {
        text.push_str(&format!(", issued to the client {client}"));
    }
    if let Some(id) = told.quoted("/data/token/id") {
        text.push_str(&format!(", with the id {id}"));
    }
    if let Some(issued) = told.time("/data/token/issued_at") {
        text.push_str(&format!(", issued at {issued}"));
    }
    if let Some(expires) = told.time("/data/token/expires_at") {
        text.push_str(&format!(", valid until {expires}"));
    }
    if let Some(algorithm) = told.text("/data/token/algorithm") {
        text.push_str(&format!(", signed ({algorithm})"));
        if let Some(key) = told.quoted("/data/token/key_id") {
            text.push_str(&format!(" with key {key}"));
        }
    }
    Some(text + ".")
}

fn roles(told: Told<'_>) -> Vec<String> {
    let given = told.list("/data/given").iter().map(Told).filter_map(|given| {
        let (role, at) = (given.quoted("/role")?, given.text("/at")?);
        let by = given.quoted_list("/by");
        let by = if by.is_empty() { "roles".to_owned() } else { listed(&by, "and") };
        Some(format!("The issuer's {by} gives role {role} ({at})."))
    });
    let unmet = told.list("/data/unmet").iter().map(Told).filter_map(|unmet| {
        let (role, at) = (unmet.quoted("/role")?, unmet.text("/at")?);
        let why = unmet.text("/why").map(|why| format!(": {why}")).unwrap_or_default();
        Some(format!("Role {role} is not held, because of {at}{why}."))
    });
    let mut sentences: Vec<_> = given.chain(unmet).collect();
    let held = told.quoted_list("/data/roles");
    if !held.is_empty() {
        let word = if held.len() == 1 { "role" } else { "roles" };
        sentences.push(format!("Held: the {word} {}.", listed(&held, "and")));
    }
    let rules = rules(told);
    if !rules.is_empty() {
        sentences.push(format!("The rules that decided: {}.", rules.join(", ")));
    }
    sentences
}

/// The rules, those of one role in one file together: `orders.toml:7,9 of `clerk``.
fn rules(told: Told<'_>) -> Vec<String> {
    let mut lines: BTreeMap<(String, String), BTreeSet<u64>> = BTreeMap::new();
    for rule in told.list("/data/rules").iter().map(Told) {
        let (Some(role), Some(at)) = (rule.quoted("/role"), rule.text("/at")) else { continue };
        let place =
            at.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse::<u64>().ok()?)));
        let (file, line) = place.map_or((at.as_str(), None), |(file, line)| (file, Some(line)));
        lines.entry((role, file.to_owned())).or_default().extend(line);
    }
    let told = lines.into_iter().map(|((role, file), lines)| {
        let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        let colon = if lines.is_empty() { "" } else { ":" };
        format!("{file}{colon}{} of {role}", lines.join(","))
    });
    told.collect()
}

fn allowed(told: Told<'_>) -> Vec<String> {
    if told.at("/data/grant").is_none() {
        return Vec::new();
    }
    let side = |name: &str, does: &str| {
        let list = |which: &str| told.quoted_list(&format!("/data/grant/{name}/{which}"));
        let (allow, deny) = (list("allow"), list("deny"));
        // Left out is another thing than nothing.
        told.0.pointer(&format!("/data/grant/{name}"))?;
        let but = match deny.is_empty() {
            true => String::new(),
            false => format!(", but not {}", listed(&deny, "nor")),
        };
        Some(format!("It may {does} {}{but}.", listed(&allow, "and")))
    };
    let mut sentences: Vec<_> = [side("publish", "publish to"), side("subscribe", "subscribe to")]
        .into_iter()
        .flatten()
        .collect();
    if let Some(max) = told.text("/data/grant/responses/max") {
        sentences.push(format!("It may answer each request up to {max} times."));
    }
    sentences
}

fn until_when(told: Told<'_>) -> Option<String> {
    let until = told.time("/data/grant/ends_at")?;
    let at = told.text("/data/grant/ends_by/at").map(|at| format!(" ({at})")).unwrap_or_default();
    let by = match told.text("/data/grant/ends_by/by").as_deref() {
        Some("credential") => ", when its proof ends".to_owned(),
        Some("session") => format!(", by the role's `session`{at}"),
        Some("hours") => format!(", by the role's `hours`{at}"),
        Some("longest") => ", because no session is longer".to_owned(),
        _ => String::new(),
    };
    Some(format!("The session ends at {until} at the latest{by}."))
}

fn by_whom(told: Told<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    if let (Some(instance), Some(version)) =
        (told.text("/data/hallpass/instance"), told.text("/data/hallpass/version"))
    {
        let maps = told.text("/data/hallpass/maps");
        let were_asked = told.text("/data/decided_at").is_some();
        let maps = match maps {
            Some(maps) if were_asked => format!(" by the subject maps {maps}"),
            _ => ", and the subject maps were not asked".to_owned(),
        };
        let took = told.text("/data/latency/total");
        let took = took.map(|it| format!(", in {it} µs")).unwrap_or_default();
        sentences
            .push(format!("hallpass {version} (instance {instance}) decided this{maps}{took}."));
    }
    if let Some(id) = told.text("/id") {
        sentences.push(format!("In the trail it is event {id}."));
    }
    sentences
}

#[cfg(test)]
mod tests;
