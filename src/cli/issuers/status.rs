//! `hallpass issuers status`

use std::time::Duration;

use clap::Args;

use super::super::{ConfigArgs, Exit, output};
use crate::{
    config::NatsSettings,
    idp::{KeyStatus, KeysStatus},
    nats::{Connection, STATUS_SUBJECT},
    printable,
    status::{self, InstanceStatus},
    table::table,
};

/// How long the instances have for their answers; they need milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// Show the issuers' keys as each running instance has them
///
/// Asks all instances over NATS and shows for each issuer how old its keys are, how the last
/// fetch ended and when the next one is due. Needs `nats.urls` and `nats.service_seed` of the
/// configuration, and none of the other secrets that `serve` needs.
///
/// `fresh`: the last fetch succeeded. `failing`: it did not, and the keys from before are still
/// believed. `stale`: they are older than `max_key_age` and believed no longer. `absent`: there
/// is no usable key. Exit codes: 0 all are fresh, 2 some are not, 1 nobody answered.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass issuers status\n  hallpass issuers status --format json | jq '.[].issuers[].state'"
)]
pub(in crate::cli) struct Status {
    #[command(flatten)]
    config: ConfigArgs,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A table for each instance
    Text,
    /// A list with an object for each instance
    Json,
}

impl Status {
    pub(in crate::cli) async fn run(&self) -> anyhow::Result<Exit> {
        let settings = match self.config.layers().and_then(|layers| NatsSettings::read(&layers)) {
            Ok(settings) => settings,
            Err(problems) => {
                output::problems(&problems);
                return Ok(Exit::Invalid);
            }
        };
        let connection = Connection::status("hallpass-issuers-status", &settings);
        let client = match connection.connect().await {
            Ok(client) => client,
            Err(error) => anyhow::bail!(connection.why_not(&error)),
        };
        let instances = status::ask(&client, PATIENCE).await?;
        if self.format == Format::Json {
            output::line(&json(&instances)?);
        } else {
            instances.iter().for_each(|instance| output::line(&text(instance)));
        }
        if instances.is_empty() {
            anyhow::bail!(
                "no hallpass answered at {} within a second; does one run, and do the permissions \
                 of the service user name `{STATUS_SUBJECT}`?",
                settings.urls.join(", ")
            );
        }
        Ok(if instances.iter().all(InstanceStatus::is_well) { Exit::Yes } else { Exit::No })
    }
}

fn json(instances: &[InstanceStatus]) -> serde_json::Result<String> {
    Ok(printable::json(&serde_json::to_string_pretty(instances)?))
}

/// One instance: who it is, a table, and the errors below it. Whoever answered has chosen the
/// words.
fn text(status: &InstanceStatus) -> String {
    let InstanceStatus { instance, version, host, pid, issuers } = status;
    let head = ["issuer", "state", "age", "next fetch", "fetches", "failed", "keys"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(issuers.iter().map(row));
    let head = format!("instance {instance}: hallpass {version} on {host}, process {pid}");
    let mut text = format!("{}\n{}", printable::text(&head), table(&rows));
    for issuer in issuers {
        if let Some(error) = &issuer.error {
            let line = printable::text(&format!("  {}: {error}", issuer.issuer));
            text.push_str(&format!("{line}\n"));
        }
    }
    text
}

fn row(status: &KeysStatus) -> Vec<String> {
    let keys: Vec<_> = status.keys.iter().map(key).collect();
    vec![
        printable::text(&status.issuer),
        status.state.to_string(),
        status.age_s.map_or_else(|| "-".to_owned(), span),
        status.next_fetch_s.map_or_else(|| "now".to_owned(), span),
        status.fetches.to_string(),
        status.failed.to_string(),
        if keys.is_empty() { "none".to_owned() } else { keys.join(", ") },
    ]
}

/// `kid (ES256)`
fn key(key: &KeyStatus) -> String {
    let algorithms: Vec<_> = key.algorithms.iter().map(|known| format!("{known:?}")).collect();
    let id = printable::text(key.id.as_deref().unwrap_or("without a kid"));
    format!("{id} ({})", algorithms.join(" "))
}

/// The two greatest units: `3m 5s`, `1d 4h`.
fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idp::KeysState;
    use jsonwebtoken::Algorithm;

    #[test]
    fn spans_of_time() {
        let spans = [0, 59, 60, 3599, 3600, 86_399, 86_400, 200_000].map(span);
        let expected = ["0s", "59s", "1m 0s", "59m 59s", "1h 0m", "23h 59m", "1d 0h", "2d 7h"];
        assert_eq!(spans, expected);
    }

    #[test]
    fn a_table_for_an_instance() {
        let key = KeyStatus {
            id: Some("es".to_owned()),
            algorithms: vec![Algorithm::ES256, Algorithm::ES384],
        };
        let corp = KeysStatus {
            issuer: "corp".to_owned(),
            state: KeysState::Failing,
            keys: vec![key, KeyStatus { id: None, algorithms: vec![Algorithm::EdDSA] }],
            age_s: Some(700),
            error: Some("HTTP status 503".to_owned()),
            next_fetch_s: Some(8),
            fetches: 5,
            failed: 2,
        };
        let other = KeysStatus {
            issuer: "other".to_owned(),
            state: KeysState::Absent,
            keys: Vec::new(),
            age_s: None,
            error: None,
            next_fetch_s: None,
            fetches: 0,
            failed: 0,
        };
        let instance = InstanceStatus {
            instance: "0198".to_owned(),
            version: "1.2.3".to_owned(),
            host: "h".to_owned(),
            pid: 7,
            issuers: vec![corp, other],
        };
        let expected = [
            "instance 0198: hallpass 1.2.3 on h, process 7",
            "  issuer  state    age      next fetch  fetches  failed  keys",
            "  ------  -------  -------  ----------  -------  ------  ---------------------------------------",
            "  corp    failing  11m 40s  8s          5        2       es (ES256 ES384), without a kid (EdDSA)",
            "  other   absent   -        now         0        0       none",
            "  corp: HTTP status 503",
            "",
        ];
        assert_eq!(text(&instance), expected.join("\n"));
    }

    /// Another program may have answered, or an older hallpass.
    #[test]
    fn an_answer_gives_a_terminal_no_commands() {
        let hostile = "x\u{1b}[2J\u{9b}\u{7f}\u{202e}".to_owned();
        let keys = KeysStatus {
            issuer: hostile.clone(),
            state: KeysState::Failing,
            keys: vec![KeyStatus { id: Some(hostile.clone()), algorithms: Vec::new() }],
            age_s: None,
            error: Some(hostile.clone()),
            next_fetch_s: None,
            fetches: 1,
            failed: 1,
        };
        let instance = InstanceStatus {
            instance: hostile.clone(),
            version: hostile.clone(),
            host: hostile.clone(),
            pid: 7,
            issuers: vec![keys],
        };
        let obeyed = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        let shown = text(&instance);
        assert!(!shown.contains(obeyed), "{shown:?}");
        assert_eq!(shown.matches(r"x\u{1b}[2J\u{9b}\u{7f}\u{202e}").count(), 7, "{shown}");
        let instances = [instance];
        let shown = json(&instances).unwrap();
        assert!(!shown.contains(obeyed), "{shown:?}");
        assert_eq!(serde_json::from_str::<Vec<InstanceStatus>>(&shown).unwrap(), instances);
    }
}
