//! Which stream is read, and why it cannot be, in sentences for people.

use async_nats::jetstream::{
    ErrorCode,
    context::{GetStreamError, GetStreamErrorKind},
    stream::{ConsumerError, ConsumerErrorKind},
};

use crate::config::ReaderSettings;

/// Which stream.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its name.
    pub(super) stream: &'a str,
    /// Its account, where that is known.
    account: Option<&'a str>,
}

impl<'a> From<&'a str> for Source<'a> {
    fn from(stream: &'a str) -> Self {
        Self { stream, account: None }
    }
}

impl<'a> From<&'a String> for Source<'a> {
    fn from(stream: &'a String) -> Self {
        stream.as_str().into()
    }
}

impl<'a> From<&'a ReaderSettings> for Source<'a> {
    fn from(settings: &'a ReaderSettings) -> Self {
        Self { stream: &settings.stream, account: settings.account.as_deref() }
    }
}

/// Why the stream cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(String);

impl ReadError {
    pub(super) fn of(error: impl std::fmt::Display) -> Self {
        Self(format!("the audit stream cannot be read: {error}"))
    }
}

impl Source<'_> {
    fn account(&self) -> String {
        let name = self.account.map(|account| format!(" `{account}`"));
        format!("the account{}", name.unwrap_or_default())
    }

    pub(super) fn not_found(&self, error: &GetStreamError) -> ReadError {
        let (stream, account) = (self.stream, self.account());
        ReadError(match error.kind() {
            GetStreamErrorKind::JetStream(error)
                if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                format!(
                    "there is no stream `{stream}` in {account}: `hallpass serve` makes it at its \
                     start; does it run, with the same `audit.stream`, and is the user of \
                     `audit.reader_seed` in that account"
                )
            }
            GetStreamErrorKind::Request => {
                self.unanswered(&format!("$JS.API.STREAM.INFO.{stream}"), error)
            }
            _ => self.unreadable(error),
        })
    }

    pub(super) fn not_consumed(&self, error: &ConsumerError) -> ReadError {
        ReadError(match error.kind() {
            ConsumerErrorKind::TimedOut | ConsumerErrorKind::Request => {
                self.unanswered(&format!("$JS.API.CONSUMER.CREATE.{}.>", self.stream), error)
            }
            _ => self.unreadable(error),
        })
    }

    fn unanswered(&self, subject: &str, error: impl std::fmt::Display) -> String {
        let (stream, account) = (self.stream, self.account());
        format!(
            "nobody answers for the stream `{stream}` in {account}: {error}; may the user of \
             `audit.reader_seed` publish to `{subject}`, as the nats-server.conf of `hallpass init` \
             has it, and has that account JetStream"
        )
    }

    fn unreadable(&self, error: impl std::fmt::Display) -> String {
        let (stream, account) = (self.stream, self.account());
        format!("the audit stream `{stream}` in {account} cannot be read: {error}")
    }
}
