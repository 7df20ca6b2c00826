//! Hands audit events on to another system: each becomes a line of a file, which a SIEM's
//! collector reads.
//!
//! ```sh
//! cargo run --example audit_export -- --url nats://127.0.0.1:4222 \
//!     --seed-file keys/audit-export.nk --file /var/log/hallpass/audit.jsonl
//! ```
//!
//! `docs/audit.md` ("Handing events on") has the user that it needs in the server's configuration.
//!
//! What is worth copying:
//!
//! - The consumer is durable: the server keeps the place, so a restart of this program or of the
//!   server goes on where it was. Each system that is fed has a consumer of its own.
//! - An event is acknowledged after it is on the disk (`fsync`), never before. So each is there at
//!   least once: where this program is killed between the two, the server delivers again what it
//!   was not told of. **Who reads the file must expect an event twice, and knows it by its `id`.**
//! - Acknowledgements are explicit, one for each event. With `AckPolicy::All`, that of a new event
//!   would cover older ones which a killed predecessor had received and not written.
//! - What comes again comes later than what is newer: who needs the order takes `source` and
//!   `sequence`.
//! - A line is the message's payload, byte for byte: the hashes are over these bytes.
//! - A line that was torn when the machine or the program ended is cut off before the next is
//!   written. It was not acknowledged, so it comes again.
//! - The file is opened for each batch: rename it whenever you like.
#![expect(clippy::print_stdout, reason = "it says what it does")]

mod lines;

use std::{fs, path::PathBuf, time::Duration};

use async_nats::{
    ConnectOptions,
    jetstream::{
        self,
        consumer::{AckPolicy, Consumer, pull},
        stream::ConsumerErrorKind,
    },
};
use clap::Parser;
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

/// Any failure, for people to read.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How many events are written and made durable at once, at the most.
const BATCH: usize = 500;
/// How often the server says that there is nothing new: silence of twice that is a loss.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Before the next attempt after whatever went wrong.
const PAUSE: Duration = Duration::from_secs(1);

/// Writes audit events to a file, each at least once.
#[derive(Parser)]
struct Options {
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1:4222")]
    url: String,
    /// File with the nkey seed of the user.
    #[arg(long)]
    seed_file: PathBuf,
    /// The audit stream.
    #[arg(long, default_value = "HALLPASS_AUDIT")]
    stream: String,
    /// The durable consumer: it is made where it is not there.
    #[arg(long, default_value = "siem")]
    consumer: String,
    /// Which events; refused logins alone are `hallpass.audit.decision.*.refused.*`.
    #[arg(long, default_value = "hallpass.audit.>")]
    filter: String,
    /// Where the lines go.
    #[arg(long)]
    file: PathBuf,
    /// Seconds after which the server delivers again what was not acknowledged. Has its effect
    /// where the consumer is made.
    #[arg(long, default_value_t = 30)]
    ack_wait: u64,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let seed = fs::read_to_string(&options.seed_file)
        .map_err(|error| format!("{}: {error}", options.seed_file.display()))?;
    let client = ConnectOptions::with_nkey(seed.trim().to_owned())
        .name("hallpass audit export")
        .custom_inbox_prefix("_INBOX.hallpass-export")
        .retry_on_initial_connect()
        .event_callback(|event| async move { println!("{event}") })
        .connect(&options.url)
        .await?;
    let context = jetstream::new(client.clone());
    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            signalled().await;
            stop.cancel();
        }
    });
    while !stop.is_cancelled() {
        let Err(error) = export(&context, &options, &stop).await else { break };
        println!("not now: {error}");
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    // The last acknowledgements go out. Where there is no server, they are for the next time.
    let _ = tokio::time::timeout(PAUSE, client.flush()).await;
    println!("stopped");
    Ok(())
}

/// Writes what comes until `stop`. What was received and not written when this ends comes again.
async fn export(
    context: &jetstream::Context,
    options: &Options,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let consumer = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        consumer = bind(context, options) => consumer?,
    };
    let messages =
        consumer.stream().max_messages_per_batch(BATCH).heartbeat(HEARTBEAT).messages().await?;
    // Whatever is there by now is one batch: nothing waits for company.
    let mut batches = messages.ready_chunks(BATCH);
    loop {
        let batch = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            batch = batches.next() => batch.ok_or("the consumer ends")?,
        };
        let mut error = None;
        let received: Vec<_> =
            batch.into_iter().filter_map(|it| it.map_err(|it| error = Some(it)).ok()).collect();
        if !received.is_empty() {
            let payloads = received.iter().map(|message| message.payload.clone()).collect();
            let file = options.file.clone();
            // Disks make one wait.
            tokio::task::spawn_blocking(move || lines::append(&file, payloads)).await??;
            for message in &received {
                message.ack().await?;
            }
            println!("{} written", received.len());
        }
        if let Some(error) = error {
            return Err(error.into());
        }
    }
}

/// The consumer, which is made where it is not there.
async fn bind(
    context: &jetstream::Context,
    options: &Options,
) -> Result<Consumer<pull::Config>, Failure> {
    let Options { stream, consumer: name, filter, .. } = options;
    let wanted = pull::Config {
        durable_name: Some(name.clone()),
        description: Some("hands audit events on".to_owned()),
        filter_subject: filter.clone(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(options.ack_wait),
        ..pull::Config::default()
    };
    let found: Result<Consumer<pull::Config>, _> =
        context.get_consumer_from_stream(name, stream).await;
    let consumer = match found {
        Ok(consumer) => consumer,
        Err(error) if is_missing(&error.kind()) => {
            context.create_consumer_strict_on_stream(wanted, stream).await?
        }
        Err(error) => return Err(error.into()),
    };
    let config = &consumer.cached_info().config;
    if config.filter_subject != *filter || config.ack_policy != AckPolicy::Explicit {
        let is = &config.filter_subject;
        return Err(format!("the consumer {name} is another one, with the filter {is}").into());
    }
    Ok(consumer)
}

fn is_missing(error: &ConsumerErrorKind) -> bool {
    matches!(error, ConsumerErrorKind::JetStream(error) if error.code() == 404)
}

/// Waits for Ctrl-C or for what a service manager sends.
async fn signalled() {
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = terminate => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
