//! From an event to its place in the chain, and from there to the stream and the disk.

use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::{Client, jetstream};
use jiff::Timestamp;
use nkeys::KeyPair;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Event,
    chain::Head,
    delivery::Delivery,
    floor::Floor,
    ledger::Ledger,
    parked::Parked,
    recorder::{Class, Receipt, Recorder},
    shared::Shared,
    spool::{self, Leftover, Spool, SpoolError},
    window::Window,
};
use crate::{
    config::{AuditMode, AuditSettings, WhenFull},
    names::InstanceId,
};

mod undelivered;

pub use undelivered::Undelivered;

/// Events that are larger are held against what the server takes; no server takes less.
const ALWAYS_TAKEN: usize = 8 * 1024;
/// What a message has beside its payload, in bytes, and more.
const AROUND: usize = 1024;

/// Gives events their place in the chain and sees to it that they get where they belong.
pub struct Sink {
    ledger: Mutex<Ledger>,
    shared: Arc<Shared>,
    client: Client,
    signer: Arc<KeyPair>,
    go_on: bool,
    /// How much the disk may have, where there is one.
    max_bytes: Option<u64>,
    parked: Arc<Parked>,
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").finish_non_exhaustive()
    }
}

impl Recorder for Sink {
    fn record(&self, event: Event, class: Class) -> Receipt {
        if event.size() > ALWAYS_TAKEN
            && event.size() + AROUND > self.client.server_info().max_payload
        {
            let bytes = event.size();
            tracing::error!(
                topic = event.topic(),
                bytes,
                "an audit event is not recorded: no message may be as large as this event"
            );
            self.ledger().too_large(class, Timestamp::now());
            return Receipt::never();
        }
        let mut ledger = self.ledger();
        if ledger.is_closed() {
            // A login that is still in hand when hallpass ends is not granted any more.
            tracing::error!(topic = event.topic(), "an audit event comes too late: hallpass ends");
            ledger.lose();
            return Receipt::never();
        }
        let load = self.shared.load(self.max_bytes);
        if !Ledger::has_room(class, load) {
            let goes_on = ledger.no_room(class, self.go_on, Timestamp::now());
            return if goes_on { Receipt::at_once() } else { Receipt::never() };
        }
        if Ledger::has_room(Class::Other, load) {
            self.tell_gap(&mut ledger);
        }
        // The first of a chain is signed: nobody invents one, and nothing is recorded by an
        // instance of which nobody knows.
        let is_first = ledger.chain.head().sequence == 0;
        self.seal(&mut ledger, &event, is_first.then_some(&*self.signer))
    }
}

impl Sink {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many events were not recorded.
    pub(super) fn lost(&self) -> u64 {
        self.ledger().lost()
    }

    fn seal(&self, ledger: &mut Ledger, event: &Event, signer: Option<&KeyPair>) -> Receipt {
        match event.seal(&mut ledger.chain, signer) {
            Ok(sealed) => {
                ledger.note(event.kind());
                // Still with the ledger in hand: the window has them in order.
                self.shared.push(sealed)
            }
            Err(error) => {
                tracing::error!(%error, topic = event.topic(), "an audit event cannot be signed");
                ledger.lose();
                Receipt::never()
            }
        }
    }

    fn tell_gap(&self, ledger: &mut Ledger) {
        ledger.parked(self.parked.take_untold(), Timestamp::now());
        match ledger.take_gap() {
            Some(Ok(event)) => drop(self.seal(ledger, &event, None)),
            Some(Err(error)) => tracing::error!(%error, "an audit event could not be written"),
            None => {}
        }
    }

    /// Signs for everything so far, and for what was heard of other instances; `is_final` where
    /// nothing comes after. Where there is nothing new, nothing is signed.
    pub(super) fn checkpoint(&self, others: Vec<Head>, is_final: bool) {
        let mut ledger = self.ledger();
        self.tell_gap(&mut ledger);
        let key = self.signer.public_key();
        match ledger.checkpoint(key, others, is_final, Timestamp::now()) {
            Some(Ok(event)) => drop(self.seal(&mut ledger, &event, Some(&self.signer))),
            Some(Err(error)) => tracing::error!(%error, "an audit event could not be written"),
            None => {}
        }
    }
}

/// Where instances left something that cannot be had.
type OutOfReach = Arc<Mutex<Vec<PathBuf>>>;

/// What is at work behind a [`Sink`].
pub(super) struct Work {
    shared: Arc<Shared>,
    deliveries: TaskTracker,
    parked: Arc<Parked>,
    leftovers: Vec<Arc<Shared>>,
    out_of_reach: OutOfReach,
    spooler: Option<std::thread::JoinHandle<()>>,
    directory: Option<PathBuf>,
    finish: CancellationToken,
    give_up: CancellationToken,
}

/// Starts everything that brings events to the stream and the disk. Also returns how far the
/// chains go that others left on the disk. `ready` is told once the stream is there; `trouble` tells
/// when something may be wrong with it.
///
/// # Errors
/// Where the spool cannot be written at the start already.
pub(super) fn start(
    context: &jetstream::Context,
    settings: &AuditSettings,
    instance: InstanceId,
    ready: &CancellationToken,
    trouble: &Arc<Notify>,
) -> Result<(Arc<Sink>, Work, Vec<Head>), SpoolError> {
    let shared = Shared::new(Window::new(1));
    let (finish, give_up) = (CancellationToken::new(), CancellationToken::new());
    let stream: Arc<str> = settings.stream.as_str().into();
    let parked = Parked::new(match &settings.mode {
        AuditMode::Spool { directory, max_bytes, .. } => Some((directory, *max_bytes)),
        AuditMode::Strict { .. } => None,
    });
    let delivery = |instance, shared: &Arc<Shared>, directory| Delivery {
        context: context.clone(),
        stream: Arc::clone(&stream),
        instance,
        shared: Arc::clone(shared),
        directory,
        parked: Arc::clone(&parked),
        trouble: Arc::clone(trouble),
        ready: ready.clone(),
        finish: finish.clone(),
        give_up: give_up.clone(),
    };
    let deliveries = TaskTracker::new();
    let (mut spooler, mut go_on, mut own, mut most) = (None, false, None, None);
    if let AuditMode::Spool { directory, max_bytes, when_full } = &settings.mode {
        let spool = Spool::open(directory, instance, *max_bytes)?;
        go_on = *when_full == WhenFull::GoOn;
        own = Some(spool.directory().to_owned());
        most = Some(*max_bytes);
        let shared = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("audit-spool".to_owned());
        let started = thread.spawn(move || shared.spool(spool, go_on));
        let started =
            started.map_err(|error| SpoolError::Io { directory: directory.clone(), error })?;
        spooler = Some(started);
    }
    // In mode `strict` too: the mode may have been another before.
    let root = match &settings.mode {
        AuditMode::Spool { directory, .. } | AuditMode::Strict { directory } => directory,
    };
    let (mut leftovers, mut heads) = (Vec::new(), Vec::new());
    let found = spool::leftovers(root);
    let out_of_reach = Arc::new(Mutex::new(found.out_of_reach));
    for leftover in found.leftovers {
        match leftover.head() {
            Ok(head) => heads.extend(head),
            // Whether it can be read as a whole is found out below.
            Err(error) => {
                let directory = leftover.directory().display();
                tracing::error!(%directory, %error, "the end of an audit spool cannot be read");
            }
        }
        // What there is of it is known once it is read.
        let shared = Shared::new(Window::new(0));
        let directory = Some(leftover.directory().to_owned());
        let delivery = delivery(leftover.instance(), &shared, directory);
        // Nothing is added to it: it ends by itself.
        let delivery = Delivery { finish: cancelled(), ..delivery };
        leftovers.push(Arc::clone(&shared));
        deliveries.spawn(resume(leftover, delivery, Arc::clone(&out_of_reach)));
    }
    deliveries.spawn(delivery(instance, &shared, own).run());
    let ledger = Mutex::new(Ledger::new(instance));
    let (client, signer) = (context.client(), Arc::clone(&settings.signer));
    let sink = Sink {
        ledger,
        shared: Arc::clone(&shared),
        client,
        signer,
        go_on,
        max_bytes: most,
        parked: Arc::clone(&parked),
    };
    let directory = Some(root.clone());
    let work = Work {
        shared,
        deliveries,
        parked,
        leftovers,
        out_of_reach,
        spooler,
        directory,
        finish,
        give_up,
    };
    Ok((Arc::new(sink), work, heads))
}

/// Delivers what an instance left behind. Reading it may take long, and nobody waits for it.
async fn resume(leftover: Leftover, delivery: Delivery, out_of_reach: OutOfReach) {
    let directory = leftover.directory().to_owned();
    let read = tokio::task::spawn_blocking(move || (leftover.read(), leftover)).await;
    // What is on the disk stays there.
    let (contents, leftover) = match read.map_err(io::Error::other) {
        Ok((Ok(contents), leftover)) => (contents, leftover),
        Ok((Err(_), leftover)) if leftover.is_gone() => return,
        Ok((Err(error), _)) | Err(error) => {
            tracing::error!(directory = %directory.display(), %error, "an audit spool cannot be read");
            out_of_reach.lock().unwrap_or_else(PoisonError::into_inner).push(directory);
            return;
        }
    };
    tracing::warn!(
        instance = %leftover.instance(),
        events = contents.window.undelivered(),
        "events that an instance left behind are delivered, unless the stream has them"
    );
    let shared = Arc::clone(&delivery.shared);
    shared.lock().window = contents.window;
    delivery.resume(contents.floor.unwrap_or(Floor::BEGINNING)).await;
    if shared.lock().window.undelivered() == 0 {
        tracing::info!(
            instance = %leftover.instance(),
            "events that an instance left behind are all on the stream"
        );
    }
    match shared.lock().window.undelivered() {
        0 if contents.is_damaged => leftover.keep_as_evidence(),
        0 => leftover.remove(),
        _ => {}
    }
}

fn cancelled() -> CancellationToken {
    let token = CancellationToken::new();
    token.cancel();
    token
}

impl Work {
    /// What is on its way: of this instance, and of those that left something.
    pub(super) fn windows(&self) -> Vec<Arc<Shared>> {
        [&self.shared].into_iter().chain(&self.leftovers).map(Arc::clone).collect()
    }

    /// Gives what is left its time; nothing is recorded any more when this is called.
    pub(super) async fn finish(self, time: Duration) -> Undelivered {
        self.finish.cancel();
        self.shared.news.notify_one();
        self.deliveries.close();
        if tokio::time::timeout(time, self.deliveries.wait()).await.is_err() {
            self.give_up.cancel();
            self.deliveries.wait().await;
        }
        self.shared.close();
        if let Some(spooler) = self.spooler {
            // A panic there has been logged, and what it left undone is counted below.
            let _ = tokio::task::spawn_blocking(move || spooler.join()).await;
        }
        let window = &self.shared.lock().window;
        let (mut left, lost) = (window.undelivered(), window.at_risk());
        for leftover in self.leftovers {
            left += leftover.lock().window.undelivered();
        }
        let (parked, parked_at) = self.parked.kept();
        let mut out_of_reach = self.out_of_reach.lock().unwrap_or_else(PoisonError::into_inner);
        Undelivered {
            spooled: left - lost,
            lost,
            directory: self.directory,
            parked,
            parked_at,
            out_of_reach: std::mem::take(&mut out_of_reach),
        }
    }
}
