//! The events of connections that came up and ended.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Event, Kind, Recorded,
    peer::{PeerData, cut, subject},
};
use crate::{
    audit::privacy::{Hiding, Privacy, Told},
    callout::advisory::{About, Advisory, Amount},
    config::PersonalField,
};

/// A user's name is cut to this many characters: an issuer's name and a token's subject are
/// shorter.
const LONGEST_USER: usize = 1024;
/// The same for an account, and for the reason of an end.
pub(super) const LONGEST: usize = 128;

/// A connection that came up or ended.
#[derive(Debug, Clone, Copy)]
pub struct SessionEvent<'a> {
    /// What the server tells.
    pub advisory: &'a Advisory,
    /// Whether the user is one of hallpass's own.
    pub own: bool,
    /// When it was heard.
    pub at: Timestamp,
}

#[derive(Serialize)]
struct Data<'a> {
    outcome: &'static str,
    account: Cow<'a, str>,
    /// As the server verified it; an end has none, see [`Advisory::read`].
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    own: bool,
    client: PeerData<'a>,
    started_at: Option<Timestamp>,
    #[serde(flatten)]
    end: Option<End<'a>>,
    hallpass: Recorded<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    privacy: Option<Told>,
}

#[derive(Serialize)]
struct End<'a> {
    ended_at: Option<Timestamp>,
    reason: Cow<'a, str>,
    /// By the client.
    sent: Amount,
    /// By the client.
    received: Amount,
}

/// Writes the event.
///
/// # Errors
/// Where it cannot be written as JSON, which no known value causes.
pub fn session(
    event: SessionEvent<'_>,
    recorded: Recorded<'_>,
    privacy: &Privacy,
) -> Result<Event, serde_json::Error> {
    let SessionEvent { advisory, own, at } = event;
    let client = &advisory.client;
    let account = cut(&client.account, LONGEST);
    let end = || End {
        ended_at: client.stop,
        reason: cut(&advisory.reason, LONGEST),
        sent: advisory.sent,
        received: advisory.received,
    };
    let (outcome, end) = match advisory.about {
        About::Connect => ("started", None),
        About::Disconnect => ("ended", Some(end())),
    };
    let mut hiding = Hiding::new(privacy);
    let user = note_user(advisory, &mut hiding);
    let data = Data {
        outcome,
        account: account.clone(),
        user_name: user.as_deref().and_then(|it| hiding.text(PersonalField::UserName, it)),
        own,
        client: PeerData::of(advisory, &hiding),
        started_at: client.start,
        end,
        hallpass: recorded,
        privacy: privacy.told(),
    };
    Event::new(Kind::Session, outcome, Some(&account), &subject(advisory), at, &data)
}

/// The user, as far as it is told; who it is and where from is noted as what may be hidden.
pub(super) fn note_user<'a>(
    advisory: &'a Advisory,
    hiding: &mut Hiding<'_>,
) -> Option<Cow<'a, str>> {
    let client = &advisory.client;
    let user = client.user.as_deref().map(|user| cut(user, LONGEST_USER));
    if let Some(user) = &user {
        hiding.note(PersonalField::UserName, user);
        // Where it came through the callout, it is issuer and subject.
        if let Some((_, subject)) = user.split_once(':') {
            hiding.note(PersonalField::Subject, subject);
        }
    }
    hiding.note(PersonalField::Address, &client.host);
    // The server says nothing of roles and claims, and the client's name may repeat one.
    hiding.note_unknown(&client.name);
    user
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        config::PersonalData, names::InstanceId, policy::PolicySet, testkit::on_the_stream,
    };

    fn advisory(kind: &str) -> Advisory {
        let text = json!({
            "type": format!("io.nats.server.advisory.v1.client_{kind}"),
            "timestamp": "2026-01-02T03:04:06Z",
            "server": { "name": "nats-1", "id": "NX", "cluster": "c" },
            "client": {
                "start": "2026-01-02T03:04:05Z", "stop": "2026-01-02T03:04:06Z", "id": 7,
                "host": "192.0.2.7", "acc": "APP.1", "user": "idp:alice", "name": "é".repeat(200),
                "lang": "rust", "ver": "1", "kind": "Client", "client_type": "nats",
            },
            "sent": { "msgs": 1, "bytes": 2 }, "received": { "msgs": 3, "bytes": 4 },
            "reason": "Client Closed",
        });
        Advisory::read(text.to_string().as_bytes()).unwrap()
    }

    fn told(kind: &str, own: bool) -> (String, Value) {
        let (advisory, maps) = (advisory(kind), PolicySet::default());
        let event = SessionEvent { advisory: &advisory, own, at: Timestamp::UNIX_EPOCH };
        let privacy = Privacy::new(&[7; 32], PersonalData::default(), Vec::new());
        let event = session(event, Recorded::new(InstanceId::fresh(), &maps), &privacy).unwrap();
        let mut json = on_the_stream(&event);
        json["data"]["hallpass"].take();
        (event.topic().to_owned(), json)
    }

    fn client() -> Value {
        json!({
            "server_id": "NX", "server_name": "nats-1", "cluster": "c", "client_id": 7,
            "host": "192.0.2.7", "kind": "Client", "connection_type": "nats",
            "name": "é".repeat(128), "lang": "rust", "version": "1",
        })
    }

    #[test]
    fn a_start_says_who_and_where() {
        let (topic, event) = told("connect", false);
        assert_eq!(topic, "session.APP_1.started");
        assert_eq!(event["type"], "hallpass.session");
        assert_eq!(event["subject"], "NX/7");
        let expected = json!({
            "outcome": "started", "account": "APP.1", "user_name": "idp:alice",
            "client": client(), "started_at": "2026-01-02T03:04:05Z", "hallpass": null,
        });
        assert_eq!(event["data"], expected);
        assert_eq!(told("connect", true).1["data"]["own"], true);
    }

    #[test]
    fn what_is_hidden_of_somebody_is_hidden_everywhere() {
        let mut advisory = advisory("connect");
        advisory.client.name = "alice".to_owned();
        let event = SessionEvent { advisory: &advisory, own: false, at: Timestamp::UNIX_EPOCH };
        let pseudonymize = [PersonalField::Subject].into();
        let omit = [PersonalField::Address].into();
        let privacy = Privacy::new(&[7; 32], PersonalData { omit, pseudonymize }, Vec::new());
        let maps = PolicySet::default();
        let recorded = Recorded::new(InstanceId::fresh(), &maps);
        let text = on_the_stream(&session(event, recorded, &privacy).unwrap()).to_string();
        assert!(!text.contains("alice") && !text.contains("192.0.2.7"), "{text}");
        assert!(
            text.contains("pseudonym:") && text.contains("\"omitted\":[\"address\"]"),
            "{text}"
        );
    }

    #[test]
    fn a_name_that_may_repeat_what_is_hidden_is_hidden_as_well() {
        let mut advisory = advisory("connect");
        advisory.client.name = "orders-app".to_owned();
        let told = |advisory: &Advisory, omit: &[PersonalField], pseudonymize: &[PersonalField]| {
            let fields = |list: &[PersonalField]| list.iter().copied().collect();
            let personal = PersonalData { omit: fields(omit), pseudonymize: fields(pseudonymize) };
            let privacy = Privacy::new(&[7; 32], personal, Vec::new());
            let event = SessionEvent { advisory, own: false, at: Timestamp::UNIX_EPOCH };
            let (instance, maps) = (InstanceId::fresh(), PolicySet::default());
            let event = session(event, Recorded::new(instance, &maps), &privacy).unwrap();
            on_the_stream(&event)["data"].clone()
        };
        for field in [
            PersonalField::Subject,
            PersonalField::UserName,
            PersonalField::ClientId,
            PersonalField::Actors,
            PersonalField::IdpRoles,
            PersonalField::Claims,
            PersonalField::TokenId,
            PersonalField::Certificate,
        ] {
            let data = told(&advisory, &[field], &[]);
            assert!(data["client"].get("name").is_none(), "{field:?} {data}");
            let data = told(&advisory, &[], &[field]);
            let name = data["client"]["name"].as_str().unwrap();
            assert!(name.starts_with("pseudonym:"), "{field:?} {data}");
            // What the settings say, and not what it came to.
            let named = data["privacy"]["pseudonymized"].as_array().unwrap();
            assert!(!named.contains(&"client_name".into()), "{data}");
            let both = told(&advisory, &[field], &[PersonalField::ClientName]);
            assert!(both["client"].get("name").is_none(), "the strictest: {both}");
        }
        // An address and permissions are not what somebody is called, unless it is the address.
        let others = [PersonalField::Address, PersonalField::Permissions];
        assert_eq!(told(&advisory, &others, &[])["client"]["name"], "orders-app");
        advisory.client.name = advisory.client.host.clone();
        assert!(told(&advisory, &others, &[])["client"].get("name").is_none());
        // Behind an edge the server does not know it: any address may be the one.
        advisory.client.name = "198.51.100.9".to_owned();
        assert!(told(&advisory, &others, &[])["client"].get("name").is_none());
    }

    #[test]
    fn an_end_says_why_and_how_much_and_no_unverified_name() {
        let (topic, event) = told("disconnect", false);
        assert_eq!(topic, "session.APP_1.ended");
        let expected = json!({
            "outcome": "ended", "account": "APP.1", "client": client(),
            "started_at": "2026-01-02T03:04:05Z", "ended_at": "2026-01-02T03:04:06Z",
            "reason": "Client Closed", "sent": { "msgs": 1, "bytes": 2 },
            "received": { "msgs": 3, "bytes": 4 }, "hallpass": null,
        });
        assert_eq!(event["data"], expected);
    }
}
