mod changes;
mod fetching;
mod files;
mod outages;
mod scripted;
mod status;
mod unknown_keys;

pub(super) use scripted::Script;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{self, Request},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    super::{Accepted, FetchError, JwksError, discovery},
    *,
};
use crate::testkit::{Key, an_issuer, es256, rsa};

/// How long a test waits for what must happen.
const BOUND: Duration = Duration::from_secs(15);

/// An IdP of which every word can be chosen.
struct Idp {
    address: std::net::SocketAddr,
    said: Arc<Said>,
    server: JoinHandle<()>,
}

struct Said {
    discovery: Mutex<Word>,
    jwks: Mutex<Word>,
    discoveries: AtomicUsize,
    fetches: AtomicUsize,
    elsewhere: AtomicUsize,
}

#[derive(Clone)]
enum Word {
    Json(Value),
    Text(String),
    Status(u16),
    Redirect(String),
    /// A body of so many bytes, in pieces, without a length in its header.
    Endless(usize),
    /// Nothing, for ever.
    Silence,
}

impl Idp {
    /// An IdP that publishes these keys.
    async fn with(keys: &[&Key]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let base = format!("http://{address}");
        let discovery = json!({ "issuer": base, "jwks_uri": format!("{base}/jwks") });
        let said = Arc::new(Said {
            discovery: Mutex::new(Word::Json(discovery)),
            jwks: Mutex::new(published(keys)),
            discoveries: AtomicUsize::new(0),
            fetches: AtomicUsize::new(0),
            elsewhere: AtomicUsize::new(0),
        });
        let app = Router::new().fallback(say).with_state(Arc::clone(&said));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, said, server }
    }

    fn says(&self, discovery: Word) {
        *self.said.discovery.lock().unwrap() = discovery;
    }

    fn publishes(&self, jwks: Word) {
        *self.said.jwks.lock().unwrap() = jwks;
    }

    fn fetches(&self) -> usize {
        self.said.fetches.load(Ordering::SeqCst)
    }

    fn settings(&self) -> IssuerSettings {
        IssuerSettings {
            issuer: format!("http://{}", self.address),
            allow_http_loopback: true,
            refresh: Duration::from_secs(3600),
            ..an_issuer()
        }
    }

    fn keys(&self) -> Arc<IssuerKeys> {
        Arc::new(IssuerKeys::new(Arc::new(self.settings()), false, 1000))
    }

    /// What comes of one fetch.
    async fn fetch(&self) -> Result<usize, FetchError> {
        discovery::fetch(&self.settings(), false).await.map(|keys| keys.len())
    }

    /// What one fetch fails with.
    async fn refusal(&self) -> FetchError {
        self.fetch().await.expect_err("a refusal")
    }
}

impl Drop for Idp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn published(keys: &[&Key]) -> Word {
    Word::Json(json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() }))
}

async fn say(extract::State(said): extract::State<Arc<Said>>, request: Request) -> Response {
    let (count, word) = match request.uri().path() {
        "/.well-known/openid-configuration" => (&said.discoveries, &said.discovery),
        "/jwks" => (&said.fetches, &said.jwks),
        _ => {
            said.elsewhere.fetch_add(1, Ordering::SeqCst);
            return StatusCode::NOT_FOUND.into_response();
        }
    };
    count.fetch_add(1, Ordering::SeqCst);
    let word = word.lock().unwrap().clone();
    match word {
        Word::Json(value) => axum::Json(value).into_response(),
        Word::Text(text) => text.into_response(),
        Word::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Word::Redirect(to) => Redirect::temporary(&to).into_response(),
        Word::Endless(bytes) => {
            let pieces =
                (0..bytes.div_ceil(4096)).map(|_| Ok::<_, std::io::Error>(vec![b' '; 4096]));
            Body::from_stream(futures_util::stream::iter(pieces)).into_response()
        }
        Word::Silence => std::future::pending().await,
    }
}

/// Keys kept fresh for as long as this lives.
struct Running {
    keys: Arc<IssuerKeys>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn of(keys: Arc<IssuerKeys>) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn({
            let (keys, stop) = (Arc::clone(&keys), stop.clone());
            async move { keys.keep_fresh(stop).await }
        });
        let mut states = keys.state.subscribe();
        within(states.wait_for(|state| state.ended > 0)).await.unwrap();
        Self { keys, stop, task }
    }

    async fn find(&self, id: &str, algorithm: Algorithm) -> Result<(), Code> {
        within(self.keys.find(Some(id), algorithm)).await.map(|_| ())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is logged on this thread while the guard lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

fn log() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let written = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || written.clone()).finish();
    (log, tracing::subscriber::set_default(subscriber))
}

impl Log {
    /// How many lines have this text.
    fn count(&self, text: &str) -> usize {
        let log = self.0.lock().unwrap();
        String::from_utf8_lossy(&log).lines().filter(|line| line.contains(text)).count()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, what).await.expect("in time")
}

#[tokio::test]
async fn only_so_many_wait_for_one_issuer() {
    let idp = Idp::with(&[es256()]).await;
    idp.says(Word::Silence);
    let keys = Arc::new(IssuerKeys::new(Arc::new(idp.settings()), false, 3));
    let find = || {
        let keys = Arc::clone(&keys);
        async move { keys.find(Some("es"), Algorithm::ES256).await.map(|_| ()) }
    };
    let waiting: Vec<_> = (0..3).map(|_| tokio::spawn(find())).collect();
    let mut told = Ok(());
    // The three are not waiting before they have run.
    while told.is_ok() {
        tokio::task::yield_now().await;
        told = match futures_util::FutureExt::now_or_never(find()) {
            Some(told) => told,
            None => Ok(()),
        };
    }
    assert_eq!(told, Err(Code::KeysUnavailable));
    assert!(waiting.iter().all(|task| !task.is_finished()), "those who wait go on waiting");
}

#[tokio::test]
async fn nobody_listening_is_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let settings = IssuerSettings {
        issuer: format!("http://{address}"),
        allow_http_loopback: true,
        ..an_issuer()
    };
    let running = Running::of(Arc::new(IssuerKeys::new(Arc::new(settings), false, 1000))).await;
    assert_eq!(running.find("es", Algorithm::ES256).await, Err(Code::KeysUnavailable));
}

#[tokio::test]
async fn an_idp_that_comes_back_is_noticed() {
    let idp = Idp::with(&[es256()]).await;
    idp.says(Word::Status(503));
    let base = format!("http://{}", idp.address);
    let running = Running::of(idp.keys()).await;
    assert!(running.keys.state.borrow().keys.is_none());
    idp.says(Word::Json(json!({ "issuer": base, "jwks_uri": format!("{base}/jwks") })));
    // No token asks; it tries again by itself.
    let mut states = running.keys.state.subscribe();
    within(states.wait_for(|state| state.keys.is_some())).await.unwrap();
    drop(states);
    assert_eq!(running.find("es", Algorithm::ES256).await, Ok(()));
}

#[tokio::test]
async fn it_fetches_anew_in_time() {
    let idp = Idp::with(&[es256()]).await;
    let settings = IssuerSettings { refresh: Duration::from_millis(20), ..idp.settings() };
    let running = Running::of(Arc::new(IssuerKeys::new(Arc::new(settings), false, 1000))).await;
    idp.publishes(published(&[rsa()]));
    let mut states = running.keys.state.subscribe();
    let rotated = |state: &State| {
        let keys = state.keys.as_ref().unwrap();
        keys.find(Some("rsa"), Algorithm::RS256).is_ok()
            && keys.find(Some("es"), Algorithm::ES256).is_err()
    };
    within(states.wait_for(rotated)).await.unwrap();
}

#[tokio::test]
async fn it_stops_whatever_it_is_doing() {
    // Between two fetches.
    let idp = Idp::with(&[es256()]).await;
    let mut running = Running::of(idp.keys()).await;
    running.stop.cancel();
    within(&mut running.task).await.unwrap();
    // In a fetch that would take long.
    idp.says(Word::Silence);
    let (keys, stop) = (idp.keys(), CancellationToken::new());
    let before = idp.said.discoveries.load(Ordering::SeqCst);
    let stopping = async {
        while idp.said.discoveries.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let begin = Instant::now();
    within(async { tokio::join!(keys.keep_fresh(stop.clone()), stopping) }).await;
    assert!(begin.elapsed() < Duration::from_secs(4), "not only once the fetch gave up");
}

#[tokio::test]
async fn fixed_keys_stay_as_they_are() {
    let keys = IssuerKeys::fixed(Arc::new(an_issuer()), crate::testkit::key_set(&[es256()]));
    assert!(keys.find(Some("es"), Algorithm::ES256).await.is_ok());
    assert_eq!(keys.find(Some("no"), Algorithm::ES256).await.unwrap_err(), Code::KeyUnknown);
}
