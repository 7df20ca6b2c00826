//! An issuer on the tests' own clock: it answers what it is told to, as late as it is told to.

use super::*;

/// What the issuer would answer, and when it was asked.
#[derive(Debug)]
pub(in crate::idp::keys) struct Script {
    /// Documents of keys; `None`: it is away.
    answer: Mutex<Option<Value>>,
    takes: Mutex<Duration>,
    asked: Mutex<Vec<Instant>>,
}

impl Script {
    /// The answer is what was true when the question came, as with a real issuer.
    pub(in crate::idp::keys) async fn fetch(&self) -> Result<KeySet, FetchError> {
        self.asked.lock().unwrap().push(Instant::now());
        let answer = self.answer.lock().unwrap().clone();
        let takes = *self.takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        let document = answer.ok_or(FetchError::Status(503))?;
        Ok(KeySet::from_json(document.to_string().as_bytes(), Accepted::default())?)
    }
}

/// Keys kept fresh by a script, for as long as this lives.
pub(super) struct Scripted {
    pub(super) keys: Arc<IssuerKeys>,
    script: Arc<Script>,
    begin: Instant,
    task: JoinHandle<()>,
}

impl Scripted {
    /// An issuer with the key `es`, asked for the first time now; `refresh` is an hour.
    pub(super) async fn start() -> Self {
        let settings = IssuerSettings { refresh: Duration::from_secs(3600), ..an_issuer() };
        Self::with(settings, 7, Some(&[es256()])).await
    }

    /// An issuer with these keys, or one that is away.
    pub(super) async fn with(settings: IssuerSettings, seed: u64, keys: Option<&[&Key]>) -> Self {
        let script = Arc::new(Script {
            answer: Mutex::new(keys.map(document)),
            takes: Mutex::default(),
            asked: Mutex::default(),
        });
        let keys = IssuerKeys::new(Arc::new(settings), false, 1000).seeded(seed);
        let keys = Arc::new(IssuerKeys { script: Some(Arc::clone(&script)), ..keys });
        let task = tokio::spawn({
            let keys = Arc::clone(&keys);
            async move { keys.keep_fresh(CancellationToken::new()).await }
        });
        let mut states = keys.state.subscribe();
        let begin = Instant::now();
        states.wait_for(|state| state.ended > 0).await.unwrap();
        drop(states);
        Self { keys, script, begin, task }
    }

    pub(super) fn publishes(&self, keys: &[&Key]) {
        *self.script.answer.lock().unwrap() = Some(document(keys));
    }

    pub(super) fn goes_away(&self) {
        *self.script.answer.lock().unwrap() = None;
    }

    /// From now on an answer takes so long.
    pub(super) fn takes(&self, span: Duration) {
        *self.script.takes.lock().unwrap() = span;
    }

    /// When it was asked, in seconds since the beginning.
    pub(super) fn asked(&self) -> Vec<f64> {
        let asked = self.script.asked.lock().unwrap();
        asked.iter().map(|at| at.duration_since(self.begin).as_secs_f64()).collect()
    }

    /// Seconds since the beginning.
    pub(super) fn now(&self) -> f64 {
        self.begin.elapsed().as_secs_f64()
    }

    /// How often it was asked.
    pub(super) fn count(&self) -> usize {
        self.script.asked.lock().unwrap().len()
    }

    pub(super) async fn find(&self, id: &str) -> Result<(), Code> {
        self.keys.find(Some(id), Algorithm::ES256).await.map(|_| ())
    }

    /// What comes without any waiting; `None` where there is waiting to do.
    pub(super) fn find_at_once(&self, id: &str) -> Option<Result<(), Code>> {
        futures_util::FutureExt::now_or_never(self.find(id))
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn document(keys: &[&Key]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
}

pub(super) async fn pass(span: Duration) {
    tokio::time::sleep(span).await;
}

pub(super) fn seconds(count: f64) -> Duration {
    Duration::from_secs_f64(count)
}
