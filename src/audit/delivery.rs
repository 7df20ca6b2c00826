//! From the window to the stream: many events under way at once, in the order of the chain.
//!
//! Where an acknowledgement does not come, nothing more is sent until it is known what became of
//! those under way: their instance's events are looked up on the stream, and what is not there is
//! sent again. So no event is there twice, however long that takes.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{self, context::PublishError, publish::PublishAck},
};
use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    chain::{Sealed, event_id},
    floor::{Floor, State},
    parked::{self, Parked},
    shared::Shared,
    spool,
    stream::{self, LookUpError},
    window::Outgoing,
};
use crate::names::InstanceId;

/// How many events are on their way at once. As many as a server that syncs its disk for each of
/// them acknowledges within [`ATTEMPT`].
const IN_FLIGHT: usize = 256;
/// How long one attempt may take: a login waits no longer than its deadline, and there should be
/// time for a second one.
const ATTEMPT: Duration = Duration::from_millis(900);
/// The pause after an attempt that failed.
const PAUSE: Duration = Duration::from_millis(100);

/// What became of an event: its sequence in the chain, and in the stream.
type Sent = (u64, Result<u64, NotSent>);

#[derive(Debug, thiserror::Error)]
enum NotSent {
    #[error("the stream has a message with its id already")]
    Taken,
    #[error(transparent)]
    Refused(#[from] PublishError),
    #[error("JetStream never takes it")]
    Never { is_kept: bool },
    #[error("it cannot be read from the disk: {0}")]
    Unreadable(std::io::Error),
}

/// Delivers what is in a window.
pub(super) struct Delivery {
    pub(super) context: jetstream::Context,
    pub(super) stream: Arc<str>,
    pub(super) instance: InstanceId,
    pub(super) shared: Arc<Shared>,
    /// Where those are that are not in memory.
    pub(super) directory: Option<PathBuf>,
    /// Where those go that the stream never takes.
    pub(super) parked: Arc<Parked>,
    /// Told when something may be wrong with the stream, or is right again.
    pub(super) trouble: Arc<Notify>,
    /// Told once the stream is there.
    pub(super) ready: CancellationToken,
    /// Nothing more comes: ends once everything is on the stream.
    pub(super) finish: CancellationToken,
    /// Ends as soon as it can.
    pub(super) give_up: CancellationToken,
}

impl Delivery {
    /// Until everything is delivered after `finish`, or until `give_up`.
    pub(super) async fn run(self) {
        tokio::select! {
            () = async {
                self.ready.cancelled().await;
                // Nothing was sent yet: this only notes where the stream ends.
                self.look_up(None, None).await;
                tokio::join!(self.deliver(), self.try_out());
            } => {}
            () = self.give_up.cancelled() => {}
        }
    }

    /// Delivers what another instance left, of which some may be on the stream.
    ///
    /// After `floor` those stand.
    pub(super) async fn resume(self, floor: Floor) {
        tokio::select! {
            () = async {
                self.ready.cancelled().await;
                self.look_up(None, Some(floor)).await;
                self.deliver().await;
            } => {}
            () = self.give_up.cancelled() => {}
        }
    }

    async fn deliver(&self) {
        // For the sending, and for the acknowledgement. Looking up may take longer.
        let mut publishing = self.context.clone();
        publishing.set_timeout(ATTEMPT);
        let mut under_way: FuturesUnordered<BoxFuture<'_, Sent>> = FuturesUnordered::new();
        loop {
            while under_way.len() < IN_FLIGHT {
                let Some(next) = self.shared.take_next() else { break };
                // Sent here, one after the other, so that they leave in order.
                let sent = self.send(next, &publishing).await;
                under_way.push(sent);
            }
            let is_done = self.finish.is_cancelled() && under_way.is_empty();
            if is_done && self.shared.lock().window.pending() == 0 {
                return;
            }
            tokio::select! {
                Some(sent) = under_way.next() => {
                    if let Err(error) = self.note(sent) {
                        // What becomes of the others is known soon.
                        while let Some(sent) = under_way.next().await {
                            // The first error says enough.
                            let _ = self.note(sent);
                        }
                        self.look_up(Some(error), None).await;
                    }
                }
                // Whoever else is about to record goes first: one write to the server for many.
                () = self.shared.news.notified() => tokio::task::yield_now().await,
                () = self.finish.cancelled(), if !self.finish.is_cancelled() => {}
            }
        }
    }

    /// Takes note of what became of an event; an error is one that another attempt may mend.
    fn note(&self, (sequence, outcome): Sent) -> Result<(), NotSent> {
        if matches!(outcome, Err(NotSent::Taken)) {
            self.shared.lock().window.id_is_taken(sequence);
        }
        match outcome {
            Ok(at) => self.shared.delivered(sequence, at),
            Err(NotSent::Never { is_kept }) => self.shared.park(sequence, is_kept),
            Err(NotSent::Unreadable(error)) => {
                self.shared.park(sequence, false);
                self.parked.tell(event_id(self.instance, sequence));
                tracing::error!(sequence, %error, "an audit event cannot be read from the spool");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Publishes an event; what comes back waits for the acknowledgement.
    async fn send(&self, next: Outgoing, publishing: &jetstream::Context) -> BoxFuture<'_, Sent> {
        let event = match next {
            Outgoing::Ready(event) => event,
            Outgoing::Stored(sequence, hash, place) => {
                let subject = self.shared.lock().window.subject(sequence);
                let directory = self.directory.clone().unwrap_or_default();
                let read = move || spool::read_event(&directory, place);
                let read = tokio::task::spawn_blocking(read).await;
                match read.map_err(std::io::Error::other).and_then(|it| it) {
                    Ok(payload) => Sealed { sequence, hash, subject, payload },
                    Err(error) => {
                        let outcome = Err(NotSent::Unreadable(error));
                        return Box::pin(std::future::ready((sequence, outcome)));
                    }
                }
            }
        };
        let sequence = event.sequence;
        let published = self.publish(event.clone(), publishing).await;
        Box::pin(async move {
            let acknowledged = match published {
                Ok(acknowledgement) => acknowledgement.await,
                Err(error) => Err(error),
            };
            let outcome = match acknowledged {
                // Whether what it has is this event has to be looked up.
                Ok(PublishAck { duplicate: true, .. }) => Err(NotSent::Taken),
                Ok(PublishAck { sequence, .. }) => Ok(sequence),
                Err(error) if parked::is_for_good(&error) => {
                    let is_kept = self.parked.keep(self.instance, event, &error).await;
                    Err(NotSent::Never { is_kept })
                }
                Err(error) => Err(error.into()),
            };
            (sequence, outcome)
        })
    }

    async fn publish(
        &self,
        event: Sealed,
        publishing: &jetstream::Context,
    ) -> Result<impl Future<Output = Result<PublishAck, PublishError>> + use<>, PublishError> {
        let mut headers = HeaderMap::new();
        if !self.shared.lock().window.is_without_id(event.sequence) {
            let id = event_id(self.instance, event.sequence);
            headers.insert(async_nats::header::NATS_MESSAGE_ID, id);
        }
        headers.insert(async_nats::header::NATS_EXPECTED_STREAM, &*self.stream);
        let sent = publishing.publish_with_headers(event.subject, headers, event.payload).await;
        sent.map(IntoFuture::into_future)
    }

    /// Finds out what the stream has, as often as it takes; the rest is to be sent again.
    ///
    /// `floor` is that of what another instance sent.
    async fn look_up(&self, why: Option<NotSent>, floor: Option<Floor>) {
        let mut why = why.map(|error| error.to_string());
        let mut complained = false;
        loop {
            if let Some(error) = why.take() {
                if !std::mem::replace(&mut complained, true) {
                    tracing::warn!(error, "audit events are not acknowledged; they are kept");
                    self.trouble.notify_one();
                }
                tokio::time::sleep(PAUSE).await;
            }
            match self.ask(floor).await {
                Ok(state) => {
                    if self.shared.looked_up(state) {
                        tracing::error!(
                            instance = %self.instance,
                            "somebody else put messages on the audit stream under the ids of this \
                             instance's events; the events are sent without an id"
                        );
                    }
                    if complained {
                        tracing::info!("audit events are acknowledged again");
                        self.trouble.notify_one();
                    }
                    return;
                }
                Err(error) => why = Some(error.to_string()),
            }
        }
    }

    /// Asks the stream's leader which of the events that were sent are there. Returns how the
    /// stream was just before that: what is not found and gets there yet stands after its end.
    async fn ask(&self, floor: Option<Floor>) -> Result<State, LookUpError> {
        let (context, stream) = (&self.context, &*self.stream);
        let state = stream::state(context, stream).await?;
        let Some(floor) = floor.or_else(|| self.shared.floor_of_sent()) else { return Ok(state) };
        let mut after = floor.on(state);
        loop {
            for head in stream::recorded(context, stream, self.instance, after + 1).await? {
                self.shared.delivered_as(head);
            }
            // Before somebody else is accused of having taken an id, all of it is looked at.
            if after == 0 || !self.shared.lock().window.has_taken() {
                return Ok(state);
            }
            after = 0;
        }
    }

    /// Asks for what is not there, once: where the server does not let us look up, it says so now,
    /// and not when something is to be looked up.
    async fn try_out(&self) {
        let asked = stream::recorded(&self.context, &self.stream, self.instance, u64::MAX).await;
        if let Err(error) = asked {
            tracing::debug!(%error, "looking up was tried out");
        }
    }
}
