//! Asking the running instances, and showing what they answer. Whoever answered has chosen the
//! words.

use std::time::Duration;

use super::{ConfigArgs, Exit, output};
use crate::{
    config::NatsSettings,
    nats::{Connection, STATUS_SUBJECT},
    printable,
    status::{self, InstanceStatus},
};

/// How long the instances have for their answers; they need milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A table for each instance
    Text,
    /// A list with an object for each instance
    Json,
}

/// Asks all of them, shows what each says and returns it. `name` is what the server's connection
/// list shows.
///
/// # Errors
/// Where nobody could be asked, or nobody answered; the exit code alone where the configuration
/// is invalid, which has been said then.
pub(super) async fn show(
    config: &ConfigArgs,
    name: &'static str,
    format: Format,
    text: impl Fn(&InstanceStatus) -> String,
) -> anyhow::Result<Result<Vec<InstanceStatus>, Exit>> {
    let settings = match config.layers().and_then(|layers| NatsSettings::read(&layers)) {
        Ok(settings) => settings,
        Err(problems) => {
            output::problems(&problems);
            return Ok(Err(Exit::Invalid));
        }
    };
    let connection = Connection::status(name, &settings);
    let client = match connection.connect().await {
        Ok(client) => client,
        Err(error) => anyhow::bail!(connection.why_not(&error)),
    };
    let instances = status::ask(&client, PATIENCE).await?;
    match format {
        Format::Json => output::line(&json(&instances)?),
        Format::Text => instances.iter().for_each(|instance| output::line(&text(instance))),
    }
    if instances.is_empty() {
        anyhow::bail!(
            "no hallpass answered at {} within a second; does one run, and do the permissions of \
             the service user name `{STATUS_SUBJECT}`?",
            settings.urls.join(", ")
        );
    }
    Ok(Ok(instances))
}

pub(super) fn json(instances: &[InstanceStatus]) -> serde_json::Result<String> {
    Ok(printable::json(&serde_json::to_string_pretty(instances)?))
}

/// Who an instance is.
pub(super) fn head(status: &InstanceStatus) -> String {
    let InstanceStatus { instance, version, host, pid, .. } = status;
    printable::text(&format!("instance {instance}: hallpass {version} on {host}, process {pid}"))
}

/// The two greatest units: `3m 5s`, `1d 4h`.
pub(super) fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::reload::{MapsState, MapsStatus};

    /// An instance with the maps that all have, and no issuers.
    pub(in crate::cli) fn an_instance(name: &str) -> InstanceStatus {
        InstanceStatus {
            instance: name.to_owned(),
            version: "1.2.3".to_owned(),
            host: "h".to_owned(),
            pid: 7,
            issuers: Vec::new(),
            maps: MapsStatus {
                state: MapsState::Current,
                digest: format!("sha256:{}", "0123456789abcdef".repeat(4)),
                roles: 3,
                files: 2,
                in_force_s: 700,
                last_reload: None,
                applied: 0,
                rejected: 0,
                problem_count: 0,
                problems: Vec::new(),
            },
            health: crate::health::Health::untold(),
            servers: crate::health::Servers::default(),
        }
    }

    #[test]
    fn spans_of_time() {
        let spans = [0, 59, 60, 3599, 3600, 86_399, 86_400, 200_000].map(span);
        let expected = ["0s", "59s", "1m 0s", "59m 59s", "1h 0m", "23h 59m", "1d 0h", "2d 7h"];
        assert_eq!(spans, expected);
    }
}
