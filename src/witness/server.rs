//! What servers tell: of answers that they did not take, in the callout account; of connections,
//! in the system account.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use async_nats::{Client, Subscriber};
use futures_util::{StreamExt as _, stream};
use nkeys::KeyPair;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Glass, Witness,
    glass::{self, Bell},
    now,
};
use crate::{
    audit::{
        AlarmsTold,
        event::{AnswerEvent, AnswerFate, SessionEvent},
    },
    callout::advisory::{AUTH_ERRORS, Advisory, CONNECTS, DISCONNECTS},
    config::Settings,
    nats::{Connection, SYSTEM_INBOX},
    printable,
};

/// What is still on its way when hallpass stops comes within this of one another, and all of it
/// within the second.
const LAST_WORDS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// The characters of a server's reason that are logged.
const LONGEST_REASON: usize = 300;
/// The first and the longest pause after an attempt to connect that failed. A user that the
/// server does not know is decided by the callout, so each attempt may be an event itself.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// Records what became of answers until `stop`, heard on the connection in the callout account.
/// Where the server does not allow that, hallpass lives without it.
pub async fn answers(witness: Witness, client: Client, queue: String, stop: CancellationToken) {
    let Some(heard) = listen(&client, &[AUTH_ERRORS], &queue).await else { return };
    let tell = |advisory: &Advisory| {
        if let Some(fate) = AnswerFate::of(&advisory.reason) {
            tracing::warn!(
                server = advisory.server.name,
                client = advisory.client.id,
                // Of silence, the server has nothing to say.
                reason = (!advisory.reason.is_empty())
                    .then(|| printable::shortened(&advisory.reason, LONGEST_REASON)),
                "a login failed otherwise than by a refusal of hallpass: {}",
                fate.told()
            );
            witness.answer(AnswerEvent { fate, advisory, at: now() });
        }
    };
    record(&client, heard, tell, &stop).await;
}

/// Who listens in the system account.
#[derive(Debug, Clone)]
pub struct System {
    settings: crate::config::NatsSettings,
    seed: SecretString,
    queue: String,
    /// The public nkeys of hallpass's own users.
    own: BTreeSet<String>,
    glass: Glass,
}

impl System {
    /// As the settings say; `None` where they have no `[system]`. Alarms that are `told` are not
    /// raised once more; `raised` counts the others.
    #[must_use]
    pub fn of(settings: &Settings, told: AlarmsTold, raised: Arc<AtomicU64>) -> Option<Self> {
        let system = settings.system.as_ref()?;
        let (seed, users) = (system.seed.clone(), system.break_glass.clone());
        let own = [&settings.nats.service_seed, &settings.audit.writer_seed, &seed];
        let public = |seed: &SecretString| KeyPair::from_seed(seed.expose_secret()).ok();
        Some(Self {
            own: own.into_iter().filter_map(public).map(|key| key.public_key()).collect(),
            settings: settings.nats.clone(),
            queue: settings.callout.queue.clone(),
            glass: Glass { users, told, raised },
            seed,
        })
    }
}

/// Records connections that come up and end until `stop`. Where the system account cannot be
/// reached, hallpass lives without it.
pub async fn sessions(witness: Witness, system: System, stop: CancellationToken) {
    let System { settings, seed, queue, own, glass } = system;
    let connection = Connection {
        name: "hallpass-system",
        urls: &settings.urls,
        ca_file: settings.ca_file.as_deref(),
        certificate: settings.certificate.as_ref(),
        seed: &seed,
        inbox_prefix: SYSTEM_INBOX,
        notes: None,
    };
    let Some(client) = connect(&connection, &stop).await else { return };
    let Some(heard) = listen(&client, &[CONNECTS, DISCONNECTS], &queue).await else { return };
    tracing::info!("connections are recorded");
    let bell = Bell::new(witness.clone(), &glass);
    let tell = |advisory: &Advisory| {
        if advisory.is_end_of_nothing() {
            return;
        }
        bell.hears(advisory);
        let own = advisory.client.user.as_ref().is_some_and(|user| own.contains(user));
        witness.session(SessionEvent { advisory, own, at: now() });
    };
    let looking = glass::look_out(&client, glass, &bell, &stop);
    tokio::join!(record(&client, heard, tell, &stop), looking);
}

/// As [`Connection::connect_patiently`], with pauses that grow.
async fn connect(connection: &Connection<'_>, stop: &CancellationToken) -> Option<Client> {
    let (mut pause, longest) = PAUSE;
    loop {
        let error = tokio::select! {
            () = stop.cancelled() => return None,
            outcome = connection.connect_until(stop) => match outcome {
                Ok(client) => return Some(client),
                Err(error) => error,
            },
        };
        let why = connection.why_not_yet(&error);
        tracing::warn!(connection = connection.name, "{why}; connections are not recorded");
        tokio::select! {
            () = stop.cancelled() => return None,
            () = sleep(pause) => {}
        }
        pause = longest.min(pause * 2);
    }
}

/// Subscribes to all of them, as one queue group of all replicas.
async fn listen(
    client: &Client,
    subjects: &[&'static str],
    queue: &str,
) -> Option<Vec<Subscriber>> {
    let mut heard = Vec::new();
    for subject in subjects {
        match client.queue_subscribe(*subject, queue.to_owned()).await {
            Ok(subscriber) => heard.push(subscriber),
            Err(error) => {
                tracing::error!(subject, %error, "what servers tell is not recorded");
                return None;
            }
        }
    }
    Some(heard)
}

/// Hands each advisory to `tell` until `stop`; then those that the server has sent already, which
/// no other replica gets.
async fn record(
    client: &Client,
    heard: Vec<Subscriber>,
    tell: impl Fn(&Advisory),
    stop: &CancellationToken,
) {
    let mut heard = stream::select_all(heard);
    let mut unreadable: u64 = 0;
    let mut tell = |payload: &[u8]| match Advisory::read(payload) {
        Ok(advisory) => tell(&advisory),
        Err(error) => {
            unreadable += 1;
            tracing::debug!(%error, unreadable, "a message of a server was passed over");
        }
    };
    loop {
        let message = tokio::select! {
            () = stop.cancelled() => break,
            message = heard.next() => message,
        };
        // The client is gone, and with it hallpass.
        let Some(message) = message else { return };
        tell(&message.payload);
    }
    let last_words = async {
        for subscriber in heard.iter_mut() {
            // A count that is never reached; why not a drain: see `leave` in the responder.
            let _ = subscriber.unsubscribe_after(u64::MAX).await;
        }
        let _ = client.flush().await;
        while let Ok(Some(message)) = timeout(LAST_WORDS.0, heard.next()).await {
            tell(&message.payload);
        }
    };
    // The server may be away, or never pause.
    let _ = timeout(LAST_WORDS.1, last_words).await;
}
