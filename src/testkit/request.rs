//! Requests as a nats-server makes them, and its reading of the answers.

use nkeys::{KeyPair, XKey};
use serde_json::{Value, json};

use super::{NOW, base64url};
use crate::callout::request::Expectations;

/// A request for a login with the token `t`, signed by a fresh server, in the clear.
pub(crate) fn a_request() -> RequestBuilder {
    let server = KeyPair::new_server();
    let issuer = KeyPair::new_account().public_key();
    let user = KeyPair::new_user().public_key();
    let claims = json!({
        "aud": "nats-authorization-request",
        "exp": NOW + 2, "iat": NOW, "iss": server.public_key(), "jti": "request-1",
        "sub": issuer,
        "nats": {
            "server_id": { "name": "n1", "host": "0.0.0.0", "id": server.public_key(), "version": "2.11.0" },
            "user_nkey": user,
            "client_info": { "host": "192.0.2.7", "id": 7, "user": "", "kind": "Client", "type": "nats" },
            "connect_opts": { "auth_token": "t", "lang": "rust", "version": "1", "protocol": 1 },
            "type": "authorization_request",
            "version": 2,
        },
    });
    RequestBuilder { claims, signer: server, issuer, user, seals: None }
}

pub(crate) struct RequestBuilder {
    claims: Value,
    signer: KeyPair,
    /// The public key that the server expects answers from.
    pub(crate) issuer: String,
    /// The nkey of the login attempt.
    pub(crate) user: String,
    seals: Option<(XKey, XKey)>,
}

/// A request on its way, and what stands at both ends.
pub(crate) struct Asked {
    pub(crate) message: Vec<u8>,
    pub(crate) header_key: Option<String>,
    pub(crate) expected: Expectations,
    /// The server's curve key, where it seals.
    pub(crate) server_xkey: Option<XKey>,
}

impl RequestBuilder {
    /// With another value at `/aud`, `/nats/server_id/id` and so on.
    pub(crate) fn with(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        self.claims.pointer_mut(parent).unwrap()[name] = value.into();
        self
    }

    pub(crate) fn without(mut self, pointer: &str) -> Self {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = self.claims.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        parent.remove(name).expect("a member that is there");
        self
    }

    /// Signed by another key than the one it names.
    pub(crate) fn secretly_by(mut self, key: KeyPair) -> Self {
        self.signer = key;
        self
    }

    /// Sealed between a fresh server key and a fresh one of ours.
    pub(crate) fn sealed(mut self) -> Self {
        let (server, ours) = (XKey::new(), XKey::new());
        self.seals = Some((server.clone(), ours));
        self.with("/nats/server_id/xkey", server.public_key())
    }

    /// The JWT as a server encodes it.
    pub(crate) fn jwt(&self) -> String {
        let header = base64url(r#"{"typ":"JWT","alg":"ed25519-nkey"}"#);
        let signed = format!("{header}.{}", base64url(self.claims.to_string()));
        let signature = base64url(self.signer.sign(signed.as_bytes()).unwrap());
        format!("{signed}.{signature}")
    }

    pub(crate) fn ask(&self) -> Asked {
        let jwt = self.jwt().into_bytes();
        let mut expected = Expectations { issuer: self.issuer.clone(), xkey: None, servers: None };
        match &self.seals {
            None => Asked { message: jwt, header_key: None, expected, server_xkey: None },
            Some((server, ours)) => {
                let recipient = XKey::from_public_key(&ours.public_key()).unwrap();
                expected.xkey = Some(ours.clone().into());
                Asked {
                    message: server.seal(&jwt, &recipient).unwrap(),
                    header_key: Some(server.public_key()),
                    expected,
                    server_xkey: Some(server.clone()),
                }
            }
        }
    }
}
