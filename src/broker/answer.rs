//! What comes of a message, and what the log says of it.

use crate::{
    callout::{
        request::{RequestError, VerifiedRequest},
        response::ResponseError,
    },
    code::Refusal,
    names::DecisionId,
};

/// What to do with a message.
#[derive(Debug)]
pub enum Answer {
    /// Send this.
    Reply(Vec<u8>),
    /// Say nothing: it was no request of a server to us.
    Drop(RequestError),
    /// No answer could be made.
    Failed(ResponseError),
}

impl Answer {
    /// What was written, or why nothing could be.
    pub(super) fn of(written: Result<Vec<u8>, ResponseError>) -> Self {
        match written {
            Ok(bytes) => Self::Reply(bytes),
            Err(error) => Self::Failed(error),
        }
    }

    /// The bytes to send, if any; what is not sent is logged.
    pub(super) fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Reply(bytes) => return Some(bytes),
            Self::Drop(error) => {
                let (code, expects) = (error.code(), error.expects());
                tracing::warn!(%code, %error, expects, "a request was dropped");
            }
            Self::Failed(error) => tracing::error!(%error, "no answer could be made"),
        }
        None
    }
}

/// One line a decision. Who it was stands in the audit event; a log has no claim values.
pub(super) fn log(id: DecisionId, request: &VerifiedRequest, refusal: Option<&Refusal>) {
    let (server, client) = (request.server_id(), request.client().id);
    match refusal {
        None => tracing::info!(decision = %id, %server, client, "granted"),
        Some(Refusal { code, detail }) => {
            let detail = detail.as_deref().unwrap_or(code.meaning());
            tracing::info!(decision = %id, %server, client, %code, detail, "refused");
        }
    }
}
