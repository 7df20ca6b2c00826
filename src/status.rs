//! How the running instances are, asked over NATS: each of them answers for itself.
//!
//! Questions and answers stay in the callout account, where nobody but hallpass's service user
//! lives. No queue group: whoever asks wants to hear of all replicas.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, StatusCode};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::{
    health::{Health, Servers, Vitals},
    idp::{IssuerKeys, KeysState, KeysStatus},
    names::InstanceId,
    nats::{STATUS_INBOX, STATUS_SUBJECT},
    reload::{Maps, MapsState, MapsStatus},
};

/// What one instance says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// Its id, fresh at each start; audit events have it too.
    pub instance: String,
    /// hallpass's version.
    pub version: String,
    /// The machine it runs on, as that calls itself.
    pub host: String,
    /// Its process there.
    pub pid: u32,
    /// The keys of each issuer, in the order of the configuration.
    pub issuers: Vec<KeysStatus>,
    /// The subject maps.
    pub maps: MapsStatus,
    /// How it does.
    #[serde(default = "Health::untold")]
    pub health: Health,
    /// The nats-servers as it sees them.
    #[serde(default)]
    pub servers: Servers,
}

/// What [`HEALTH`] is answered with: little, because it is asked all the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceHealth {
    /// Its id.
    pub instance: String,
    /// How it does. An older version tells everything instead, and nothing of this.
    #[serde(default = "Health::untold")]
    pub health: Health,
    /// The nats-servers as it sees them.
    #[serde(default)]
    pub servers: Servers,
}

/// The payload of a question for [`InstanceHealth`].
pub const HEALTH: &[u8] = b"health";

impl InstanceStatus {
    /// How this process is.
    #[must_use]
    pub fn of(
        instance: InstanceId,
        issuers: &[Arc<IssuerKeys>],
        maps: &Maps,
        vitals: &Vitals,
    ) -> Self {
        Self {
            instance: instance.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: host(),
            pid: std::process::id(),
            issuers: issuers.iter().map(|keys| keys.status()).collect(),
            maps: maps.status(),
            health: vitals.health(),
            servers: vitals.servers(),
        }
    }

    /// Whether the keys of every issuer are fresh.
    #[must_use]
    pub fn has_fresh_keys(&self) -> bool {
        self.issuers.iter().all(|keys| keys.state == KeysState::Fresh)
    }
}

/// Whether the same version of the maps is in force everywhere, and is what stands in the
/// directory of each.
#[must_use]
pub fn maps_agree(instances: &[InstanceStatus]) -> bool {
    let one_version = instances.windows(2).all(|pair| match pair {
        [one, other] => one.maps.digest == other.maps.digest,
        _ => true,
    });
    one_version && instances.iter().all(|instance| instance.maps.state == MapsState::Current)
}

/// The machine, as it calls itself.
#[must_use]
pub fn host() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    name
}

/// Why nobody could be asked.
#[derive(Debug, thiserror::Error)]
#[error("the instances cannot be asked: {0}")]
pub struct AskError(String);

/// Answers every question until `stop`. Where that is not possible, hallpass lives without it.
pub async fn answer(
    client: Client,
    status: impl Fn() -> InstanceStatus + Send,
    stop: CancellationToken,
) {
    let mut questions = match client.subscribe(STATUS_SUBJECT).await {
        Ok(questions) => questions,
        Err(error) => {
            tracing::error!(%error, "`issuers status` and `maps status` will not hear of this instance");
            return;
        }
    };
    loop {
        let question = tokio::select! {
            () = stop.cancelled() => return,
            question = questions.next() => question,
        };
        let Some(question) = question else { return };
        // The permissions allow no other place for an answer.
        let Some(reply) = question.reply.filter(|reply| {
            reply.strip_prefix(STATUS_INBOX).is_some_and(|rest| rest.starts_with('.'))
        }) else {
            continue;
        };
        let told = status();
        let answer = if question.payload == HEALTH {
            let InstanceStatus { instance, health, servers, .. } = told;
            serde_json::to_vec(&InstanceHealth { instance, health, servers })
        } else {
            serde_json::to_vec(&told)
        };
        let answer = answer.unwrap_or_default();
        if let Err(error) = client.publish(reply, answer.into()).await {
            tracing::warn!(%error, "a question for the status could not be answered");
        }
    }
}

/// Asks all instances and gathers what they answer within `patience`, in the order of their ids.
///
/// # Errors
/// Where nobody could be asked. That nobody answered is an empty list.
pub async fn ask(client: &Client, patience: Duration) -> Result<Vec<InstanceStatus>, AskError> {
    let end = Instant::now() + patience;
    let inbox = client.new_inbox();
    let failed = |error: &dyn std::error::Error| AskError(error.to_string());
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| failed(&error))?;
    let asked = client.publish_with_reply(STATUS_SUBJECT, inbox, Bytes::new()).await;
    asked.map_err(|error| failed(&error))?;
    let mut found = Vec::new();
    while let Ok(Some(answer)) = timeout_at(end, answers.next()).await {
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            break;
        }
        match serde_json::from_slice::<InstanceStatus>(&answer.payload) {
            Ok(status) => found.push(status),
            Err(error) => tracing::warn!(%error, "an instance answers what cannot be read here"),
        }
    }
    found.sort_by(|a, b| a.instance.cmp(&b.instance));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It answers every question with all that it has to say.
    #[test]
    fn an_older_version_is_taken_as_ready() {
        let told = r#"{"instance":"0197","version":"0.0.9","host":"h","pid":7,"issuers":[]}"#;
        let read: InstanceHealth = serde_json::from_str(told).unwrap();
        let (instance, health) = ("0197".to_owned(), Health::untold());
        assert_eq!(read, InstanceHealth { instance, health, servers: Servers::default() });
    }

    /// Who tells more than is known here is understood, and what is not told is not made up.
    #[test]
    fn a_newer_version_is_understood() {
        let told = r#"{"instance":"0199","health":{"ready":false,"percent":0,"mood":"blue"}}"#;
        let read: InstanceHealth = serde_json::from_str(told).unwrap();
        assert!(!read.health.ready && read.health.reasons.is_empty());
        let told = r#"{"instance":"0199","health":{"percent":100}}"#;
        assert!(serde_json::from_str::<InstanceHealth>(told).is_err());
    }
}
