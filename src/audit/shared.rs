//! What the recorder, the spooler and the delivery share.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::{
    chain::{Head, Sealed},
    floor::{Floor, State},
    ledger::{Disk, Load},
    recorder::Receipt,
    spool::Spool,
    window::{Outgoing, Window},
};

/// How long JetStream has for its acknowledgement before the disk is asked as well: as a rule it
/// needs less, and then the disk has nothing to do. Where it is away, a login takes that longer.
const HEAD_START: Duration = Duration::from_millis(20);
/// How much is written at once, in bytes.
const BATCH: usize = 1024 * 1024;
/// Between attempts to write to a disk that says no.
const PAUSE: Duration = Duration::from_millis(50);

/// What the spooler is to do next.
struct Next {
    batch: Vec<Sealed>,
    /// Segments of which nothing is needed.
    released: Vec<u64>,
    /// After this the batch stands on the stream, as far as it is there.
    floor: Floor,
}

/// The window, and who waits for what about it.
pub(super) struct Shared {
    inner: Mutex<Inner>,
    /// Told when there may be something to send.
    pub(super) news: Notify,
    /// Told when there may be something to spool.
    work: Condvar,
    /// How many bytes of the disk are in use.
    on_disk: AtomicU64,
}

pub(super) struct Inner {
    pub(super) window: Window,
    /// Whatever is sent from now on stands after this on the stream.
    floor: Floor,
    /// When the stream last acknowledged an event, and how long that had waited.
    pub(super) acknowledged: Option<(Instant, Duration)>,
    spooler_idles: bool,
    /// Nothing more comes, and nobody waits for the stream any more.
    closing: bool,
}

impl Shared {
    pub(super) fn new(window: Window) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Inner {
                window,
                floor: Floor::BEGINNING,
                acknowledged: None,
                spooler_idles: false,
                closing: false,
            }),
            news: Notify::new(),
            work: Condvar::new(),
            on_disk: AtomicU64::new(0),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next event to send, which is then under way.
    pub(super) fn take_next(&self) -> Option<Outgoing> {
        let mut inner = self.lock();
        let floor = inner.floor.sequence();
        inner.window.take_next(floor)
    }

    /// After this those events stand on the stream that were sent and are there although it did
    /// not say so; nothing where there is none that was sent.
    pub(super) fn floor_of_sent(&self) -> Option<Floor> {
        let inner = self.lock();
        inner.window.floor().map(|floor| inner.floor.at(floor))
    }

    /// The stream was asked about all that was sent, and was like this just before: what it has
    /// not is to be sent again. `true` where something else has an event's id.
    pub(super) fn looked_up(&self, state: State) -> bool {
        let mut inner = self.lock();
        inner.floor = Floor::end_of(state);
        inner.window.send_again(state.last)
    }

    /// How much waits for the stream, where the disk may have `max_bytes` of it.
    pub(super) fn load(&self, max_bytes: Option<u64>) -> Load {
        let only_in_memory = self.lock().window.only_in_memory();
        let used = self.on_disk.load(Ordering::Relaxed) + only_in_memory as u64;
        Load { only_in_memory, disk: max_bytes.map(|most| Disk { used, most }) }
    }

    pub(super) fn push(&self, event: Sealed) -> Receipt {
        let (done, receipt) = Receipt::new();
        let mut inner = self.lock();
        inner.window.push(event, done, Instant::now());
        let idles = std::mem::take(&mut inner.spooler_idles);
        drop(inner);
        self.news.notify_one();
        if idles {
            self.work.notify_one();
        }
        receipt
    }

    /// The stream has acknowledged an event, at this sequence of its own.
    pub(super) fn delivered(&self, sequence: u64, at: u64) {
        let mut inner = self.lock();
        if inner.window.went_back(sequence, at) {
            inner.window.forget_floors();
            inner.floor = inner.floor.at(0);
        }
        inner.floor = inner.floor.at(inner.floor.sequence().max(at));
        let now = Instant::now();
        if let Some(waited) = inner.window.waited(sequence, now) {
            inner.acknowledged = Some((now, waited));
        }
        inner.window.delivered(sequence);
        self.tidy(inner);
    }

    /// The stream has an event that says that it is this one; by its hash, that is so or not.
    pub(super) fn delivered_as(&self, head: Head) {
        let mut inner = self.lock();
        if inner.window.is(head) {
            inner.window.delivered(head.sequence);
        }
        self.tidy(inner);
    }

    /// The stream never takes an event; it may be kept elsewhere.
    pub(super) fn park(&self, sequence: u64, is_kept: bool) {
        let mut inner = self.lock();
        inner.window.park(sequence, is_kept);
        self.tidy(inner);
    }

    /// Files of which nothing is needed any more go at once: room that nobody knows of is none.
    fn tidy(&self, mut inner: MutexGuard<'_, Inner>) {
        if inner.window.has_released() && std::mem::take(&mut inner.spooler_idles) {
            drop(inner);
            self.work.notify_one();
        }
    }

    /// The spooler writes what it has, and ends.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.work.notify_one();
    }

    /// Writes to the disk what the stream has not acknowledged soon enough, many events at once,
    /// until [`Self::close`]. With `go_on`, nobody waits for a disk that says no.
    pub(super) fn spool(&self, mut spool: Spool, go_on: bool) {
        let mut complained = false;
        loop {
            let Some(Next { batch, released, floor }) = self.next_batch() else {
                return spool.close();
            };
            spool.release(&released);
            self.on_disk.store(spool.used(), Ordering::Relaxed);
            if batch.is_empty() {
                continue;
            }
            match spool.append(&batch, floor) {
                Ok(places) => {
                    // Before memory has less of it: it is counted twice rather than not at all.
                    self.on_disk.store(spool.used(), Ordering::Relaxed);
                    let mut inner = self.lock();
                    for (event, place) in batch.iter().zip(places) {
                        inner.window.spooled(event.sequence, place);
                    }
                    if std::mem::take(&mut complained) {
                        tracing::info!("the audit spool takes events again");
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut complained, true) {
                        tracing::error!(%error, "events are not on the disk while this lasts");
                    }
                    let mut inner = self.lock();
                    if inner.closing {
                        return spool.close();
                    }
                    if go_on {
                        inner.window.excuse_all();
                    }
                    let waited = self.work.wait_timeout(inner, PAUSE);
                    drop(waited.unwrap_or_else(PoisonError::into_inner));
                }
            }
        }
    }

    /// What to write, and which segments nobody needs; nothing more where all is done.
    fn next_batch(&self) -> Option<Next> {
        let mut inner = self.lock();
        loop {
            let released = inner.window.take_released();
            let age = inner.window.oldest_unspooled(Instant::now());
            let is_due = age.is_some_and(|age| age >= HEAD_START || inner.closing);
            if is_due || !released.is_empty() {
                let batch = if is_due { inner.window.to_spool(BATCH) } else { Vec::new() };
                // Some of them may be under way since before others were acknowledged.
                let floor = inner.window.floor().map_or(inner.floor, |it| inner.floor.at(it));
                return Some(Next { batch, released, floor });
            }
            inner = match age {
                None if inner.closing => return None,
                None => {
                    inner.spooler_idles = true;
                    self.work.wait(inner).unwrap_or_else(PoisonError::into_inner)
                }
                Some(age) => {
                    let rest = HEAD_START.saturating_sub(age);
                    self.work.wait_timeout(inner, rest).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests;
