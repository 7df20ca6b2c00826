//! The events of an instance's start and stop.

use jiff::Timestamp;
use serde::Serialize;

use super::{Event, Kind, Recorded};
use crate::{audit::chain::Head, names::InstanceId};

/// What an instance is, as it starts.
#[derive(Debug, Clone, Serialize)]
pub struct Started<'a> {
    /// The machine, as it calls itself.
    pub host: &'a str,
    /// The process there.
    pub pid: u32,
    /// `spool` or `strict`.
    pub mode: &'static str,
    /// The public nkey that signs for its chain, and has signed this event.
    pub key: String,
    /// The names of the issuers whose tokens or certificates are believed.
    pub issuers: Vec<&'a str>,
    /// The chains of instances that ended with events left on this disk, as far as the disk has
    /// them; this instance delivers what is left.
    pub resumes: Vec<Head>,
}

#[derive(Serialize)]
struct Data<'a, T> {
    outcome: &'static str,
    #[serde(flatten)]
    more: T,
    hallpass: Recorded<'a>,
}

/// Writes the event of a start: the first of a chain.
///
/// # Errors
/// Where it cannot be written as JSON, which no known value causes.
pub fn started(
    started: &Started<'_>,
    at: Timestamp,
    hallpass: Recorded<'_>,
) -> Result<Event, serde_json::Error> {
    of("started", started, at, hallpass)
}

/// Writes the event of a stop that was asked for; `why` where hallpass ended by itself.
///
/// # Errors
/// Where it cannot be written as JSON, which no known value causes.
pub fn stopped(
    why: Option<&str>,
    at: Timestamp,
    hallpass: Recorded<'_>,
) -> Result<Event, serde_json::Error> {
    #[derive(Serialize)]
    struct Stopped<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<&'a str>,
    }
    of("stopped", Stopped { why }, at, hallpass)
}

fn of(
    outcome: &'static str,
    more: impl Serialize,
    at: Timestamp,
    hallpass: Recorded<'_>,
) -> Result<Event, serde_json::Error> {
    let id: InstanceId = hallpass.instance;
    let data = Data { outcome, more, hallpass };
    Event::new(Kind::Instance, outcome, None, &id.to_string(), at, &data)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{audit::chain::Chain, policy::PolicySet, testkit::on_the_stream};

    #[test]
    fn a_start_says_what_it_is_and_what_it_takes_over() {
        let (maps, instance) = (PolicySet::default(), InstanceId::fresh());
        let left = Chain::new(InstanceId::fresh()).head();
        let key = nkeys::KeyPair::new_user().public_key();
        let what = Started {
            host: "h",
            pid: 7,
            mode: "spool",
            key: key.clone(),
            issuers: vec!["corp"],
            resumes: vec![left],
        };
        let event = started(&what, Timestamp::UNIX_EPOCH, Recorded::new(instance, &maps)).unwrap();
        assert_eq!(event.topic(), "instance._.started");
        let told = on_the_stream(&event);
        assert_eq!(told["subject"], instance.to_string());
        assert_eq!(told["data"]["key"], key);
        assert_eq!(told["data"]["issuers"], json!(["corp"]));
        assert_eq!(told["data"]["resumes"][0]["instance"], left.instance.to_string());
    }

    #[test]
    fn a_stop_says_why_where_nobody_asked_for_it() {
        for (why, expected) in [(None, None), (Some("no room"), Some(json!("no room")))] {
            let recorded = Recorded::itself(InstanceId::fresh());
            let event = stopped(why, Timestamp::UNIX_EPOCH, recorded).unwrap();
            assert_eq!(event.topic(), "instance._.stopped");
            assert_eq!(on_the_stream(&event)["data"].get("why"), expected.as_ref());
        }
    }
}
