//! **A stand-in** for the nats-server that asks, for requests that the real one never sends.
//!
//! The real nats-server still carries the messages, but its configuration has no callout: so it
//! asks nothing itself, and does not keep the users of the callout account from publishing on
//! `$SYS.REQ.USER.AUTH`. The asking is done by this code, with a server key of its own. What the
//! real server does when such a request is published beside its own is tested without this
//! stand-in, in `forgeries.rs`.

use async_nats::{Client, ConnectOptions, HeaderMap, Subscriber};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::StreamExt as _;
use hallpass::{
    callout::{SUBJECT, XKEY_HEADER},
    nats_jwt::{self, AuthorizationResponse, Claims},
    setup::PublicKeys,
};
use nkeys::{KeyPair, XKey};
use serde_json::{Value, json};

use super::{World, WorldBuilder, soon};

/// The keys of a server, and what it can make with them.
pub struct ServerKeys {
    /// Its identity: signs requests.
    pub key: KeyPair,
    /// Its curve key: seals requests and opens answers.
    pub xkey: XKey,
    issuer: String,
    hallpass: XKey,
}

impl ServerKeys {
    /// Fresh ones, for asking this installation.
    pub fn new(keys: &PublicKeys) -> Self {
        Self {
            key: KeyPair::new_server(),
            xkey: XKey::new(),
            issuer: keys.issuer.clone(),
            hallpass: XKey::from_public_key(&keys.xkey).unwrap(),
        }
    }

    /// The same server with another curve key.
    pub fn with_another_curve_key(&self) -> Self {
        Self {
            key: KeyPair::from_seed(&self.key.seed().unwrap()).unwrap(),
            xkey: XKey::new(),
            issuer: self.issuer.clone(),
            hallpass: XKey::from_public_key(&self.hallpass.public_key()).unwrap(),
        }
    }

    /// The claims of a request such as the real server makes, for a fresh login with this token.
    pub fn claims(&self, token: &str) -> Value {
        let now = jiff::Timestamp::now().as_second();
        json!({
            "aud": "nats-authorization-request",
            "exp": now + 2,
            "iat": now,
            "iss": self.key.public_key(),
            "jti": "NOT-UNIQUE",
            "sub": self.issuer,
            "nats": {
                "server_id": {
                    "name": "stand-in",
                    "host": "127.0.0.1",
                    "id": self.key.public_key(),
                    "version": "2.15.1",
                    "xkey": self.xkey.public_key(),
                },
                "user_nkey": KeyPair::new_user().public_key(),
                "client_info": {
                    "host": "127.0.0.1", "id": 7, "user": "[REDACTED]", "name": "asked-for",
                    "kind": "Client", "type": "nats",
                },
                "connect_opts": {
                    "auth_token": token, "name": "asked-for", "lang": "rust", "version": "1",
                    "protocol": 1,
                },
                "type": "authorization_request",
                "version": 2,
            },
        })
    }

    /// A JWT with this payload, which need not be JSON.
    pub fn sign(&self, payload: &[u8]) -> Vec<u8> {
        sign(payload, &self.key)
    }

    /// Sealed to hallpass.
    pub fn seal(&self, message: &[u8]) -> Vec<u8> {
        self.xkey.seal(message, &self.hallpass).unwrap()
    }

    /// A whole request with these claims.
    pub fn request(&self, claims: &Value) -> Vec<u8> {
        self.seal(&self.sign(claims.to_string().as_bytes()))
    }
}

/// A NATS JWT with this payload, which need not be JSON, by this key.
pub fn sign(payload: &[u8], key: &KeyPair) -> Vec<u8> {
    let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"ed25519-nkey"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}").into_bytes()
}

/// See the head of this file.
pub struct AskingServer {
    /// Its keys.
    pub keys: ServerKeys,
    client: Client,
    answers: Subscriber,
    asked: u32,
}

impl AskingServer {
    /// A world whose nats-server asks nothing itself. Requests may be larger than usual there.
    pub fn world() -> WorldBuilder {
        World::builder().server_conf(|conf| {
            let (before, rest) = conf.split_once("authorization {").unwrap();
            let (_, after) = rest.split_once("\n}\n").unwrap();
            let users = "AUTH {\n    users: [\n      { user: asker, password: asker }";
            format!("max_payload: 8MB\n{before}{after}").replace("AUTH {\n    users: [", users)
        })
    }

    /// Connects.
    pub async fn start(world: &World) -> Self {
        let options = ConnectOptions::with_user_and_password("asker".into(), "asker".into());
        let client = options.connect(world.nats.url()).await.unwrap();
        let answers = client.subscribe("$SYS._INBOX.asker.>").await.unwrap();
        client.flush().await.unwrap();
        Self { keys: ServerKeys::new(&world.keys), client, answers, asked: 0 }
    }

    /// Publishes a request; returns where its answer would come.
    pub async fn send(&mut self, payload: Vec<u8>, header: Option<&str>) -> String {
        self.asked += 1;
        let reply = format!("$SYS._INBOX.asker.{}", self.asked);
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(XKEY_HEADER, header);
        }
        let sent = self.client.publish_with_reply_and_headers(
            SUBJECT,
            reply.clone(),
            headers,
            payload.into(),
        );
        sent.await.unwrap();
        reply
    }

    /// Waits until the server has all that was sent.
    pub async fn settle(&self) {
        let nobody = self.client.request("nobody", "".into());
        nobody.await.expect_err("nobody listens there");
    }

    /// Publishes a request that asks for no answer.
    pub async fn send_without_reply(&self, payload: Vec<u8>) {
        let mut headers = HeaderMap::new();
        headers.insert(XKEY_HEADER, self.keys.xkey.public_key().as_str());
        self.client.publish_with_headers(SUBJECT, headers, payload.into()).await.unwrap();
    }

    /// Asks and waits for the answer, which must be the next that comes: what was sent before
    /// and is answered now would come first. Returns its claims.
    pub async fn ask(&mut self, claims: &Value) -> Claims<AuthorizationResponse> {
        let header = self.keys.xkey.public_key();
        let reply = self.send(self.keys.request(claims), Some(&header)).await;
        let answer = soon("an answer", self.answers.next()).await.unwrap();
        assert_eq!(answer.subject.as_str(), reply, "an answer to something else");
        assert!(answer.payload.starts_with(b"xkv1"), "the answer is sealed");
        let jwt = self.keys.xkey.open(&answer.payload, &self.keys.hallpass).unwrap();
        let response = nats_jwt::decode::<AuthorizationResponse>(&jwt).unwrap();
        assert_eq!(response.iss, self.keys.issuer);
        assert_eq!(response.aud, self.keys.key.public_key());
        assert_eq!(response.sub, claims["nats"]["user_nkey"].as_str().unwrap());
        assert_eq!(response.exp, None);
        assert_eq!(response.nats.kind, "authorization_response");
        response
    }

    /// Asks, must be refused, and returns the code.
    pub async fn refusal(&mut self, claims: &Value) -> String {
        let response = self.ask(claims).await.nats;
        assert_eq!(response.jwt, None);
        let text = response.error.unwrap();
        let code = text.strip_prefix("hallpass: ").unwrap().split_once(" (decision ").unwrap().0;
        code.to_owned()
    }
}
