use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, response::IntoResponse};
use serde_json::json;

use super::*;
use crate::{
    config::{ClientAuth, SecretSource},
    testkit::an_issuer,
};

/// An introspection endpoint of which every word can be chosen: what the real one of the
/// integration tests would never say.
struct Endpoint {
    url: url::Url,
    said: Arc<Said>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Said {
    status: AtomicUsize,
    body: Mutex<String>,
    asked: Mutex<Vec<(String, String)>>,
    /// Answers wait for it.
    gate: tokio::sync::Mutex<()>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(said): State<Arc<Said>>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let header = headers.get("authorization").map(|it| it.to_str().unwrap().to_owned());
    let form = String::from_utf8(body.to_vec()).unwrap();
    said.asked.lock().unwrap().push((header.unwrap_or_default(), form));
    let _open = said.gate.lock().await;
    let status = u16::try_from(said.status.load(Ordering::SeqCst)).unwrap();
    let body = said.body.lock().unwrap().clone();
    (axum::http::StatusCode::from_u16(status).unwrap(), body)
}

impl Endpoint {
    async fn saying(body: Value) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/introspect", listener.local_addr().unwrap());
        let said = Arc::new(Said::default());
        said.status.store(200, Ordering::SeqCst);
        *said.body.lock().unwrap() = body.to_string();
        let app = Router::new().route("/introspect", axum::routing::post(answer));
        let app = app.with_state(Arc::clone(&said));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url: url.parse().unwrap(), said, server }
    }

    fn settings(&self) -> IntrospectionSettings {
        IntrospectionSettings {
            endpoint: self.url.clone(),
            client_id: "hall pass".to_owned(),
            secret_source: SecretSource::file("unused".into()),
            client_secret: Some("s:ecret&".to_owned().into()),
            client_auth: ClientAuth::Basic,
            tokens: IntrospectedTokens::Opaque,
            opaque_prefix: None,
            max_age: Duration::from_secs(60),
        }
    }

    fn introspector(&self, settings: IntrospectionSettings, room: usize) -> Asking {
        let mut issuer = an_issuer();
        issuer.allow_http_loopback = true;
        issuer.introspection = Some(settings);
        Asking { introspector: Introspector::of(&issuer).unwrap(), room: Semaphore::new(room) }
    }

    /// What so many are told who ask about one token while the first question is under way.
    async fn asked_at_once(
        &self,
        asking: &Asking,
        count: usize,
    ) -> Vec<Result<Map<String, Value>, Code>> {
        let gate = self.said.gate.lock().await;
        let all = futures_util::future::join_all((0..count).map(|_| asking.ask("a")));
        let open = async {
            while self.asked() == 0 {
                tokio::task::yield_now().await;
            }
            drop(gate);
        };
        tokio::join!(all, open).0
    }

    fn asked(&self) -> usize {
        self.said.asked.lock().unwrap().len()
    }
}

/// Who asks, with room for so many.
struct Asking {
    introspector: Introspector,
    room: Semaphore,
}

impl Asking {
    async fn ask(&self, token: &str) -> Result<Map<String, Value>, Code> {
        self.introspector.ask(token, &self.room).await
    }

    fn knows(&self, token: &str) -> bool {
        self.introspector.knows(token)
    }
}

fn in_seconds(seconds: i64) -> i64 {
    jiff::Timestamp::now().as_second() + seconds
}

#[tokio::test]
async fn who_asks_says_who_it_is() {
    let endpoint = Endpoint::saying(json!({ "active": true })).await;
    let introspector = endpoint.introspector(endpoint.settings(), 1);
    assert_eq!(introspector.ask("to+ken").await.unwrap()["active"], json!(true));
    let post = IntrospectionSettings { client_auth: ClientAuth::Post, ..endpoint.settings() };
    endpoint.introspector(post, 1).ask("to+ken").await.unwrap();
    let asked = endpoint.said.asked.lock().unwrap();
    // `hall+pass:s%3Aecret%26`
    assert_eq!(asked[0].0, "Basic aGFsbCtwYXNzOnMlM0FlY3JldCUyNg==");
    assert_eq!(asked[0].1, "token=to%2Bken&token_type_hint=access_token");
    assert_eq!(asked[1].0, "");
    assert_eq!(
        asked[1].1,
        "token=to%2Bken&token_type_hint=access_token&client_id=hall+pass&client_secret=s%3Aecret%26"
    );
}

#[tokio::test]
async fn an_answer_is_good_for_a_while_and_never_past_exp() {
    let endpoint = Endpoint::saying(json!({ "active": true, "exp": in_seconds(3600) })).await;
    let introspector = endpoint.introspector(endpoint.settings(), 1);
    for _ in 0..3 {
        introspector.ask("a").await.unwrap();
    }
    assert_eq!(endpoint.asked(), 1);
    introspector.ask("b").await.unwrap();
    assert_eq!(endpoint.asked(), 2, "another token is another question");
    // That a token is not active is remembered as well: a client that comes back costs nothing.
    *endpoint.said.body.lock().unwrap() = json!({ "active": false }).to_string();
    for _ in 0..3 {
        assert_eq!(introspector.ask("c").await.unwrap()["active"], json!(false));
    }
    assert_eq!(endpoint.asked(), 3);
    *endpoint.said.body.lock().unwrap() =
        json!({ "active": true, "exp": in_seconds(0) }).to_string();
    introspector.ask("d").await.unwrap();
    introspector.ask("d").await.unwrap();
    assert_eq!(endpoint.asked(), 5, "past its exp, nothing is remembered");
    let forgetful = IntrospectionSettings { max_age: Duration::ZERO, ..endpoint.settings() };
    let introspector = endpoint.introspector(forgetful, 1);
    introspector.ask("e").await.unwrap();
    introspector.ask("e").await.unwrap();
    assert_eq!(endpoint.asked(), 7);
}

#[tokio::test]
async fn all_who_ask_at_once_share_one_question() {
    let endpoint = Endpoint::saying(json!({ "active": true })).await;
    let introspector = endpoint.introspector(endpoint.settings(), 50);
    let answers = endpoint.asked_at_once(&introspector, 50).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(endpoint.asked(), 1);
}

#[tokio::test]
async fn what_is_no_answer_lets_nobody_in_and_is_not_remembered() {
    let endpoint = Endpoint::saying(json!({})).await;
    let introspector = endpoint.introspector(endpoint.settings(), 1);
    for (status, body) in [
        (401, r#"{"active":true}"#),
        (500, r#"{"active":true}"#),
        (302, ""),
        (200, ""),
        (200, "[]"),
        (200, "<html>"),
        (200, r#"{"active":true,"active":true}"#),
        (200, r#"{"active":false,"active":true}"#),
    ] {
        endpoint.said.status.store(status, Ordering::SeqCst);
        *endpoint.said.body.lock().unwrap() = body.to_owned();
        let answer = introspector.ask("a").await;
        assert_eq!(answer.unwrap_err(), Code::IntrospectionUnavailable, "{status} {body}");
    }
    assert_eq!(endpoint.asked(), 8);
    *endpoint.said.body.lock().unwrap() =
        json!({ "active": true, "pad": "x".repeat(600_000) }).to_string();
    assert_eq!(introspector.ask("a").await.unwrap_err(), Code::IntrospectionUnavailable);
    *endpoint.said.body.lock().unwrap() = json!({ "active": true }).to_string();
    assert!(introspector.ask("a").await.is_ok());
}

/// An issuer that is silent must not use up the room of all others: whoever waits takes a place,
/// also where all wait for one token.
#[tokio::test]
async fn only_so_many_wait() {
    let endpoint = Endpoint::saying(json!({ "active": true })).await;
    let introspector = endpoint.introspector(endpoint.settings(), 3);
    let answers = endpoint.asked_at_once(&introspector, 10).await;
    let (answered, others): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((answered.len(), others.len()), (3, 7));
    assert!(others.into_iter().all(|it| it.unwrap_err() == Code::IntrospectionUnavailable));
    // What is remembered takes no place.
    let _all = introspector.room.acquire_many(3).await.unwrap();
    assert!(introspector.ask("a").await.is_ok());
}

#[tokio::test]
async fn made_up_tokens_do_not_make_it_hammer_the_issuer() {
    let endpoint = Endpoint::saying(json!({ "active": false })).await;
    let introspector = endpoint.introspector(endpoint.settings(), 1);
    for number in 0..400 {
        let answer = introspector.ask(&format!("made-up-{number}")).await;
        assert!(answer.is_ok() || answer == Err(Code::IntrospectionUnavailable));
    }
    let asked = endpoint.asked();
    assert!((200..400).contains(&asked), "{asked}: 200, and 20 for each second it took");
}

#[tokio::test]
async fn an_opaque_token_is_known_by_its_form() {
    let endpoint = Endpoint::saying(json!({})).await;
    let any = endpoint.introspector(endpoint.settings(), 1);
    assert!(any.knows("2YotnFZFEjr1zCsicMWpAA=="));
    assert!(any.knows("two.parts-of-something-opaque"));
    let seed = nkeys::KeyPair::new_user().seed().unwrap();
    for other in [
        "",
        "=",
        "short-password",
        "a password of somebody with spaces",
        "sixteen-letters\n",
        "é-sixteen-letters-",
        "sixteen=letters=in=it",
        "sixteen:letters:in:it",
        "eyJhbGciOiJub25lIn0",
        "three.parts.whatever-they-are",
        "a-jwe..has.five.parts",
        &seed,
    ] {
        assert!(!any.knows(other), "{other:?}");
    }
    let prefix = Some("ory_at_".to_owned());
    let ory = IntrospectionSettings { opaque_prefix: prefix, ..endpoint.settings() };
    let ory = endpoint.introspector(ory, 1);
    assert!(ory.knows("ory_at_4VxZpQ.yOa"));
    assert!(!ory.knows("2YotnFZFEjr1zCsicMWpAA=="));
    let jwt = IntrospectionSettings { tokens: IntrospectedTokens::All, ..endpoint.settings() };
    assert!(!endpoint.introspector(jwt, 1).knows("2YotnFZFEjr1zCsicMWpAA=="));
}
