//! The stream: as it is made, as it is found, and as it becomes while hallpass runs.

use std::time::Duration;

use async_nats::{HeaderMap, header::NATS_MESSAGE_ID, jetstream::Context};
use hallpass::{
    audit::{
        chain::{Chain, Head, Sealed, event_id},
        event::{self, Checkpoint, Gap},
        reader::Record,
    },
    names::InstanceId,
};
use jiff::Timestamp;
use nkeys::KeyPair;

use super::{NAME, forgetful, kill, only_spool, sequences};
use crate::support::{World, eventually, occupied, with_admin};

/// More than the server says at once of anything.
const MANY: usize = 1100;

#[tokio::test]
async fn it_is_made_as_the_configuration_says() {
    let (mut world, admin) = with_admin().await;
    world.add_hallpass(&["--set", "audit.max_age=49h"]).await;
    let made = eventually("the stream", || async { admin.get_stream(NAME).await.ok() }).await;
    let made = &made.cached_info().config;
    assert_eq!(made.max_age, Duration::from_secs(49 * 3600));
    assert_eq!((made.num_replicas, made.duplicate_window), (1, Duration::from_secs(120)));
    assert!(made.deny_delete && made.deny_purge && made.allow_direct);
    assert_eq!(made.subjects, ["hallpass.audit.>"]);
    assert_eq!((made.max_bytes, made.max_messages, made.max_message_size), (-1, -1, -1));
    let stream = admin.get_stream(NAME).await.unwrap();
    assert!(stream.purge().await.is_err() && stream.delete_message(1).await.is_err());
}

#[tokio::test]
async fn more_replicas_than_there_are_servers_is_no_stream_and_is_told() {
    let (world, admin) = with_admin().await;
    let arguments = ["--set", "audit.replicas=3"];
    let hallpass = crate::support::Hallpass::start(world.directory(), &arguments);
    let told = hallpass.says("the audit stream is not available yet").await;
    assert!(told.contains("replicas > 1 not supported in non-clustered mode"), "{told}");
    assert!(admin.get_stream(NAME).await.is_err());
}

#[tokio::test]
async fn a_clean_stop_is_an_event_and_the_last_checkpoint_comes_after_it() {
    let (mut world, _admin) = with_admin().await;
    world.add_hallpass(&[]).await;
    world.log_in("in", &world.token("x", &["orders:read"])).await.unwrap();
    assert_eq!(world.hallpass[0].terminate().await.code(), Some(0));
    // Somebody has to let the reader of events in.
    let events = {
        world.add_hallpass(&[]).await;
        world.events().await
    };
    let own: Vec<_> =
        events.iter().filter(|it| it.text("/source") == events[0].text("/source")).collect();
    let [.., stopped, last] = &own[..] else { panic!("{} events", own.len()) };
    assert_eq!([stopped.kind(), stopped.outcome()], ["instance", "stopped"]);
    assert!(stopped.json()["data"].get("why").is_none());
    assert_eq!((last.kind().as_str(), &last.json()["data"]["final"]), ("checkpoint", &true.into()));
}

#[tokio::test]
async fn one_that_is_deleted_while_hallpass_runs_is_told_and_not_made_anew() {
    let (mut world, admin) = with_admin().await;
    world.add_hallpass(&[]).await;
    world.log_in("before", &world.token("x", &["orders:read"])).await.unwrap();
    admin.delete_stream(NAME).await.unwrap();
    world.log_in("meanwhile", &world.token("x", &["orders:read"])).await.unwrap();
    world.hallpass[0].says("the audit stream is gone: events wait until there is one again").await;
    world.log_in("later", &world.token("x", &["orders:read"])).await.unwrap();
    assert!(admin.get_stream(NAME).await.is_err());
    forgetful(&admin).await;
    world.hallpass[0].says("the audit stream was deleted and made anew").await;
    world.hallpass[0].says("the audit stream was changed").await;
    for name in ["meanwhile", "later"] {
        assert_eq!(world.event_of(name).await.outcome(), "granted");
    }
    let log = world.hallpass[0].log();
    assert_eq!(log.matches("the audit stream is gone").count(), 1, "{log}");
    assert_eq!(log.matches("`deny_purge` is false, not true").count(), 1, "{log}");
}

/// Publishes under the ids that an instance's next events will have.
async fn squat(admin: &Context, instance: &str, ids: std::ops::RangeInclusive<u64>) {
    let mut chain = Chain::new(InstanceId::fresh());
    for sequence in ids {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, event_id(instance.parse().unwrap(), sequence));
        let event = event::gap(&Gap::new(Timestamp::now()), chain.head().instance).unwrap();
        let Sealed { subject, payload, .. } = event.seal(&mut chain, None).unwrap();
        let told = admin.publish_with_headers(subject, headers, payload).await.unwrap();
        assert!(!told.await.unwrap().duplicate);
    }
}

/// The decisions about a client.
async fn events_about(world: &World, name: &str) -> Vec<Record> {
    let all = world.audit().await.into_iter();
    all.filter(|event| event.text("/data/client/name") == name).collect()
}

#[tokio::test]
async fn whoever_takes_an_events_id_first_does_not_keep_it_off_the_stream() {
    let (mut world, admin) = with_admin().await;
    world.add_hallpass(&[]).await;
    world.log_in("before", &world.token("x", &["orders:read"])).await.unwrap();
    let before = world.event_of("before").await;
    let instance = before.text("/data/hallpass/instance");
    let next = before.text("/sequence").parse::<u64>().unwrap() + 1;
    // The checkpoint of this minute may take one of them.
    squat(&admin, &instance, next + 1..=next + 20).await;
    for n in 0..5 {
        world.log_in(&format!("in-{n}"), &world.token("x", &["orders:read"])).await.unwrap();
    }
    world.hallpass[0].says("somebody else put messages on the audit stream under the ids").await;
    for n in 0..5 {
        world.event_of(&format!("in-{n}")).await;
        assert_eq!(events_about(&world, &format!("in-{n}")).await.len(), 1, "once");
    }
    assert_eq!(world.hallpass[0].terminate().await.code(), Some(0));
}

#[tokio::test]
async fn nor_does_it_where_the_events_were_left_behind() {
    let (mut world, admin) = occupied(&[]).await;
    world.log_in("in", &world.token("x", &["orders:read"])).await.unwrap();
    let spool = only_spool(&world);
    let instance = spool.file_name().unwrap().to_str().unwrap();
    kill(&mut world).await;
    admin.delete_stream("OTHER").await.unwrap();
    forgetful(&admin).await;
    let mut config = admin.get_stream(NAME).await.unwrap().cached_info().config.clone();
    config.duplicate_window = Duration::from_secs(120);
    admin.update_stream(config).await.unwrap();
    squat(&admin, instance, 1..=3).await;
    world.add_hallpass(&[]).await;
    eventually("the end of what was left", || async { (!spool.exists()).then_some(()) }).await;
    let told = sequences(&world.events().await, &format!("hallpass/{instance}"));
    let mut sorted = told.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=told.len() as u64).collect::<Vec<_>>());
    assert_eq!(events_about(&world, "in").await.len(), 1);
}

/// Publishes what an instance would, and waits until the stream has all of it.
async fn publish(admin: &Context, messages: Vec<(String, bytes::Bytes)>) {
    let mut told = Vec::new();
    for (subject, payload) in messages {
        told.push(admin.publish(subject, payload).await.unwrap());
    }
    for acknowledgement in told {
        acknowledgement.await.unwrap();
    }
}

#[tokio::test]
async fn the_checkpoints_of_very_many_instances_are_looked_up() {
    let (mut world, admin) = with_admin().await;
    forgetful(&admin).await;
    let seed = std::fs::read_to_string(world.directory().join("keys/audit-signer.nk")).unwrap();
    let signer = KeyPair::from_seed(seed.trim()).unwrap();
    let (mut heads, mut messages): (Vec<Head>, Vec<_>) = (Vec::new(), Vec::new());
    for _ in 0..MANY {
        let mut chain = Chain::new(InstanceId::fresh());
        let (key, head) = (signer.public_key(), chain.head());
        let said = Checkpoint { key, head, new: 1, others: Vec::new(), is_final: false };
        let event = event::checkpoint(&said, Timestamp::now()).unwrap();
        let sealed = event.seal(&mut chain, Some(&signer)).unwrap();
        heads.push(chain.head());
        messages.push((sealed.subject, sealed.payload));
    }
    publish(&admin, messages).await;
    world.add_hallpass(&[]).await;
    let last = heads.last().unwrap().instance.to_string();
    let others = eventually("the first checkpoint", || async {
        let events = world.events().await;
        let own = events.iter().rev().find(|event| event.outcome() == "started")?.text("/source");
        let is_first = |it: &&Record| it.text("/source") == own && it.kind() == "checkpoint";
        let first = events.iter().find(is_first)?;
        Some(first.json()["data"]["others"].as_array().unwrap().clone())
    })
    .await;
    assert_eq!(others.len(), 256, "{}", world.hallpass[0].log());
    assert_eq!(others[255]["instance"], last, "those that began last");
}

#[tokio::test]
async fn very_many_events_of_an_instance_are_looked_up() {
    let (mut world, admin) = with_admin().await;
    forgetful(&admin).await;
    let mut chain = Chain::new(InstanceId::fresh());
    let instance = chain.head().instance;
    let mut text = format!("hallpass-audit-spool 1 {instance} 0\n");
    let mut messages = Vec::new();
    for _ in 0..MANY {
        let event = event::gap(&Gap::new(Timestamp::now()), instance).unwrap();
        let sealed = event.seal(&mut chain, None).unwrap();
        text.push_str(&format!(
            "{} {}\n",
            sealed.subject,
            str::from_utf8(&sealed.payload).unwrap()
        ));
        messages.push((sealed.subject, sealed.payload));
    }
    let missing = messages.split_off(MANY - 2);
    publish(&admin, messages).await;
    let spool = world.directory().join(format!("audit-spool/{instance}"));
    std::fs::create_dir_all(&spool).unwrap();
    std::fs::write(spool.join("1.spool"), text).unwrap();
    world.add_hallpass(&[]).await;
    eventually("the end of what was left", || async { (!spool.exists()).then_some(()) }).await;
    let told = sequences(&world.events().await, &format!("hallpass/{instance}"));
    assert_eq!(told, (1..=MANY as u64).collect::<Vec<_>>(), "{} were missing", missing.len());
}
