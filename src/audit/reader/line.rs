//! An event on one line.

use serde_json::Value;

use super::Record;
use crate::printable;

/// The columns of a line, unless more are asked for.
const COLUMNS: usize = 100;
/// Who it was.
const WHO: usize = 24;

impl Record {
    /// The event on one line of at most a hundred columns: when, what became of it, the end of
    /// its id, who, and what.
    #[must_use]
    pub fn line(&self) -> String {
        let (who, what) = self.who_and_what();
        let line = format!("{}{}  {what}", self.begin(), padded(&who, WHO));
        printable::shortened(line.trim_end(), COLUMNS - 1)
    }

    /// The event on one line, as long as it needs, with where it came from and its whole id.
    #[must_use]
    pub fn wide_line(&self) -> String {
        let (who, what) = self.who_and_what();
        let told = |name: &str, pointers: &[&str]| {
            let texts: Vec<_> = pointers.iter().map(|it| self.text(it)).collect();
            match texts.iter().all(|text| text == "-") {
                true => String::new(),
                false => format!("  {name}={}", texts.join(":")),
            }
        };
        let id = match self.text("/data/decision") {
            none if none == "-" => self.text("/id"),
            id => id,
        };
        let detail = match self.text("/data/detail") {
            none if none == "-" => String::new(),
            detail => format!("  {detail}"),
        };
        format!(
            "{begin}{who:<WHO$}  {what}{from}{kind}{name}{client}  id={id}{detail}",
            begin = self.begin(),
            from = told("from", &["/data/client/host"]),
            kind = told("by", &["/data/client/connection_type"]),
            name = told("name", &["/data/client/name"]),
            client = told("client", &["/data/client/server_name", "/data/client/client_id"]),
        )
    }

    fn begin(&self) -> String {
        let seconds: String = self.text("/time").chars().take(19).collect();
        format!("{seconds}Z  {:<9}  {:<12}  ", self.outcome(), self.id_end())
    }

    fn who_and_what(&self) -> (String, String) {
        let some = |pointer: &str| match self.text(pointer) {
            none if none == "-" => String::new(),
            text => text,
        };
        match self.kind().as_str() {
            "decision" => {
                let roles = self.roles();
                let what = match roles.as_str() {
                    "-" => self.what(),
                    roles => format!("{} {roles}", self.what()),
                };
                (self.who(), what)
            }
            "maps" => ("subject maps".to_owned(), self.about_maps()),
            "keys" => {
                let keys = |pointer: &str| {
                    self.json().pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len)
                };
                let what = format!("+{} -{}", keys("/data/added"), keys("/data/removed"));
                (format!("keys of {}", some("/data/issuer")), what)
            }
            "instance" => {
                let host = format!("{} {}", some("/data/host"), some("/data/mode"));
                ("instance".to_owned(), format!("{} {}", host.trim(), some("/data/why")))
            }
            "checkpoint" => {
                let end = match self.json().pointer("/data/final") {
                    Some(Value::Bool(true)) => ", the last",
                    _ => "",
                };
                let until = self.text("/data/head/sequence");
                ("checkpoint".to_owned(), format!("events until {until}{end}"))
            }
            "gap" => {
                let [granted, refused, other] =
                    ["/data/granted", "/data/refused", "/data/other"].map(|it| self.text(it));
                let mut what = format!("granted={granted} refused={refused} other={other}");
                if self.json().pointer("/data/parked").is_some() {
                    what.push_str(&format!(" parked={}", self.text("/data/parked")));
                }
                ("not recorded".to_owned(), what)
            }
            "alarm" => {
                let (account, host) = (self.what(), self.text("/data/client/host"));
                (self.who(), format!("{account} from {host} {}", some("/data/client/name")))
            }
            kind @ ("session" | "answer") => {
                let who = self.who();
                // An nkey says little to people: of who came in by one, such as hallpass itself,
                // also what they call themselves. Who was let in by hallpass has an issuer.
                let name = match some("/data/client/name") {
                    name if name.is_empty() || who == "-" || who.contains(':') => String::new(),
                    name => name,
                };
                let what = format!("{kind} {} {}{name}", self.what(), some("/data/reason"));
                (who, what)
            }
            kind => (kind.to_owned(), some("/data/code")),
        }
    }

    /// Which version came, and either what it holds or the first of what is wrong with it.
    fn about_maps(&self) -> String {
        let digest = |pointer: &str| printable::shortened(&self.text(pointer), 18);
        match self.text("/data/problem_count") {
            none if none == "-" => format!(
                "{} roles={} files={}",
                digest("/data/new"),
                self.text("/data/in_force/roles"),
                self.text("/data/in_force/files"),
            ),
            count => format!(
                "problems={count} {}: {}",
                self.text("/data/problems/0/at"),
                self.text("/data/problems/0/message"),
            ),
        }
    }
}

/// A text in a column of this width; what is too long for it loses its end.
fn padded(text: &str, width: usize) -> String {
    let text = match text.chars().count() > width {
        true => printable::shortened(text, width - 1),
        false => text.to_owned(),
    };
    format!("{text:<width$}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(value: &serde_json::Value) -> Record {
        Record::read(value.to_string().as_bytes())
    }

    #[test]
    fn a_line_has_nothing_that_a_terminal_obeys() {
        let hostile = "x\u{1b}[2J\n\u{9b}\u{202e}";
        for kind in ["decision", "maps", "keys", "instance", "gap", "session", "alarm", hostile] {
            let event = json!({ "id": hostile, "time": hostile, "type": format!("hallpass.{kind}"),
                "data": {
                "outcome": hostile, "code": hostile, "detail": hostile, "host": hostile,
                "issuer": hostile, "why": hostile, "reason": hostile, "problem_count": 1,
                "problems": [{ "at": hostile, "message": hostile }],
                "identity": { "user_name": hostile },
                "roles": [hostile, hostile],
                "client": { "host": hostile, "connection_type": hostile, "server_name": hostile },
            }});
            for line in [record(&event).line(), record(&event).wide_line()] {
                assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
            }
        }
    }

    #[test]
    fn a_line_fits_a_terminal_and_a_wide_one_says_all() {
        let long = "a-very-long-name-of-something".repeat(4);
        let event = json!({
            "id": "0191-7", "time": "2026-11-21T00:50:03.123Z", "type": "hallpass.decision",
            "data": {
                "decision": "01a1fb94-eb4f-7178-be2f-a6e66fc3579b", "outcome": "granted",
                "identity": { "user_name": long }, "grant": { "account": "APP" },
                "roles": ["clerk", long], "client": { "host": "10.0.0.1", "client_id": 7,
                "server_name": "n1" },
            },
        });
        let line = record(&event).line();
        assert!(
            line.starts_with("2026-11-21T00:50:03Z  granted    a6e66fc3579b  a-very-"),
            "{line}"
        );
        assert!(line.contains("…  APP clerk,a-very"), "{line}");
        assert_eq!(line.chars().count(), 100, "{line}");
        let wide = record(&event).wide_line();
        assert!(wide.contains(&long) && wide.contains("from=10.0.0.1  client=n1:7"), "{wide}");
        assert!(wide.ends_with("id=01a1fb94-eb4f-7178-be2f-a6e66fc3579b"), "{wide}");
    }

    #[test]
    fn what_instances_and_servers_tell_has_a_line() {
        let line = |kind: &str, data: Value| {
            let event = json!({ "id": "i-1", "type": format!("hallpass.{kind}"), "data": data });
            let line = record(&event).line();
            line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
        };
        let keys = json!({ "outcome": "changed", "issuer": "corp", "added": [{}], "removed": [] });
        assert_eq!(line("keys", keys), "changed i-1 keys of corp +1 -0");
        let ended = json!({ "outcome": "ended", "account": "APP", "reason": "Kicked" });
        assert_eq!(line("session", ended), "ended i-1 - session APP Kicked");
        let started = json!({ "outcome": "started", "account": "APP", "user_name": "corp:a" });
        assert_eq!(line("session", started), "started i-1 corp:a session APP");
        let own = json!({ "outcome": "started", "account": "AUDIT", "user_name": "UABC",
            "own": true, "client": { "name": "hallpass-audit" } });
        assert_eq!(line("session", own), "started i-1 UABC session AUDIT hallpass-audit");
        let named = json!({ "outcome": "started", "account": "APP", "user_name": "corp:a",
            "client": { "name": "hallpass-audit" } });
        assert_eq!(line("session", named), "started i-1 corp:a session APP");
        let late = json!({ "outcome": "timed_out", "cause": "no_answer" });
        assert_eq!(line("answer", late), "timed_out i-1 - answer no_answer");
        let glass = json!({ "outcome": "break_glass", "account": "APP", "user_name": "UABC",
            "client": { "host": "192.0.2.7", "name": "cli" } });
        assert_eq!(line("alarm", glass), "break_glass i-1 UABC APP from 192.0.2.7 cli");
        let last = json!({ "outcome": "signed", "head": { "sequence": 7 }, "final": true });
        assert_eq!(line("checkpoint", last), "signed i-1 checkpoint events until 7, the last");
        let gap = json!({ "outcome": "recorded", "granted": 1, "refused": 2, "other": 3 });
        let counts = "recorded i-1 not recorded granted=1 refused=2 other=3";
        assert_eq!(line("gap", gap.clone()), counts);
        let mut parked = gap;
        parked["parked"] = json!(4);
        assert_eq!(line("gap", parked), format!("{counts} parked=4"));
    }
}
