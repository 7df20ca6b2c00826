//! The event of a login that is worth an alarm: somebody broke the glass.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Event, Kind, Recorded,
    peer::{PeerData, cut, subject},
    session::{LONGEST, note_user},
};
use crate::{
    audit::privacy::{Hiding, Privacy, Told},
    callout::advisory::Advisory,
    config::PersonalField,
};

/// What became of it; there is one kind of alarm.
const OUTCOME: &str = "break_glass";

/// A login with a user whose login is worth an alarm.
#[derive(Debug, Clone, Copy)]
pub struct AlarmEvent<'a> {
    /// The connection, as its server tells of it.
    pub login: &'a Advisory,
    /// Whether it was found among the server's connections, and not heard of when it came up.
    pub found: bool,
    /// When it was heard of.
    pub at: Timestamp,
}

#[derive(Serialize)]
struct Data<'a> {
    outcome: &'static str,
    account: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    found: bool,
    client: PeerData<'a>,
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: Cow<'a, str>,
    hallpass: Recorded<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    privacy: Option<Told>,
}

/// Writes the event.
///
/// # Errors
/// Where it cannot be written as JSON, which no known value causes.
pub fn alarm(
    event: AlarmEvent<'_>,
    recorded: Recorded<'_>,
    privacy: &Privacy,
) -> Result<Event, serde_json::Error> {
    let AlarmEvent { login, found, at } = event;
    let client = &login.client;
    let account = cut(&client.account, LONGEST);
    let mut hiding = Hiding::new(privacy);
    let user = note_user(login, &mut hiding);
    let data = Data {
        outcome: OUTCOME,
        account: account.clone(),
        user_name: user.as_deref().and_then(|it| hiding.text(PersonalField::UserName, it)),
        found,
        client: PeerData::of(login, &hiding),
        started_at: client.start.unwrap_or(login.at),
        ended_at: client.stop,
        reason: cut(&login.reason, LONGEST),
        hallpass: recorded,
        privacy: privacy.told(),
    };
    Event::new(Kind::Alarm, OUTCOME, Some(&account), &subject(login), at, &data)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        callout::connz::Page, config::PersonalData, names::InstanceId, policy::PolicySet,
        testkit::on_the_stream,
    };

    fn told(login: &Advisory, found: bool, omit: &[PersonalField]) -> (String, Value) {
        let omit = omit.iter().copied().collect();
        let personal = PersonalData { omit, ..PersonalData::default() };
        let privacy = Privacy::new(&[7; 32], personal, Vec::new());
        let event = AlarmEvent { login, found, at: Timestamp::UNIX_EPOCH };
        let (instance, maps) = (InstanceId::fresh(), PolicySet::default());
        let event = alarm(event, Recorded::new(instance, &maps), &privacy).unwrap();
        let mut json = on_the_stream(&event);
        json["data"]["hallpass"].take();
        (event.topic().to_owned(), json)
    }

    #[test]
    fn one_that_came_up_says_who_and_where() {
        let text = json!({
            "type": "io.nats.server.advisory.v1.client_connect",
            "timestamp": "2026-01-02T03:04:06Z",
            "server": { "name": "nats-1", "id": "NX", "cluster": "c" },
            "client": {
                "start": "2026-01-02T03:04:05Z", "id": 7, "host": "192.0.2.7", "acc": "APP",
                "user": "UX", "name": "n", "lang": "go", "ver": "1", "kind": "Client",
                "client_type": "nats",
            },
        });
        let login = Advisory::read(text.to_string().as_bytes()).unwrap();
        let (topic, event) = told(&login, false, &[]);
        assert_eq!(topic, "alarm.APP.break_glass");
        assert_eq!((&event["type"], &event["subject"]), (&json!("hallpass.alarm"), &json!("NX/7")));
        let client = json!({
            "server_id": "NX", "server_name": "nats-1", "cluster": "c", "client_id": 7,
            "host": "192.0.2.7", "kind": "Client", "connection_type": "nats", "name": "n",
            "lang": "go", "version": "1",
        });
        let expected = json!({
            "outcome": "break_glass", "account": "APP", "user_name": "UX", "client": client,
            "started_at": "2026-01-02T03:04:05Z", "hallpass": null,
        });
        assert_eq!(event["data"], expected);
        let hidden = told(&login, false, &[PersonalField::UserName, PersonalField::Address]).1;
        assert!(hidden["data"].get("user_name").is_none());
        assert!(!hidden.to_string().contains("192.0.2.7"));
    }

    #[test]
    fn one_that_was_found_says_so_and_how_it_ended() {
        let text = json!({
            "server": { "name": "nats-1", "id": "NX" },
            "data": { "total": 1, "offset": 0, "connections": [{
                "cid": 7, "start": "2026-01-02T03:04:05Z", "stop": "2026-01-02T03:04:06Z",
                "reason": "Client Closed", "authorized_user": "UX", "account": "APP",
            }]},
        });
        let page = Page::read(text.to_string().as_bytes(), "UX").unwrap();
        let event = told(&page.logins[0], true, &[]).1;
        let data = &event["data"];
        assert_eq!(
            (&data["found"], &data["ended_at"]),
            (&json!(true), &json!("2026-01-02T03:04:06Z"))
        );
        assert_eq!(data["reason"], "Client Closed");
    }
}
