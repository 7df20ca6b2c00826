//! hallpass as a running service: what `serve` runs, and `dev` too.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::context::ContextBuilder;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    audit::{self, Sink},
    broker::Broker,
    callout::responder::{self, ResponderError},
    config::{Layers, Settings},
    document::Problems,
    idp::IssuerKeys,
    nats::Connection,
    policy::{self, Boundaries, PolicySet},
};

/// How long undelivered audit events may take once hallpass stops.
const AUDIT_DRAIN: Duration = Duration::from_secs(5);

/// Settings and maps, checked: all that is needed to run.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The subject maps.
    pub policy: PolicySet,
}

/// Why the service ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The responder ended.
    #[error(transparent)]
    Responder(#[from] ResponderError),
    /// Events that JetStream did not acknowledge before the end.
    #[error("{0} audit events were not acknowledged by JetStream")]
    AuditUndelivered(usize),
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
    let boundaries =
        Boundaries { accounts: Settings::targets(layers), issuers: Settings::issuer_names(layers) };
    let directory = Settings::maps_directory(layers);
    let policy = policy::load(&directory, &boundaries, &mut problems);
    match (settings, policy) {
        (Some(settings), Some(policy)) => Ok((Loaded { settings, policy }, problems)),
        _ => Err(problems),
    }
}

/// Runs until `stop`: then takes no more logins, finishes what is in hand, delivers the audit
/// events and leaves.
///
/// `allow_playground` is for the playground alone: its signing keys vouch for nobody.
///
/// # Errors
/// See [`ServiceError`].
pub async fn run(
    loaded: Loaded,
    allow_playground: bool,
    stop: CancellationToken,
    ready: impl FnOnce(),
) -> Result<(), ServiceError> {
    let Loaded { settings, policy } = loaded;
    introduce(&settings, &policy);
    let nats = &settings.nats;
    let service = Connection {
        name: "hallpass",
        urls: &nats.urls,
        ca_file: nats.ca_file.as_deref(),
        seed: &nats.service_seed,
        inbox_prefix: "_INBOX.hallpass",
    };
    let writer = Connection {
        name: "hallpass-audit",
        seed: &settings.audit.writer_seed,
        inbox_prefix: "_INBOX.hallpass-audit",
        ..service
    };
    let Some(client) = service.connect_patiently(&stop).await else { return Ok(()) };
    let Some(audit_client) = writer.connect_patiently(&stop).await else { return Ok(()) };

    // Three ends: no more logins are taken; then those in hand are done and what serves them
    // stops; then what they left behind has had its time.
    let (served, give_up) = (CancellationToken::new(), CancellationToken::new());
    let tasks = TaskTracker::new();
    let context = ContextBuilder::new().timeout(Duration::from_secs(2)).build(audit_client);
    let (sink, delivery) =
        Sink::new(context.clone(), settings.audit.stream.clone(), give_up.clone());
    let delivery = tokio::spawn(delivery);
    {
        let (audit, served) = (settings.audit.clone(), served.clone());
        tasks.spawn(async move { audit::ensure_stream(&context, &audit, &served).await });
    }
    let issuers: Vec<_> = settings
        .issuers
        .iter()
        .map(|issuer| Arc::new(IssuerKeys::new(Arc::new(issuer.clone()), allow_playground)))
        .collect();
    for keys in &issuers {
        let (keys, served) = (Arc::clone(keys), served.clone());
        tasks.spawn(async move { keys.keep_fresh(served).await });
    }
    let callout = settings.callout.clone();
    let (queue, most) = (callout.queue.clone(), callout.max_in_flight);
    let broker = Arc::new(Broker::new(callout, issuers, Arc::new(policy), Arc::new(sink)));
    let outcome = responder::run(&client, &queue, most, broker, stop, ready).await;

    served.cancel();
    tasks.close();
    tasks.wait().await;
    let lost = {
        let timer = tokio::time::sleep(AUDIT_DRAIN);
        tokio::pin!(timer, delivery);
        let first = tokio::select! {
            lost = &mut delivery => Some(lost),
            () = &mut timer => None,
        };
        match first {
            Some(lost) => lost,
            None => {
                give_up.cancel();
                delivery.await
            }
        }
    };
    outcome?;
    match lost {
        Ok(0) => {
            tracing::info!("hallpass has stopped");
            Ok(())
        }
        Ok(lost) => Err(ServiceError::AuditUndelivered(lost)),
        Err(_) => Err(ServiceError::AuditUndelivered(usize::MAX)),
    }
}

/// Says once what this is.
fn introduce(settings: &Settings, policy: &PolicySet) {
    let issuers: Vec<_> = settings.issuers.iter().map(|issuer| issuer.issuer.as_str()).collect();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        servers = ?settings.nats.urls,
        account = %settings.callout.account,
        signer = settings.callout.issuer.public_key(),
        xkey = settings.callout.xkey.as_ref().map(|key| key.public_key()),
        ?issuers,
        maps = %settings.maps.display(),
        roles = policy.roles(),
        digest = policy.digest(),
        audit = settings.audit.stream,
        "hallpass starts"
    );
}
