//! Where the browser comes back to: a port of 127.0.0.1 (RFC 8252, section 7.3) that answers
//! one browser and is gone.
//!
//! Every page and every process on this machine can send requests there. Only who knows the
//! `state` has an answer to our question: what has not is turned away, whatever it says, and
//! ends nothing.

use std::{io, net::Ipv4Addr, sync::Arc, time::Duration};

use openidconnect::{AuthorizationCode, CsrfToken, RedirectUrl};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

use super::{LoginError, error::printable};

const PATH: &str = "/callback";
/// More than any code, state and error description.
const MAX_REQUEST: usize = 16 * 1024;
/// Browsers open connections ahead, and say nothing on some of them.
const MAX_CONNECTIONS: usize = 16;
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the browser must bring.
pub(super) struct Expected {
    pub(super) state: CsrfToken,
    pub(super) issuer: String,
    /// Whether the IdP promises to say whose answer it is (RFC 9207).
    pub(super) names_issuer: bool,
}

/// The listening port.
pub(super) struct Callback {
    listener: TcpListener,
    port: u16,
}

type Outcome = Result<AuthorizationCode, LoginError>;

/// What a connection was.
enum Visit {
    /// The browser coming back.
    Ours(Outcome),
    /// An answer to somebody else's question.
    Foreign,
    /// Anything else.
    Other,
}

impl Callback {
    /// Listens on a port, or on any that is free where it is 0.
    pub(super) async fn bind(port: u16) -> Result<Self, LoginError> {
        let wrong = |source| LoginError::Redirect { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(wrong)?;
        let port = listener.local_addr().map_err(wrong)?.port();
        Ok(Self { listener, port })
    }

    pub(super) fn redirect_url(&self) -> Result<RedirectUrl, LoginError> {
        RedirectUrl::new(format!("http://127.0.0.1:{}{PATH}", self.port)).map_err(|error| {
            LoginError::Redirect { port: self.port, source: io::Error::other(error) }
        })
    }

    /// Waits for the browser. Requests that are not its coming back are turned away and do not
    /// count; the first that is one ends the listening, whatever it brings. `foreign` is called
    /// when the first answer to another question has come.
    pub(super) async fn wait(self, expected: Expected, foreign: impl FnOnce()) -> Outcome {
        let (port, expected) = (self.port, Arc::new(expected));
        let mut foreign = Some(foreign);
        let mut connections: JoinSet<Visit> = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                    let (stream, _) =
                        accepted.map_err(|source| LoginError::Redirect { port, source })?;
                    let expected = Arc::clone(&expected);
                    let serving = async move { serve(stream, port, &expected).await };
                    connections
                        .spawn(async { timeout(TIMEOUT, serving).await.unwrap_or(Visit::Other) });
                }
                Some(ended) = connections.join_next() => match ended {
                    Ok(Visit::Ours(outcome)) => return outcome,
                    Ok(Visit::Foreign) => {
                        if let Some(foreign) = foreign.take() {
                            foreign();
                        }
                    }
                    Ok(Visit::Other) | Err(_) => {}
                },
            }
        }
    }
}

/// Answers one connection.
async fn serve(mut stream: TcpStream, port: u16, expected: &Expected) -> Visit {
    let Some(head) = head(&mut stream).await else { return Visit::Other };
    let (status, page, visit) = match query(&head, port) {
        Err(status) => (status, "Nothing is here.", Visit::Other),
        Ok(query) => match judge(query, expected) {
            Some(Ok(code)) => (
                "200 OK",
                "hallpass has its answer. Close this page; the terminal says how it went.",
                Visit::Ours(Ok(code)),
            ),
            Some(Err(error)) => (
                "400 Bad Request",
                "This is no sign-in. Close this page; the terminal says why.",
                Visit::Ours(Err(error)),
            ),
            None => (
                "400 Bad Request",
                "This is not the sign-in that is awaited here. Close this page.",
                Visit::Foreign,
            ),
        },
    };
    // Nothing of the request stands in the answer. It is sent before the process goes on and
    // ends; where the browser went away, there is nobody left to tell.
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'\r\n\
         Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
         Connection: close\r\n\r\n{page}",
        page.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    visit
}

/// A request up to the empty line; `None` where none comes, or one without end.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        if bytes.len() > MAX_REQUEST || stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The query of a browser that comes back; of anything else, the status to turn it away with.
fn query(head: &str, port: u16) -> Result<&str, &'static str> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let own = format!("127.0.0.1:{port}");
    let mut hosts = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then_some(value.trim())
    });
    // A page elsewhere whose name leads here (DNS rebinding) would name itself.
    if hosts.next() != Some(own.as_str()) || hosts.next().is_some() {
        return Err("400 Bad Request");
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match (path, method) {
        (PATH, Some("GET")) => Ok(query),
        (PATH, _) => Err("405 Method Not Allowed"),
        _ => Err("404 Not Found"),
    }
}

/// The code, or why there is none; `None`: it is no answer to our question. A refusal is not
/// believed either without the `state`.
fn judge(query: &str, expected: &Expected) -> Option<Outcome> {
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
    // Said twice is not said: who reads which of them could be made to differ.
    let said = |name: &str| {
        let mut found = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        found.next().filter(|_| found.next().is_none())
    };
    if said("state").map(AsRef::as_ref) != Some(expected.state.secret().as_str()) {
        return None;
    }
    match said("iss") {
        None if expected.names_issuer => return Some(Err(LoginError::OtherIssuer)),
        Some(issuer) if *issuer != expected.issuer => return Some(Err(LoginError::OtherIssuer)),
        _ => {}
    }
    Some(match (said("error"), said("code")) {
        (Some(error), _) if error == "access_denied" => Err(LoginError::Denied),
        (Some(error), _) => {
            let description = said("error_description").map(|text| format!(": {text}"));
            let told = printable(&format!("{error}{}", description.unwrap_or_default()));
            Err(LoginError::Refused { what: "the sign-in", told })
        }
        (None, Some(code)) => Ok(AuthorizationCode::new(code.to_string())),
        (None, None) => Err(LoginError::Unreadable("the sign-in")),
    })
}

#[cfg(test)]
mod tests;
