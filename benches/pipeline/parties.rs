//! The parties of an authorization, in process: an IdP, a server, hallpass.

use std::{
    hint::black_box,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::{encoding::AsDer as _, rsa};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hallpass::{
    audit::{Class, Event, Privacy, Receipt, Recorder},
    broker::{Answer, Broker},
    callout::responder::Taken,
    config::{CalloutSettings, EdgeSettings, IssuerSettings, PersonalData},
    document::{self, Problems, Source},
    idp::{Accepted, IssuerKeys, Issuers, KeySet},
    names::InstanceId,
    nats_jwt::{self, AuthorizationResponse, Claims},
    policy::{self, Boundaries, InForce, PolicySet},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use nkeys::{KeyPair, XKey};
use serde_json::{Value, json};

const ISSUER: &str = "https://idp.example.com/realms/main";

/// Says yes at once.
struct Yes;

impl Recorder for Yes {
    fn record(&self, event: Event, _: Class) -> Receipt {
        black_box(event);
        let (done, receipt) = Receipt::new();
        let _ = done.send(());
        receipt
    }
}

/// Everybody's keys.
pub struct Parties {
    idp: EncodingKey,
    pub jwk: Jwk,
    pub server: KeyPair,
    pub issuer: Arc<KeyPair>,
    /// The server's and ours, where requests are sealed.
    pub xkeys: Option<(XKey, Arc<XKey>)>,
}

impl Parties {
    pub fn new(sealed: bool) -> Self {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        let der = STANDARD.encode(pair.as_der().unwrap().as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        let idp = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        let mut jwk = Jwk::from_encoding_key(&idp, Algorithm::RS256).unwrap();
        jwk.common.key_id = Some("bench".to_owned());
        let xkeys = sealed.then(|| (XKey::new(), Arc::new(XKey::new())));
        let (server, issuer) = (KeyPair::new_server(), Arc::new(KeyPair::new_account()));
        Self { idp, jwk, server, issuer, xkeys }
    }

    /// A token as an IdP issues them, each with a `jti` of its own.
    pub fn token(&self) -> String {
        static ISSUED: AtomicUsize = AtomicUsize::new(0);
        let id = format!("0190f1c2-7b3a-7c4d-8e5f-{:012x}", ISSUED.fetch_add(1, Ordering::Relaxed));
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some("bench".to_owned());
        let claims = json!({
            "iss": ISSUER, "sub": "f3b1c2d4-58a7-4c1e-9b0a-2f6d1c7e8a90", "aud": ["nats", "account"],
            "azp": "orders-service", "jti": id,
            "iat": now(), "exp": now() + 900, "scope": "openid profile email",
            "email": "clerk@acme.example", "tenant_id": "acme",
            "realm_access": { "roles": ["offline_access", "default-roles-main", "orders:write"] },
        });
        jsonwebtoken::encode(&header, &claims, &self.idp).unwrap()
    }

    /// A request for a login of its own, as nats-server makes it.
    pub fn request(&self, token: &str) -> Taken {
        let (id, user) = (self.server.public_key(), KeyPair::new_user().public_key());
        let header_key = self.xkeys.as_ref().map(|(theirs, _)| theirs.public_key());
        let claims = Claims::<Value> {
            aud: "nats-authorization-request".to_owned(),
            exp: Some(now() + 2),
            iat: now(),
            iss: id.clone(),
            jti: "NZ3TIKP2ZTJMQHGOWLYMN4NSUFWMOQ2ZHCVD6QDUA4WUWOAJ3XHQ".to_owned(),
            name: String::new(),
            sub: self.issuer.public_key(),
            nats: json!({
                "type": "authorization_request", "version": 2, "user_nkey": user,
                "server_id": { "name": "n1", "host": "10.0.0.1", "id": id, "version": "2.15.1",
                    "xkey": header_key.as_deref().unwrap_or_default() },
                "client_info": { "host": "10.0.0.2", "id": 42, "kind": "Client", "type": "nats" },
                "connect_opts": { "auth_token": token, "name": "orders", "lang": "go",
                    "version": "1.43.0", "protocol": 1 },
            }),
        };
        let jwt = nats_jwt::sign(&claims, &self.server).unwrap().into_bytes();
        let payload = match &self.xkeys {
            Some((theirs, ours)) => theirs.seal(&jwt, ours).unwrap(),
            None => jwt,
        };
        Taken { payload: payload.into(), header_key, read_at: tokio::time::Instant::now() }
    }

    /// A broker that records nothing and is told at once that it did.
    pub fn broker(&self) -> Broker {
        self.recording(Arc::new(Yes))
    }

    /// A broker that has this record.
    pub fn recording(&self, recorder: Arc<dyn Recorder>) -> Broker {
        let callout = CalloutSettings {
            account: "AUTH".parse().unwrap(),
            issuer: Arc::clone(&self.issuer),
            xkey: self.xkeys.as_ref().map(|(_, ours)| Arc::clone(ours)),
            servers: None,
            queue: "hallpass".to_owned(),
            deadline: Duration::from_secs(60), // a benchmark is no reason to refuse
            max_in_flight: usize::MAX,
        };
        let mut problems = Problems::default();
        let text = format!(
            "issuer = \"{ISSUER}\"\naudiences = [\"nats\"]\nroles_claim = \"realm_access.roles\"\n\
             algorithms = [\"RS256\"]\n"
        );
        let source = Source::read("main".to_owned(), text.into_bytes(), &mut problems).unwrap();
        let node = document::parse(&source, &mut problems);
        let directory = std::path::Path::new("");
        let issuer =
            IssuerSettings::read("main".parse().unwrap(), &node, directory, &mut problems).unwrap();
        let jwks = json!({ "keys": [self.jwk] }).to_string();
        let keys = KeySet::from_json(jwks.as_bytes(), Accepted::default()).unwrap();
        let keys = Arc::new(IssuerKeys::fixed(Arc::new(issuer), keys));
        let policy = Arc::new(InForce::new(policy()));
        let issuers = Issuers::new([keys], Vec::new());
        let privacy = Arc::new(Privacy::new(&[7; 32], PersonalData::default(), Vec::new()));
        let (edge, instance) = (EdgeSettings::default(), InstanceId::fresh());
        Broker::new(callout, edge, issuers, policy, recorder, privacy, instance)
    }

    /// The answer once it is opened; it must be a grant.
    pub fn granted(&self, answer: Answer) -> Vec<u8> {
        let Answer::Reply(bytes) = answer else { panic!("{answer:?}") };
        let jwt = match &self.xkeys {
            Some((theirs, ours)) => theirs.open(&bytes, ours).unwrap(),
            None => bytes,
        };
        let claims: Claims<AuthorizationResponse> = nats_jwt::decode(&jwt).unwrap();
        assert!(claims.nats.jwt.is_some(), "{:?}", claims.nats.error);
        jwt
    }
}

/// The repository's maps.
fn policy() -> PolicySet {
    let boundaries = Boundaries {
        accounts: Some(["APP".parse().unwrap()].into()),
        issuers: Some(["main".parse().unwrap()].into()),
        bounds: Some(Vec::new()),
        edge: false,
    };
    let maps = Path::new(env!("CARGO_MANIFEST_DIR")).join("subject-maps");
    policy::load(&maps, &boundaries, &mut Problems::default()).unwrap()
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
