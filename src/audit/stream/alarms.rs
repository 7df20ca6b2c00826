//! Which alarms the stream has, whoever recorded them.

use async_nats::jetstream;
use serde_json::Value;

use super::{LookUpError, next_message, patient};
use crate::audit::{SUBJECT_PREFIX, event::Kind};

/// Reads the alarms on the stream, each once: what is new since it was last asked.
#[derive(Debug, Clone)]
pub struct AlarmsTold {
    context: jetstream::Context,
    stream: String,
    next: u64,
}

impl AlarmsTold {
    /// Those of this stream, from its beginning on.
    #[must_use]
    pub fn new(context: jetstream::Context, stream: &str) -> Self {
        Self { context: patient(&context), stream: stream.to_owned(), next: 1 }
    }

    /// Hands on what each of the alarms is about that are new: the event's `subject`,
    /// `server_id/client_id`. As far as it came when it fails, it need not go again.
    ///
    /// # Errors
    /// Where the stream is away or does not answer.
    pub async fn read(&mut self, mut told: impl FnMut(&str)) -> Result<(), impl std::error::Error> {
        let subject = format!("{SUBJECT_PREFIX}.{}.>", Kind::Alarm.word());
        loop {
            let message = next_message(&self.context, &self.stream, self.next, &subject).await?;
            let Some(message) = message else { return Ok::<(), LookUpError>(()) };
            self.next = message.seq + 1;
            let event: Value = serde_json::from_slice(&message.payload()).unwrap_or_default();
            if let Some(subject) = event.get("subject").and_then(Value::as_str) {
                told(subject);
            }
        }
    }
}
