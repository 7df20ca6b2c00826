//! The stream itself: made or compared with what the configuration says, and what of a chain is
//! on it.

use std::time::Duration;

use async_nats::{
    HeaderMap, StatusCode,
    jetstream::{
        self,
        stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
    },
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    SUBJECT_PREFIX,
    chain::{Head, Link},
};
use crate::{config::AuditSettings, names::InstanceId};

/// The pause after an attempt that failed.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the server may take for one message of many.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many messages are asked for at once.
const BATCH: u64 = 256;

/// For how long the server knows an event that comes twice by its id. What comes later is looked
/// up before it is sent.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// Creates the stream if it is not there, as often as it takes. One that is there and differs from
/// the configuration is left as it is, and the differences are told.
pub(super) async fn ensure(context: &jetstream::Context, settings: &AuditSettings) {
    let wanted = config(settings);
    let mut complained = false;
    loop {
        match context.get_or_create_stream(wanted.clone()).await {
            Ok(stream) => {
                for difference in differences(&wanted, &stream.cached_info().config) {
                    tracing::error!(
                        stream = settings.stream,
                        "the audit stream is not what the configuration says, and is left as it \
                         is: {difference}"
                    );
                }
                return;
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

/// In which respects that matter a stream is not as it should be, in words.
fn differences(wanted: &Config, found: &Config) -> Vec<String> {
    let mut told = Vec::new();
    let mut compare = |what: &str, wanted: String, found: String| {
        if wanted != found {
            told.push(format!("{what} is {found}, not {wanted}"));
        }
    };
    let age = |span: Duration| match span {
        Duration::ZERO => "unlimited".to_owned(),
        span => crate::document::as_written(span),
    };
    compare("`subjects`", format!("{:?}", wanted.subjects), format!("{:?}", found.subjects));
    compare("`num_replicas`", wanted.num_replicas.to_string(), found.num_replicas.to_string());
    compare("`retention`", format!("{:?}", wanted.retention), format!("{:?}", found.retention));
    compare("`discard`", format!("{:?}", wanted.discard), format!("{:?}", found.discard));
    compare("`storage`", format!("{:?}", wanted.storage), format!("{:?}", found.storage));
    compare("`max_age`", age(wanted.max_age), age(found.max_age));
    compare("`duplicate_window`", age(wanted.duplicate_window), age(found.duplicate_window));
    compare("`deny_delete`", wanted.deny_delete.to_string(), found.deny_delete.to_string());
    compare("`deny_purge`", wanted.deny_purge.to_string(), found.deny_purge.to_string());
    compare("`allow_direct`", wanted.allow_direct.to_string(), found.allow_direct.to_string());
    for (what, limit) in [
        ("`max_bytes`", found.max_bytes),
        ("`max_msgs`", found.max_messages),
        ("`max_msgs_per_subject`", found.max_messages_per_subject),
        ("`max_msg_size`", i64::from(found.max_message_size)),
    ] {
        // 0 and -1 are both how a stream without the limit looks.
        if limit > 0 {
            told.push(format!("{what} is {limit}, not unlimited: events are removed or refused"));
        }
    }
    told
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
    /// It says no.
    #[error("the stream does not say what is on it: {0}")]
    Refused(String),
}

/// What is on the stream, from this place on, of an instance's events: as the messages say it.
pub(super) async fn recorded(
    context: &jetstream::Context,
    stream: &str,
    instance: InstanceId,
    from: u64,
) -> Result<Vec<Head>, LookUpError> {
    let subject = format!("{SUBJECT_PREFIX}.*.*.*.{instance}");
    let (mut found, mut next) = (Vec::new(), from);
    loop {
        let question = json!({ "seq": next, "next_by_subj": subject, "batch": BATCH });
        let part = get(context, stream, &question).await?;
        for (message, payload) in &part.messages {
            let header = |name: &str| message.get(name).map(|value| value.as_str());
            if let Ok((link, _)) = Link::read(payload) {
                found.push(link.head);
            }
            if let Some(at) = header("Nats-Sequence").and_then(|text| text.parse::<u64>().ok()) {
                next = next.max(at + 1);
            }
        }
        if part.is_last {
            return Ok(found);
        }
    }
}

/// The bytes of the newest checkpoint of every instance that has one on the stream.
pub(super) async fn checkpoints(
    context: &jetstream::Context,
    stream: &str,
) -> Result<Vec<bytes::Bytes>, LookUpError> {
    let question = json!({ "multi_last": [format!("{SUBJECT_PREFIX}.checkpoint.*.*.*")] });
    let part = get(context, stream, &question).await?;
    Ok(part.messages.into_iter().map(|(_, payload)| payload).collect())
}

struct Part {
    messages: Vec<(HeaderMap, bytes::Bytes)>,
    /// Whether there is nothing more.
    is_last: bool,
}

/// Asks for messages directly (nats-server's ADR-31): many answers to one question, the last of
/// them without a message. A server before 2.11 gives one message and nothing more.
async fn get(
    context: &jetstream::Context,
    stream: &str,
    question: &Value,
) -> Result<Part, LookUpError> {
    let client = context.client();
    let asking = |error: &dyn std::error::Error| LookUpError::Asking(error.to_string());
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| asking(&error))?;
    let subject = format!("$JS.API.DIRECT.GET.{stream}");
    let asked = client.publish_with_reply(subject, inbox, question.to_string().into()).await;
    asked.map_err(|error| asking(&error))?;
    let mut part = Part { messages: Vec::new(), is_last: false };
    loop {
        let answer = timeout(PATIENCE, answers.next()).await.map_err(|_| LookUpError::Late)?;
        let answer = answer.ok_or(LookUpError::Late)?;
        let headers = answer.headers.unwrap_or_default();
        let pending = headers.get("Nats-Num-Pending").and_then(|value| value.as_str().parse().ok());
        match answer.status {
            None => {
                part.messages.push((headers, answer.payload));
                if pending.is_none() {
                    return Ok(part);
                }
            }
            // The end of the batch.
            Some(status) if status.as_u16() == 204 => {
                part.is_last = pending.is_none_or(|pending: u64| pending == 0);
                return Ok(part);
            }
            Some(StatusCode::NOT_FOUND) => {
                part.is_last = true;
                return Ok(part);
            }
            Some(StatusCode::NO_RESPONDERS) => {
                return without_direct(context, stream).await;
            }
            Some(status) => {
                let why = answer.description.unwrap_or_default();
                return Err(LookUpError::Refused(format!("{status} {why}")));
            }
        }
    }
}

/// Nobody answers direct questions: the stream is not there, or does not allow them. In the
/// latter case nothing can be looked up, and the server's duplicate window is all there is.
async fn without_direct(context: &jetstream::Context, stream: &str) -> Result<Part, LookUpError> {
    let found = context.get_stream(stream).await;
    let found = found.map_err(|error| LookUpError::Asking(error.to_string()))?;
    if found.cached_info().config.allow_direct {
        // Right after it was made, for one.
        return Err(LookUpError::Late);
    }
    Ok(Part { messages: Vec::new(), is_last: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Config {
        Config {
            name: "S".to_owned(),
            subjects: vec!["hallpass.audit.>".to_owned()],
            max_age: Duration::from_secs(365 * 24 * 3600),
            num_replicas: 3,
            duplicate_window: DUPLICATE_WINDOW,
            deny_delete: true,
            deny_purge: true,
            allow_direct: true,
            ..Config::default()
        }
    }

    #[test]
    fn every_difference_that_matters_is_told_and_no_other() {
        assert!(differences(&wanted(), &wanted()).is_empty());
        let other = Config { description: Some("mine".to_owned()), ..wanted() };
        assert!(differences(&wanted(), &other).is_empty());
        type Change = fn(&mut Config);
        let changes: [(Change, &str); 13] = [
            (|it| it.subjects = vec!["x".to_owned()], "`subjects` is [\"x\"], not"),
            (|it| it.num_replicas = 1, "`num_replicas` is 1, not 3"),
            (|it| it.retention = RetentionPolicy::WorkQueue, "`retention` is WorkQueue, not"),
            (|it| it.discard = DiscardPolicy::New, "`discard` is New, not Old"),
            (|it| it.storage = StorageType::Memory, "`storage` is Memory, not File"),
            (|it| it.max_age = Duration::ZERO, "`max_age` is unlimited, not 365d"),
            (|it| it.duplicate_window = Duration::from_secs(1), "`duplicate_window` is 1s, not"),
            (|it| it.deny_delete = false, "`deny_delete` is false, not true"),
            (|it| it.deny_purge = false, "`deny_purge` is false, not true"),
            (|it| it.allow_direct = false, "`allow_direct` is false, not true"),
            (|it| it.max_bytes = 7, "`max_bytes` is 7, not unlimited"),
            (|it| it.max_messages = 7, "`max_msgs` is 7, not unlimited"),
            (|it| it.max_message_size = 7, "`max_msg_size` is 7, not unlimited"),
        ];
        for (change, says) in changes {
            let mut found = wanted();
            change(&mut found);
            let told = differences(&wanted(), &found);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with(says), "{told:?}");
        }
    }
}
