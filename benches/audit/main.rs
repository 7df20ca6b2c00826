//! What recording costs: logins through the whole pipeline in process, with the audit trail in
//! its two modes on a real JetStream beside none at all, in turns within one run.
//!
//! It prints; it fails nothing. CPU time is that of this process: the pipeline, the trail and the
//! connection to the server, which has its own.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    dead_code,
    reason = "a benchmark that cannot go on should stop, printing is all it does, and it shares \
              its parties with another"
)]

#[path = "../pipeline/parties.rs"]
mod parties;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use async_nats::jetstream;
use cpu_time::ProcessTime;
use hallpass::{
    audit::Trail,
    broker::Broker,
    config::{AuditMode, AuditSettings, PersonalData, WhenFull},
    names::InstanceId,
    playground::{NatsServer, find_nats_server},
    policy::PolicySet,
    setup::{self, Listen},
};
use tokio::task::JoinSet;

use parties::Parties;

const COMMAND: &str = "make bench";
/// After one round to warm up.
const ROUNDS: usize = 15;
const EACH: usize = 2000;
/// How many logins are in hand at once.
const AT_ONCE: usize = 64;

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    None,
    /// Events are made, and thrown away.
    Made,
    Spool,
    Strict,
}

/// What one round came to.
struct Round {
    per_second: f64,
    p99_us: f64,
    cpu_us: f64,
}

struct Setting {
    mode: Mode,
    name: &'static str,
    broker: Arc<Broker>,
    trail: Option<Trail>,
    rounds: Vec<Round>,
}

fn settings(seed: &str, stream: &str, mode: Mode, directory: &Path) -> AuditSettings {
    let signer = nkeys::KeyPair::new_user();
    let spool = AuditMode::Spool {
        directory: directory.join("spool"),
        max_bytes: 1 << 30,
        when_full: WhenFull::Refuse,
    };
    let strict = AuditMode::Strict { directory: directory.join("nothing-left") };
    AuditSettings {
        account: "AUDIT".parse().unwrap(),
        stream: stream.to_owned(),
        max_age: Duration::from_secs(3600),
        replicas: 1,
        mode: if mode == Mode::Spool { spool } else { strict },
        writer_seed: seed.to_owned().into(),
        key: "0".repeat(32).into(),
        signers: [signer.public_key()].into(),
        signer: Arc::new(signer),
        checkpoint_every: Duration::from_secs(60),
        personal_data: PersonalData::default(),
        claims: Vec::new(),
    }
}

async fn setting(mode: Mode, parties: &Parties, nats: &NatsServer, directory: &Path) -> Setting {
    let name = match mode {
        Mode::None => "none",
        Mode::Made => "made",
        Mode::Spool => "spool",
        Mode::Strict => "strict",
    };
    if matches!(mode, Mode::None | Mode::Made) {
        let broker = match mode {
            Mode::None => parties.broker().unaudited(),
            _ => parties.broker(),
        };
        let broker = Arc::new(broker);
        return Setting { mode, name, broker, trail: None, rounds: Vec::new() };
    }
    let seed = std::fs::read_to_string(directory.join("keys/audit-writer.nk")).unwrap();
    let settings = settings(seed.trim(), "HALLPASS_AUDIT", mode, directory);
    let options = async_nats::ConnectOptions::with_nkey(seed.trim().to_owned())
        .custom_inbox_prefix("_INBOX.hallpass-audit");
    let context = jetstream::new(options.connect(nats.url()).await.unwrap());
    let instance = InstanceId::fresh();
    let policy = PolicySet::default();
    let trail = Trail::start(&context, &settings, instance, &policy, "bench", Vec::new()).unwrap();
    trail.ready().await;
    let broker = Arc::new(parties.recording(trail.recorder()));
    Setting { mode, name, broker, trail: Some(trail), rounds: Vec::new() }
}

async fn round(parties: &Parties, broker: &Arc<Broker>) -> Round {
    // Each its own, since none is answered twice; all made before the clock starts.
    let requests: Vec<_> = (0..EACH).map(|_| parties.request(&parties.token())).collect();
    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    let (mut under_way, mut took) = (JoinSet::new(), Vec::with_capacity(EACH));
    let mut answers = Vec::with_capacity(EACH);
    for mut taken in requests {
        if under_way.len() == AT_ONCE {
            let (answer, time) = under_way.join_next().await.unwrap().unwrap();
            answers.push(answer);
            took.push(time);
        }
        let broker = Arc::clone(broker);
        taken.read_at = tokio::time::Instant::now();
        under_way.spawn(async move {
            let answer = broker.answer(&taken).await;
            (answer, taken.read_at.elapsed())
        });
    }
    while let Some(done) = under_way.join_next().await {
        let (answer, time) = done.unwrap();
        answers.push(answer);
        took.push(time);
    }
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
    answers.into_iter().for_each(|answer| drop(parties.granted(answer)));
    took.sort_unstable();
    Round {
        per_second: EACH as f64 / wall,
        p99_us: took[EACH * 99 / 100].as_secs_f64() * 1e6,
        cpu_us: cpu * 1e6 / EACH as f64,
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main]
async fn main() {
    let program = find_nats_server().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (keys, _) = setup::keys(path).unwrap();
    let environment = setup::server_environment(&keys, &Listen::on_free_ports(path));
    let nats = NatsServer::start(&program, path, setup::SERVER_CONF, &environment).await.unwrap();
    let parties = Parties::new(true);
    let mut all = Vec::new();
    for mode in [Mode::None, Mode::Made, Mode::Spool, Mode::Strict] {
        all.push(setting(mode, &parties, &nats, path).await);
    }
    for number in 0..=ROUNDS {
        // Who goes first changes, so that none of them has the better place.
        for turn in 0..all.len() {
            let index = (number + turn) % all.len();
            let done = round(&parties, &all[index].broker).await;
            if number > 0 {
                all[index].rounds.push(done);
            }
        }
    }
    println!(
        "{COMMAND}: {ROUNDS} rounds of {EACH} logins in turns, {AT_ONCE} at once: medians, and"
    );
    println!(
        "beside none in the same round (median, least to most); aims: CPU spool 1.15, strict 1.5"
    );
    println!("{:<7} {:>28} {:>26} {:>28}", "audit", "logins/s", "p99 ms", "CPU us/login");
    for setting in &all {
        let beside = |what: fn(&Round) -> f64| {
            let pairs = setting.rounds.iter().zip(&all[0].rounds);
            let mut ratios: Vec<f64> = pairs.map(|(it, none)| what(it) / what(none)).collect();
            ratios.sort_by(f64::total_cmp);
            let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
            let middle = median(setting.rounds.iter().map(what));
            format!("{middle:.1} {:.2} ({least:.2}-{most:.2})", ratios[ratios.len() / 2])
        };
        println!(
            "{:<7} {:>28} {:>26} {:>28}",
            setting.name,
            beside(|it| it.per_second),
            beside(|it| it.p99_us / 1000.0),
            beside(|it| it.cpu_us)
        );
    }
    for setting in all {
        drop(setting.broker);
        if let Some(trail) = setting.trail {
            let undelivered = trail.stop(None).await;
            assert!(!undelivered.any(), "{undelivered}");
        }
    }
}
