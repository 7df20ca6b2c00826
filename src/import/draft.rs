//! The text of a draft.

use std::time::Duration;

use super::{
    permissions::{Responses, Side, Subjects},
    roles::Role,
};
use crate::{names::AccountName, printable, subject::SubjectPattern};

/// What maps allow at most for `expires` of `allow_responses`.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// Up to here a list is one line.
const WIDTH: usize = 100;

/// The map of an account.
pub(super) fn text(source: &str, account: &AccountName, is_global: bool, roles: &[Role]) -> String {
    let mut lines = vec![
        comment(&format!("A first draft, made from the static users of {source}.")),
        "# Each role allows what the server allowed: narrow it, and name the IdP's roles."
            .to_owned(),
    ];
    if is_global {
        lines.push(
            "# Its users had no account; give them one in the server's configuration.".to_owned(),
        );
    }
    lines.push(format!("account = {}", quoted(account.as_str())));
    for role in roles {
        lines.push(String::new());
        lines.extend(role_lines(role));
    }
    lines.join("\n") + "\n"
}

fn role_lines(role: &Role) -> Vec<String> {
    let mut lines = vec![comment(&format!("The server's users: {}", role.users.join(", ")))];
    if role.proxy_required {
        lines.push(
            "# The server let them in by a trusted proxy only, this role does not ask.".to_owned(),
        );
    }
    let name = role.name.as_str();
    let is_bare = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    lines.push(format!("[roles.{}]", if is_bare { name.to_owned() } else { quoted(name) }));
    lines.push(format!(
        "# idp_roles = [{}] # name the IdP's roles here; without it, the role's own name",
        quoted(name)
    ));
    let publish = Written::of(&role.permissions.publish, "publish");
    let subscribe = Written::of(&role.permissions.subscribe, "subscribe");
    lines.extend(publish.lines);
    lines.extend(subscribe.lines);
    if let Some(responses) = &role.permissions.responses {
        let received: Vec<_> = subscribe.reach.iter().flat_map(received).collect();
        let meet = publish
            .reach
            .iter()
            .any(|publish| received.iter().any(|received| publish.overlaps(received)));
        lines.extend(response_lines(responses, meet));
    }
    if !role.connection_types.is_empty() {
        if role.kinds().is_none_or(|(_, lossy)| lossy) {
            lines.push(comment(&format!(
                "The server let them in over these connections only: {}",
                role.connection_types.join(", ")
            )));
        }
        if let Some((kinds, _)) = role.kinds() {
            let kinds: Vec<_> = kinds.iter().map(|kind| quoted(kind.as_str())).collect();
            lines.push(format!("when = {{ connection_types = [{}] }}", kinds.join(", ")));
        }
    }
    lines
}

/// One direction as it was written.
struct Written {
    lines: Vec<String>,
    /// What it allows, denies not counted.
    reach: Vec<SubjectPattern>,
}

impl Written {
    fn of(side: &Side, key: &str) -> Self {
        if side.deny.written.iter().any(|text| text == ">") {
            let lines = vec![format!("# The server denied everything here: no `{key}`.")];
            return Self { lines, reach: Vec::new() };
        }
        let mut lines = Vec::new();
        let (allow, odd) = legal(side.allow.as_ref());
        let (deny, odd_deny) = legal(Some(&side.deny));
        // An allow less is safe, a deny less is not: then the whole direction waits for somebody.
        let is_open = !odd_deny.is_empty();
        for (text, why) in odd.iter().chain(&odd_deny) {
            lines.push(comment(&format!("Not taken over, {why}: {}", quoted(text))));
        }
        if is_open {
            lines.push(format!(
                "# Without that deny it would be too much, so there is no `{key}` yet. It was:"
            ));
        }
        let allow = match &side.allow {
            None => {
                lines.push("# The server allowed everything here: name what is needed.".to_owned());
                vec![(">", SubjectPattern::everything())]
            }
            Some(_) => allow,
        };
        if key == "subscribe" && allow.iter().any(|(text, _)| text.starts_with("_INBOX.>")) {
            lines.push(
                "# `_INBOX.>` reads everybody's replies: give each user an inbox of his own."
                    .to_owned(),
            );
        }
        let texts = |list: &[(&str, SubjectPattern)]| -> Vec<String> {
            list.iter().map(|(text, _)| (*text).to_owned()).collect()
        };
        let mut put = |key: &str, list: Vec<String>| {
            if !list.is_empty() {
                let written = assignment(key, &list);
                let open = if is_open { "# " } else { "" };
                lines.extend(written.lines().map(|line| format!("{open}{line}")));
            }
        };
        put(key, texts(&allow));
        put(&format!("deny_{key}"), texts(&deny));
        let reach = if is_open { Vec::new() } else { allow.into_iter().map(|(_, p)| p).collect() };
        Self { lines, reach }
    }
}

type Legal<'a> = Vec<(&'a str, SubjectPattern)>;

/// Subjects that a map can say, each with its pattern, and those that it cannot, each with why.
fn legal(subjects: Option<&Subjects>) -> (Legal<'_>, Vec<(&str, String)>) {
    let (mut fit, mut odd) = (Vec::new(), Vec::new());
    for text in subjects.into_iter().flat_map(|subjects| &subjects.written) {
        match pattern(text) {
            Ok(pattern) => fit.push((text.as_str(), pattern)),
            Err(why) => odd.push((text.as_str(), why)),
        }
    }
    (fit, odd)
}

/// The subject of a permission, its queue left aside.
fn pattern(text: &str) -> Result<SubjectPattern, String> {
    if text.contains(['{', '}']) {
        return Err("because braces are placeholders in a map".to_owned());
    }
    let judged = |text: &str| {
        SubjectPattern::from_tokens(text.split('.')).map_err(|error| format!("because {error}"))
    };
    let (subject, queue) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if !queue.is_empty() {
        judged(queue.trim())?;
    }
    judged(subject)
}

/// What a subscription by this can bring: to the server, a last `*` lets in a last `>` too.
fn received(subscribe: &SubjectPattern) -> Vec<SubjectPattern> {
    let is_star = subscribe.as_str().split('.').next_back() == Some("*");
    let deeper = is_star.then(|| format!("{subscribe}.>").parse().ok()).flatten();
    [Some(subscribe.clone()), deeper].into_iter().flatten().collect()
}

fn response_lines(responses: &Responses, meet: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let max = responses.max.unwrap_or(u32::MAX);
    let expires = responses.expires.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
    let expires = as_written(expires);
    if responses.max.is_none() || responses.expires.is_none_or(|span| span > LONGEST_WAIT) {
        lines.push("# The server allowed more answers, or longer, than a map can.".to_owned());
    }
    let line = match &expires {
        _ if *responses == Responses::default() => "allow_responses = true".to_owned(),
        Some(expires) => format!("allow_responses = {{ max = {max}, expires = \"{expires}\" }}"),
        None => {
            lines.push(
                "# The server allowed answers for less than a millisecond: left out.".to_owned(),
            );
            return lines;
        }
    };
    if meet {
        lines.push(
            "# Left out: who may publish what he also receives could answer himself, on any \
             subject. Split the role:"
                .to_owned(),
        );
        lines.push(format!("# {line}"));
    } else {
        lines.push(line);
    }
    lines
}

/// A span in whole units, rounded down to milliseconds; nothing is none.
fn as_written(span: Duration) -> Option<String> {
    let milliseconds = span.as_millis();
    Some(match milliseconds {
        0 => return None,
        _ if milliseconds.is_multiple_of(3_600_000) => format!("{}h", milliseconds / 3_600_000),
        _ if milliseconds.is_multiple_of(60_000) => format!("{}m", milliseconds / 60_000),
        _ if milliseconds.is_multiple_of(1000) => format!("{}s", milliseconds / 1000),
        _ => format!("{milliseconds}ms"),
    })
}

/// `key = […]`, in one line or with a line for each.
fn assignment(key: &str, list: &[String]) -> String {
    let items: Vec<_> = list.iter().map(|text| quoted(text)).collect();
    let line = format!("{key} = [{}]", items.join(", "));
    if line.chars().count() <= WIDTH {
        return line;
    }
    let items: String = items.iter().map(|item| format!("  {item},\n")).collect();
    format!("{key} = [\n{items}]")
}

/// A comment, in which others are quoted: they begin no line of their own.
fn comment(text: &str) -> String {
    format!("# {}", printable::text(text))
}

/// A string as TOML, in quotes, fit for a terminal.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
            quoted.push(c);
        } else if printable::text(c.encode_utf8(&mut [0; 4])).starts_with(c) {
            quoted.push(c);
        } else {
            quoted.push_str(&format!("\\U{:08X}", u32::from(c)));
        }
    }
    quoted.push('"');
    quoted
}
