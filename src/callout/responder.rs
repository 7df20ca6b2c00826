//! The subscription on which servers ask: one queue group of all replicas, a bounded number of
//! logins in hand, nothing lost when it stops.

use std::{future::Future, sync::Arc, time::Duration};

use async_nats::{Client, Message, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{SUBJECT, XKEY_HEADER};
use crate::measures::Measures;

/// From being asked to stop to the last answer; above any deadline. With the audit events' time
/// after it, hallpass ends within the 10 s that service managers give.
const DRAIN: Duration = Duration::from_secs(3);
/// How long the server may take to know of the subscription before we say that we are ready.
const ROUND_TRIP: Duration = Duration::from_secs(1);
/// How many messages beyond the bound are answered `overloaded` at once; the rest is dropped,
/// because answering costs as much as deciding.
const TURNED_AWAY: usize = 256;

/// What decides a message: `None` is no answer.
pub trait Decide: Send + Sync + 'static {
    /// Decides.
    fn decide(&self, message: Taken) -> impl Future<Output = Option<Vec<u8>>> + Send;
    /// Says that there is no room to decide.
    fn turn_away(&self, message: Taken) -> impl Future<Output = Option<Vec<u8>>> + Send;
    /// Takes note of a message that names no subject for an answer.
    fn unanswerable(&self);
}

/// A message as it was read.
#[derive(Debug)]
pub struct Taken {
    /// Its payload.
    pub payload: Bytes,
    /// Its header [`XKEY_HEADER`].
    pub header_key: Option<String>,
    /// When it was read.
    pub read_at: Instant,
}

/// Why the responder ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ResponderError {
    /// The subscription could not be made.
    #[error("cannot subscribe to `{SUBJECT}`: {0}")]
    Subscribe(String),
    /// The subscription ended although nobody asked for it.
    #[error("the subscription to `{SUBJECT}` ended")]
    Ended,
}

/// Answers until `stop`; then takes no more, finishes what is in hand and returns.
///
/// `ready` is called once the server knows of the subscription.
///
/// # Errors
/// See [`ResponderError`].
pub async fn run(
    client: &Client,
    queue: &str,
    max_in_flight: usize,
    decider: Arc<impl Decide>,
    measures: Arc<Measures>,
    stop: CancellationToken,
    ready: impl FnOnce(),
) -> Result<(), ResponderError> {
    let mut requests = client
        .queue_subscribe(SUBJECT, queue.to_owned())
        .await
        .map_err(|error| ResponderError::Subscribe(error.to_string()))?;
    // What is asked meanwhile is answered: its deadline counts from when it is read.
    let known = round_trip(client);
    tokio::pin!(known);
    let mut ready = Some(ready);
    let in_hand = TaskTracker::new();
    let room = Arc::new(Semaphore::new(max_in_flight));
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY));
    let mut dropped: u64 = 0;
    let stop_by = loop {
        let message = tokio::select! {
            () = stop.cancelled() => break Some(Instant::now() + DRAIN),
            () = &mut known, if ready.is_some() => {
                if let Some(ready) = ready.take() {
                    ready();
                }
                continue;
            }
            message = requests.next() => message,
        };
        let Some(message) = message else { break None };
        let rooms = [&room, &turned_away];
        take_in_hand(client, &decider, message, &in_hand, rooms, &measures, &mut dropped);
    };
    let end = stop_by.unwrap_or_else(|| Instant::now() + DRAIN);
    if stop_by.is_some() {
        let left = async {
            leave(client, &mut requests).await;
            while let Some(Some(message)) = requests.next().now_or_never() {
                let rooms = [&room, &turned_away];
                take_in_hand(client, &decider, message, &in_hand, rooms, &measures, &mut dropped);
            }
        };
        let _ = tokio::time::timeout_at(end, left).await;
    }
    in_hand.close();
    if tokio::time::timeout_at(end, in_hand.wait()).await.is_err() {
        tracing::error!(left = in_hand.len(), "logins were still in hand at the end");
    }
    let _ = tokio::time::timeout_at(end, client.flush()).await;
    if stop_by.is_some() { Ok(()) } else { Err(ResponderError::Ended) }
}

/// Gives a message to a task of its own. The reader never waits: there is room to decide it, or
/// room to say that there is none, or it is dropped.
fn take_in_hand(
    client: &Client,
    decider: &Arc<impl Decide>,
    message: Message,
    in_hand: &TaskTracker,
    [room, turned_away]: [&Arc<Semaphore>; 2],
    measures: &Measures,
    dropped: &mut u64,
) {
    let Some((reply, taken)) = take(message) else { return decider.unanswerable() };
    let (client, decider) = (client.clone(), Arc::clone(decider));
    if let Ok(permit) = Arc::clone(room).try_acquire_owned() {
        let held = measures.take_in_hand();
        in_hand.spawn(async move {
            let answer = decider.decide(taken).await;
            send(&client, reply, answer).await;
            drop((permit, held));
        });
    } else if let Ok(permit) = Arc::clone(turned_away).try_acquire_owned() {
        in_hand.spawn(async move {
            let answer = decider.turn_away(taken).await;
            send(&client, reply, answer).await;
            drop(permit);
        });
    } else {
        *dropped += 1;
        measures.dropped_by_overload();
        // Often enough to be seen, seldom enough not to be the next thing that overloads.
        if dropped.is_power_of_two() {
            tracing::error!(dropped, "overloaded: logins were dropped without an answer");
        }
    }
}

/// Ends the subscription at the server; when this returns, all that the server had sent before is
/// there to be read.
///
/// This is what draining is for, but async-nats (0.51) forgets a subscription that drains when it
/// next looks at the connection, not when the server has confirmed: a login that was on its way
/// then would meet silence. A count that is never reached keeps the subscription here, and the
/// server, which reads counts of nine digits at most (`parseSize` in its `util.go`), ends it at
/// once. A server that took the count for what it says would send on until hallpass is gone.
async fn leave(client: &Client, requests: &mut Subscriber) {
    let _ = requests.unsubscribe_after(u64::MAX).await;
    round_trip(client).await;
}

/// Returns once the server has taken what was sent before. A flush does not tell: it ends when
/// everything is written, and a login in the moment until it is read would meet silence.
///
/// Nobody listens where this asks, and the server says so. Where it does not (a gateway may not
/// know yet), the wait ends by itself.
async fn round_trip(client: &Client) {
    let asking = client.request("$SYS._INBOX.hallpass.ready", Bytes::new());
    let _ = tokio::time::timeout(ROUND_TRIP, asking).await;
}

fn take(message: Message) -> Option<(async_nats::Subject, Taken)> {
    let read_at = Instant::now();
    let header_key = message
        .headers
        .as_ref()
        .and_then(|headers| headers.get(XKEY_HEADER))
        .map(|value| value.as_str().to_owned());
    Some((message.reply?, Taken { payload: message.payload, header_key, read_at }))
}

async fn send(client: &Client, reply: async_nats::Subject, answer: Option<Vec<u8>>) {
    let Some(answer) = answer else { return };
    if let Err(error) = client.publish(reply, answer.into()).await {
        tracing::error!(%error, "an answer could not be sent");
    }
}
