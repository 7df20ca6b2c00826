//! What a server knows of the connections of a user (`CONNZ` in its `monitor.go`), those that have
//! ended included, as far as it remembers them. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::advisory::{About, AdvisedClient, AdvisedServer, Advisory, Amount};

/// Where every server of a cluster is asked, inside the system account.
pub const SUBJECT: &str = "$SYS.REQ.SERVER.PING.CONNZ";
/// How many connections an answer holds at most.
pub const PAGE: usize = 128;

/// The account of connections that nobody has let in anywhere; the server leaves it out.
const NOWHERE: &str = "$G";
/// A page of connections whose clients said of themselves as much as a server takes by default
/// has half of it.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// What clients say of themselves is cut to this many characters: as many as are told.
const LONGEST: usize = 128;

/// What is asked: open connections and those that ended.
#[derive(Serialize)]
struct Question<'a> {
    auth: bool,
    state: u8,
    user: &'a str,
    offset: usize,
    limit: usize,
}

/// The question for a page of this user's connections, those after the first `offset`.
///
/// # Errors
/// Where it cannot be written as JSON, which no user causes.
pub fn question(user: &str, offset: usize) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Question { auth: true, state: 2, user, offset, limit: PAGE })
}

/// Why an answer is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an answer about connections")]
pub struct NoAnswer;

/// A server's answer.
#[derive(Debug, Clone)]
pub struct Page {
    /// The server's public nkey.
    pub server_id: String,
    /// Whether it has more after these.
    pub has_more: bool,
    /// The connections as the server would have told of them when they came up. Where one has
    /// ended, [`AdvisedClient::stop`] and [`Advisory::reason`] say so.
    pub logins: Vec<Advisory>,
}

#[derive(Deserialize)]
struct Answer {
    server: AdvisedServer,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    total: usize,
    offset: usize,
    connections: Vec<Connection>,
}

#[derive(Deserialize)]
struct Connection {
    cid: u64,
    #[serde(default)]
    kind: String,
    #[serde(rename = "type", default)]
    connection_type: String,
    #[serde(default)]
    ip: String,
    start: Timestamp,
    #[serde(default)]
    stop: Option<Timestamp>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    in_msgs: i64,
    #[serde(default)]
    out_msgs: i64,
    #[serde(default)]
    in_bytes: i64,
    #[serde(default)]
    out_bytes: i64,
    #[serde(default, deserialize_with = "cut")]
    name: String,
    #[serde(default, deserialize_with = "cut")]
    lang: String,
    #[serde(default, deserialize_with = "cut")]
    version: String,
    #[serde(rename = "authorized_user", default)]
    user: String,
    #[serde(default)]
    account: String,
}

/// Cut while it is read: an answer may hold a hundred connections that say all that they can.
fn cut<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(text.chars().take(LONGEST).collect())
}

impl Connection {
    /// Whether it came in anywhere. Until a server has judged it, and where it said no, a
    /// connection is in no account: then its user is what it claims to be.
    fn came_in(&self) -> bool {
        !self.account.is_empty() && self.account != NOWHERE
    }

    fn login(self, server: &AdvisedServer) -> Advisory {
        Advisory {
            about: About::Connect,
            at: self.start,
            server: server.clone(),
            client: AdvisedClient {
                id: self.cid,
                account: self.account,
                user: Some(self.user),
                host: self.ip,
                kind: self.kind,
                connection_type: self.connection_type,
                name: self.name,
                lang: self.lang,
                version: self.version,
                start: Some(self.start),
                stop: self.stop,
            },
            reason: self.reason,
            sent: Amount { msgs: self.in_msgs, bytes: self.in_bytes },
            received: Amount { msgs: self.out_msgs, bytes: self.out_bytes },
        }
    }
}

impl Page {
    /// Reads an answer to the [`question`] about `user`. Connections that came in nowhere, and
    /// those of others, are left out.
    ///
    /// # Errors
    /// Where it is no such answer, such as a server's "no".
    pub fn read(payload: &[u8], user: &str) -> Result<Self, NoAnswer> {
        if payload.len() > MAX_BYTES {
            return Err(NoAnswer);
        }
        let Answer { server, data } = serde_json::from_slice(payload).map_err(|_| NoAnswer)?;
        let seen = data.offset.saturating_add(data.connections.len());
        let has_more = !data.connections.is_empty() && seen < data.total;
        let meant = data.connections.into_iter().filter(|it| it.user == user && it.came_in());
        let logins = meant.map(|it| it.login(&server)).collect();
        Ok(Self { server_id: server.id, has_more, logins })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answer() -> Value {
        json!({
            "server": { "name": "nats-1", "id": "NX", "cluster": "c", "ver": "2.15.1" },
            "data": {
                "server_id": "NX", "num_connections": 1, "total": 1, "offset": 0, "limit": 128,
                "connections": [{
                    "cid": 7, "kind": "Client", "type": "nats", "ip": "192.0.2.7", "port": 1,
                    "start": "2026-01-02T03:04:05.5Z", "last_activity": "2026-01-02T03:04:05Z",
                    "stop": "2026-01-02T03:05:05Z", "reason": "Client Closed", "uptime": "1m",
                    "in_msgs": 1, "in_bytes": 2, "out_msgs": 3, "out_bytes": 4, "name": "n",
                    "lang": "go", "version": "1", "authorized_user": "UX", "account": "APP",
                }],
            },
        })
    }

    fn read(value: &Value) -> Result<Page, NoAnswer> {
        Page::read(value.to_string().as_bytes(), "UX")
    }

    #[test]
    fn a_connection_is_told_as_when_it_came_up() {
        let page = read(&answer()).unwrap();
        assert_eq!((page.server_id.as_str(), page.has_more), ("NX", false));
        let login = &page.logins[0];
        assert_eq!((login.server.name.as_str(), login.server.cluster.as_str()), ("nats-1", "c"));
        let client = &login.client;
        assert_eq!((client.id, client.account.as_str()), (7, "APP"));
        assert_eq!(client.user.as_deref(), Some("UX"));
        assert_eq!(client.start.unwrap().to_string(), "2026-01-02T03:04:05.5Z");
        assert_eq!(client.stop.unwrap().to_string(), "2026-01-02T03:05:05Z");
        assert_eq!((client.host.as_str(), login.reason.as_str()), ("192.0.2.7", "Client Closed"));
        assert_eq!(login.sent, Amount { msgs: 1, bytes: 2 });
    }

    #[test]
    fn what_a_client_says_of_itself_is_cut_between_characters() {
        let mut long = answer();
        for name in ["name", "lang", "version"] {
            long["data"]["connections"][0][name] = "é".repeat(LONGEST + 1).into();
        }
        let client = read(&long).unwrap().logins.remove(0).client;
        for text in [client.name, client.lang, client.version] {
            assert_eq!(text, "é".repeat(LONGEST));
            assert!(text.capacity() < 4 * LONGEST, "the rest is not kept either");
        }
    }

    #[test]
    fn what_came_in_nowhere_or_is_another_user_s_is_left_out() {
        for (name, value) in
            [("account", json!("")), ("account", json!("$G")), ("authorized_user", json!("UY"))]
        {
            let mut other = answer();
            other["data"]["connections"][0][name] = value;
            assert!(read(&other).unwrap().logins.is_empty(), "{name}");
        }
    }

    #[test]
    fn there_is_more_until_the_last_page() {
        let mut first = answer();
        first["data"]["total"] = 2.into();
        assert!(read(&first).unwrap().has_more);
        first["data"]["offset"] = 1.into();
        assert!(!read(&first).unwrap().has_more);
        // A server that says otherwise for ever is not believed.
        first["data"]["total"] = 9.into();
        first["data"]["connections"] = json!([]);
        assert!(!read(&first).unwrap().has_more);
    }

    #[test]
    fn what_is_no_answer_is_passed_over() {
        let error = json!({ "server": { "id": "NX" }, "error": { "code": 400 } });
        let mut odd = answer();
        odd["data"]["connections"][0]["start"] = "yesterday".into();
        for wrong in [error, odd, json!([]), json!({})] {
            assert_eq!(read(&wrong).unwrap_err(), NoAnswer);
        }
        let mut large = answer();
        large["data"]["connections"][0]["name"] = "x".repeat(MAX_BYTES).into();
        assert_eq!(read(&large).unwrap_err(), NoAnswer);
        let asked: Value = serde_json::from_slice(&question("UX", 128).unwrap()).unwrap();
        let expected =
            json!({ "auth": true, "state": 2, "user": "UX", "offset": 128, "limit": 128 });
        assert_eq!(asked, expected);
    }
}
