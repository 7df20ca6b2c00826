//! A NATS connection spelled out, byte by byte.
//!
//! A client library hides what these tests are about: it hands complaints on by another way
//! than messages, so their order is lost. Here both come as the server sent them, and a PONG
//! proves that what was not heard before it is not on its way: the server takes what a
//! connection sends in order, and has put every message it causes into the other connections'
//! queues before it takes the next.

use nkeys::KeyPair;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use super::{World, host_and_port, soon};

/// A connection. It answers PING only while it is listened to.
pub struct Wire {
    stream: BufReader<TcpStream>,
    info: Value,
    subscriptions: u64,
}

/// What the server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A message. What is no UTF-8 in the payload is replaced; what is, is all there.
    Message { subject: String, reply: Option<String>, payload: String },
    /// `-ERR`, without the quotes around it.
    Complaint(String),
    /// The answer to a PING.
    Pong,
    /// The end of the connection.
    End,
}

impl Heard {
    /// A message as subject and payload.
    pub fn message(&self) -> Option<(&str, &str)> {
        match self {
            Self::Message { subject, payload, .. } => Some((subject, payload)),
            _ => None,
        }
    }
}

impl Wire {
    async fn open(url: &str) -> Result<Self, Heard> {
        let address = host_and_port(url);
        let stream = TcpStream::connect(address).await.map_err(|_| Heard::End)?;
        // A line would wait for the acknowledgement of the one before, up to 40 ms.
        stream.set_nodelay(true).unwrap();
        let stream = BufReader::new(stream);
        let mut wire = Self { stream, info: Value::Null, subscriptions: 0 };
        let line = wire.line().await.ok_or(Heard::End)?;
        wire.info = serde_json::from_str(line.strip_prefix("INFO ").unwrap()).unwrap();
        Ok(wire)
    }

    /// Connects; what `more` says comes on top of the usual CONNECT. An error is what the
    /// server complained of, or its end.
    pub async fn connect(url: &str, name: &str, more: Value) -> Result<Self, Heard> {
        Self::open(url).await?.introduce(name, more).await
    }

    /// What the server said of itself and of this connection when it opened.
    pub fn info(&self) -> &Value {
        &self.info
    }

    /// Connects with a key.
    pub async fn with_seed(url: &str, name: &str, seed: &str) -> Result<Self, Heard> {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let wire = Self::open(url).await?;
        let key = KeyPair::from_seed(seed.trim()).unwrap();
        let nonce = wire.info["nonce"].as_str().unwrap();
        let signature = URL_SAFE_NO_PAD.encode(key.sign(nonce.as_bytes()).unwrap());
        wire.introduce(name, json!({ "nkey": key.public_key(), "sig": signature })).await
    }

    async fn introduce(mut self, name: &str, more: Value) -> Result<Self, Heard> {
        let mut connect = json!({
            "verbose": false, "pedantic": false, "lang": "wire", "version": "1", "protocol": 1,
            "name": name,
        });
        let Value::Object(more) = more else { panic!("no object") };
        connect.as_object_mut().unwrap().extend(more);
        self.send(format!("CONNECT {connect}\r\nPING\r\n")).await;
        match self.hear().await {
            Heard::Pong => Ok(self),
            other => Err(other),
        }
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // Where the server is gone, whoever listens hears of the end.
        let _ = self.stream.get_mut().write_all(bytes.as_ref()).await;
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        // A connection that the server closes may end with a reset.
        match soon("a line from the server", self.stream.read_line(&mut line)).await {
            Ok(_) if line.ends_with('\n') => Some(line.trim_end().to_owned()),
            // Half a line is what a killed server leaves.
            Ok(_) | Err(_) => None,
        }
    }

    /// What comes next.
    pub async fn hear(&mut self) -> Heard {
        loop {
            let Some(line) = self.line().await else { return Heard::End };
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["PING"] => self.send("PONG\r\n").await,
                ["PONG"] => return Heard::Pong,
                ["INFO", ..] => {}
                ["-ERR", ..] => {
                    let text = line.strip_prefix("-ERR ").unwrap().trim_matches('\'');
                    return Heard::Complaint(text.to_owned());
                }
                ["MSG", subject, _, ref rest @ .., length] => {
                    let mut payload = vec![0; length.parse::<usize>().unwrap() + 2];
                    self.stream.read_exact(&mut payload).await.unwrap();
                    payload.truncate(payload.len() - 2);
                    return Heard::Message {
                        subject: subject.to_owned(),
                        reply: rest.first().map(|&reply| reply.to_owned()),
                        payload: String::from_utf8_lossy(&payload).into_owned(),
                    };
                }
                ["HMSG", subject, _, ref rest @ .., head, length] => {
                    let (head, length): (usize, usize) =
                        (head.parse().unwrap(), length.parse().unwrap());
                    let mut payload = vec![0; length + 2];
                    self.stream.read_exact(&mut payload).await.unwrap();
                    return Heard::Message {
                        subject: subject.to_owned(),
                        reply: rest.first().map(|&reply| reply.to_owned()),
                        payload: String::from_utf8_lossy(&payload[head..length]).into_owned(),
                    };
                }
                _ => panic!("the server said: {line}"),
            }
        }
    }

    /// Everything that was heard until now: all that this connection sent has had its effect.
    pub async fn settle(&mut self) -> Vec<Heard> {
        self.send("PING\r\n").await;
        let mut heard = Vec::new();
        loop {
            match self.hear().await {
                Heard::Pong => return heard,
                Heard::End => panic!("the connection ended; heard before: {heard:?}"),
                other => heard.push(other),
            }
        }
    }

    /// Everything until the server closes the connection.
    pub async fn until_the_end(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        loop {
            match self.hear().await {
                Heard::End => return heard,
                other => heard.push(other),
            }
        }
    }

    /// Says CONNECT once more, with nothing but this, and goes away without waiting for anything.
    pub async fn leaves_with(mut self, connect: Value) {
        self.send(format!("CONNECT {connect}\r\n")).await;
        self.stream.get_mut().shutdown().await.unwrap();
        self.until_the_end().await;
    }

    /// Publishes.
    pub async fn publish(&mut self, subject: &str, payload: &str) {
        self.send(format!("PUB {subject} {}\r\n{payload}\r\n", payload.len())).await;
    }

    /// Publishes a request.
    pub async fn request(&mut self, subject: &str, reply: &str, payload: &str) {
        self.send(format!("PUB {subject} {reply} {}\r\n{payload}\r\n", payload.len())).await;
    }

    /// Publishes a request with one header line. The connection must have said `headers`.
    pub async fn request_with_header(
        &mut self,
        subject: &str,
        reply: &str,
        line: &str,
        payload: &[u8],
    ) {
        let head = format!("NATS/1.0\r\n{line}\r\n\r\n");
        let (first, all) = (head.len(), head.len() + payload.len());
        let mut bytes = format!("HPUB {subject} {reply} {first} {all}\r\n{head}").into_bytes();
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(b"\r\n");
        self.send(bytes).await;
    }

    /// Subscribes; `pattern` may have a queue group after a space.
    pub async fn subscribe(&mut self, pattern: &str) -> u64 {
        self.subscriptions += 1;
        self.send(format!("SUB {pattern} {}\r\n", self.subscriptions)).await;
        self.subscriptions
    }

    /// Ends a subscription.
    pub async fn unsubscribe(&mut self, subscription: u64) {
        self.send(format!("UNSUB {subscription}\r\n")).await;
    }
}

impl World {
    /// Logs in with a token, in bytes.
    pub async fn wire(&self, name: &str, token: &str) -> Wire {
        let connected = Wire::connect(self.nats.url(), name, json!({ "auth_token": token })).await;
        connected.unwrap_or_else(|said| {
            let log = self.hallpass.iter().map(|one| one.log()).collect::<Vec<_>>().join("\n");
            panic!("{name} should get in, but the server says {said:?}; hallpass says:\n{log}")
        })
    }

    /// Connects with one of the installation's own keys, in bytes.
    pub async fn wire_as(&self, key: &str) -> Wire {
        let path = self.directory().join(format!("keys/{key}.nk"));
        let seed = std::fs::read_to_string(path).unwrap();
        Wire::with_seed(self.nats.url(), key, &seed).await.unwrap()
    }
}
