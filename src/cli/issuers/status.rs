//! `hallpass issuers status`

use clap::Args;

use super::super::{
    ConfigArgs, Exit,
    instances::{self, Format, span},
};
use crate::{
    idp::{KeyStatus, KeysStatus},
    printable,
    status::InstanceStatus,
    table::table,
};

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

impl Status {
    pub(in crate::cli) async fn run(&self) -> anyhow::Result<Exit> {
        let name = "hallpass-issuers-status";
        Ok(match instances::show(&self.config, name, self.format, text).await? {
            Ok(instances) if instances.iter().all(InstanceStatus::has_fresh_keys) => Exit::Yes,
            Ok(_) => Exit::No,
            Err(exit) => exit,
        })
    }
}

/// One instance: who it is, a table, and the errors below it.
fn text(status: &InstanceStatus) -> String {
    let head = ["issuer", "state", "age", "next fetch", "fetches", "failed", "keys"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(status.issuers.iter().map(row));
    let mut text = format!("{}\n{}", instances::head(status), table(&rows));
    for issuer in &status.issuers {
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

#[cfg(test)]
mod tests {
    use super::{
        super::super::instances::{json, tests::an_instance},
        *,
    };
    use crate::idp::KeysState;
    use jsonwebtoken::Algorithm;

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
        let instance = InstanceStatus { issuers: vec![corp, other], ..an_instance("0198") };
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
            issuers: vec![keys],
            ..an_instance("")
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
