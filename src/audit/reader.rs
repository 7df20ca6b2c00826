//! Reading the audit stream back.

mod error;
mod line;
mod record;
mod selection;

use std::{ops::ControlFlow, time::Duration};

use async_nats::{
    Client,
    jetstream::{
        self,
        consumer::{AckPolicy, DeliverPolicy, pull},
        stream::Info,
    },
};
use futures_util::StreamExt as _;
use jiff::Timestamp;

pub use error::{ReadError, Source};
pub use record::Record;
pub use selection::Selection;

/// How often the server says that there is nothing new: silence of twice that is a loss.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long the server keeps a consumer that nobody asks any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// Between attempts to go on after a loss: from the first to the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How many events are asked for at once.
const BATCH: usize = 2000;

/// Where reading begins and ends.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// How many of the newest events that are there; `None` for all.
    pub last: Option<u64>,
    /// Whether events that come later are read too.
    pub follow: bool,
}

/// What reading comes upon.
#[derive(Debug)]
pub enum Step {
    /// It begins: so many events are to come before there is nothing more for now.
    Begun(u64),
    /// An event.
    Event(Box<Record>),
    /// What was there is read; what follows is new.
    CaughtUp,
}

/// Reads events and hands each to `each`, until that says stop or the extent is reached.
///
/// Who follows sees each event once, in order, whatever happens to the server meanwhile: what
/// the server keeps for a reader does not survive its restart, so the place is kept here.
///
/// # Errors
/// Where the stream is not there, and, unless it is followed, where the connection ends.
pub async fn read<'a>(
    client: Client,
    stream: impl Into<Source<'a>>,
    extent: Extent,
    mut each: impl FnMut(Record) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let everything = Selection::default();
    read_selected(client, stream, extent, &everything, |step| match step {
        Step::Event(record) => each(*record),
        Step::Begun(_) | Step::CaughtUp => ControlFlow::Continue(()),
    })
    .await
}

/// As [`read`], only what is selected. `last` counts what is not selected too.
///
/// # Errors
/// See there.
pub async fn read_selected<'a>(
    client: Client,
    stream: impl Into<Source<'a>>,
    extent: Extent,
    selection: &Selection,
    each: impl FnMut(Step) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    read_from(client, stream.into(), (extent, None), selection, each).await
}

/// As [`read_selected`], all that comes after a sequence and is there already.
///
/// # Errors
/// See there.
pub async fn read_after<'a>(
    client: Client,
    stream: impl Into<Source<'a>>,
    sequence: u64,
    each: impl FnMut(Step) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let extent = Extent { last: None, follow: false };
    let everything = Selection::default();
    read_from(client, stream.into(), (extent, Some(sequence + 1)), &everything, each).await
}

async fn read_from(
    client: Client,
    source: Source<'_>,
    (extent, first): (Extent, Option<u64>),
    selection: &Selection,
    mut each: impl FnMut(Step) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let context = jetstream::new(client);
    let mut reading = Reading { context, source, selection, first, place: None };
    let mut messages = reading.begin(extent).await?;
    if each(Step::Begun(messages.pending)).is_break() {
        return Ok(());
    }
    loop {
        let error = match reading.go_on(messages, extent.follow, &mut each).await {
            Ok(()) => return Ok(()),
            Err(error) if !extent.follow => return Err(error),
            Err(error) => error,
        };
        let next = reading.place.as_ref().map_or(1, |place| place.next);
        tracing::warn!(%error, next, "interrupted; it goes on by itself where it was");
        messages = reading.begin_again(extent).await;
        tracing::info!(next, "the audit stream is read again");
    }
}

/// What the server says of the stream.
///
/// # Errors
/// Where it is not there.
pub async fn info<'a>(client: Client, stream: impl Into<Source<'a>>) -> Result<Info, ReadError> {
    let source = stream.into();
    let stream = jetstream::new(client).get_stream(source.stream).await;
    Ok(stream.map_err(|error| source.not_found(&error))?.cached_info().clone())
}

/// A place in a stream.
struct Place {
    /// The sequence that comes next.
    next: u64,
    /// Whether an event was read, so that the time to begin at has been reached.
    is_inside: bool,
    /// Which stream: one that was deleted and made again counts from 1.
    created: i128,
}

struct Reading<'a> {
    context: jetstream::Context,
    source: Source<'a>,
    selection: &'a Selection,
    first: Option<u64>,
    place: Option<Place>,
}

/// What a consumer hands out.
struct Messages {
    stream: pull::Stream,
    /// How many there are to come before there is nothing more for now.
    pending: u64,
    /// The newest when this began.
    newest: u64,
}

impl Reading<'_> {
    /// A consumer at the place, or where the extent begins.
    async fn begin(&mut self, extent: Extent) -> Result<Messages, ReadError> {
        let stream = self.context.get_stream(self.source.stream).await;
        let stream = stream.map_err(|error| self.source.not_found(&error))?;
        let info = stream.cached_info();
        let created = info.created.unix_timestamp_nanos();
        let newest = info.state.last_sequence;
        let (next, is_inside) = match &self.place {
            Some(place) if place.created == created => (place.next, place.is_inside),
            Some(_) => (1, false),
            None => match self.first {
                Some(first) => (first, true),
                None => (extent.last.map_or(0, |count| newest.saturating_sub(count)) + 1, false),
            },
        };
        self.place = Some(Place { next, is_inside, created });
        let config = pull::Config {
            deliver_policy: match (self.selection.since, is_inside) {
                (Some(since), false) => since_time(since)?,
                _ => DeliverPolicy::ByStartSequence { start_sequence: next },
            },
            filter_subjects: self.selection.subjects(),
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await;
        let consumer = consumer.map_err(|error| self.source.not_consumed(&error))?;
        let pending = consumer.cached_info().num_pending;
        let stream = consumer.stream().heartbeat(HEARTBEAT).max_messages_per_batch(BATCH);
        let stream = stream.messages().await.map_err(ReadError::of)?;
        Ok(Messages { stream, pending, newest })
    }

    /// As often as it takes.
    async fn begin_again(&mut self, extent: Extent) -> Messages {
        let (mut pause, longest) = PAUSES;
        loop {
            match self.begin(extent).await {
                Ok(messages) => return messages,
                Err(error) => tracing::debug!(%error, "not yet"),
            }
            tokio::time::sleep(pause).await;
            pause = longest.min(pause * 2);
        }
    }

    /// Hands out what comes, until the end of the extent.
    async fn go_on(
        &mut self,
        mut messages: Messages,
        follow: bool,
        each: &mut impl FnMut(Step) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut handed_out = 0;
        let mut is_behind = true;
        loop {
            if is_behind && messages.pending == 0 {
                is_behind = false;
                if each(Step::CaughtUp).is_break() || !follow {
                    return Ok(());
                }
            }
            let message = messages.stream.next().await;
            let message = message.ok_or_else(|| ReadError::of("it ended"))?;
            let message = message.map_err(ReadError::of)?;
            let info = message.info().map_err(ReadError::of)?;
            handed_out += 1;
            if info.consumer_sequence != handed_out {
                return Err(ReadError::of("an event was lost on the way"));
            }
            let at_the_end = info.pending == 0 || info.stream_sequence >= messages.newest;
            messages.pending = if at_the_end { 0 } else { info.pending };
            if let Some(place) = &mut self.place {
                place.next = info.stream_sequence + 1;
                place.is_inside = true;
            }
            if each(Step::Event(Box::new(Record::of(message)?))).is_break() {
                return Ok(());
            }
        }
    }
}

fn since_time(since: Timestamp) -> Result<DeliverPolicy, ReadError> {
    let start_time =
        async_nats::datetime::DateTime::from_unix_timestamp_nanos(since.as_nanosecond());
    Ok(DeliverPolicy::ByStartTime { start_time: start_time.map_err(ReadError::of)? })
}
