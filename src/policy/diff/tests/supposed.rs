//! The comparison against decisions: what is not called wider lets nobody do more.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::{collection::vec, prelude::*};
use serde_json::json;

use super::policy;
use crate::{
    connection::Connection,
    credential::Wish,
    identity::Who,
    policy::{Entitlement, Facts, PolicyDiff, PolicySet, Question, suppose},
    testkit::{NOW, now},
};

const LISTS: [&str; 4] = ["publish", "subscribe", "deny_publish", "deny_subscribe"];

#[derive(Debug, Clone, Default, PartialEq)]
struct AnyRole {
    lists: [Vec<String>; 4],
    session: Option<u32>,
    idp_roles: Vec<&'static str>,
    certificate: bool,
}

impl AnyRole {
    fn text(&self, name: &str) -> String {
        let mut text = format!("[roles.{name}]\nidp_roles = {:?}\n", self.idp_roles);
        for (key, list) in LISTS.iter().zip(&self.lists) {
            text += &format!("{key} = {list:?}\n");
        }
        if let Some(session) = self.session {
            text += &format!("session = \"{session}s\"\n");
        }
        if self.certificate {
            text += &format!("[roles.{name}.when]\ncertificate = true\n");
        }
        text
    }
}

fn subject() -> impl Strategy<Value = String> {
    prop_oneof![4 => "a(\\.([ab*]|\\{tenant\\})){0,2}", 1 => "a(\\.[ab*]){0,1}\\.>"]
        .prop_map(String::from)
}

fn subscription() -> impl Strategy<Value = String> {
    (subject(), proptest::option::weighted(0.3, "[qr]")).prop_map(|(subject, queue)| {
        queue.map_or(subject.clone(), |queue| format!("{subject} {queue}"))
    })
}

fn any_role() -> impl Strategy<Value = AnyRole> {
    let lists = (
        vec(subject(), 0..3),
        vec(subscription(), 0..4),
        vec(subject(), 0..2),
        vec(subscription(), 0..2),
    );
    let idp_roles = prop_oneof![Just(vec!["x"]), Just(vec!["y"]), Just(vec!["x", "y"])];
    (lists, proptest::option::of(1_u32..4), idp_roles, any::<bool>()).prop_map(
        |((a, b, c, d), session, idp_roles, certificate)| AnyRole {
            lists: [a, b, c, d],
            session,
            idp_roles,
            certificate,
        },
    )
}

/// Something that happens to a role.
#[derive(Debug, Clone)]
enum Edit {
    Drop(usize, usize),
    Add(usize, String),
    Session(Option<u32>),
    OneIdpRole,
    Certificate(bool),
    Nothing,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => (0_usize..4, 0_usize..3).prop_map(|(list, at)| Edit::Drop(list, at)),
        1 => (prop_oneof![Just(0_usize), Just(2)], subject()).prop_map(|(list, text)| Edit::Add(list, text)),
        3 => (prop_oneof![Just(1_usize), Just(3)], subscription()).prop_map(|(list, text)| Edit::Add(list, text)),
        1 => proptest::option::of(1_u32..4).prop_map(Edit::Session),
        1 => Just(Edit::OneIdpRole),
        1 => any::<bool>().prop_map(Edit::Certificate),
        2 => Just(Edit::Nothing),
    ]
}

fn edited(role: &AnyRole, edits: &[Edit]) -> AnyRole {
    let mut role = role.clone();
    for edit in edits {
        match edit {
            Edit::Drop(list, at) if *at < role.lists[*list].len() => {
                role.lists[*list].remove(*at);
            }
            Edit::Add(list, text) => role.lists[*list].push(text.clone()),
            Edit::Session(session) => role.session = *session,
            Edit::OneIdpRole => role.idp_roles.truncate(1),
            Edit::Certificate(asked) => role.certificate = *asked,
            Edit::Drop(..) | Edit::Nothing => {}
        }
    }
    role
}

/// All maps of up to three roles; `None`: the role is not there.
fn set(roles: &[Option<AnyRole>]) -> PolicySet {
    let present = roles.iter().enumerate().filter_map(|(at, role)| Some((at, role.as_ref()?)));
    policy(&present.map(|(at, role)| role.text(&format!("r{at}"))).collect::<String>())
}

fn entitlement(
    set: &PolicySet,
    idp_roles: &[&str],
    tenant: Option<&str>,
    certificate: bool,
) -> Option<Entitlement> {
    let claims = tenant.map(|tenant| json!({ "tenant_id": tenant })).unwrap_or(json!({}));
    let who = Who {
        issuer: "corp".parse().unwrap(),
        subject: "alice".to_owned(),
        idp_roles: idp_roles.iter().map(|role| (*role).to_owned()).collect(),
        claims: Arc::new(claims.as_object().unwrap().clone()),
    };
    let facts = Facts {
        now: now(),
        expires_at: Timestamp::from_second(NOW + 3600).unwrap(),
        wish: Wish::default(),
        connection: Connection { certificate, ..Connection::default() },
    };
    suppose(set, &who, &facts).outcome.ok()
}

/// Everything that can be done with messages on subjects of up to three tokens.
fn questions() -> Vec<Question> {
    let mut subjects = vec!["a".to_owned()];
    for first in ["a", "b", "t"] {
        subjects.push(format!("a.{first}"));
        subjects.extend(["a", "b", "t"].map(|second| format!("a.{first}.{second}")));
    }
    subjects.push("a.a.b.c".to_owned());
    let ask = |subject: &String| {
        [
            format!("publish {subject}"),
            format!("receive {subject}"),
            format!("subscribe {subject}"),
            format!("subscribe {subject} q"),
            format!("subscribe {subject} r"),
            format!("subscribe {subject} s"),
        ]
    };
    subjects.iter().flat_map(ask).map(|text| text.parse().unwrap()).collect()
}

/// What somebody may do by the new maps and not by the old.
fn gained(old: &PolicySet, new: &PolicySet) -> Option<String> {
    for idp_roles in [&["x"][..], &["y"], &["x", "y"]] {
        for tenant in [None, Some("a"), Some("t")] {
            for certificate in [false, true] {
                let of = |set| entitlement(set, idp_roles, tenant, certificate);
                let Some(is) = of(new) else { continue };
                let told =
                    |what: &str| Some(format!("{idp_roles:?} {tenant:?} {certificate}: {what}"));
                let Some(was) = of(old) else {
                    return told("was refused");
                };
                if is.ends_at > was.ends_at {
                    return told("stays longer");
                }
                for question in questions() {
                    if is.can(&question).allowed && !was.can(&question).allowed {
                        return told(&format!("{question:?}"));
                    }
                }
            }
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn who_gains_makes_it_wider(
        roles in vec(any_role(), 1..3),
        edits in vec(vec(edit(), 0..3), 3),
        gone in proptest::option::weighted(0.2, 0_usize..2),
    ) {
        let old: Vec<_> = roles.iter().cloned().map(Some).collect();
        let mut new: Vec<_> =
            roles.iter().zip(&edits).map(|(role, edits)| Some(edited(role, edits))).collect();
        if let Some(gone) = gone.filter(|gone| *gone < new.len()) {
            new[gone] = None;
        }
        let (old, new) = (set(&old), set(&new));
        let diff = PolicyDiff::between(&old, &new);
        if diff.wider() == 0 {
            let gained = gained(&old, &new);
            // Who is refused for what one role needs is let in by another, once the one is gone.
            let excused =
                roles.len() > 1 && gained.as_ref().is_some_and(|it| it.ends_with("refused"));
            prop_assert!(gained.is_none() || excused, "{gained:?}");
        }
    }

    #[test]
    fn a_set_is_itself(roles in vec(any_role(), 0..3)) {
        let roles: Vec<_> = roles.into_iter().map(Some).collect();
        let diff = PolicyDiff::between(&set(&roles), &set(&roles));
        prop_assert_eq!((diff.roles.len(), diff.unchanged), (0, roles.len()));
    }

    #[test]
    fn a_deny_more_never_widens(role in any_role(), subject in subject(), at in 2_usize..4) {
        let denying = edited(&role, &[Edit::Add(at, subject.replace("{tenant}", "a"))]);
        let diff = PolicyDiff::between(&set(&[Some(role)]), &set(&[Some(denying)]));
        prop_assert_eq!(diff.wider(), 0);
    }

    #[test]
    fn a_role_less_that_takes_nothing_never_widens(one in any_role(), other in any_role()) {
        let plain = AnyRole {
            lists: [one.lists[0].clone(), Vec::new(), Vec::new(), Vec::new()],
            session: None,
            ..one
        };
        let old = set(&[Some(plain), Some(other.clone())]);
        prop_assert_eq!(PolicyDiff::between(&old, &set(&[None, Some(other)])).wider(), 0);
    }
}
