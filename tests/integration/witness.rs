//! What hallpass records that it did not decide: connections that come up and end, answers that
//! the server did not take, changes of the issuers' keys.

use hallpass::audit::reader::Record;
use serde_json::{Value, json};

use crate::support::{World, eventually};

mod answers;
mod keys;
mod sessions;

/// The events of a type about the client of this name, in the order of the stream.
fn about(events: &[Record], kind: &str, name: &str) -> Vec<Value> {
    of(events, kind).into_iter().filter(|event| event["data"]["client"]["name"] == name).collect()
}

/// The events of a type.
fn of(events: &[Record], kind: &str) -> Vec<Value> {
    let kind = format!("hallpass.{kind}");
    let own = events.iter().filter(|event| event.text("/type") == kind);
    own.map(|event| event.json().clone()).collect()
}

/// Waits until there are as many events of a type about the client of this name.
async fn told(world: &World, kind: &str, name: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} events hallpass.{kind} about {name}"), || async {
        let told = about(&world.events().await, kind, name);
        (told.len() >= count).then_some(told)
    })
    .await
}
