//! Connecting to NATS: patient at the start, patient ever after, and saying so.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event};
use nkeys::KeyPair;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use crate::{
    callout::{SUBJECT, advisory, connz},
    config::{ClientCertificate, NatsSettings, ReaderSettings},
};

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(500);
/// How often the log says that hallpass is still waiting.
const REMINDER: u32 = 20;

/// How many messages of a subscription may wait to be read; what comes beyond it is lost, counted
/// and said. A second of connects and disconnects of a fleet that comes back at once.
const WAITING: usize = 65_536;

/// What the inboxes of the audit reader begin with.
pub const AUDIT_READER_INBOX: &str = "_INBOX.hallpass-reader";

/// What the inboxes of who listens in the system account begin with.
pub const SYSTEM_INBOX: &str = "_INBOX.hallpass-system";

/// Where the instances are asked how they are, in the callout account.
pub const STATUS_SUBJECT: &str = "hallpass.status.issuers";
/// What the inboxes begin with that they answer to.
pub const STATUS_INBOX: &str = "_INBOX.hallpass-status";

/// Who connects, and how.
#[derive(Debug, Clone, Copy)]
pub struct Connection<'a> {
    /// The name that the server's connection list shows.
    pub name: &'static str,
    /// One or more servers of one cluster.
    pub urls: &'a [String],
    /// Certificates to believe instead of the system's, in PEM.
    pub ca_file: Option<&'a Path>,
    /// What to show where the server asks for a certificate.
    pub certificate: Option<&'a ClientCertificate>,
    /// The user's nkey seed.
    pub seed: &'a SecretString,
    /// What the connection's inboxes begin with: its permissions name it.
    pub inbox_prefix: &'static str,
    /// Where it is noted what the server says of itself; absent: nobody wants to know.
    pub notes: Option<&'a Arc<Notes>>,
}

/// What a server said on a connection that lasts.
#[derive(Debug, Default)]
pub struct Notes {
    /// It does not let this connection take logins.
    pub denied: AtomicBool,
    /// It does not let this connection ask the instances, or be asked, or hear the answers.
    pub unheard: AtomicBool,
    /// It is about to stop, and takes no more clients (lame duck mode).
    pub leaving: AtomicBool,
}

impl<'a> Connection<'a> {
    /// Who reads the audit stream and does nothing else.
    #[must_use]
    pub fn audit_reader(name: &'static str, settings: &'a ReaderSettings) -> Self {
        Self {
            name,
            urls: &settings.urls,
            ca_file: settings.ca_file.as_deref(),
            certificate: settings.certificate.as_ref(),
            seed: &settings.reader_seed,
            inbox_prefix: AUDIT_READER_INBOX,
            notes: None,
        }
    }

    /// Who asks the instances how they are: the service user beside them.
    #[must_use]
    pub fn status(name: &'static str, settings: &'a NatsSettings) -> Self {
        Self {
            name,
            urls: &settings.urls,
            ca_file: settings.ca_file.as_deref(),
            certificate: settings.certificate.as_ref(),
            seed: &settings.service_seed,
            inbox_prefix: STATUS_INBOX,
            notes: None,
        }
    }

    /// Once `stop` is asked for, it is no news that the connection ends.
    fn options(&self, stop: CancellationToken) -> ConnectOptions {
        let said = Said { notes: self.notes.cloned().unwrap_or_default(), ..Said::default() };
        let name = self.name;
        let mut options = ConnectOptions::with_nkey(self.seed.expose_secret().to_owned())
            .name(name)
            .custom_inbox_prefix(self.inbox_prefix)
            .subscription_capacity(WAITING)
            .max_reconnects(None)
            .reconnect_delay_callback(|attempts| match attempts {
                0 | 1 => Duration::ZERO,
                _ => PAUSE,
            })
            // A server that others name (gossip) must not be spoken to in the clear either.
            .require_tls(self.urls.iter().any(|url| url.starts_with("tls://")))
            .event_callback(move |event| {
                match event {
                    Event::Disconnected if stop.is_cancelled() => {}
                    event => log(name, &event, &said),
                }
                std::future::ready(())
            });
        if let Some(path) = self.ca_file {
            options = options.add_root_certificates(path.to_owned());
        }
        if let Some(ClientCertificate { certificate, key }) = self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        options
    }

    /// Connects once.
    ///
    /// # Errors
    /// Why not.
    pub async fn connect(&self) -> Result<Client, ConnectError> {
        self.connect_until(&CancellationToken::new()).await
    }

    /// Connects once. When the connection ends after `stop` was asked for, that is no news.
    ///
    /// # Errors
    /// Why not.
    pub async fn connect_until(&self, stop: &CancellationToken) -> Result<Client, ConnectError> {
        self.options(stop.clone()).connect(self.urls).await
    }

    /// Connects once, to this server alone: the others of its cluster, which it names, are nobody
    /// to fall back to. When the connection ends after `stop` was asked for, that is no news.
    ///
    /// # Errors
    /// Why not.
    pub async fn connect_alone(&self, stop: &CancellationToken) -> Result<Client, ConnectError> {
        self.options(stop.clone()).ignore_discovered_servers().connect(self.urls).await
    }

    /// Why there is no connection, in a sentence for people.
    #[must_use]
    pub fn why_not(&self, error: &ConnectError) -> String {
        let servers = self.urls.join(", ");
        if error.kind() == ConnectErrorKind::AuthorizationViolation {
            return format!(
                "NATS refuses hallpass's own user {} at {servers}; does the server's configuration \
                 name this nkey, among `auth_users` too?",
                self.user()
            );
        }
        format!(
            "NATS is not there at {servers}: {error}; does nats-server run, and is `nats.urls` right"
        )
    }

    /// The same, for who goes on trying.
    #[must_use]
    pub fn why_not_yet(&self, error: &ConnectError) -> String {
        match error.kind() {
            ConnectErrorKind::AuthorizationViolation => self.why_not(error),
            _ => format!("NATS is not there yet at {}: {error}", self.urls.join(", ")),
        }
    }

    /// The public nkey of the user.
    #[must_use]
    pub fn user(&self) -> String {
        let key = KeyPair::from_seed(self.seed.expose_secret());
        key.map(|key| key.public_key()).unwrap_or_default()
    }

    /// Connects, however long it takes; `None` where `stop` comes first. From then on the
    /// connection comes back by itself.
    pub async fn connect_patiently(&self, stop: &CancellationToken) -> Option<Client> {
        let mut attempts: u32 = 0;
        loop {
            let error = tokio::select! {
                () = stop.cancelled() => return None,
                result = self.connect_until(stop) => match result {
                    Ok(client) => return Some(client),
                    Err(error) => error,
                },
            };
            if attempts.is_multiple_of(REMINDER) {
                tracing::warn!(
                    connection = self.name,
                    "{}; waiting for it",
                    self.why_not_yet(&error)
                );
            }
            attempts = attempts.wrapping_add(1);
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

fn is_about_status(error: &async_nats::ServerError) -> bool {
    let text = error.to_string().to_lowercase();
    [STATUS_SUBJECT, STATUS_INBOX].iter().any(|subject| text.contains(&subject.to_lowercase()))
}

fn is_about_advisories(error: &async_nats::ServerError) -> bool {
    let text = error.to_string();
    [advisory::AUTH_ERRORS, advisory::CONNECTS, advisory::DISCONNECTS]
        .iter()
        .any(|subject| text.to_lowercase().contains(&subject.to_lowercase()))
}

fn is_about_looking(error: &async_nats::ServerError) -> bool {
    let text = error.to_string().to_lowercase();
    [connz::SUBJECT, SYSTEM_INBOX].iter().any(|subject| text.contains(&subject.to_lowercase()))
}

/// What was said of a connection, so that it is not said too often.
#[derive(Default)]
struct Said {
    complained: AtomicBool,
    /// How many messages were lost.
    lost: AtomicU64,
    cannot_look: AtomicBool,
    notes: Arc<Notes>,
    /// Whether it was said that questions for the status are denied: some are asked all the time.
    status_denied: AtomicBool,
}

fn log(connection: &str, event: &Event, said: &Said) {
    let Said { complained, lost, cannot_look, notes, status_denied } = said;
    match event {
        Event::Connected => {
            complained.store(false, Ordering::Relaxed);
            // What is subscribed to is asked for again, and denied again where it is.
            notes.denied.store(false, Ordering::Relaxed);
            notes.unheard.store(false, Ordering::Relaxed);
            notes.leaving.store(false, Ordering::Relaxed);
            tracing::info!(connection, "connected to NATS");
        }
        Event::Disconnected => {
            tracing::warn!(connection, "NATS connection lost; it comes back by itself");
        }
        Event::ServerError(error) if error.to_string().contains(SUBJECT) => {
            notes.denied.store(true, Ordering::Relaxed);
            tracing::error!(
                connection,
                %error,
                "the server does not let hallpass take logins: `callout.queue` and the permissions \
                 of the service user must name the same queue group"
            );
        }
        Event::ServerError(error) if is_about_status(error) => {
            notes.unheard.store(true, Ordering::Relaxed);
            if status_denied.swap(true, Ordering::Relaxed) {
                return;
            }
            tracing::error!(
                connection,
                %error,
                "neither `hallpass issuers status` nor HAProxy's agent-check works: the permissions \
                 of the service user do not name its subjects, as those that `hallpass init` \
                 writes do"
            );
        }
        Event::ServerError(error) if is_about_looking(error) => {
            if !cannot_look.swap(true, Ordering::Relaxed) {
                tracing::error!(
                    connection,
                    %error,
                    "a break-glass login while hallpass does not listen raises no alarm: the user of \
                     `system.seed` may not publish to `$SYS.REQ.SERVER.PING.CONNZ` and subscribe to \
                     `_INBOX.hallpass-system.>`, as the configuration allows that `hallpass init` \
                     writes"
                );
            }
        }
        Event::ServerError(error) if is_about_advisories(error) => {
            tracing::error!(
                connection,
                %error,
                "what the server tells is not recorded: its configuration does not allow this user \
                 the subject in the queue group `callout.queue`, as the one does that \
                 `hallpass init` writes"
            );
        }
        Event::ServerError(error) if error.to_string().contains("$JS.API.STREAM.MSG.GET.") => {
            tracing::error!(
                connection,
                %error,
                "after an interruption no audit event gets to the stream: the audit writer may not \
                 publish to `$JS.API.STREAM.MSG.GET.…` of the stream, by which it looks up which \
                 are there, and which the configuration has that `hallpass init` writes"
            );
        }
        Event::ServerError(error) if error.to_string().contains("$JS.API.DIRECT.GET.") => {
            tracing::error!(
                connection,
                %error,
                "no checkpoint is signed before the end: the audit writer may not publish to \
                 `$JS.API.DIRECT.GET.…` of the stream, by which it looks up what other instances \
                 last signed, and which the configuration has that `hallpass init` writes"
            );
        }
        Event::ServerError(error) => tracing::error!(connection, %error, "NATS server says"),
        // One for each attempt to come back: the first says enough.
        Event::ClientError(error) if !complained.swap(true, Ordering::Relaxed) => {
            tracing::warn!(connection, %error, "NATS connection");
        }
        // async-nats (0.51) does not keep that in what it knows of the server.
        Event::LameDuckMode => {
            notes.leaving.store(true, Ordering::Relaxed);
            tracing::info!(connection, "nats-server is about to stop");
        }
        Event::SlowConsumer(_) => {
            // One for each message, unless these are too many as well: at least so many.
            let lost = lost.fetch_add(1, Ordering::Relaxed) + 1;
            if lost.is_power_of_two() {
                tracing::error!(
                    connection,
                    lost,
                    "messages come faster than they are taken: some were lost"
                );
            }
        }
        other => tracing::debug!(connection, event = %other, "NATS connection"),
    }
}
