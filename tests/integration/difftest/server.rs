//! What the real server does, asked by a login through the real hallpass.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use hallpass::{
    policy::{Entitlement, Question},
    subject::{Permission, SubjectPattern},
};
use proptest::strategy::ValueTree;
use serde_json::{Value, json};

use super::{
    case::{Case, SUBJECT},
    compare::{Comparison, Kind},
    hallpass as ours,
};
use crate::support::{Hallpass, Heard, Wire, World};

/// A server, an IdP, and somebody in the account who may do everything.
pub struct Hall {
    world: World,
    control: Wire,
    batches: usize,
}

/// Somebody who is in, and what hallpass says of them.
struct Visit<'a> {
    control: &'a mut Wire,
    visitor: Wire,
    entitlement: Entitlement,
    found: Vec<Comparison>,
}

impl Hall {
    pub async fn open() -> Self {
        let world = World::builder().replicas(0).start().await;
        let control = world.wire_as("break-glass").await;
        Self { world, control, batches: 0 }
    }

    /// Runs cases one after the other, with one hallpass that has the maps of all of them.
    pub async fn run(&mut self, cases: &[Case]) -> Vec<Vec<Comparison>> {
        self.batches += 1;
        let maps = PathBuf::from(format!("maps-{}", self.batches));
        let directory = self.world.directory().join(&maps);
        std::fs::create_dir(&directory).unwrap();
        let name = |index: usize| format!("c{index}");
        for (index, case) in cases.iter().enumerate() {
            let name = name(index);
            std::fs::write(directory.join(format!("{name}.toml")), case.map(&name)).unwrap();
        }
        let set = ours::load(&directory);
        let setting = format!("maps.directory={}", maps.display());
        let started = Hallpass::start(self.world.directory(), &["--set", &setting]);
        let mut hallpass = started.ready().await;
        let mut answers = Vec::new();
        for (index, case) in cases.iter().enumerate() {
            answers.push(self.visit(&set, case, &name(index)).await);
        }
        assert!(hallpass.terminate().await.success());
        answers
    }

    async fn visit(
        &mut self,
        set: &hallpass::policy::PolicySet,
        case: &Case,
        name: &str,
    ) -> Vec<Comparison> {
        let roles = case.idp_roles(name);
        let roles: Vec<_> = roles.iter().map(String::as_str).collect();
        let mut claims = self.world.idp.claims(SUBJECT, &roles);
        for (claim, value) in case.claims() {
            let claims = claims.as_object_mut().unwrap();
            match value {
                Some(value) => claims.insert(claim.to_owned(), value),
                None => claims.remove(claim),
            };
        }
        let entitlement = ours::entitlement(set, case, name, &claims);
        let token = self.world.idp.sign(&claims).unwrap();
        let proof = match case.asked_for(name) {
            Some(role) => json!({ "user": format!("hallpass-want:role={role}"), "pass": token }),
            None => json!({ "auth_token": token }),
        };
        let visitor = Wire::connect(self.world.nats.url(), name, proof).await;
        let login = Comparison {
            kind: Kind::Login,
            question: "log in".to_owned(),
            hallpass: entitlement.is_some(),
            server: visitor.is_ok(),
        };
        let (Some(entitlement), Ok(visitor)) = (entitlement, visitor) else { return vec![login] };
        let control = &mut self.control;
        let mut visit = Visit { control, visitor, entitlement, found: vec![login] };
        visit.publish(&subjects(case, &case.publish, &[0, 2])).await;
        let received = visit.subscribe(case).await;
        visit.respond(case, received).await;
        visit.found
    }
}

/// Drafts as literal subjects, each once.
fn subjects(case: &Case, drafts: &[super::words::Draft], lists: &[usize]) -> BTreeSet<String> {
    let rules = case.rules(lists);
    drafts.iter().map(|draft| draft.subject(case, &rules)).collect()
}

/// What was complained of, without what it is about.
fn complaints(heard: &[Heard]) -> BTreeSet<String> {
    let text = |heard: &Heard| match heard {
        Heard::Complaint(text) => Some(text.strip_prefix("Permissions Violation for ")?.to_owned()),
        _ => None,
    };
    heard.iter().filter_map(text).collect()
}

impl Visit<'_> {
    fn can(&self, question: &str) -> bool {
        self.entitlement.can(&question.parse().unwrap()).allowed
    }

    fn compare(&mut self, kind: Kind, question: String, hallpass: bool, server: bool) {
        self.found.push(Comparison { kind, question, hallpass, server });
    }

    /// Everything that the control hears in the account while `publish` is done by the visitor.
    async fn heard_of(&mut self, messages: &[(&str, String)]) -> (BTreeSet<String>, Vec<Heard>) {
        let listening = self.control.subscribe(">").await;
        self.control.settle().await;
        for (subject, payload) in messages {
            self.visitor.publish(subject, payload).await;
        }
        let said = self.visitor.settle().await;
        let heard = self.control.settle().await;
        self.control.unsubscribe(listening).await;
        let payloads = heard.iter().filter_map(Heard::message).map(|(_, text)| text.to_owned());
        (payloads.collect(), said)
    }

    async fn publish(&mut self, subjects: &BTreeSet<String>) {
        let messages: Vec<_> = subjects
            .iter()
            .map(|subject| (subject.as_str(), format!("message on {subject}")))
            .collect();
        let (heard, said) = self.heard_of(&messages).await;
        let refused = complaints(&said);
        for (subject, payload) in &messages {
            let published = heard.contains(payload);
            let complained = refused.contains(&format!("Publish to \"{subject}\""));
            assert_ne!(published, complained, "{subject}: what is not published is complained of");
            let question = format!("publish {subject}");
            self.compare(Kind::Publish, question.clone(), self.can(&question), published);
        }
    }

    /// Whether a subscription is let in, and on which of these subjects it brings messages.
    async fn try_subscription(
        &mut self,
        subscription: &Permission,
        subjects: &BTreeSet<String>,
    ) -> Option<BTreeSet<String>> {
        let number = self.visitor.subscribe(&subscription.to_string()).await;
        let said = self.visitor.settle().await;
        let Permission { subject, queue } = subscription;
        let using =
            queue.as_ref().map_or(String::new(), |queue| format!(" using queue \"{queue}\""));
        let let_in = !complaints(&said).contains(&format!("Subscription to \"{subject}\"{using}"));
        for subject in subjects {
            self.control.publish(subject, subject).await;
        }
        self.control.settle().await;
        let heard = self.visitor.settle().await;
        let heard: BTreeSet<_> =
            heard.iter().filter_map(Heard::message).map(|(_, text)| text.to_owned()).collect();
        self.visitor.unsubscribe(number).await;
        assert!(let_in || heard.is_empty(), "{subscription} was refused, and brings {heard:?}");
        let_in.then_some(heard)
    }

    /// Returns a subscription that was let in with a subject on which it brought a message.
    async fn subscribe(&mut self, case: &Case) -> Option<(Permission, String)> {
        let rules = case.rules(&[1, 3]);
        let drafts = case.subscribe.iter();
        let subscriptions: BTreeSet<Permission> =
            drafts.map(|draft| draft.subscription(case, &rules).parse().unwrap()).collect();
        let subjects = subjects(case, &case.receive, &[1, 3]);
        let mut received = BTreeMap::new();
        for subscription in &subscriptions {
            let question = format!("subscribe {subscription}");
            let brought = self.try_subscription(subscription, &subjects).await;
            self.compare(Kind::Subscribe, question.clone(), self.can(&question), brought.is_some());
            let Some(brought) = brought else { continue };
            for subject in &subjects {
                let literal: SubjectPattern = subject.parse().unwrap();
                if subscription.subject.covers(&literal) {
                    let question = format!("receive {subject} by {subscription}");
                    let delivers = self.entitlement.delivers(&literal, subscription);
                    self.compare(Kind::Deliver, question, delivers, brought.contains(subject));
                }
            }
            for subject in brought {
                received.entry(subject).or_insert_with(|| subscription.clone());
            }
        }
        for subject in &subjects {
            let question = Question::Receive(subject.parse().unwrap());
            let verdict = self.entitlement.can(&question);
            let (allowed, by) = (verdict.allowed, verdict.by.clone());
            let mut server = received.contains_key(subject);
            if let Some(by) = by.filter(|_| !server) {
                let brought = self.try_subscription(&by, &[subject.clone()].into()).await;
                server = brought.is_some_and(|brought| brought.contains(subject));
                if server {
                    received.insert(subject.clone(), by);
                }
            }
            self.compare(Kind::Receive, question.to_string(), allowed, server);
        }
        received.pop_first().map(|(subject, subscription)| (subscription, subject))
    }

    /// Each request is answered once more often than hallpass says it may be.
    async fn respond(&mut self, case: &Case, received: Option<(Permission, String)>) {
        let Some((subscription, subject)) = received else { return };
        self.visitor.subscribe(&subscription.to_string()).await;
        self.visitor.settle().await;
        let rules = case.rules(&[0, 2]);
        let replies: BTreeMap<_, _> =
            case.replies.iter().map(|draft| (draft.reply(case, &rules), draft.count())).collect();
        for (reply, requests) in replies {
            let verdict = self.entitlement.can(&Question::Publish(reply.parse().unwrap()));
            if verdict.allowed {
                continue;
            }
            let responses = verdict.responses.map(|it| (it.max, it.expires));
            let (max, expires) = responses.unwrap_or_default();
            let in_time = expires > Duration::from_secs(1);
            let requests = if in_time { requests } else { 1 };
            for _ in 0..requests {
                self.control.request(&subject, &reply, "a request").await;
            }
            // The server takes each request after the first for an answer, until none is left.
            let left = max - (requests - 1) % (max + 1);
            self.control.settle().await;
            let asked = self.visitor.settle().await;
            let is_it = |heard: &Heard| matches!(heard, Heard::Message { reply: Some(to), .. } if *to == reply);
            assert!(asked.iter().any(is_it), "{subject}: the request is not heard: {asked:?}");
            if responses.is_some() && !in_time {
                // The time to answer is a millisecond: it is over, however long this takes.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let messages: Vec<_> =
                (1..=max + 1).map(|count| (reply.as_str(), format!("answer {count}"))).collect();
            let (heard, _) = self.heard_of(&messages).await;
            for (count, (_, payload)) in (1..).zip(&messages) {
                let when = if in_time { "in time" } else { "late" };
                let question = format!(
                    "answer on {reply}, {when}, for the {count}. time of {max}, after {requests} \
                     requests"
                );
                let ours = in_time && count <= left;
                self.compare(Kind::Respond, question, ours, heard.contains(payload));
            }
        }
    }
}

/// A case as people can try it again.
pub fn told(case: &Case) -> String {
    let claims: BTreeMap<&str, Value> =
        case.claims().into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let wish = case.asked_for("c0").map_or(String::new(), |role| format!(", asking for {role}"));
    format!(
        "{}\nthe IdP's roles {:?}, the claims {}{wish}",
        case.map("c0"),
        case.idp_roles("c0"),
        json!(claims)
    )
}

/// How often a case that fails is made smaller and tried again.
const MOST_TRIES: usize = 400;

impl Hall {
    /// The first comparison that disagrees, in the smallest case that can be had.
    pub async fn shrink(
        &mut self,
        tree: &mut dyn ValueTree<Value = Case>,
        first: Comparison,
    ) -> (Case, Comparison, usize) {
        let (mut smallest, mut found, mut tries) = (tree.current(), first, 0);
        let mut goes_on = tree.simplify();
        while goes_on && tries < MOST_TRIES {
            tries += 1;
            let case = tree.current();
            let answers = self.run(std::slice::from_ref(&case)).await;
            let wrong = answers.into_iter().flatten().find(|it| !it.agrees());
            goes_on = if let Some(wrong) = wrong {
                (smallest, found) = (case, wrong);
                tree.simplify()
            } else {
                tree.complicate()
            };
        }
        (smallest, found, tries)
    }
}
