//! An event has all that a decision depends on: what is read back decides the same again.

use super::*;
use crate::{
    audit::replay::{Change, ChangeKind, Question, Replay, Taken, Verdict, Was},
    policy::{Entitled, Entitlement, suppose},
};

fn question(told: &Value) -> Question {
    match Taken::read(told).unwrap() {
        Taken::Question(question) => *question,
        _ => panic!("{told}"),
    }
}

#[test]
fn what_is_read_back_decides_the_same_again() {
    let login = Login::new();
    let Question { who, facts, was, user, .. } = question(&login.told(&privacy(&[], &[]), None));
    let decided = |it: &Entitlement| {
        let sides = serde_json::to_value([it.publish(), it.subscribe()]).unwrap();
        (it.account().clone(), sides, it.ends_at(), it.user_name().to_owned())
    };
    let first = login.findings.decision.as_ref().unwrap();
    let Outcome::Granted(grant) = first.outcome() else { panic!("{first:?}") };
    let again = suppose(&login.policy, &who, &facts);
    assert_eq!(again.reasons.unmet, first.reasons().unmet);
    assert_eq!(decided(&again.outcome.unwrap()), decided(grant));
    let Was::Granted(granted) = was else { panic!("it was granted") };
    assert_eq!((&granted.account, user.as_str()), (grant.account(), grant.user_name()));
    assert!(granted.entitled.unwrap() == Entitled::from(&**grant), "all of it is read back");
    // Everything of the facts, by name: a new field has to be in events too.
    let Facts { now, expires_at, wish, connection } = facts;
    let then = login.findings.facts.as_ref().unwrap();
    assert_eq!((now, expires_at), (then.now, then.expires_at));
    assert_eq!((wish, connection), (then.wish.clone(), then.connection.clone()));
}

#[test]
fn what_is_hidden_is_not_guessed() {
    let login = Login::new();
    let issuers = ["corp".parse().unwrap()].into();
    let judge = |privacy: &Privacy| {
        let question = question(&login.told(privacy, None));
        Replay { policy: &login.policy, issuers: &issuers }.judge(&question)
    };
    assert_eq!(judge(&privacy(&[], &[])), Verdict::Same);
    for (field, why) in [
        (PersonalField::Subject, Some("the subject is hidden")),
        (PersonalField::IdpRoles, Some("issuer's roles")),
        (PersonalField::Claims, Some("the claim `")),
        (PersonalField::Permissions, Some("not all permissions")),
        // No map asks for it.
        (PersonalField::Address, None),
        (PersonalField::ClientName, None),
    ] {
        for privacy in [privacy(&[field], &[]), privacy(&[], &[field])] {
            match (judge(&privacy), why) {
                (Verdict::Undecidable(told), Some(why)) => {
                    assert!(told.contains(why), "{field:?}: {told}");
                }
                (Verdict::Same, None) => {}
                (verdict, _) => panic!("{field:?}: {verdict:?}"),
            }
        }
    }
}

#[test]
fn a_correction_and_what_did_not_come_to_the_maps_are_known() {
    let mut login = Login::new();
    let refusal = Refusal::from(Code::AuditUnavailable);
    let told = login.told(&privacy(&[], &[]), Some(&refusal));
    assert!(matches!(Taken::read(&told), Ok(Taken::Correction)));
    login.findings = Findings::default();
    let mut told = login.told(&privacy(&[], &[]), Some(&Refusal::from(Code::TokenExpired)));
    told["data"].as_object_mut().unwrap().remove("correction");
    assert!(matches!(Taken::read(&told), Ok(Taken::NotByMaps)));
}

#[test]
fn other_maps_are_told_by_what_they_give_and_take() {
    let login = Login::new();
    let other = MAP.replace("lists.{team}", "more.{team}").replace("10m", "20m");
    let other = maps(&[("a.toml", other.as_str())]).policy();
    let question = question(&login.told(&privacy(&[], &[]), None));
    let issuers = ["corp".parse().unwrap()].into();
    let verdict = Replay { policy: &other, issuers: &issuers }.judge(&question);
    let Verdict::Changed(change) = verdict else { panic!("{verdict:?}") };
    let Change { kind, lines, .. } = *change;
    let texts: Vec<_> = lines.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(kind, ChangeKind::Both);
    assert_eq!(texts, ["lists.team-12f1", "more.team-12f1", "longer, now ended by `session`"]);
    assert!(lines[1].rules[0].at.ends_with("a.toml:9"), "{:?}", lines[1].rules);
}
