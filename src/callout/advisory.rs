//! What nats-server tells beside its requests: that a connection came up, that one ended, that a
//! login failed (`io.nats.server.advisory.v1.client_connect` and `client_disconnect`; a failed
//! login comes as the latter). Pure.
//!
//! Only what is used is read. The user's JWT, which an advisory may hold, is not.

use jiff::Timestamp;
use serde::Deserialize;

/// Where the server tells of failed logins, inside the callout account. It does so whether or not
/// a system account is configured, as it makes one itself (not with `no_system_account`).
pub const AUTH_ERRORS: &str = "$SYS.ACCOUNT.CLIENT.AUTH.ERR";
/// Where it tells of connections that came up, inside the system account. The account's name is
/// a token, so an account with a `.` in its name is not heard of.
pub const CONNECTS: &str = "$SYS.ACCOUNT.*.CONNECT";
/// Where it tells of connections that ended, inside the system account.
pub const DISCONNECTS: &str = "$SYS.ACCOUNT.*.DISCONNECT";

/// The account of connections that nobody has let in anywhere yet.
const NOWHERE: &str = "$G";

/// A real one is a few KiB; its largest part is what the client said of itself.
const MAX_BYTES: usize = 256 * 1024;

/// Why a message is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAdvisory {
    /// Larger than any that a server sends.
    #[error("larger than any advisory")]
    TooLarge,
    /// Not JSON, or not of this form.
    #[error("not an advisory about a client")]
    Malformed,
}

/// What an advisory is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum About {
    /// A connection came up.
    #[serde(rename = "io.nats.server.advisory.v1.client_connect")]
    Connect,
    /// A connection ended, or a login failed.
    #[serde(rename = "io.nats.server.advisory.v1.client_disconnect")]
    Disconnect,
}

/// What a server tells of a connection.
#[derive(Debug, Clone, Deserialize)]
pub struct Advisory {
    /// What it is about.
    #[serde(rename = "type")]
    pub about: About,
    /// When it happened, by the server's clock.
    #[serde(rename = "timestamp")]
    pub at: Timestamp,
    /// The server.
    pub server: AdvisedServer,
    /// The connection.
    pub client: AdvisedClient,
    /// Why it ended, or why the login failed; empty where nobody answered.
    #[serde(default)]
    pub reason: String,
    /// What the client sent.
    #[serde(default)]
    pub sent: Amount,
    /// What the client received.
    #[serde(default)]
    pub received: Amount,
}

/// The server that tells.
#[derive(Debug, Clone, Deserialize)]
pub struct AdvisedServer {
    /// Its public nkey.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its cluster.
    #[serde(default)]
    pub cluster: String,
}

/// The connection that an advisory is about.
#[derive(Debug, Clone, Deserialize)]
pub struct AdvisedClient {
    /// Its number on the server.
    pub id: u64,
    /// Its account.
    #[serde(rename = "acc", default)]
    pub account: String,
    /// The user's name or public nkey; known of connections that came up, see
    /// [`Advisory::read`].
    #[serde(default)]
    pub user: Option<String>,
    /// The peer's address.
    #[serde(default)]
    pub host: String,
    /// `Client` or `Leafnode`.
    #[serde(default)]
    pub kind: String,
    /// `nats`, `websocket` or `mqtt`.
    #[serde(rename = "client_type", default)]
    pub connection_type: String,
    /// What the client calls itself. Nobody vouches for it.
    #[serde(default)]
    pub name: String,
    /// The client library's language.
    #[serde(default)]
    pub lang: String,
    /// The client library's version.
    #[serde(rename = "ver", default)]
    pub version: String,
    /// When the connection was made.
    #[serde(default)]
    pub start: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub stop: Option<Timestamp>,
}

/// An amount of traffic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
pub struct Amount {
    /// Messages.
    #[serde(default)]
    pub msgs: i64,
    /// Bytes of their payloads.
    #[serde(default)]
    pub bytes: i64,
}

impl Advisory {
    /// Reads the payload of a message.
    ///
    /// The user's name is kept where a connection came up, because then the server has verified
    /// it. In every other advisory it is what CONNECT last said, before anybody judged that: a
    /// secret in the wrong field, or somebody else's name. It is thrown away here.
    ///
    /// # Errors
    /// See [`NoAdvisory`].
    pub fn read(payload: &[u8]) -> Result<Self, NoAdvisory> {
        if payload.len() > MAX_BYTES {
            return Err(NoAdvisory::TooLarge);
        }
        let mut advisory: Self =
            serde_json::from_slice(payload).map_err(|_| NoAdvisory::Malformed)?;
        if advisory.about != About::Connect {
            advisory.client.user = None;
        }
        Ok(advisory)
    }

    /// Whether it is the end of what was no session: every refused login, every probe of a load
    /// balancer ends as one, in the account in which all connections begin.
    ///
    /// A session may end there too: one whose client said CONNECT again is there while the server
    /// judges that. It is known by its traffic, since nobody sends or receives anything before.
    #[must_use]
    pub fn is_end_of_nothing(&self) -> bool {
        let idle = self.sent.msgs == 0 && self.received.msgs == 0;
        self.about == About::Disconnect && self.client.account == NOWHERE && idle
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(kind: &str) -> Value {
        json!({
            "type": format!("io.nats.server.advisory.v1.{kind}"),
            "id": "X", "timestamp": "2026-01-02T03:04:05.123456789Z",
            "server": { "name": "nats-1", "host": "0.0.0.0", "id": "NX", "ver": "2.15.1" },
            "client": {
                "start": "2026-01-02T03:04:05Z", "host": "192.0.2.7", "id": 7, "acc": "APP",
                "user": "idp:alice", "name": "n", "lang": "rust", "ver": "1", "kind": "Client",
                "client_type": "nats", "jwt": "eyJ", "unheard": [1],
            },
            "sent": { "msgs": 1, "bytes": 2, "gateways": {} },
            "received": { "msgs": 3, "bytes": 4 },
            "reason": "Client Closed",
        })
    }

    fn read(value: &Value) -> Result<Advisory, NoAdvisory> {
        Advisory::read(value.to_string().as_bytes())
    }

    #[test]
    fn what_is_used_is_read() {
        let told = read(&written("client_disconnect")).unwrap();
        assert_eq!(told.about, About::Disconnect);
        assert_eq!(told.at.to_string(), "2026-01-02T03:04:05.123456789Z");
        assert_eq!((told.server.id.as_str(), told.client.id), ("NX", 7));
        assert_eq!(told.sent, Amount { msgs: 1, bytes: 2 });
        assert_eq!(told.received, Amount { msgs: 3, bytes: 4 });
        assert_eq!(told.client.start.unwrap().as_second(), told.at.as_second());
    }

    #[test]
    fn a_name_that_nobody_verified_is_thrown_away() {
        let user = |kind| read(&written(kind)).unwrap().client.user;
        assert_eq!(user("client_connect").as_deref(), Some("idp:alice"));
        assert_eq!(user("client_disconnect"), None);
    }

    #[test]
    fn the_end_of_a_connection_that_came_in_nowhere_is_no_end_of_a_session() {
        let mut nowhere = written("client_disconnect");
        assert!(!read(&nowhere).unwrap().is_end_of_nothing());
        nowhere["client"]["acc"] = "$G".into();
        assert!(!read(&nowhere).unwrap().is_end_of_nothing(), "it has sent something");
        nowhere["sent"]["msgs"] = 0.into();
        assert!(!read(&nowhere).unwrap().is_end_of_nothing(), "it has received something");
        nowhere["received"] = json!({});
        assert!(read(&nowhere).unwrap().is_end_of_nothing());
        let mut came_up = written("client_connect");
        came_up["client"]["acc"] = "$G".into();
        assert!(!read(&came_up).unwrap().is_end_of_nothing());
    }

    #[test]
    fn what_is_no_advisory_is_passed_over() {
        for text in ["", "{}", "[]", "null", "{\"type\":1}", "\u{0}"] {
            assert_eq!(Advisory::read(text.as_bytes()).unwrap_err(), NoAdvisory::Malformed);
        }
        assert_eq!(read(&written("account_connections")).unwrap_err(), NoAdvisory::Malformed);
        for (pointer, wrong) in [
            ("/client/id", json!(-1)),
            ("/client/id", json!("7")),
            ("/server", json!([])),
            ("/timestamp", json!("yesterday")),
            ("/sent/msgs", json!({})),
        ] {
            let mut value = written("client_connect");
            *value.pointer_mut(pointer).unwrap() = wrong;
            assert_eq!(read(&value).unwrap_err(), NoAdvisory::Malformed, "{pointer}");
        }
        let mut large = written("client_connect");
        large["client"]["name"] = "x".repeat(MAX_BYTES).into();
        assert_eq!(read(&large).unwrap_err(), NoAdvisory::TooLarge);
    }
}
