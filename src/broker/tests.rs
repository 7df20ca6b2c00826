//! Which version of the maps decides.

use std::{sync::Mutex, time::Duration};

use futures_util::FutureExt as _;
use nkeys::KeyPair;
use serde_json::Value;

use super::*;
use crate::{
    config::PersonalData,
    idp::IssuerKeys,
    nats_jwt::{self, AuthorizationResponse, Claims},
    testkit::{a_request, a_token, an_issuer, es256, key_set, maps},
};

/// Keeps what it is given, and says at once that it is safe.
#[derive(Default)]
struct Kept(Mutex<Vec<Value>>);

impl Recorder for Kept {
    fn record(&self, event: Event, _: Class) -> Receipt {
        self.0.lock().unwrap().push(event.json());
        let (done, receipt) = Receipt::new();
        done.send(()).unwrap();
        receipt
    }
}

fn a_policy(role: &str) -> PolicySet {
    maps(&[("a.toml", &format!("account = \"APP\"\n[roles.{role}]\nsubscribe = [\"x\"]\n"))])
        .policy()
}

/// A login as `clerk`, as a server asks about it now.
fn a_login(issuer: &KeyPair) -> Taken {
    let now = Timestamp::now().as_second();
    let token = a_token().with_role("clerk").with("iat", now).with("exp", now + 60).text();
    let request = a_request()
        .with("/sub", issuer.public_key())
        .with("/iat", now)
        .with("/exp", now + 2)
        .with("/nats/connect_opts/auth_token", token);
    Taken { payload: request.jwt().into(), header_key: None, read_at: tokio::time::Instant::now() }
}

fn is_granted(answer: Answer) -> bool {
    let Answer::Reply(bytes) = answer else { panic!("{answer:?}") };
    let claims: Claims<AuthorizationResponse> = nats_jwt::decode(&bytes).unwrap();
    claims.nats.jwt.is_some()
}

#[tokio::test]
async fn a_login_in_hand_is_decided_and_recorded_by_the_version_it_began_with() {
    let signer = Arc::new(KeyPair::new_account());
    let callout = CalloutSettings {
        account: "AUTH".parse().unwrap(),
        issuer: Arc::clone(&signer),
        xkey: None,
        servers: None,
        queue: "hallpass".to_owned(),
        deadline: Duration::from_secs(30),
        max_in_flight: 10,
    };
    // An issuer whose keys are on their way.
    let keys = Arc::new(IssuerKeys::new(Arc::new(an_issuer()), false, 10));
    let issuers = Issuers::new([Arc::clone(&keys)], Vec::new());
    let (old, new) = (a_policy("clerk"), a_policy("somebody-else"));
    let (old_digest, new_digest) = (old.digest().to_owned(), new.digest().to_owned());
    let in_force = Arc::new(InForce::new(old));
    let kept = Arc::new(Kept::default());
    let recorder: Arc<dyn Recorder> = Arc::clone(&kept) as _;
    let broker = Broker::new(
        callout,
        EdgeSettings::default(),
        issuers,
        Arc::clone(&in_force),
        recorder,
        Arc::new(Privacy::new(&[7; 32], PersonalData::default(), Vec::new())),
        InstanceId::fresh(),
    );

    let login = a_login(&signer);
    let mut answer = Box::pin(broker.answer(&login));
    assert!((&mut answer).now_or_never().is_none(), "it waits for the keys");
    in_force.replace(new);
    keys.replace(key_set(&[es256()]));
    assert!(is_granted(answer.await), "the version it began with has its role");
    assert!(!is_granted(broker.answer(&a_login(&signer)).await), "the next has not");
    // What no version decided: the one in force.
    let nonsense = Taken { payload: "x".into(), ..a_login(&signer) };
    assert!(matches!(broker.answer(&nonsense).await, Answer::Drop(_)));

    let events = kept.0.lock().unwrap();
    let told = |event: &Value| {
        (event["data"]["outcome"].clone(), event["data"]["hallpass"]["maps"].clone())
    };
    let expected = [
        ("granted".into(), old_digest.into()),
        ("refused".into(), new_digest.clone().into()),
        ("dropped".into(), new_digest.into()),
    ];
    assert_eq!(events.iter().map(told).collect::<Vec<_>>(), expected);
}
