//! Checkpoints: signing one's own, and hearing those of others to name them in it.
//!
//! An instance that is gone cannot say that the end of its chain is missing; another that named
//! it can.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_nats::{Subscriber, jetstream};
use futures_util::StreamExt as _;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{
    SUBJECT_PREFIX, Sink,
    chain::{Head, Link},
    stream,
};
use crate::{config::AuditSettings, names::InstanceId};

/// How many other chains one checkpoint names: those that began last.
const MOST: usize = 256;

/// What was heard of others since the last checkpoint.
struct Heard<'a> {
    own: InstanceId,
    signers: &'a BTreeSet<String>,
    heads: BTreeMap<InstanceId, Head>,
}

impl Heard<'_> {
    /// Takes note of a checkpoint, if it is one that somebody signed who is believed. Where it
    /// says that there was nothing new, hearing it is nothing new either: else two idle instances
    /// would go on for ever.
    fn note(&mut self, payload: &[u8], even_if_idle: bool) {
        let Ok((link, said)) = Link::read(payload) else { return };
        let is_signed = self.signers.iter().any(|signer| link.is_signed_by(signer));
        let is_idle = said.pointer("/data/new").and_then(serde_json::Value::as_u64) == Some(0)
            && said.pointer("/data/final").is_none();
        if !is_signed || link.head.instance == self.own || is_idle && !even_if_idle {
            return;
        }
        let newest = self.heads.entry(link.head.instance).or_insert(link.head);
        if newest.sequence < link.head.sequence {
            *newest = link.head;
        }
        if self.heads.len() > MOST {
            self.heads.pop_first();
        }
    }

    fn take(&mut self) -> Vec<Head> {
        std::mem::take(&mut self.heads).into_values().collect()
    }
}

/// Signs a checkpoint as soon as the stream has said what others last signed, and from then on as
/// often as the settings say, until `stop`; then the last one: nothing is recorded after it.
pub(super) async fn keep_checkpoints(
    context: jetstream::Context,
    settings: AuditSettings,
    own: InstanceId,
    sink: std::sync::Arc<Sink>,
    stop: CancellationToken,
) {
    let mut heard = Heard { own, signers: &settings.signers, heads: BTreeMap::new() };
    let keeping = async {
        let mut news = subscribe(&context).await;
        for payload in earlier(&context, &settings.stream).await {
            heard.note(&payload, true);
        }
        let mut ticks = tokio::time::interval(settings.checkpoint_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => sink.checkpoint(heard.take(), false),
                payload = next(&mut news) => heard.note(&payload, false),
            }
        }
    };
    tokio::select! {
        () = keeping => {}
        () = stop.cancelled() => {}
    }
    sink.checkpoint(heard.take(), true);
}

/// What others sign from now on; it is heard as it is published.
async fn subscribe(context: &jetstream::Context) -> Option<Subscriber> {
    let subject = format!("{SUBJECT_PREFIX}.checkpoint.>");
    match context.client().subscribe(subject).await {
        Ok(news) => Some(news),
        Err(error) => {
            tracing::error!(%error, "the checkpoints of other instances are not heard");
            None
        }
    }
}

async fn next(news: &mut Option<Subscriber>) -> bytes::Bytes {
    match news {
        Some(news) => match news.next().await {
            Some(message) => message.payload,
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

/// What the stream has of others, whether they still run or not.
async fn earlier(context: &jetstream::Context, stream: &str) -> Vec<bytes::Bytes> {
    let mut complained = false;
    loop {
        match stream::checkpoints(context, stream).await {
            Ok(found) => return found,
            Err(error @ stream::LookUpError::Refused(_)) => {
                tracing::warn!(%error, "earlier checkpoints are not named in this instance's first");
                return Vec::new();
            }
            Err(error) if !complained => {
                tracing::debug!(%error, "not yet");
                complained = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
