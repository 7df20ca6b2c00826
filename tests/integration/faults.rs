//! Whatever is killed, cut or full, at whatever moment: for every connection that came up there is
//! an event, and no event is there twice. `make faults` has many rounds, `make test` a few;
//! `HALLPASS_FAULTS_SEED` repeats the choice of the faults and of their moments.
#![expect(clippy::print_stderr, reason = "seeds and numbers are for whoever runs it")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_nats::jetstream::stream::Config;
use fastrand::Rng;
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use crate::support::{
    Cable, Disk, Hallpass, Wire, World, code, eventually, host_and_port, run, text, with_admin,
};

/// Rounds of the short form, for each mode.
const ROUNDS: usize = 6;
/// How many clients log in again and again.
const CLIENTS: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// hallpass is killed.
    Hallpass,
    /// The server is killed.
    Server,
    /// The connection between the two is cut.
    Connection,
    /// The spool's disk is full.
    Disk,
}

const FAULTS: [&[Fault]; 8] = [
    &[Fault::Hallpass],
    &[Fault::Server],
    &[Fault::Connection],
    &[Fault::Disk],
    &[Fault::Server, Fault::Hallpass],
    &[Fault::Connection, Fault::Hallpass],
    &[Fault::Disk, Fault::Connection],
    &[Fault::Disk, Fault::Server, Fault::Hallpass],
];

/// Clients that log in again and again, and the connections that came up: by name, as the log of
/// hallpass has them.
struct Load {
    up: Arc<Mutex<BTreeMap<String, String>>>,
    clients: JoinSet<()>,
}

impl Load {
    fn start(world: &World, run: &str) -> Self {
        let up = Arc::new(Mutex::new(BTreeMap::new()));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (url, up) = (world.nats.url().to_owned(), Arc::clone(&up));
            let (token, run) = (world.token("x", &["orders:read"]), run.to_owned());
            clients.spawn(async move {
                for attempt in 0_u64.. {
                    let name = format!("{run}-{client}-{attempt}");
                    // Only a PONG says that a connection came up. A server may ask a client
                    // whose login is still pending for one, and async-nats takes its PING for
                    // the answer.
                    let credential = json!({ "auth_token": token });
                    match Wire::connect(&url, &name, credential).await {
                        Ok(wire) => {
                            let info = wire.info();
                            let server = info["server_id"].as_str().unwrap();
                            let ids = format!("server={server} client={} ", info["client_id"]);
                            up.lock().unwrap().insert(name, ids);
                        }
                        // Nobody listens: not as fast as can be. Nothing waits for this moment.
                        Err(_) => sleep(Duration::from_millis(20)).await,
                    }
                }
            });
        }
        Self { up, clients }
    }

    async fn stop(mut self) -> BTreeMap<String, String> {
        self.clients.shutdown().await;
        std::mem::take(&mut *self.up.lock().unwrap())
    }
}

/// The audit stream as it is meant to be, but that the server soon forgets which events it has:
/// an outage of half a second is to this one what one of hours is to another.
fn forgetful() -> Config {
    Config {
        name: "HALLPASS_AUDIT".to_owned(),
        subjects: vec!["hallpass.audit.>".to_owned()],
        duplicate_window: Duration::from_millis(250),
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        ..Config::default()
    }
}

struct Scene {
    world: World,
    cable: Cable,
    disk: Option<Disk>,
    arguments: Vec<String>,
    /// What those logged that were killed.
    logs: Vec<String>,
}

impl Scene {
    async fn start(mode: &str) -> Self {
        let (world, admin) = with_admin().await;
        admin.create_stream(forgetful()).await.unwrap();
        let target = host_and_port(world.nats.url());
        let cable = Cable::to(target).await;
        let mut settings = vec![
            format!("nats.urls={}", cable.url()),
            format!("audit.mode={mode}"),
            "audit.checkpoint_every=1s".to_owned(),
        ];
        let disk = match mode {
            "spool" => {
                let disk = Disk::mount(world.directory().join("disk")).await;
                settings.push("audit.spool.directory=disk/spool".to_owned());
                Some(disk)
            }
            _ => None,
        };
        let arguments = settings.into_iter().flat_map(|it| ["--set".to_owned(), it]).collect();
        let mut scene = Self { world, cable, disk, arguments, logs: Vec::new() };
        scene.start_hallpass().await;
        scene
    }

    async fn start_hallpass(&mut self) {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let started = Hallpass::start(self.world.directory(), &arguments);
        self.world.hallpass = vec![started];
    }

    fn hallpass(&mut self) -> &mut Hallpass {
        &mut self.world.hallpass[0]
    }

    async fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::Hallpass => {
                self.hallpass().signal("-KILL").await;
                self.hallpass().ended().await;
                let log = self.hallpass().log();
                self.logs.push(log);
            }
            Fault::Server => self.world.nats.stop().await,
            Fault::Connection => self.cable.cut(),
            Fault::Disk => {
                if let Some(disk) = &self.disk {
                    disk.fill();
                }
            }
        }
    }

    async fn repair(&mut self, fault: Fault) {
        match fault {
            Fault::Hallpass => self.start_hallpass().await,
            Fault::Server => self.world.restart_nats().await,
            Fault::Connection => self.cable.mend(),
            Fault::Disk => {
                if let Some(disk) = &self.disk {
                    disk.free();
                }
            }
        }
    }

    async fn round(&mut self, rng: &mut Rng, load: &Load) {
        let faults = FAULTS[rng.usize(..FAULTS.len())];
        // A random moment is the point of it; nothing waits for anything here.
        let mut moment = async |most| sleep(Duration::from_millis(rng.u64(1..most))).await;
        for fault in faults {
            moment(200).await;
            self.strike(*fault).await;
        }
        moment(500).await;
        for fault in faults {
            self.repair(*fault).await;
            moment(100).await;
        }
        let before = load.up.lock().unwrap().len();
        eventually(&format!("a login after {faults:?}"), || async {
            (load.up.lock().unwrap().len() > before + CLIENTS).then_some(())
        })
        .await;
    }
}

/// The instances that have something on the disk.
fn spools(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn rounds() -> usize {
    let given = std::env::var("HALLPASS_FAULTS_ROUNDS");
    given.map_or(ROUNDS, |text| text.parse().expect("HALLPASS_FAULTS_ROUNDS is a number"))
}

async fn play(mode: &str) {
    let seed = std::env::var("HALLPASS_FAULTS_SEED");
    let seed = seed.map_or_else(|_| fastrand::u64(..), |text| text.parse().unwrap());
    let mut rng = Rng::with_seed(seed);
    let (rounds, mut scene) = (rounds(), Scene::start(mode).await);
    eprintln!("{mode}: {rounds} rounds, HALLPASS_FAULTS_SEED={seed}");
    scene.hallpass().says("ready: answering logins").await;
    let load = Load::start(&scene.world, mode);
    for round in 1..=rounds {
        scene.round(&mut rng, &load).await;
        if round % 20 == 0 {
            eprintln!("{mode}: {round} rounds, {} logins", load.up.lock().unwrap().len());
        }
    }
    let up = load.stop().await;
    if let Some(disk) = &scene.disk {
        let directory = disk.path().join("spool");
        eventually("what the killed left behind is delivered", || async {
            (spools(&directory).len() == 1).then_some(())
        })
        .await;
        let status = scene.world.hallpass[0].terminate().await;
        assert!(status.success(), "{}", scene.world.hallpass[0].log());
        assert_eq!(spools(&directory), Vec::<PathBuf>::new());
    } else {
        let status = scene.hallpass().terminate().await;
        assert!(status.success(), "{}", scene.world.hallpass[0].log());
    }
    judge(&scene, mode, &up).await;
    if scene.disk.is_some() {
        let verified = run(scene.world.directory(), &["audit", "verify", "--complete"]).await;
        let told = [text(&verified.stdout), text(&verified.stderr)].concat();
        assert_eq!(code(&verified), 0, "{told}");
    }
    eprintln!("{mode}: {} connections came up, each with its event", up.len());
}

async fn judge(scene: &Scene, mode: &str, up: &BTreeMap<String, String>) {
    let mut chains: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let (mut granted, mut withheld) = (BTreeMap::new(), BTreeSet::new());
    for event in scene.world.events().await {
        let sequence = event.text("/sequence").parse().unwrap();
        chains.entry(event.text("/source")).or_default().push(sequence);
        let decision = event.text("/data/decision");
        if event.outcome() == "granted" {
            granted.entry(event.text("/data/client/name")).or_insert_with(Vec::new).push(decision);
        } else if event.json()["data"]["correction"] == true {
            withheld.insert(decision);
        }
    }
    let stands = |name: &String| {
        granted.get(name).is_some_and(|decisions| decisions.iter().any(|it| !withheld.contains(it)))
    };
    let mut unaccounted = Vec::new();
    for (name, ids) in up.iter().filter(|(name, _)| !stands(name)) {
        let last = scene.world.hallpass[0].log();
        let logs = scene.logs.iter().chain([&last]);
        let said: Vec<_> = logs.flat_map(|log| log.lines()).filter(|it| it.contains(ids)).collect();
        unaccounted.push(format!("{name}: {:?} {}", granted.get(name), said.join("\n")));
    }
    for (source, mut sequences) in chains {
        sequences.sort_unstable();
        let twice: Vec<_> = sequences.windows(2).filter(|it| it[0] == it[1]).collect();
        assert!(twice.is_empty(), "{source} has events twice: {twice:?}");
        // Without a disk, what was under way when hallpass was killed is nowhere.
        if mode == "spool" {
            let expected: Vec<_> = (1..=sequences.len() as u64).collect();
            assert_eq!(sequences, expected, "{source} has gaps; {unaccounted:#?}");
        }
    }
    assert!(unaccounted.is_empty(), "without an event: {unaccounted:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_spool_nothing_is_lost_and_nothing_told_twice() {
    play("spool").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_disk_nobody_gets_in_untold() {
    play("strict").await;
}
