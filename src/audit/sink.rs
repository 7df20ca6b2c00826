//! From an event to an acknowledgement by JetStream.

use std::{future::Future, sync::Arc, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{
        self,
        stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
    },
};
use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Event, SUBJECT_PREFIX};
use crate::config::AuditSettings;

/// How many events may wait; beyond it a grant is refused and a refusal is only logged.
const QUEUE: usize = 20_000;
/// How many events are on their way at once.
const IN_FLIGHT: usize = 1024;
/// How long one attempt may take, and the pause after one that failed.
const ATTEMPT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(250);

/// Tells when an event is safe. May be thrown away: the event goes its way all the same.
#[derive(Debug)]
pub struct Receipt(Option<oneshot::Receiver<()>>);

impl Receipt {
    /// A receipt, and what makes it say yes.
    #[must_use]
    pub fn new() -> (oneshot::Sender<()>, Self) {
        let (done, receipt) = oneshot::channel();
        (done, Self(Some(receipt)))
    }

    /// The receipt of an event that could not be taken.
    #[must_use]
    pub fn never() -> Self {
        Self(None)
    }

    /// Waits until the event is safe (`true`) or it is clear that it will not be (`false`).
    pub async fn is_safe(self) -> bool {
        match self.0 {
            Some(receipt) => receipt.await.is_ok(),
            None => false,
        }
    }
}

/// Something that keeps events.
pub trait Recorder: Send + Sync {
    /// Takes an event; it goes its way whether or not anybody waits for the receipt.
    fn record(&self, event: Event) -> Receipt;
}

struct Pending {
    event: Event,
    done: oneshot::Sender<()>,
}

/// The way to the audit stream: a bounded queue, many events under way at once, each tried
/// until it is acknowledged. `Nats-Msg-Id` lets JetStream drop what arrives twice.
#[derive(Debug, Clone)]
pub struct Sink {
    queue: mpsc::Sender<Pending>,
}

impl Recorder for Sink {
    fn record(&self, event: Event) -> Receipt {
        let (done, receipt) = Receipt::new();
        if let Err(error) = self.queue.try_send(Pending { event, done }) {
            tracing::error!(%error, "an audit event was lost: the queue to the audit stream is full");
        }
        receipt
    }
}

impl Sink {
    /// The sink, and the task that delivers. The task ends after all senders are gone and
    /// everything is delivered, or `give_up` is cancelled; it returns how many events were
    /// not acknowledged.
    pub fn new(
        context: jetstream::Context,
        stream: String,
        give_up: CancellationToken,
    ) -> (Self, impl Future<Output = usize>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        (Self { queue }, deliver_all(context, stream, waiting, give_up))
    }
}

async fn deliver_all(
    context: jetstream::Context,
    stream: String,
    mut waiting: mpsc::Receiver<Pending>,
    give_up: CancellationToken,
) -> usize {
    let slots = Arc::new(Semaphore::new(IN_FLIGHT));
    let lost = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let under_way = TaskTracker::new();
    let stream: Arc<str> = stream.into();
    while let Some(pending) = waiting.recv().await {
        // Closed is impossible: the semaphore lives here.
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
        let (context, stream) = (context.clone(), Arc::clone(&stream));
        let (give_up, lost) = (give_up.clone(), Arc::clone(&lost));
        under_way.spawn(async move {
            let delivered = tokio::select! {
                () = deliver(&context, &stream, &pending.event) => true,
                () = give_up.cancelled() => false,
            };
            if delivered {
                // Nobody waits for a refusal's receipt.
                let _ = pending.done.send(());
            } else {
                lost.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
            drop(slot);
        });
    }
    under_way.close();
    under_way.wait().await;
    lost.load(std::sync::atomic::Ordering::Relaxed)
}

/// Publishes an event until JetStream acknowledges it.
async fn deliver(context: &jetstream::Context, stream: &str, event: &Event) {
    let mut complained = false;
    loop {
        let outcome = tokio::time::timeout(ATTEMPT, attempt(context, stream, event)).await;
        let error = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => "no acknowledgement in time".to_owned(),
        };
        if !complained {
            tracing::warn!(
                event = event.id,
                error,
                "an audit event is not acknowledged yet; trying on"
            );
            complained = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn attempt(context: &jetstream::Context, stream: &str, event: &Event) -> Result<(), String> {
    let mut headers = HeaderMap::new();
    headers.insert(async_nats::header::NATS_MESSAGE_ID, event.id.as_str());
    headers.insert(async_nats::header::NATS_EXPECTED_STREAM, stream);
    let payload = Bytes::from(event.payload.clone());
    let acknowledgement = context
        .publish_with_headers(event.subject.clone(), headers, payload)
        .await
        .map_err(|error| error.to_string())?;
    acknowledgement.await.map(drop).map_err(|error| error.to_string())
}

/// Creates the stream if it is not there, trying until `stop`. A stream that is there is left
/// as it is.
pub async fn ensure_stream(
    context: &jetstream::Context,
    settings: &AuditSettings,
    stop: &CancellationToken,
) {
    let mut complained = false;
    loop {
        let outcome = tokio::select! {
            () = stop.cancelled() => return,
            outcome = context.get_or_create_stream(stream_config(settings)) => outcome,
        };
        match outcome {
            Ok(stream) => {
                let found = &stream.cached_info().config;
                if !found.subjects.contains(&format!("{SUBJECT_PREFIX}.>")) {
                    tracing::error!(
                        stream = settings.stream,
                        "the audit stream does not take `{SUBJECT_PREFIX}.>`: no event can be recorded"
                    );
                }
                return;
            }
            Err(error) if !complained => {
                tracing::warn!(stream = settings.stream, %error, "the audit stream is not available yet");
                complained = true;
            }
            Err(_) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn stream_config(settings: &AuditSettings) -> Config {
    Config {
        name: settings.stream.clone(),
        description: Some("hallpass: every decision, refusals included".to_owned()),
        subjects: vec![format!("{SUBJECT_PREFIX}.>")],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        max_age: settings.max_age,
        num_replicas: settings.replicas,
        duplicate_window: Duration::from_secs(120),
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        ..Config::default()
    }
}
