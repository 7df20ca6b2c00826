//! Connecting to NATS: patient at the start, patient ever after, and saying so.

use std::{path::Path, time::Duration};

use async_nats::{Client, ConnectOptions, Event};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use crate::config::ReaderSettings;

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(500);
/// How often the log says that hallpass is still waiting.
const REMINDER: u32 = 20;

/// What the inboxes of the audit reader begin with.
pub const AUDIT_READER_INBOX: &str = "_INBOX.hallpass-reader";

/// Who connects, and how.
#[derive(Debug, Clone, Copy)]
pub struct Connection<'a> {
    /// The name that the server's connection list shows.
    pub name: &'static str,
    /// One or more servers of one cluster.
    pub urls: &'a [String],
    /// Certificates to believe beside the system's, in PEM.
    pub ca_file: Option<&'a Path>,
    /// The user's nkey seed.
    pub seed: &'a SecretString,
    /// What the connection's inboxes begin with: its permissions name it.
    pub inbox_prefix: &'static str,
}

impl<'a> Connection<'a> {
    /// Who reads the audit stream and does nothing else.
    #[must_use]
    pub fn audit_reader(name: &'static str, settings: &'a ReaderSettings) -> Self {
        Self {
            name,
            urls: &settings.urls,
            ca_file: settings.ca_file.as_deref(),
            seed: &settings.reader_seed,
            inbox_prefix: AUDIT_READER_INBOX,
        }
    }

    fn options(&self) -> ConnectOptions {
        let name = self.name;
        let mut options = ConnectOptions::with_nkey(self.seed.expose_secret().to_owned())
            .name(name)
            .custom_inbox_prefix(self.inbox_prefix)
            .max_reconnects(None)
            .reconnect_delay_callback(|attempts| match attempts {
                0 | 1 => Duration::ZERO,
                _ => PAUSE,
            })
            .event_callback(move |event| async move { log(name, &event) });
        if let Some(path) = self.ca_file {
            options = options.add_root_certificates(path.to_owned());
        }
        options
    }

    /// Connects once.
    ///
    /// # Errors
    /// Why not.
    pub async fn connect(&self) -> Result<Client, async_nats::ConnectError> {
        self.options().connect(self.urls).await
    }

    /// Connects, however long it takes; `None` where `stop` comes first. From then on the
    /// connection comes back by itself.
    pub async fn connect_patiently(&self, stop: &CancellationToken) -> Option<Client> {
        let mut attempts: u32 = 0;
        loop {
            let error = tokio::select! {
                () = stop.cancelled() => return None,
                result = self.connect() => match result {
                    Ok(client) => return Some(client),
                    Err(error) => error,
                },
            };
            if attempts.is_multiple_of(REMINDER) {
                tracing::warn!(connection = self.name, servers = ?self.urls, %error, "NATS is not there yet; waiting for it");
            }
            attempts = attempts.wrapping_add(1);
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

fn log(connection: &str, event: &Event) {
    match event {
        Event::Connected => tracing::info!(connection, "connected to NATS"),
        Event::Disconnected => {
            tracing::warn!(connection, "NATS connection lost; it comes back by itself")
        }
        Event::ServerError(error) => tracing::error!(connection, %error, "NATS server says"),
        Event::ClientError(error) => tracing::warn!(connection, %error, "NATS connection"),
        Event::SlowConsumer(_) => {
            tracing::error!(connection, "logins come faster than they are taken: some were lost");
        }
        other => tracing::debug!(connection, event = %other, "NATS connection"),
    }
}
