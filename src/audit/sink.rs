//! From an event to an acknowledgement by JetStream.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_nats::{
    HeaderMap,
    jetstream::{
        self,
        context::{PublishError, PublishErrorKind},
        stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
    },
};
use tokio::sync::{
    Semaphore,
    mpsc::{self, error::TrySendError},
    oneshot,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Event, SUBJECT_PREFIX,
    chain::{Chain, Sealed, event_id},
};
use crate::{config::AuditSettings, names::InstanceId};

/// How many events may wait in a lane; beyond it a grant is refused and a refusal is only logged.
const QUEUE: usize = 20_000;
/// How many events of a lane are on their way at once.
const IN_FLIGHT: usize = 1024;
/// How long one attempt may take. A login waits no longer than its deadline, so what it waits for
/// has more than one attempt within that.
const ATTEMPT: (Duration, Duration) = (Duration::from_millis(450), Duration::from_secs(2));
/// The pause after an attempt that failed.
const PAUSE: Duration = Duration::from_millis(100);

/// Whether somebody waits for the event. Each lane has a queue of its own, so that a flood of
/// refusals does not keep a grant waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A grant goes out once its event is safe.
    Awaited,
    /// Refusals, requests that were dropped, changes of the maps.
    Background,
}

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
    fn record(&self, event: Event, lane: Lane) -> Receipt;
}

struct Pending {
    event: Sealed,
    done: oneshot::Sender<()>,
}

/// The way to the audit stream: two bounded queues, many events under way at once, each tried
/// until it is acknowledged. `Nats-Msg-Id` lets JetStream drop what arrives twice.
#[derive(Debug)]
pub struct Sink {
    chain: Mutex<Chain>,
    awaited: mpsc::Sender<Pending>,
    background: mpsc::Sender<Pending>,
}

impl Recorder for Sink {
    fn record(&self, event: Event, lane: Lane) -> Receipt {
        let (done, receipt) = Receipt::new();
        let queue = match lane {
            Lane::Awaited => &self.awaited,
            Lane::Background => &self.background,
        };
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        match event.seal(&mut chain, None) {
            Ok(event) => {
                if let Err(error) = queue.try_send(Pending { event, done }) {
                    let (TrySendError::Full(lost) | TrySendError::Closed(lost)) = &error;
                    tracing::error!(event = lost.event.sequence, "an audit event was lost");
                }
            }
            Err(error) => tracing::error!(%error, "an audit event could not be sealed"),
        }
        receipt
    }
}

impl Sink {
    /// The sink, and the task that delivers. The task ends after all senders are gone and
    /// everything is delivered, or when `give_up` is cancelled; it returns how many events were
    /// not acknowledged.
    pub fn new(
        context: jetstream::Context,
        stream: &str,
        instance: InstanceId,
        give_up: CancellationToken,
    ) -> (Self, impl Future<Output = usize> + use<>) {
        let (awaited, first) = mpsc::channel(QUEUE);
        let (background, second) = mpsc::channel(QUEUE);
        let lane = |attempt| Delivery {
            context: context.clone(),
            stream: stream.into(),
            instance,
            attempt,
            give_up: give_up.clone(),
        };
        let first = lane(ATTEMPT.0).run(first);
        let second = lane(ATTEMPT.1).run(second);
        let delivery = async move {
            let (first, second) = tokio::join!(first, second);
            first + second
        };
        let chain = Mutex::new(Chain::new(instance));
        (Self { chain, awaited, background }, delivery)
    }
}

/// Delivers what comes on one lane.
#[derive(Clone)]
struct Delivery {
    context: jetstream::Context,
    stream: Arc<str>,
    instance: InstanceId,
    attempt: Duration,
    give_up: CancellationToken,
}

impl Delivery {
    async fn run(self, mut waiting: mpsc::Receiver<Pending>) -> usize {
        let slots = Arc::new(Semaphore::new(IN_FLIGHT));
        let undelivered = Arc::new(AtomicUsize::new(0));
        let under_way = TaskTracker::new();
        loop {
            let next = async {
                // Closed is impossible: the semaphore lives here.
                let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
                Some((slot, waiting.recv().await?))
            };
            let next = tokio::select! {
                next = next => next,
                () = self.give_up.cancelled() => None,
            };
            let Some((slot, Pending { event, done })) = next else { break };
            let (delivery, undelivered) = (self.clone(), Arc::clone(&undelivered));
            under_way.spawn(async move {
                tokio::select! {
                    delivered = delivery.deliver(&event) => if delivered {
                        // Nobody waits for a refusal's receipt.
                        let _ = done.send(());
                    },
                    () = delivery.give_up.cancelled() => {
                        undelivered.fetch_add(1, Ordering::Relaxed);
                    }
                }
                drop(slot);
            });
        }
        under_way.close();
        under_way.wait().await;
        waiting.close();
        let mut still_waiting = 0;
        while waiting.try_recv().is_ok() {
            still_waiting += 1;
        }
        undelivered.load(Ordering::Relaxed) + still_waiting
    }

    /// Publishes an event until JetStream acknowledges it; `false` where it never will, because no
    /// message may be as large as this event.
    async fn deliver(&self, event: &Sealed) -> bool {
        let mut complained = false;
        loop {
            let error = match tokio::time::timeout(self.attempt, self.publish(event)).await {
                Ok(Ok(())) => return true,
                Ok(Err(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                    let (event, bytes) = (event.sequence, event.payload.len());
                    tracing::error!(event, bytes, %error, "an audit event was lost");
                    return false;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no acknowledgement in time".to_owned(),
            };
            if !complained {
                tracing::warn!(
                    event = event.sequence,
                    error,
                    "an audit event is not acknowledged yet"
                );
                complained = true;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn publish(&self, event: &Sealed) -> Result<(), PublishError> {
        let mut headers = HeaderMap::new();
        let id = event_id(self.instance, event.sequence);
        headers.insert(async_nats::header::NATS_MESSAGE_ID, id);
        headers.insert(async_nats::header::NATS_EXPECTED_STREAM, &*self.stream);
        let payload = event.payload.clone();
        let acknowledgement =
            self.context.publish_with_headers(event.subject.clone(), headers, payload).await?;
        acknowledgement.await.map(drop)
    }
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
