//! The stream itself: made or compared with what the configuration says, and what of a chain is
//! on it.

use std::{collections::BTreeMap, time::Duration};

use async_nats::{
    StatusCode,
    jetstream::{
        self, ErrorCode,
        response::Response,
        stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType},
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    SUBJECT_PREFIX,
    chain::{Head, Link},
    floor::State,
};
use crate::{config::AuditSettings, names::InstanceId};

mod alarms;
mod differences;
mod watch;

pub use alarms::AlarmsTold;
use differences::{differences, too_small};
pub(super) use watch::watch;

/// The pause after an attempt that failed.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the server may take for one message of many.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many subjects are asked about at once; the server's bound is four times that.
const SUBJECTS: usize = 256;
/// Of how many instances the checkpoints are looked up, where there are very many: more than any
/// checkpoint names, since some may be signed by nobody who is believed.
const NEWEST: usize = 4096;

/// For how long the server knows an event that comes twice by its id. What comes later is looked
/// up before it is sent.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// Creates the stream if it is not there, as often as it takes. One that is there and differs from
/// the configuration is left as it is, and the differences are told. Returns how it is.
pub(super) async fn ensure(context: &jetstream::Context, settings: &AuditSettings) -> Info {
    let wanted = config(settings);
    let mut complained = false;
    loop {
        match context.get_or_create_stream(wanted.clone()).await {
            Ok(stream) => {
                if let Some(told) = too_small(context.client().server_info().max_payload) {
                    tracing::warn!("{told}");
                }
                for difference in differences(&wanted, &stream.cached_info().config) {
                    tracing::error!(
                        stream = settings.stream,
                        "the audit stream is not what the configuration says, and is left as it \
                         is: {difference}"
                    );
                }
                return stream.cached_info().clone();
            }
            Err(error) if !complained => {
                tracing::warn!(stream = settings.stream, %error, "the audit stream is not available yet");
                complained = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn config(settings: &AuditSettings) -> Config {
    Config {
        name: settings.stream.clone(),
        description: Some("hallpass: every decision, refusals included".to_owned()),
        subjects: vec![format!("{SUBJECT_PREFIX}.>")],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        max_age: settings.max_age,
        num_replicas: settings.replicas,
        duplicate_window: DUPLICATE_WINDOW,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        ..Config::default()
    }
}

/// Why the stream does not say what is on it.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookUpError {
    /// Nobody can be asked.
    #[error("the stream cannot be asked: {0}")]
    Asking(String),
    /// The answer does not come, or breaks off.
    #[error("the stream does not say in time what is on it")]
    Late,
    /// There is more than it says at once.
    #[error("the stream has more than it says at once")]
    TooMany,
    /// It says no.
    #[error("the stream does not say what is on it: {0}")]
    Refused(String),
}

/// How the stream is. Its leader says it.
pub(super) async fn state(
    context: &jetstream::Context,
    stream: &str,
) -> Result<State, LookUpError> {
    let found = patient(context).get_stream(stream).await.map_err(|it| asking(&it))?;
    let info = found.cached_info();
    let made = Timestamp::from_nanosecond(info.created.unix_timestamp_nanos());
    Ok(State { made: made.map_err(|it| asking(&it))?, last: info.state.last_sequence })
}

/// A message, as the leader gives it.
#[derive(Deserialize)]
struct Message {
    message: Stored,
}

#[derive(Deserialize)]
struct Stored {
    seq: u64,
    /// In base64; absent where there is nothing in it.
    #[serde(default)]
    data: String,
}

impl Stored {
    /// Its bytes; none where they cannot be read.
    fn payload(&self) -> Vec<u8> {
        STANDARD.decode(&self.data).unwrap_or_default()
    }
}

/// What is on the stream, from this place on, of an instance's events: as the messages say it.
///
/// The stream's leader is asked, for one message after the other, so each costs a round trip: as a
/// rule these are the few hundred that were under way when something broke. A direct get gives many
/// at once, but may be answered by a follower that lags, or by somebody's mirror, which may have
/// anything: an event that these do not have would come twice.
pub(super) async fn recorded(
    context: &jetstream::Context,
    stream: &str,
    instance: InstanceId,
    from: u64,
) -> Result<Vec<Head>, LookUpError> {
    let context = patient(context);
    let subject = format!("{SUBJECT_PREFIX}.*.*.*.{instance}");
    let (mut found, mut next) = (Vec::new(), from);
    while let Some(message) = next_message(&context, stream, next, &subject).await? {
        // Whatever else is in its place is no event of ours.
        if let Ok((link, _)) = Link::read(&message.payload()) {
            found.push(link.head);
        }
        next = message.seq + 1;
    }
    Ok(found)
}

/// The first message from this place on with such a subject, by the stream's leader.
async fn next_message(
    context: &jetstream::Context,
    stream: &str,
    from: u64,
    subject: &str,
) -> Result<Option<Stored>, LookUpError> {
    let question = json!({ "seq": from, "next_by_subj": subject });
    let answer = context.request(format!("STREAM.MSG.GET.{stream}"), &question).await;
    match answer.map_err(|it| asking(&it))? {
        Response::Ok(Message { message }) => Ok(Some(message)),
        Response::Err { error } if error.error_code() == ErrorCode::NO_MESSAGE_FOUND => Ok(None),
        Response::Err { error } => Err(LookUpError::Refused(error.to_string())),
    }
}

/// For questions.
fn patient(context: &jetstream::Context) -> jetstream::Context {
    let mut context = context.clone();
    context.set_timeout(PATIENCE);
    context
}

fn asking(error: &dyn std::error::Error) -> LookUpError {
    LookUpError::Asking(error.to_string())
}

/// The bytes of the newest checkpoint of every instance that has one on the stream; of those that
/// began last, where there are very many.
pub(super) async fn checkpoints(
    context: &jetstream::Context,
    stream: &str,
) -> Result<Vec<bytes::Bytes>, LookUpError> {
    let all = format!("{SUBJECT_PREFIX}.checkpoint.*.*.*");
    match last(context, stream, &[&all]).await {
        Err(LookUpError::TooMany) => {}
        found => return found,
    }
    // The server answers for 1024 subjects at once, and each instance has one of its own.
    let subjects = newest(context, stream, &all).await?;
    let mut found = Vec::new();
    for some in subjects.chunks(SUBJECTS) {
        let some: Vec<&str> = some.iter().map(String::as_str).collect();
        found.extend(last(context, stream, &some).await?);
    }
    Ok(found)
}

/// The bytes of the last message on each of these subjects.
async fn last(
    context: &jetstream::Context,
    stream: &str,
    subjects: &[&str],
) -> Result<Vec<bytes::Bytes>, LookUpError> {
    get(context, stream, &json!({ "multi_last": subjects })).await
}

/// The subjects that the stream has, as far as they match and end with the id of an instance;
/// those of the instances that began last.
async fn newest(
    context: &jetstream::Context,
    stream: &str,
    matching: &str,
) -> Result<Vec<String>, LookUpError> {
    let found = context.get_stream(stream).await.map_err(|error| asking(&error))?;
    let told = found.info_with_subjects(matching).await;
    let mut told = told.map_err(|error| asking(&error))?;
    let mut newest = BTreeMap::new();
    while let Some(subject) = told.next().await {
        let (subject, _) = subject.map_err(|error| asking(&error))?;
        let instance = subject.rsplit('.').next().and_then(|it| it.parse::<InstanceId>().ok());
        if let Some(instance) = instance {
            newest.insert(instance, subject);
        }
        if newest.len() > NEWEST {
            newest.pop_first();
        }
    }
    Ok(newest.into_values().collect())
}

/// Asks for the bytes of messages directly (nats-server's ADR-31): many answers to one question,
/// the last of them without a message. Who answers may have less than the stream's leader.
async fn get(
    context: &jetstream::Context,
    stream: &str,
    question: &Value,
) -> Result<Vec<bytes::Bytes>, LookUpError> {
    let client = context.client();
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| asking(&error))?;
    let subject = format!("$JS.API.DIRECT.GET.{stream}");
    let asked = client.publish_with_reply(subject, inbox, question.to_string().into()).await;
    asked.map_err(|error| asking(&error))?;
    let mut found = Vec::new();
    loop {
        let answer = timeout(PATIENCE, answers.next()).await.map_err(|_| LookUpError::Late)?;
        let answer = answer.ok_or(LookUpError::Late)?;
        match answer.status {
            None => {
                found.push(answer.payload);
                // A server before 2.11 gives one message and nothing more.
                if answer.headers.is_none_or(|it| it.get("Nats-Num-Pending").is_none()) {
                    return Ok(found);
                }
            }
            // The end of the batch.
            Some(status) if status.as_u16() == 204 => return Ok(found),
            Some(StatusCode::NOT_FOUND) => return Ok(found),
            Some(StatusCode::NO_RESPONDERS) => return without_direct(context, stream).await,
            Some(status) if status.as_u16() == 413 => return Err(LookUpError::TooMany),
            Some(status) => {
                let why = answer.description.unwrap_or_default();
                return Err(LookUpError::Refused(format!("{status} {why}")));
            }
        }
    }
}

/// Nobody answers direct questions: the stream is not there, or does not allow them. In the
/// latter case what others signed before is not known.
async fn without_direct(
    context: &jetstream::Context,
    stream: &str,
) -> Result<Vec<bytes::Bytes>, LookUpError> {
    let found = context.get_stream(stream).await.map_err(|error| asking(&error))?;
    if found.cached_info().config.allow_direct {
        // Right after it was made, for one.
        return Err(LookUpError::Late);
    }
    Ok(Vec::new())
}
