//! hallpass as a running service: what `serve` runs, and `dev` too.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_nats::jetstream::context::ContextBuilder;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    audit::{self, AlarmsTold, Privacy, SpoolError, Trail, Undelivered},
    broker::Broker,
    callout::responder::{self, ResponderError},
    config::{AuditMode, IssuerSettings, Layers, Settings},
    document::Problems,
    edge::agent::{self, Agent},
    health::{self, Vitals},
    http::{self, ListenError},
    idp::{self, IssuerKeys, Issuers},
    names::{InstanceId, IssuerName},
    nats::Connection,
    policy::{self, Boundaries, Case, InForce, PolicySet},
    reload::{Maps, Reloader},
    status::{self, InstanceStatus},
    witness::{self, Witness},
};

/// How long the start may wait for the issuers' keys and the audit stream.
const WARM_UP: Duration = Duration::from_secs(5);

/// Settings and maps, checked: all that is needed to run.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The subject maps.
    pub policy: PolicySet,
    /// What they were judged by, and will be when they are reloaded.
    pub boundaries: Boundaries,
}

/// Why the service ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The responder ended.
    #[error(transparent)]
    Responder(#[from] ResponderError),
    /// Nothing can listen where `[http]` says.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The audit spool cannot be written.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// Events that JetStream did not acknowledge before the end.
    #[error("{0}")]
    AuditUndelivered(Undelivered),
}

/// The maps and their test cases, as commands read them that start nothing: no secret is looked
/// for.
///
/// # Errors
/// Every problem in the maps, and in those settings that they depend on.
pub fn load_maps(layers: &Layers) -> Result<(JudgedMaps, Problems), Problems> {
    let mut problems = Problems::default();
    let boundaries = boundaries(layers);
    let directory = Settings::maps_directory(layers);
    let sources = policy::read(&directory, true, &mut problems);
    let version = sources.map(|sources| policy::judge(sources, &boundaries, &mut problems));
    let judged = version.and_then(|version| Some((version.policy?, version.cases)));
    let judged = judged.filter(|_| policy::find_bounded(&directory, &boundaries, &mut problems));
    if let (Some((policy, cases)), Some(issuers)) = (judged, boundaries.issuers) {
        return Ok((JudgedMaps { policy, cases, issuers }, problems));
    }
    if !problems.any_error() {
        // The settings are the reason, and say it best themselves.
        Settings::read(layers, &mut problems);
    }
    Err(problems)
}

/// See [`load_maps`].
#[derive(Debug)]
pub struct JudgedMaps {
    /// The subject maps.
    pub policy: PolicySet,
    /// Their test cases.
    pub cases: Vec<Case>,
    /// The issuers there are.
    pub issuers: BTreeSet<IssuerName>,
}

/// What maps may refer to, as far as the settings can be read.
fn boundaries(layers: &Layers) -> Boundaries {
    Boundaries {
        accounts: Settings::targets(layers),
        issuers: Settings::issuer_names(layers),
        bounds: Settings::map_bounds(layers),
        edge: Settings::edge_can_attest(layers),
    }
}

/// What maps may refer to, for commands that judge maps and nothing else of the settings.
///
/// # Errors
/// Where it is not known: every problem in the settings.
pub fn known_boundaries(layers: &Layers) -> Result<Boundaries, Problems> {
    let boundaries = boundaries(layers);
    let Boundaries { accounts: Some(_), issuers: Some(_), bounds: Some(_), edge: _ } = &boundaries
    else {
        let mut problems = Problems::default();
        let _ = Settings::read(layers, &mut problems);
        return Err(problems);
    };
    Ok(boundaries)
}

/// Reads settings and maps: what `serve` starts from and `check` judges is the same.
///
/// # Errors
/// Every problem, in the settings and in the maps. Warnings come with what was loaded.
pub fn load(layers: &Layers) -> Result<(Loaded, Problems), Problems> {
    let mut problems = Problems::default();
    let settings = Settings::read(layers, &mut problems);
    // Whatever is wrong with the settings, the maps are judged by what of them can be read, so
    // that all problems come at once.
    let boundaries = boundaries(layers);
    let directory = Settings::maps_directory(layers);
    let policy = policy::load(&directory, &boundaries, &mut problems);
    idp::judge_files(layers, &mut problems);
    match (settings, policy) {
        (Some(settings), Some(policy)) if !problems.any_error() => {
            Ok((Loaded { settings, policy, boundaries }, problems))
        }
        _ => Err(problems),
    }
}

/// Runs until `stop`: then takes no more logins, finishes what is in hand, delivers the audit
/// events and leaves.
///
/// `reload` is told by whoever wants the subject maps read anew at once; changes of their
/// directory are noticed without that. `allow_playground` is for the playground alone: its signing keys vouch for nobody.
///
/// # Errors
/// See [`ServiceError`].
pub async fn run(
    loaded: Loaded,
    allow_playground: bool,
    stop: CancellationToken,
    reload: Arc<Notify>,
    ready: impl FnOnce(),
) -> Result<(), ServiceError> {
    let Loaded { settings, policy, boundaries } = loaded;
    let instance = InstanceId::fresh();
    introduce(instance, &settings, &policy);
    // Three ends: no more logins are taken; then those in hand are done and what serves them
    // stops; then what they left behind has had its time.
    let served = CancellationToken::new();
    let tasks = TaskTracker::new();
    // However this ends: nothing listens any more.
    let _served = served.clone().drop_guard();
    let in_force = Arc::new(InForce::new(policy));
    let maps = Arc::new(Maps::new(Arc::clone(&in_force)));
    // Before anything is waited for: what cannot be had is told at once.
    if let AuditMode::Spool { directory, .. } = &settings.audit.mode {
        audit::try_out(directory)?;
    }
    let vitals = Vitals::new(&settings, stop.clone());
    // To the very end somebody may ask how it goes.
    let told = CancellationToken::new();
    let _told = told.clone().drop_guard();
    tokio::spawn(health::watch_event_loop(Arc::clone(&vitals.measures), told.clone()));
    answer_questions(&settings, instance, &maps, &vitals, &told).await?;
    let alarms = Arc::clone(&vitals.measures.break_glass);
    let nats = &settings.nats;
    let service = Connection {
        name: "hallpass",
        urls: &nats.urls,
        ca_file: nats.ca_file.as_deref(),
        certificate: nats.certificate.as_ref(),
        seed: &nats.service_seed,
        inbox_prefix: "_INBOX.hallpass",
        notes: Some(&vitals.notes),
    };
    let writer = Connection {
        name: "hallpass-audit",
        seed: &settings.audit.writer_seed,
        inbox_prefix: "_INBOX.hallpass-audit",
        notes: None,
        ..service
    };
    let Some(client) = service.connect_patiently(&stop).await else { return Ok(()) };
    vitals.connected(&client);
    tasks.spawn(health::watch_nats(Arc::clone(&vitals), client.clone(), served.clone()));
    let Some(audit_client) = writer.connect_patiently(&stop).await else { return Ok(()) };

    let context = ContextBuilder::new().timeout(Duration::from_secs(2)).build(audit_client);
    let (policy, host) = (in_force.snapshot(), status::host());
    let names = settings.issuer_list();
    let trail = Trail::start(&context, &settings.audit, instance, &policy, &host, names)?;
    drop(policy);
    vitals.records(Box::new(trail.meter()));
    let stream = settings.audit.stream.clone();
    let (asked, watched) = (context.clone(), Arc::clone(&vitals));
    tasks.spawn(health::watch_jetstream(watched, asked, stream, served.clone()));
    let recorder = trail.recorder();
    // Even with all issuers but one silent, the one has its share of the room.
    let share = (settings.callout.max_in_flight / (settings.issuers.len() + 1)).max(1);
    let issuers = issuer_keys(&settings, allow_playground, share);
    vitals.believes(&issuers);
    for keys in &issuers {
        let (keys, served) = (Arc::clone(keys), served.clone());
        tasks.spawn(async move { keys.keep_fresh(served).await });
    }
    let warm = warm_up(&trail, &issuers, &stop).await;
    let without_keys: Vec<_> = issuers
        .iter()
        .filter(|keys| !keys.are_known())
        .map(|keys| keys.settings().name.to_string())
        .collect();
    let now_serving = Arc::clone(&vitals);
    let ready = move || {
        now_serving.serves();
        if warm {
            tracing::info!("ready: answering logins");
        } else {
            tracing::warn!(
                ?without_keys,
                "ready: answering logins, though not everybody can be let in yet"
            );
        }
        ready();
    };
    let callout = settings.callout.clone();
    let (queue, most) = (callout.queue.clone(), callout.max_in_flight);
    let known = issuers.clone();
    let told = AlarmsTold::new(context, &settings.audit.stream);
    let system = witness::System::of(&settings, told, alarms);
    let issuers = Issuers::new(issuers, settings.certificate_issuers);
    let decider = Arc::clone(&recorder);
    let (edge, privacy) = (settings.edge, Arc::new(Privacy::of(&settings.audit)));
    let (heard, maps_in_force) = (Arc::clone(&recorder), Arc::clone(&in_force));
    let witness = Witness::new(heard, maps_in_force, Arc::clone(&privacy), instance);
    let measures = Arc::clone(&vitals.measures);
    let broker = Broker::new(callout, edge, issuers, in_force, decider, privacy, instance);
    let broker = Arc::new(broker.measured_by(Arc::clone(&measures)));
    let reloader = Reloader::new(Arc::clone(&maps), settings.maps, boundaries, recorder, instance);
    // The start may have waited long, for NATS for one.
    tokio::select! {
        () = reloader.catch_up() => {}
        () = stop.cancelled() => {}
    }
    tasks.spawn(reloader.run(reload, served.clone()));
    for keys in &known {
        tasks.spawn(witness.clone().watch_keys(Arc::clone(keys), served.clone()));
    }
    tasks.spawn(witness::answers(witness.clone(), client.clone(), queue.clone(), served.clone()));
    if let Some(system) = system {
        tasks.spawn(witness::sessions(witness, system, served.clone()));
    }
    let status = move || InstanceStatus::of(instance, &known, &maps, &vitals);
    tasks.spawn(status::answer(client.clone(), status, served.clone()));
    let outcome = responder::run(&client, &queue, most, broker, measures, stop, ready).await;

    served.cancel();
    tasks.close();
    tasks.wait().await;
    let why = outcome.as_ref().err().map(ToString::to_string);
    let undelivered = trail.stop(why.as_deref()).await;
    if undelivered.any() {
        if let Err(error) = &outcome {
            tracing::error!(%error, "hallpass ends");
        }
        return Err(ServiceError::AuditUndelivered(undelivered));
    }
    outcome?;
    tracing::info!("hallpass has stopped");
    Ok(())
}

/// Answers who asks how it goes, where the settings say so, until `stop`.
async fn answer_questions(
    settings: &Settings,
    instance: InstanceId,
    maps: &Arc<Maps>,
    vitals: &Arc<Vitals>,
    stop: &CancellationToken,
) -> Result<(), ListenError> {
    if let Some(http) = settings.http {
        let listener = http::listen(http).await?;
        let asked = http::Asked { maps: Arc::clone(maps), vitals: Arc::clone(vitals) };
        tokio::spawn(http::serve(listener, asked, stop.clone()));
    }
    if let Some(listen) = settings.agent {
        let listener = agent::listen(listen).await?;
        let agent = Agent::start(&settings.nats, instance, Arc::clone(vitals), stop);
        tokio::spawn(agent.serve(listener, stop.clone()));
    }
    Ok(())
}

/// The issuers, none of their keys fetched yet.
fn issuer_keys(settings: &Settings, allow_playground: bool, share: usize) -> Vec<Arc<IssuerKeys>> {
    let keys = |issuer: &IssuerSettings| {
        Arc::new(IssuerKeys::new(Arc::new(issuer.clone()), allow_playground, share))
    };
    settings.issuers.iter().map(keys).collect()
}

/// Waits until the audit stream is there and all issuers' keys are known; `false` where that
/// takes too long, or `stop` comes first. Other replicas may know what this one does not yet: no
/// login comes here before it can be decided.
async fn warm_up(trail: &Trail, issuers: &[Arc<IssuerKeys>], stop: &CancellationToken) -> bool {
    let all = async {
        trail.ready().await;
        futures_util::future::join_all(issuers.iter().map(|keys| keys.known())).await;
    };
    tokio::select! {
        all = tokio::time::timeout(WARM_UP, all) => all.is_ok(),
        () = stop.cancelled() => false,
    }
}

/// Says once what this is.
fn introduce(instance: InstanceId, settings: &Settings, policy: &PolicySet) {
    let issuers: Vec<_> = settings.issuers.iter().map(|issuer| issuer.issuer.as_str()).collect();
    let certificates: Vec<_> =
        settings.certificate_issuers.iter().map(|issuer| issuer.name.as_str()).collect();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        %instance,
        servers = ?settings.nats.urls,
        account = %settings.callout.account,
        signer = settings.callout.issuer.public_key(),
        xkey = settings.callout.xkey.as_ref().map(|key| key.public_key()),
        ?issuers,
        ?certificates,
        maps = %settings.maps.display(),
        roles = policy.roles(),
        digest = policy.digest(),
        audit = settings.audit.stream,
        "hallpass starts"
    );
}
