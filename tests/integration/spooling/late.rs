//! JetStream may take its time: nothing waits for the acknowledgement of what was sent before.

use std::collections::BTreeSet;

use async_nats::jetstream::stream::Config;
use futures_util::StreamExt as _;
use hallpass::{
    audit::{Class, Event, Trail, event::Kind},
    config::{Layers, Settings},
    document::Problems,
    names::InstanceId,
    policy::PolicySet,
};
use jiff::Timestamp;
use serde_json::json;

use crate::support::{soon, with_admin};

/// Fewer than may be under way, and many more than one.
const AT_ONCE: usize = 50;

/// Who acknowledges is no JetStream here: the stream is real and takes other subjects, and a
/// stand-in answers the messages of the trail when it pleases.
#[tokio::test]
async fn many_events_are_under_way_before_the_first_is_acknowledged() {
    let (world, admin) = with_admin().await;
    let config = Config {
        name: "HALLPASS_AUDIT".to_owned(),
        subjects: vec!["elsewhere".to_owned()],
        allow_direct: true,
        ..Config::default()
    };
    admin.create_stream(config).await.unwrap();
    let client = admin.client();
    let mut messages = client.subscribe("hallpass.audit.>").await.unwrap();
    client.flush().await.unwrap();

    let flags = [("audit.mode".to_owned(), "strict".to_owned())];
    let layers = Layers::read(&world.directory().join("hallpass.toml"), [], &flags).unwrap();
    let settings = Settings::read(&layers, &mut Problems::default()).unwrap().audit;
    let (instance, maps) = (InstanceId::fresh(), PolicySet::default());
    let trail = Trail::start(&admin, &settings, instance, &maps, "h", Vec::new()).unwrap();
    let recorder = trail.recorder();
    let record = |number: usize| {
        let event = Event::new(Kind::Decision, "granted", None, "d", Timestamp::now(), &number);
        recorder.record(event.unwrap(), Class::Grant)
    };
    let receipts: Vec<_> = (0..AT_ONCE).map(record).collect();

    // One after the other, the first would come a second time before there are as many.
    let mut waiting = Vec::new();
    while waiting.len() < AT_ONCE {
        waiting.push(soon("a message", messages.next()).await.unwrap());
    }
    let id = |message: &async_nats::Message| {
        message.headers.as_ref().unwrap().get("Nats-Msg-Id").unwrap().to_string()
    };
    let ids: Vec<_> = waiting.iter().map(id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), AT_ONCE, "{ids:?}");

    let standing_in = tokio::spawn(async move {
        let mut sequence = 0;
        loop {
            for message in waiting.drain(..) {
                sequence += 1;
                let answer = json!({ "stream": "HALLPASS_AUDIT", "seq": sequence }).to_string();
                client.publish(message.reply.unwrap(), answer.into()).await.unwrap();
            }
            let Some(message) = messages.next().await else { break };
            waiting.push(message);
        }
    });
    for receipt in receipts {
        assert!(soon("its acknowledgement", receipt.is_safe()).await);
    }
    let undelivered = trail.stop(None).await;
    assert!(!undelivered.any(), "{undelivered}");
    standing_in.abort();
}
