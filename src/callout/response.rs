//! Our response: a [`Grant`] or a refusal in, bytes out. Pure.

use jiff::Timestamp;
use nkeys::KeyPair;

use super::request::VerifiedRequest;
use crate::{
    code::Code,
    names::DecisionId,
    nats_jwt::{
        self, AuthorizationResponse, Claims, PermissionSide, ResponsePermission, SignError,
        UserClaims,
    },
    policy::{Grant, Responses, Side},
    subject::SubjectPattern,
};

/// No limit but those of the account and the server. The server ignores any other value on
/// this path, so hallpass does not pretend.
const NO_LIMIT: i64 = -1;

/// Why an answer cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ResponseError {
    /// Signing failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Sealing failed.
    #[error("the answer cannot be sealed")]
    Seal,
}

/// What answers are signed and sealed with.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// The account key that the server names as issuer.
    pub issuer: &'a KeyPair,
    /// Our curve key; used where the request was sealed.
    pub xkey: Option<&'a nkeys::XKey>,
}

/// The answer that lets a client in: a user JWT for exactly what was granted.
///
/// # Errors
/// See [`ResponseError`].
pub fn grant(
    request: &VerifiedRequest,
    decision: DecisionId,
    grant: &Grant,
    keys: Keys<'_>,
    now: Timestamp,
) -> Result<Vec<u8>, ResponseError> {
    let user = Claims {
        aud: grant.account().to_string(),
        exp: Some(grant.ends_at().as_second()),
        iat: now.as_second(),
        iss: keys.issuer.public_key(),
        jti: decision.to_string(),
        name: grant.user_name().to_owned(),
        sub: request.user_nkey().to_string(),
        nats: UserClaims {
            kind: "user",
            version: 2,
            publish: side(grant.publish()),
            subscribe: side(grant.subscribe()),
            responses: grant.responses().map(responses),
            subs: NO_LIMIT,
            data: NO_LIMIT,
            payload: NO_LIMIT,
        },
    };
    let jwt = nats_jwt::sign(&user, keys.issuer)?;
    answer(request, decision, Some(jwt), None, keys, now)
}

/// The answer that keeps a client out. The server's operator reads the code and the id in the
/// server's log; the client sees `Authorization Violation` only. `at_edge`: what an edge calls the
/// request, if one attested it.
///
/// # Errors
/// See [`ResponseError`].
pub fn refusal(
    request: &VerifiedRequest,
    decision: DecisionId,
    at_edge: Option<&str>,
    code: Code,
    keys: Keys<'_>,
    now: Timestamp,
) -> Result<Vec<u8>, ResponseError> {
    let request_id = at_edge.map(|id| format!(", request {id}")).unwrap_or_default();
    let text = format!("hallpass: {code} (decision {decision}{request_id})");
    answer(request, decision, None, Some(text), keys, now)
}

fn answer(
    request: &VerifiedRequest,
    decision: DecisionId,
    jwt: Option<String>,
    error: Option<String>,
    keys: Keys<'_>,
    now: Timestamp,
) -> Result<Vec<u8>, ResponseError> {
    let claims = Claims {
        aud: request.server_id().to_string(),
        // No `exp`: the server rejects an expired envelope, and by its own clock.
        exp: None,
        iat: now.as_second(),
        iss: keys.issuer.public_key(),
        jti: decision.to_string(),
        name: String::new(),
        sub: request.user_nkey().to_string(),
        nats: AuthorizationResponse {
            kind: "authorization_response".to_owned(),
            version: 2,
            jwt,
            error,
        },
    };
    let jwt = nats_jwt::sign(&claims, keys.issuer)?.into_bytes();
    match (request.reply_key(), keys.xkey) {
        (None, _) => Ok(jwt),
        (Some(theirs), Some(ours)) => ours.seal(&jwt, theirs).map_err(|_| ResponseError::Seal),
        (Some(_), None) => Err(ResponseError::Seal),
    }
}

/// A side as the server must be told: **an empty list would mean everything**, so nothing is
/// written as a deny of `>`.
fn side(side: &Side) -> PermissionSide {
    match side {
        Side::Nothing => {
            PermissionSide { allow: Vec::new(), deny: vec![SubjectPattern::everything().into()] }
        }
        Side::Some { allow, deny } => PermissionSide {
            allow: allow.keys().cloned().collect(),
            deny: deny.keys().cloned().collect(),
        },
    }
}

fn responses(responses: &Responses) -> ResponsePermission {
    ResponsePermission {
        max: i64::from(responses.max),
        ttl: i64::try_from(responses.expires.as_nanos()).unwrap_or(i64::MAX),
    }
}

#[cfg(test)]
mod tests;
