//! What an authorization costs: the whole pipeline in process, from the server's request to the
//! answer, beside the bare cost of the cryptography that it cannot do without.
//!
//! It prints; it fails nothing. What is not in it: NATS, JetStream and the IdP. The keys are
//! known, and whoever records says yes at once.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on should stop, and printing is all it does"
)]

use std::{
    hint::black_box,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::{encoding::AsDer as _, rsa};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cpu_time::ProcessTime;
use hallpass::{
    audit::{Event, Receipt, Recorder},
    broker::{Answer, Broker},
    callout::responder::Taken,
    claim_path::ClaimPath,
    config::{CalloutSettings, IssuerSettings},
    document::Problems,
    idp::{IssuerKeys, KeySet},
    nats_jwt::{self, AuthorizationResponse, Claims},
    policy::{self, Boundaries, PolicySet},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, jwk::Jwk};
use nkeys::{KeyPair, XKey};
use serde_json::{Value, json};

const COMMAND: &str = "cargo bench --locked --bench pipeline";
const ISSUER: &str = "https://idp.example.com/realms/main";
const ROUNDS: usize = 7;
const EACH: usize = 2000;
const WARM_UP: usize = 500;
/// The bare operations are many and short.
const BARE: usize = 1000;

/// Says yes at once.
struct Yes;

impl Recorder for Yes {
    fn record(&self, event: Event) -> Receipt {
        black_box(event);
        let (done, receipt) = Receipt::new();
        let _ = done.send(());
        receipt
    }
}

/// Everybody's keys.
struct Parties {
    idp: EncodingKey,
    jwk: Jwk,
    server: KeyPair,
    server_xkey: XKey,
    issuer: Arc<KeyPair>,
    xkey: Arc<XKey>,
}

impl Parties {
    fn new() -> Self {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        let der = STANDARD.encode(pair.as_der().unwrap().as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        let idp = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        let mut jwk = Jwk::from_encoding_key(&idp, Algorithm::RS256).unwrap();
        jwk.common.key_id = Some("bench".to_owned());
        Self {
            idp,
            jwk,
            server: KeyPair::new_server(),
            server_xkey: XKey::new(),
            issuer: Arc::new(KeyPair::new_account()),
            xkey: Arc::new(XKey::new()),
        }
    }

    /// A token as an IdP issues them.
    fn token(&self) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some("bench".to_owned());
        let claims = json!({
            "iss": ISSUER, "sub": "f3b1c2d4-58a7-4c1e-9b0a-2f6d1c7e8a90", "aud": ["nats", "account"],
            "azp": "orders-service", "jti": "0190f1c2-7b3a-7c4d-8e5f-6a7b8c9d0e1f",
            "iat": now(), "exp": now() + 900, "scope": "openid profile email",
            "email": "clerk@acme.example", "tenant_id": "acme",
            "realm_access": { "roles": ["offline_access", "default-roles-main", "orders:write"] },
        });
        jsonwebtoken::encode(&header, &claims, &self.idp).unwrap()
    }

    /// A request for a login of its own, as nats-server makes it.
    fn request(&self, token: &str, sealed: bool) -> Taken {
        let user = KeyPair::new_user().public_key();
        let id = self.server.public_key();
        let mut server = json!({ "name": "n1", "host": "10.0.0.1", "id": id, "version": "2.15.1" });
        if sealed {
            server["xkey"] = self.server_xkey.public_key().into();
        }
        let claims = Claims::<Value> {
            aud: "nats-authorization-request".to_owned(),
            exp: Some(now() + 600), // all are made before the clock starts
            iat: now(),
            iss: id,
            jti: "NZ3TIKP2ZTJMQHGOWLYMN4NSUFWMOQ2ZHCVD6QDUA4WUWOAJ3XHQ".to_owned(),
            name: String::new(),
            sub: self.issuer.public_key(),
            nats: json!({
                "server_id": server, "user_nkey": user, "type": "authorization_request", "version": 2,
                "client_info": { "host": "10.0.0.2", "id": 42, "kind": "Client", "type": "nats", "user": "[REDACTED]" },
                "connect_opts": { "auth_token": token, "name": "orders", "lang": "go", "version": "1.43.0", "protocol": 1 },
            }),
        };
        let jwt = nats_jwt::sign(&claims, &self.server).unwrap().into_bytes();
        let (payload, header_key) = if sealed {
            let sealed = self.server_xkey.seal(&jwt, &self.xkey).unwrap();
            (sealed, Some(self.server_xkey.public_key()))
        } else {
            (jwt, None)
        };
        Taken { payload: payload.into(), header_key, read_at: tokio::time::Instant::now() }
    }

    fn broker(&self, sealed: bool) -> Broker {
        let callout = CalloutSettings {
            account: "AUTH".parse().unwrap(),
            issuer: Arc::clone(&self.issuer),
            xkey: sealed.then(|| Arc::clone(&self.xkey)),
            servers: None,
            queue: "hallpass".to_owned(),
            deadline: Duration::from_secs(60), // a benchmark is no reason to refuse
            max_in_flight: usize::MAX,
        };
        let issuer = IssuerSettings {
            name: "main".parse().unwrap(),
            issuer: ISSUER.to_owned(),
            audiences: ["nats".to_owned()].into(),
            algorithms: vec![Algorithm::RS256],
            leeway: IssuerSettings::DEFAULT_LEEWAY,
            roles_claim: ClaimPath::from_dotted("realm_access.roles").unwrap(),
            jwks_uri: None,
            allow_http_loopback: false,
            ca_file: None,
            refresh: IssuerSettings::DEFAULT_REFRESH,
        };
        let jwks = json!({ "keys": [self.jwk] }).to_string();
        let keys = KeySet::from_json(jwks.as_bytes(), false).unwrap();
        let keys = Arc::new(IssuerKeys::fixed(Arc::new(issuer), keys));
        Broker::new(callout, [keys], Arc::new(policy()), Arc::new(Yes))
    }

    /// What the answer says once it is opened; it must be a grant.
    fn granted(&self, answer: Answer, sealed: bool) -> Vec<u8> {
        let Answer::Reply(bytes) = answer else { panic!("{answer:?}") };
        let jwt = if sealed { self.server_xkey.open(&bytes, &self.xkey).unwrap() } else { bytes };
        let claims: Claims<AuthorizationResponse> = nats_jwt::decode(&jwt).unwrap();
        assert!(claims.nats.jwt.is_some(), "{:?}", claims.nats.error);
        jwt
    }
}

/// The repository's maps.
fn policy() -> PolicySet {
    let boundaries = Boundaries {
        accounts: ["APP".parse().unwrap()].into(),
        issuers: ["main".parse().unwrap()].into(),
    };
    let maps = Path::new(env!("CARGO_MANIFEST_DIR")).join("subject-maps");
    policy::load(&maps, Some(&boundaries), &mut Problems::default()).unwrap()
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Rounds, from the least to the greatest.
struct Spread(Vec<f64>);

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (least, most) = (self.0[0], self.0[self.0.len() - 1]);
        write!(f, "{least:>8.0} {:>8.0} {most:>8.0}", self.median())
    }
}

/// Authorizations per second and CPU microseconds for each, with this many threads.
fn measure(parties: &Parties, sealed: bool, threads: usize) -> (Spread, Spread) {
    let broker = Arc::new(parties.broker(sealed));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_time()
        .build()
        .unwrap();
    let token = parties.token();
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let count = if round == 0 { WARM_UP } else { EACH };
        let requests: Vec<_> = (0..count).map(|_| parties.request(&token, sealed)).collect();
        let mut shares: Vec<Vec<Taken>> = (0..threads).map(|_| Vec::new()).collect();
        requests.into_iter().enumerate().for_each(|(i, taken)| shares[i % threads].push(taken));
        let (wall, cpu) = (Instant::now(), ProcessTime::now());
        let tasks: Vec<_> = shares
            .into_iter()
            .map(|share| {
                let broker = Arc::clone(&broker);
                runtime.spawn(async move {
                    let mut answers = Vec::with_capacity(share.len());
                    for mut taken in share {
                        taken.read_at = tokio::time::Instant::now();
                        answers.push(broker.answer(&taken).await);
                    }
                    answers
                })
            })
            .collect();
        let answers: Vec<_> =
            tasks.into_iter().map(|task| runtime.block_on(task).unwrap()).collect();
        let (wall, cpu) = (wall.elapsed(), cpu.elapsed());
        for answer in answers.into_iter().flatten() {
            parties.granted(answer, sealed);
        }
        if round > 0 {
            rates.push(count as f64 / wall.as_secs_f64());
            costs.push(cpu.as_secs_f64() * 1e6 / count as f64);
        }
    }
    (Spread::of(rates), Spread::of(costs))
}

/// CPU microseconds of one operation.
fn bare<T>(mut operation: impl FnMut() -> T) -> f64 {
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let cpu = ProcessTime::now();
        (0..BARE).for_each(|_| drop(black_box(operation())));
        if round > 0 {
            rounds.push(cpu.elapsed().as_secs_f64() * 1e6 / BARE as f64);
        }
    }
    Spread::of(rounds).median()
}

fn main() {
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default().unwrap();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let parties = Parties::new();

    // The same messages as in the pipeline, so that lengths are those of real ones.
    let token = parties.token();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let idp = DecodingKey::from_jwk(&parties.jwk).unwrap();
    let request = parties.request(&token, false).payload;
    let request_signature = parties.server.sign(&request).unwrap();
    let sealed = parties.request(&token, true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let answer = runtime.block_on(parties.broker(true).answer(&sealed));
    let answer = parties.granted(answer, true);
    let operations = [
        ("1 Ed25519 verification", bare(|| parties.server.verify(&request, &request_signature))),
        (
            "1 RS256 verification",
            bare(|| {
                jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &idp, Algorithm::RS256)
            }),
        ),
        ("2 Ed25519 signatures", 2.0 * bare(|| parties.issuer.sign(&answer))),
        ("1 xkey open", bare(|| parties.xkey.open(&sealed.payload, &parties.server_xkey))),
        ("1 xkey seal", bare(|| parties.xkey.seal(&answer, &parties.server_xkey))),
    ];

    println!("{COMMAND}    ({cores} cores)\n");
    println!("bare cryptography, CPU µs (median of {ROUNDS} rounds of {BARE})");
    operations.iter().for_each(|(name, cost)| println!("  {name:<24} {cost:>8.1}"));
    println!(
        "\nauthorizations (min, median, max of {ROUNDS} rounds of {EACH}; every answer a grant)"
    );
    println!(
        "  {:<24} {:>26}   {:>26}   {:>8} {:>6}",
        "", "per second", "CPU µs each", "bare µs", "ratio"
    );
    for threads in if cores > 1 { vec![1, cores] } else { vec![1] } {
        for sealed in [false, true] {
            let (rate, cost) = measure(&parties, sealed, threads);
            let bare: f64 =
                operations[..if sealed { 5 } else { 3 }].iter().map(|(_, cost)| cost).sum();
            let name = format!(
                "{}, threads: {threads}",
                if sealed { "with xkey" } else { "without xkey" }
            );
            println!("  {name:<24} {rate}   {cost}   {bare:>8.0} {:>6.2}", cost.median() / bare);
        }
    }
}
