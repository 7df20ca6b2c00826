use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
    time::Duration,
};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    code::Code::*,
    subject::Permission,
    testkit::{NOW, identity, maps, now},
};

fn facts() -> Facts {
    Facts {
        now: now(),
        expires_at: Timestamp::from_second(NOW + 3600).unwrap(),
        wish: Wish::default(),
        connection: Connection::default(),
    }
}

/// A policy of one file in the account `APP`.
fn policy(roles: &str) -> PolicySet {
    maps(&[("a.toml", &format!("account = \"APP\"\n{roles}"))]).policy()
}

/// What somebody with these roles at `corp` gets.
fn decided(policy: &PolicySet, roles: &[&str]) -> Decision {
    decide(policy, &identity("corp", roles, &[]), &facts())
}

#[track_caller]
fn granted(decision: &Decision) -> &Grant {
    match decision.outcome() {
        Outcome::Granted(grant) => grant,
        Outcome::Denied(denial) => panic!("{denial:?}"),
    }
}

#[track_caller]
fn denied(decision: &Decision) -> (Code, &str) {
    match decision.outcome() {
        Outcome::Granted(grant) => panic!("{grant:?}"),
        Outcome::Denied(denial) => (denial.code, denial.detail.as_deref().unwrap_or_default()),
    }
}

/// A side as `allow | deny`.
fn shown(side: &Side) -> String {
    let list = |permissions: &Permissions| {
        permissions.keys().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    match side {
        Side::Nothing => "nothing".to_owned(),
        Side::Some { allow, deny } => format!("{} | {}", list(allow), list(deny)),
    }
}

mod conditions;
mod denials;

mod grants;
mod merging;
mod placeholders;
mod sessions;
mod shapes;
mod values;
mod widening;
mod wishes;

/// Any role: some subjects on each list, perhaps a session, perhaps responses.
#[derive(Debug, Clone)]
struct AnyRole {
    lists: [BTreeSet<String>; 4],
    session: Option<u32>,
    responses: Option<(u32, u32)>,
}

const LISTS: [&str; 4] = ["publish", "subscribe", "deny_publish", "deny_subscribe"];

fn any_role() -> impl Strategy<Value = AnyRole> {
    // What is published is not received: with responses, that is refused.
    let publish = || proptest::collection::btree_set("p(\\.[ab*]){0,2}", 0..3);
    let subscribe = || proptest::collection::btree_set("s(\\.[ab*]){0,2}", 0..3);
    (
        (publish(), subscribe(), publish(), subscribe()).prop_map(<[_; 4]>::from),
        proptest::option::of(1_u32..7200),
        proptest::option::of((1_u32..5, 1_u32..5)),
    )
        .prop_map(|(lists, session, responses)| AnyRole { lists, session, responses })
}

impl AnyRole {
    fn text(&self, name: &str) -> String {
        let mut text = format!("[roles.{name}]\nidp_roles = [\"x\"]\n");
        for (key, list) in LISTS.iter().zip(&self.lists) {
            text += &format!("{key} = {list:?}\n").replace('{', "[").replace('}', "]");
        }
        if let Some(session) = self.session {
            text += &format!("session = \"{session}s\"\n");
        }
        if let Some((max, expires)) = self.responses {
            text += &format!("allow_responses = {{ max = {max}, expires = \"{expires}s\" }}\n");
        }
        text
    }
}

/// A grant as plain data.
type Plain = (Lists, Lists, Option<(u32, Duration)>, Timestamp);

/// Allows and denies.
type Lists = (BTreeSet<Permission>, BTreeSet<Permission>);

fn plain(roles: &BTreeMap<String, AnyRole>) -> Plain {
    let text: String = roles.iter().map(|(name, role)| role.text(name)).collect();
    let decision = decided(&policy(&text), &["x"]);
    let grant = granted(&decision);
    let responses = grant.responses().map(|it| (it.max, it.expires));
    (lists(grant.publish()), lists(grant.subscribe()), responses, grant.ends_at())
}

/// Names give the roles another order in the merge.
fn named(roles: &[AnyRole], name: impl Fn(usize) -> String) -> BTreeMap<String, AnyRole> {
    roles.iter().cloned().enumerate().map(|(index, role)| (name(index), role)).collect()
}

fn lists(side: &Side) -> Lists {
    match side {
        Side::Nothing => <_>::default(),
        Side::Some { allow, deny } => {
            // No role here writes `>`: such denies are hallpass's own, see `depth`.
            let written = |deny: &&Permission| !deny.subject.as_str().ends_with('>');
            (allow.keys().cloned().collect(), deny.keys().filter(written).cloned().collect())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_roles_does_not_matter(roles in proptest::collection::vec(any_role(), 1..5)) {
        let forwards = plain(&named(&roles, |index| format!("r{index}")));
        let backwards = plain(&named(&roles, |index| format!("r{}", 9 - index)));
        prop_assert_eq!(forwards, backwards);
    }

    /// Another role adds subjects to both lists and never makes the session longer.
    #[test]
    fn another_role_takes_nothing_away_but_time(
        roles in proptest::collection::vec(any_role(), 2..5),
    ) {
        let all = plain(&named(&roles, |index| format!("r{index}")));
        let fewer = plain(&named(&roles[1..], |index| format!("r{index}")));
        for (all, fewer) in [(&all.0, &fewer.0), (&all.1, &fewer.1)] {
            let ((allow, deny), (fewer_allow, fewer_deny)) = (all, fewer);
            prop_assert!(allow.is_superset(fewer_allow) && deny.is_superset(fewer_deny));
        }
        prop_assert!(all.2 >= fewer.2 && all.3 <= fewer.3);
        // What is granted was written by one of them.
        let written: BTreeSet<String> = roles.iter().flat_map(|role| role.lists[0].clone()).collect();
        let (allow, _) = &all.0;
        prop_assert!(allow.iter().all(|subject| written.contains(&subject.to_string())));
        prop_assert_eq!(allow.len(), written.len());
    }

    #[test]
    fn another_deny_only_denies(
        roles in proptest::collection::vec(any_role(), 1..4),
        subject in "[ab](\\.[ab*]){0,2}",
        list in 2_usize..4,
    ) {
        let before = plain(&named(&roles, |index| format!("r{index}")));
        let mut roles = roles;
        roles[0].lists[list].insert(subject.clone());
        let after = plain(&named(&roles, |index| format!("r{index}")));
        for (side, (before, after)) in [(&before.0, &after.0), (&before.1, &after.1)].into_iter().enumerate() {
            let ((allow, deny), (after_allow, after_deny)) = (before, after);
            let mut deny = deny.clone();
            prop_assert_eq!(allow, after_allow, "no allow comes or goes");
            if side + 2 == list && !allow.is_empty() {
                deny.insert(subject.parse().unwrap());
            }
            prop_assert_eq!(&deny, after_deny);
        }
        prop_assert_eq!((before.2, before.3), (after.2, after.3));
    }
}
