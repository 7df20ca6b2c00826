//! The event of an answer that a server did not take, or waited for in vain.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Event, Kind, Recorded,
    peer::{PeerData, cut, subject},
};
use crate::{
    audit::privacy::{Hiding, Privacy, Told},
    callout::advisory::Advisory,
    config::PersonalField,
    names::DecisionId,
};

/// The characters of the server's reason that are told.
const LONGEST: usize = 300;

/// What became of an answer that let nobody in; what the server says is told by its `reason`
/// (`processClientOrLeafCallout` in its `auth_callout.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFate {
    /// Nobody answered in time.
    NoAnswer,
    /// It came and the server did not take it: another issuer's, an account that is not there, a
    /// user JWT or an envelope that is not valid.
    AnswerInvalid,
    /// Somebody refused who is not hallpass: there is another responder in the callout account.
    RefusedByAnother,
    /// The server refused by itself, and asked nobody: somebody used the name of one of the
    /// `auth_users` and could not prove to be it; or asking failed.
    NotAsked,
}

impl AnswerFate {
    /// By the reason that the server gives; `None` where it took our answer, a refusal: that
    /// decision has an event.
    #[must_use]
    pub fn of(reason: &str) -> Option<Self> {
        if reason.is_empty() {
            return Some(Self::NoAnswer);
        }
        if let Some(said) = reason.strip_prefix("Auth callout service returned an error: ") {
            return (!is_ours(said)).then_some(Self::RefusedByAnother);
        }
        // How a connection ends that the server refuses before a callout.
        let by_itself = ["Authentication Failure", "Proxy Not Trusted", "Proxy Required"];
        let failed = [
            "Error setting up reply subscription",
            "Error encoding auth request",
            "Error encrypting auth request",
            "Error sending authorization request",
        ];
        let not_asked = by_itself.contains(&reason)
            || failed.iter().any(|begin| reason.starts_with(begin))
            || reason.contains(" for auth callout request: ")
            || reason.ends_with(" not mapped to a callout account");
        Some(if not_asked { Self::NotAsked } else { Self::AnswerInvalid })
    }

    /// What happened, in words for a log.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::NoAnswer => "nobody answered in time",
            Self::AnswerInvalid => "the server did not take the answer",
            Self::RefusedByAnother => "somebody refused who is not hallpass",
            Self::NotAsked => "the server refused by itself",
        }
    }

    fn outcome(self) -> &'static str {
        match self {
            Self::NoAnswer => "timed_out",
            Self::AnswerInvalid | Self::RefusedByAnother | Self::NotAsked => "rejected",
        }
    }
}

/// Whether a refusal is as [`response::refusal`](crate::callout::response::refusal) writes it.
fn is_ours(text: &str) -> bool {
    let parts = text.strip_prefix("hallpass: ").and_then(|text| text.split_once(" (decision "));
    let ids = parts.and_then(|(_, ids)| ids.strip_suffix(')'));
    let id = ids.map(|ids| ids.split_once(", request ").map_or(ids, |(decision, _)| decision));
    id.is_some_and(|id| id.parse::<DecisionId>().is_ok())
}

/// A login that failed otherwise than by our refusal.
#[derive(Debug, Clone, Copy)]
pub struct AnswerEvent<'a> {
    /// What became of the answer.
    pub fate: AnswerFate,
    /// What the server tells.
    pub advisory: &'a Advisory,
    /// When it was heard.
    pub at: Timestamp,
}

#[derive(Serialize)]
struct Data<'a> {
    outcome: &'static str,
    cause: AnswerFate,
    /// The server's words.
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: Cow<'a, str>,
    /// Without the user's name: it is what the client wrote, and may be a secret in the wrong
    /// field.
    client: PeerData<'a>,
    /// When the server gave up, by its clock.
    ended_at: Timestamp,
    hallpass: Recorded<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    privacy: Option<Told>,
}

/// Writes the event.
///
/// # Errors
/// Where it cannot be written as JSON, which no known value causes.
pub fn answer(
    event: AnswerEvent<'_>,
    recorded: Recorded<'_>,
    privacy: &Privacy,
) -> Result<Event, serde_json::Error> {
    let AnswerEvent { fate, advisory, at } = event;
    let mut hiding = Hiding::new(privacy);
    hiding.note(PersonalField::Address, &advisory.client.host);
    hiding.note_unknown(&advisory.client.name);
    let data = Data {
        outcome: fate.outcome(),
        cause: fate,
        reason: cut(&advisory.reason, LONGEST),
        client: PeerData::of(advisory, &hiding),
        ended_at: advisory.at,
        hallpass: recorded,
        privacy: privacy.told(),
    };
    Event::new(Kind::Answer, fate.outcome(), None, &subject(advisory), at, &data)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        config::PersonalData, names::InstanceId, policy::PolicySet, testkit::on_the_stream,
    };

    #[test]
    fn what_became_of_an_answer_is_told_by_the_reason() {
        let ours = format!("hallpass: token_expired (decision {})", DecisionId::fresh());
        let said = |text: &str| format!("Auth callout service returned an error: {text}");
        assert_eq!(AnswerFate::of(&said(&ours)), None);
        let at_edge = ours.replace(')', ", request 3b38-x)");
        assert_eq!(AnswerFate::of(&said(&at_edge)), None);
        assert_eq!(AnswerFate::of(""), Some(AnswerFate::NoAnswer));
        for other in
            ["no", "hallpass: x", "hallpass: x (decision 7)", &format!("{ours} "), &said(&ours)]
        {
            assert_eq!(AnswerFate::of(&said(other)), Some(AnswerFate::RefusedByAnother), "{other}");
        }
        for not_asked in [
            "Authentication Failure",
            "Proxy Required",
            "Error sending authorization request: x",
            "No valid account \"A\" for auth callout request: x",
        ] {
            assert_eq!(AnswerFate::of(not_asked), Some(AnswerFate::NotAsked), "{not_asked}");
        }
        for invalid in [
            "Wrong issuer for auth callout response on account \"AUTH\", expected \"A\" got \"B\"",
            "No valid account \"X\" for auth callout response on account \"AUTH\": missing account",
            "Expected 3 chunks",
            &ours,
        ] {
            assert_eq!(AnswerFate::of(invalid), Some(AnswerFate::AnswerInvalid), "{invalid}");
        }
    }

    #[test]
    fn it_says_what_the_server_says_but_for_the_user() {
        let text = json!({
            "type": "io.nats.server.advisory.v1.client_disconnect",
            "timestamp": "2026-01-02T03:04:06Z",
            "server": { "name": "nats-1", "id": "NX" },
            "client": { "id": 7, "acc": "AUTH", "user": "s3cret", "name": "n" },
            "reason": "é".repeat(1000),
        });
        let mut advisory = Advisory::read(text.to_string().as_bytes()).unwrap();
        let maps = PolicySet::default();
        let privacy = Privacy::new(&[7; 32], PersonalData::default(), Vec::new());
        for (fate, outcome, cause) in [
            (AnswerFate::AnswerInvalid, "rejected", "answer_invalid"),
            (AnswerFate::RefusedByAnother, "rejected", "refused_by_another"),
            (AnswerFate::NotAsked, "rejected", "not_asked"),
            (AnswerFate::NoAnswer, "timed_out", "no_answer"),
        ] {
            if fate == AnswerFate::NoAnswer {
                advisory.reason.clear();
            }
            let event = AnswerEvent { fate, advisory: &advisory, at: Timestamp::UNIX_EPOCH };
            let recorded = Recorded::new(InstanceId::fresh(), &maps);
            let event = answer(event, recorded, &privacy).unwrap();
            assert_eq!(event.topic(), format!("answer._.{outcome}"));
            let json = on_the_stream(&event);
            assert_eq!(json["type"], "hallpass.answer");
            assert_eq!(json["subject"], "NX/7");
            let data = &json["data"];
            assert_eq!(data["cause"], cause);
            let reason = (fate != AnswerFate::NoAnswer).then(|| "é".repeat(300));
            assert_eq!(data.get("reason").and_then(|it| it.as_str()), reason.as_deref());
            assert_eq!(data["client"]["client_id"], 7);
            assert!(!json.to_string().contains("s3cret"));
        }
    }

    #[test]
    fn a_name_that_may_repeat_what_is_hidden_is_hidden_as_well() {
        let text = json!({
            "type": "io.nats.server.advisory.v1.client_disconnect",
            "timestamp": "2026-01-02T03:04:06Z",
            "server": { "name": "nats-1", "id": "NX" },
            "client": { "id": 7, "host": "192.0.2.7", "acc": "AUTH", "name": "orders-app" },
            "reason": "",
        });
        let advisory = Advisory::read(text.to_string().as_bytes()).unwrap();
        for (field, is_told) in [
            (PersonalField::Claims, false),
            (PersonalField::ClientId, false),
            (PersonalField::Address, true),
        ] {
            let personal = PersonalData { omit: [field].into(), ..PersonalData::default() };
            let privacy = Privacy::new(&[7; 32], personal, Vec::new());
            let fate = AnswerFate::NoAnswer;
            let event = AnswerEvent { fate, advisory: &advisory, at: Timestamp::UNIX_EPOCH };
            let (instance, maps) = (InstanceId::fresh(), PolicySet::default());
            let event = answer(event, Recorded::new(instance, &maps), &privacy).unwrap();
            let told = on_the_stream(&event).to_string();
            assert_eq!(told.contains("orders-app"), is_told, "{field:?} {told}");
        }
    }
}
