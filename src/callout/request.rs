//! The server's request: bytes in, [`VerifiedRequest`] out. Pure.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use nkeys::{KeyPair, XKey};

use super::xkey;
use crate::{
    code::Code,
    names::{ServerId, UserNkey},
    nats_jwt::{
        self, AuthorizationRequest, ClientInfo, ClientTls, ConnectOpts, DecodeError, ServerInfo,
    },
};

/// How long after its `exp` a request is still answered.
///
/// `exp` is whole seconds by the *server's* clock, and what it guards is guarded by the
/// server itself, which stops listening for the answer; a strict check here would keep
/// everybody out as soon as the clocks of two machines part.
pub const EXPIRY_LEEWAY: Duration = Duration::from_secs(60);

/// Real requests are a few KiB; the largest part is CONNECT, bounded by `max_control_line`, or
/// an MQTT password, bounded by 64 KiB. Only a cookie can be larger (the server takes an HTTP
/// header of 1 MiB), and then it is no token: it is dropped unopened, so that it costs nothing.
const MAX_BYTES: usize = 256 * 1024;

const AUDIENCE: &str = "nats-authorization-request";

/// What a request is held against.
#[derive(Debug, Clone)]
pub struct Expectations {
    /// The public key of the issuer that the server should name.
    pub issuer: String,
    /// Our curve key, where requests are sealed.
    pub xkey: Option<Arc<XKey>>,
    /// The servers that may ask; absent: any that can publish in the callout account.
    pub servers: Option<BTreeSet<ServerId>>,
}

/// Why a request is dropped. Nothing of the request's text is in it but the id of the server
/// that signed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .code.meaning())]
pub struct RequestError {
    code: Code,
    server: Option<ServerId>,
    skew: Option<SignedDuration>,
    expects: Option<String>,
}

impl From<Code> for RequestError {
    fn from(code: Code) -> Self {
        Self { code, server: None, skew: None, expects: None }
    }
}

impl RequestError {
    /// The message names no subject for an answer.
    #[must_use]
    pub fn without_reply() -> Self {
        Code::RequestWithoutReply.into()
    }

    /// The request was answered before.
    #[must_use]
    pub fn replayed(request: &VerifiedRequest) -> Self {
        let server = Some(request.server_id.clone());
        Self { server, ..Code::RequestReplayed.into() }
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The server that signed it, once that is known.
    #[must_use]
    pub const fn server(&self) -> Option<&ServerId> {
        self.server.as_ref()
    }

    /// The public key that the server expects answers to be signed by, where it is another one.
    #[must_use]
    pub fn expects(&self) -> Option<&str> {
        self.expects.as_deref()
    }

    /// How far the server's clock is ahead of ours, where the request is expired: a clock that
    /// is a minute behind looks just like that.
    #[must_use]
    pub const fn skew(&self) -> Option<SignedDuration> {
        self.skew
    }
}

/// A request that a server signed for us, with a login attempt to decide.
///
/// Only [`verify`] makes one.
#[derive(Debug)]
pub struct VerifiedRequest {
    user_nkey: UserNkey,
    server_id: ServerId,
    server: ServerInfo,
    client: ClientInfo,
    connect: ConnectOpts,
    tls: Option<ClientTls>,
    reply_key: Option<XKey>,
    issued_at: Timestamp,
    answerable_until: Timestamp,
}

impl VerifiedRequest {
    /// The nkey of this login attempt, which the answer must be about.
    #[must_use]
    pub fn user_nkey(&self) -> &UserNkey {
        &self.user_nkey
    }

    /// The server that asks, which the answer must be for.
    #[must_use]
    pub fn server_id(&self) -> &ServerId {
        &self.server_id
    }

    /// What the server says about itself.
    #[must_use]
    pub fn server(&self) -> &ServerInfo {
        &self.server
    }

    /// What the server says about the client.
    #[must_use]
    pub fn client(&self) -> &ClientInfo {
        &self.client
    }

    /// What the client said.
    #[must_use]
    pub fn connect(&self) -> &ConnectOpts {
        &self.connect
    }

    /// What TLS says about the client.
    #[must_use]
    pub fn tls(&self) -> Option<&ClientTls> {
        self.tls.as_ref()
    }

    /// The server's curve key, where the request was sealed: the answer is sealed to it.
    #[must_use]
    pub fn reply_key(&self) -> Option<&XKey> {
        self.reply_key.as_ref()
    }

    /// Until when a request with this nkey would be accepted again.
    #[must_use]
    pub fn answerable_until(&self) -> Timestamp {
        self.answerable_until
    }

    /// Whether a leaf node asks through a server that leaves the leaf's publish permissions to
    /// the leaf: whoever speaks its protocol could publish anything.
    #[must_use]
    pub fn is_unguarded_leafnode(&self) -> bool {
        self.client.kind == "Leafnode" && !guards_leafnodes(&self.server.version)
    }

    /// How far the server's clock is ahead of ours (positive) or behind (negative), up to the
    /// time the request took and the second that `iat` is rounded to.
    #[must_use]
    pub fn skew(&self, now: Timestamp) -> SignedDuration {
        now.duration_until(self.issued_at)
    }
}

/// Whether a version of nats-server holds messages from leaf nodes to publish permissions:
/// since 2.11.16, 2.12.7 and 2.14.0 ("Enforce subject permissions on inbound leaf messages").
fn guards_leafnodes(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part.get(..digits).and_then(|digits| digits.parse::<u32>().ok())
    });
    match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten()) {
        (Some(2), Some(11), Some(patch)) => patch >= 16,
        (Some(2), Some(12), Some(patch)) => patch >= 7,
        (Some(2), Some(minor), Some(_)) => minor >= 14,
        (Some(major), Some(_), Some(_)) => major > 2,
        _ => false,
    }
}

/// Opens, verifies and reads a request.
///
/// `header_key` is the text of the message header [`super::XKEY_HEADER`].
///
/// # Errors
/// The first thing that is wrong with it.
pub fn verify(
    message: &[u8],
    header_key: Option<&str>,
    expected: &Expectations,
    now: Timestamp,
) -> Result<VerifiedRequest, RequestError> {
    if message.len() > MAX_BYTES {
        return Err(Code::RequestTooLarge.into());
    }
    let (jwt, reply_key) = open(message, header_key, expected.xkey.as_deref())?;
    let claims = nats_jwt::decode::<AuthorizationRequest>(&jwt).map_err(|error| match error {
        DecodeError::Malformed => Code::RequestUnreadable,
        DecodeError::Signature => Code::RequestSignature,
    })?;
    let request = claims.nats;
    if request.kind != "authorization_request" {
        return Err(Code::RequestUnreadable.into());
    }
    if claims.aud != AUDIENCE {
        return Err(Code::RequestAudience.into());
    }
    let server_id: ServerId =
        request.server_id.id.parse().map_err(|_| Code::RequestNotFromServer)?;
    if claims.iss != server_id.as_str() {
        return Err(Code::RequestNotFromServer.into());
    }
    let no = |code: Code| Err(RequestError { server: Some(server_id.clone()), ..code.into() });
    if expected.servers.as_ref().is_some_and(|servers| !servers.contains(&server_id)) {
        return no(Code::RequestServerUnknown);
    }
    if reply_key.is_some() && header_key != Some(request.server_id.xkey.as_str()) {
        return no(Code::RequestXkeyMismatch);
    }
    if claims.sub != expected.issuer {
        // A public key, or it is not repeated.
        let expects = KeyPair::from_public_key(&claims.sub).is_ok().then_some(claims.sub);
        let server = Some(server_id);
        return Err(RequestError { server, expects, ..Code::RequestOtherIssuer.into() });
    }
    let second = |seconds| Timestamp::from_second(seconds).ok();
    let (Some(issued_at), Some(expires_at)) = (second(claims.iat), claims.exp.and_then(second))
    else {
        return no(Code::RequestUnreadable);
    };
    let Ok(answerable_until) = expires_at.checked_add(EXPIRY_LEEWAY) else {
        return no(Code::RequestUnreadable);
    };
    if answerable_until < now {
        let (server, skew) = (Some(server_id), Some(now.duration_until(issued_at)));
        return Err(RequestError { server, skew, ..Code::RequestExpired.into() });
    }
    let Ok(user_nkey) = request.user_nkey.parse::<UserNkey>() else {
        return no(Code::RequestUnreadable);
    };
    Ok(VerifiedRequest {
        user_nkey,
        server_id,
        server: request.server_id,
        client: request.client_info,
        connect: request.connect_opts,
        tls: request.client_tls,
        reply_key,
        issued_at,
        answerable_until,
    })
}

/// The JWT in a message, and whom to seal the answer to.
fn open<'a>(
    message: &'a [u8],
    header_key: Option<&str>,
    ours: Option<&XKey>,
) -> Result<(std::borrow::Cow<'a, [u8]>, Option<XKey>), RequestError> {
    match (ours, xkey::is_sealed(message)) {
        (None, false) => Ok((message.into(), None)),
        (None, true) => Err(Code::RequestUnexpectedlySealed.into()),
        (Some(_), false) => Err(Code::RequestNotSealed.into()),
        (Some(ours), true) => {
            let theirs = header_key.and_then(xkey::server_key).ok_or(Code::RequestUnreadable)?;
            let jwt = ours.open(message, &theirs).map_err(|_| Code::RequestUnreadable)?;
            Ok((jwt.into(), Some(theirs)))
        }
    }
}

#[cfg(test)]
mod tests;
