//! An instance's trail from its start to its stop.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream;
use jiff::Timestamp;
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    Class, Event, OnItsWay, Recorder, Sink, SpoolError,
    event::{self, Recorded, Started},
    heads, meter, sink,
    sink::{Undelivered, Work},
    stream,
};
use crate::{
    config::{AuditMode, AuditSettings},
    names::InstanceId,
    policy::PolicySet,
};

/// How long the stream may take, once hallpass stops, for what it has not acknowledged yet.
const DRAIN: Duration = Duration::from_secs(5);

/// What an instance records, from its first event to its last.
pub struct Trail {
    sink: Arc<Sink>,
    instance: InstanceId,
    work: Work,
    checkpoints: JoinHandle<()>,
    /// Nothing is recorded any more but the last checkpoint.
    last: CancellationToken,
    /// Told once the stream is there.
    ready: CancellationToken,
}

impl Trail {
    /// Starts it: the first event says which instance this is.
    ///
    /// # Errors
    /// Where the spool cannot be written.
    pub fn start(
        context: &jetstream::Context,
        settings: &AuditSettings,
        instance: InstanceId,
        policy: &PolicySet,
        host: &str,
        issuers: Vec<&str>,
    ) -> Result<Self, SpoolError> {
        let ready = CancellationToken::new();
        let trouble = Arc::new(Notify::new());
        let (sink, work, resumes) = sink::start(context, settings, instance, &ready, &trouble)?;
        let mode = match settings.mode {
            AuditMode::Strict { .. } => "strict",
            AuditMode::Spool { .. } => "spool",
        };
        let (pid, key) = (std::process::id(), settings.signer.public_key());
        let started = Started { host, pid, mode, key, issuers, resumes };
        let recorded = Recorded::new(instance, policy);
        record(&sink, event::started(&started, Timestamp::now(), recorded));
        let last = CancellationToken::new();
        {
            let (context, settings) = (context.clone(), settings.clone());
            let (ready, last) = (ready.clone(), last.clone());
            tokio::spawn(async move {
                let keeping = async {
                    let found = stream::ensure(&context, &settings).await;
                    ready.cancel();
                    stream::watch(&context, &settings, found, &trouble).await;
                };
                tokio::select! {
                    () = keeping => {}
                    () = last.cancelled() => {}
                }
            });
        }
        let (settings, own, stop) = (settings.clone(), Arc::clone(&sink), last.clone());
        let keeping = heads::keep_checkpoints(context.clone(), settings, instance, own, stop);
        let checkpoints = tokio::spawn(keeping);
        Ok(Self { sink, instance, work, checkpoints, last, ready })
    }

    /// What takes events.
    #[must_use]
    pub fn recorder(&self) -> Arc<dyn Recorder> {
        Arc::clone(&self.sink) as _
    }

    /// Tells at any time, also after the end, what is on its way.
    pub fn meter(&self) -> impl Fn() -> OnItsWay + Send + Sync + use<> {
        let (sink, windows) = (Arc::clone(&self.sink), self.work.windows());
        move || meter::read(&sink, &windows)
    }

    /// Waits until the stream is there.
    pub async fn ready(&self) {
        self.ready.cancelled().await;
    }

    /// Ends it: says so, signs for everything, and gives what is left its time. `why` is told
    /// where hallpass ends by itself.
    pub async fn stop(self, why: Option<&str>) -> Undelivered {
        let recorded = Recorded::itself(self.instance);
        record(&self.sink, event::stopped(why, Timestamp::now(), recorded));
        self.last.cancel();
        // A panic there has been logged; a chain without a last checkpoint tells the rest.
        let _ = self.checkpoints.await;
        self.work.finish(DRAIN).await
    }
}

fn record(sink: &Sink, event: Result<Event, serde_json::Error>) {
    match event {
        Ok(event) => drop(sink.record(event, Class::Own)),
        Err(error) => tracing::error!(%error, "an audit event could not be written"),
    }
}
