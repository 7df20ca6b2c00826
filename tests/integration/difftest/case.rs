//! Random maps, somebody who logs in, and what they are asked to do.

use proptest::{
    collection::vec,
    option::weighted,
    prelude::*,
    sample::{Index, select, subsequence},
    strategy::Union,
};
use serde_json::{Value, json};

use super::words::{Draft, draft};

/// One map and one login.
#[derive(Debug, Clone)]
pub struct Case {
    pub roles: Vec<Role>,
    /// The IdP's roles that the login has.
    pub held: Vec<&'static str>,
    /// The one role that is asked for, if not all of them.
    pub wish: Option<Index>,
    pub tenant: Option<Value>,
    pub teams: Option<Value>,
    /// Whether what is published lies apart from what is subscribed to: with permission to answer,
    /// hallpass lets nobody in otherwise.
    pub apart: bool,
    pub publish: Vec<Draft>,
    pub subscribe: Vec<Draft>,
    /// Subjects on which others publish.
    pub receive: Vec<Draft>,
    /// Where requests want their answers.
    pub replies: Vec<Draft>,
}

/// `[roles.NAME]`.
#[derive(Debug, Clone)]
pub struct Role {
    /// `publish`, `subscribe`, `deny_publish`, `deny_subscribe`.
    pub lists: [Vec<String>; 4],
    pub inbox: bool,
    /// `max` and whether there is time to answer.
    pub responses: Option<(u32, bool)>,
    /// The IdP's roles that give it.
    pub idp_roles: Vec<&'static str>,
    /// Of the roles before this one.
    pub inherits: Option<Index>,
}

pub const LISTS: [&str; 4] = ["publish", "subscribe", "deny_publish", "deny_subscribe"];
const IDP_ROLES: [&str; 3] = ["x", "y", "z"];
/// The login's `sub`: a word that the maps have, too.
pub const SUBJECT: &str = "a";

/// A token of a rule: few words, so that they meet.
fn token() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => select(&["a", "b", "c"][..]),
        4 => Just("*"),
        1 => select(&["{tenant}", "{team}", "{subject}", "{name}", "{issuer}"][..]),
    ]
}

fn rule(queues: bool) -> impl Strategy<Value = String> {
    let subject = (vec(token(), 1..=3), weighted(0.25, Just(">")))
        .prop_map(|(tokens, tail)| tokens.into_iter().chain(tail).collect::<Vec<_>>().join("."));
    let subject = prop_oneof![12 => subject, 1 => Just(">".to_owned())];
    let names = ["q", "r", "q.a", "q.*", "q.>", "*", ">", "{tenant}", "q.{team}", "_sys_"];
    let queue = weighted(0.3, select(names.to_vec()));
    (subject, queue).prop_map(move |(subject, queue)| match queue {
        Some(queue) if queues => format!("{subject} {queue}"),
        _ => subject,
    })
}

fn role(answers: bool) -> impl Strategy<Value = Role> {
    let list = |queues, most| vec(rule(queues), 0..=most);
    let lists = (list(false, 3), list(true, 3), list(false, 2), list(true, 3));
    let responses = weighted(0.6, (1_u32..4, prop::bool::weighted(0.8)));
    (
        lists,
        prop::bool::weighted(0.2),
        responses,
        subsequence(&IDP_ROLES[..], 1..=2),
        weighted(0.2, any::<Index>()),
    )
        .prop_map(move |(lists, inbox, responses, idp_roles, inherits)| Role {
            lists: lists.into(),
            inbox,
            responses: responses.filter(|_| answers),
            idp_roles,
            inherits,
        })
}

/// Mostly some of the IdP's roles, now and then none.
fn held() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![12 => subsequence(&IDP_ROLES[..], 1..=3), 1 => Just(Vec::new())]
}

/// Values of a claim: mostly words of the maps; some that no subject takes.
fn tenant() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        30 => select(&["a", "b", "c"][..]).prop_map(|word| Some(json!(word))),
        1 => Just(None),
        1 => select(vec![json!("a.b"), json!("*"), json!(">"), json!("a b"), json!("$SYS"), json!(7)])
            .prop_map(Some),
    ]
}

fn teams() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        16 => subsequence(&["a", "b", "c"][..], 0..=2).prop_map(|words| Some(json!(words))),
        1 => select(vec![json!(["a", "b", "c"]), json!(["a", "*"]), json!({})]).prop_map(Some),
        1 => Just(None),
    ]
}

/// Any case; `Vec`s shrink to fewer items, and words to the first of their kind.
pub fn any_case() -> BoxedStrategy<Case> {
    let case = |answers: bool| {
        let who = (held(), weighted(0.1, any::<Index>()), tenant(), teams());
        let asked = (
            vec(draft(), 0..14),
            vec(draft(), 0..14),
            vec(draft(), 0..14),
            vec(draft(), if answers { 0..4 } else { 0..1 }),
        );
        (vec(role(answers), 1..=4), who, asked).prop_map(move |(roles, who, asked)| {
            let (held, wish, tenant, teams) = who;
            let (publish, subscribe, receive, replies) = asked;
            let apart = answers;
            Case { roles, held, wish, tenant, teams, apart, publish, subscribe, receive, replies }
        })
    };
    Union::new_weighted(vec![(3, case(false).boxed()), (1, case(true).boxed())]).boxed()
}

impl Case {
    /// What a rule is in the map: apart from the other side where that must be.
    fn written(&self, list: usize, rule: &str) -> String {
        match (self.apart, list % 2) {
            (false, _) => rule.to_owned(),
            (true, 0) => format!("p.{rule}"),
            (true, _) => format!("s.{rule}"),
        }
    }

    /// All rules of some lists as the map has them, those of an inbox included.
    pub fn rules(&self, lists: &[usize]) -> Vec<String> {
        let mut rules = Vec::new();
        for role in &self.roles {
            for list in lists {
                rules.extend(role.lists[*list].iter().map(|rule| self.written(*list, rule)));
            }
            if role.inbox && lists.contains(&1) {
                rules.push("_INBOX.{subject}.>".to_owned());
            }
        }
        rules
    }

    /// The text of the map, with all names of its own beginning so.
    pub fn map(&self, name: &str) -> String {
        let mut text = "account = \"APP\"\n\n[claims]\ntenant = \"tenant_id\"\n".to_owned();
        text += "team = { claim = \"teams\", at_most = 2 }\n";
        for (index, role) in self.roles.iter().enumerate() {
            let idp_roles: Vec<_> =
                role.idp_roles.iter().map(|it| format!("{name}-{it}")).collect();
            text += &format!("\n[roles.{name}-r{index}]\nidp_roles = {idp_roles:?}\n");
            for (list, key) in LISTS.iter().enumerate() {
                let rules: Vec<_> =
                    role.lists[list].iter().map(|rule| self.written(list, rule)).collect();
                if !rules.is_empty() {
                    text += &format!("{key} = {rules:?}\n");
                }
            }
            if role.inbox {
                text += "inbox = \"_INBOX.{subject}\"\n";
            }
            if let Some((max, in_time)) = role.responses {
                let expires = if in_time { "10m" } else { "1ms" };
                text += &format!("allow_responses = {{ max = {max}, expires = \"{expires}\" }}\n");
            }
            if let Some(inherits) = role.inherits.filter(|_| index > 0) {
                text += &format!("inherits = [\"{name}-r{}\"]\n", inherits.index(index));
            }
        }
        text
    }

    /// The IdP's roles in the token.
    pub fn idp_roles(&self, name: &str) -> Vec<String> {
        self.held.iter().map(|role| format!("{name}-{role}")).collect()
    }

    /// The name of the one role that is asked for.
    pub fn asked_for(&self, name: &str) -> Option<String> {
        self.wish.map(|wish| format!("{name}-r{}", wish.index(self.roles.len())))
    }

    /// The claims beside the usual ones.
    pub fn claims(&self) -> Vec<(&'static str, Option<Value>)> {
        vec![("tenant_id", self.tenant.clone()), ("teams", self.teams.clone())]
    }
}
