//! What is asked and measured all the time, whether or not anybody logs in.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, jetstream};
use bytes::Bytes;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::vitals::{FRESH, Vitals};
use crate::measures::{Measures, Probe};

/// Between two questions.
const EVERY: Duration = Duration::from_secs(1);
/// How long an answer is waited for; longer than anything that is told apart by its slowness.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the event loop is left alone.
const NAP: Duration = Duration::from_millis(100);
/// Where nobody listens, and the permissions of hallpass's users let them ask: the server itself
/// says at once that there is nobody.
const NOBODY: &str = "$SYS._INBOX.hallpass.probe";

/// Measures the round trip to nats-server, until `stop`.
pub async fn watch_nats(vitals: Arc<Vitals>, client: Client, stop: CancellationToken) {
    let mut ticks = ticks();
    let watching = async {
        loop {
            ticks.tick().await;
            // Without a connection, questions would pile up until there is one.
            if vitals.is_connected() {
                round_trip(&client, &vitals.measures.nats).await;
            }
        }
    };
    tokio::select! {
        () = watching => {}
        () = stop.cancelled() => {}
    }
}

/// Asks once for the answer of a server, and notes how long it took. `true` where one came.
pub async fn round_trip(client: &Client, probe: &Probe) -> bool {
    let asked = probe.ask();
    // An error says that nobody listens there: that is the answer.
    let is_there = timeout(PATIENCE, client.request(NOBODY, Bytes::new())).await.is_ok();
    if is_there {
        asked.answered();
    }
    is_there
}

/// Measures the round trip to the leader of the audit stream, until `stop`, while no
/// acknowledgement tells how JetStream is.
pub async fn watch_jetstream(
    vitals: Arc<Vitals>,
    context: jetstream::Context,
    stream: String,
    stop: CancellationToken,
) {
    let mut ticks = ticks();
    let watching = async {
        loop {
            ticks.tick().await;
            if vitals.trail().acknowledged.is_some_and(|newest| newest.ago < FRESH) {
                continue;
            }
            let asked = vitals.measures.jetstream.ask();
            // What is no stream, or has no leader, is no answer either.
            if let Ok(Ok(_)) = timeout(PATIENCE, context.get_stream(&stream)).await {
                asked.answered();
            }
        }
    };
    tokio::select! {
        () = watching => {}
        () = stop.cancelled() => {}
    }
}

/// Measures how late the event loop comes back to what waits, until `stop`.
pub async fn watch_event_loop(measures: Arc<Measures>, stop: CancellationToken) {
    let watching = async {
        loop {
            let due = Instant::now() + NAP;
            sleep(NAP).await;
            measures.lagged(due.elapsed());
        }
    };
    tokio::select! {
        () = watching => {}
        () = stop.cancelled() => {}
    }
}

/// At once and then again and again, one question at a time.
fn ticks() -> Interval {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
