//! What events vouch for: their own chains by a signature, others' by naming their heads.

use serde_json::Value;

use std::collections::BTreeMap;

use super::{
    Finding, Kind, Mark, Verifier, is_place, kind,
    names::{Named, Verdict},
    outcome,
};
use crate::{
    audit::{
        chain::{Head, Link},
        event::Checkpoint,
    },
    names::InstanceId,
};

/// How many keys are told that are not believed.
const STRANGERS: usize = 16;

/// How far somebody who is believed vouches for a chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vouched {
    pub(super) until: u64,
    /// Where that was said.
    pub(super) mark: Mark,
}

impl Verifier {
    /// Takes what an event that has its place vouches for.
    pub(super) fn take_vouching(&mut self, link: &Link, said: &Value, mark: Mark) {
        let kind = kind(said);
        let signer = self.signers.iter().find(|key| link.is_signed_by(key)).cloned();
        let believed = signer.is_some();
        if link.is_signed() && !believed {
            let who = self.stranger(link, said);
            let what = format!(
                "it is signed by nobody who is believed{who}: it, or what comes before it in its \
                 chain, may be somebody else's"
            );
            self.tell(Finding::of(Kind::Changed, link.head, mark, what));
        }
        if let Some(key) = signer {
            self.chains.entry(link.head.instance).or_default().vouch(link.head, mark, &key);
        }
        if kind == "hallpass.checkpoint" {
            self.take_checkpoint(link, said, mark, believed);
        }
        let resumes = match (kind, outcome(said)) {
            ("hallpass.instance", Some("started")) => said.pointer("/data/resumes"),
            _ => None,
        };
        let resumes = resumes.and_then(|it| serde_json::from_value::<Vec<Head>>(it.clone()).ok());
        for head in resumes.into_iter().flatten() {
            self.name(head, link.head, mark, true);
        }
    }

    /// The key of a signature that is not believed, if that is the one that the event names.
    fn stranger(&mut self, link: &Link, said: &Value) -> String {
        let key = said.pointer("/data/key").and_then(Value::as_str);
        let Some(key) = key.filter(|key| link.is_signed_by(key)) else {
            return ", nor by the key that it names".to_owned();
        };
        if self.strangers.len() < STRANGERS {
            self.strangers.insert(key.to_owned());
        }
        format!(", but by `{key}`")
    }

    fn take_checkpoint(&mut self, link: &Link, said: &Value, mark: Mark, believed: bool) {
        let of = |what: &str| Finding::of(Kind::Changed, link.head, mark, what.to_owned());
        if !link.is_signed() {
            self.tell(of("a checkpoint without a signature"));
        }
        let data = said.get("data").cloned().unwrap_or_default();
        let Ok(checkpoint) = serde_json::from_value::<Checkpoint>(data) else {
            self.tell(of("a checkpoint that does not say what it vouches for"));
            return;
        };
        let Head { instance, sequence, .. } = link.head;
        let before = Head { instance, sequence: sequence.saturating_sub(1), hash: link.previous };
        if checkpoint.head != before {
            self.tell(of("it vouches for another event than the one before it"));
        }
        if !believed {
            return;
        }
        if checkpoint.is_final {
            self.chains.entry(instance).or_default().ended = Some(sequence);
        }
        for head in checkpoint.others {
            self.name(head, link.head, mark, false);
        }
    }

    /// Somebody says how far a chain goes.
    fn name(&mut self, head: Head, by: Head, mark: Mark, resumes: bool) {
        if !is_place(head.sequence) {
            return;
        }
        let named = Named { hash: head.hash, by, mark, resumes };
        let trace = self.chains.entry(head.instance).or_default();
        match trace.name(head.sequence, named) {
            Verdict::Fits => {}
            Verdict::Other(there) => self.contradicted(head, there, named),
            Verdict::NoCheckpoint => {
                let what = format!(
                    "it is no checkpoint, and event {} of {} names a checkpoint",
                    by.sequence, by.instance
                );
                self.tell(Finding::of(Kind::Changed, head, mark, what));
            }
        }
    }

    pub(super) fn contradicted(&mut self, head: Head, mark: Mark, named: Named) {
        let what = format!(
            "it is not the one that event {} of {} names",
            named.by.sequence, named.by.instance
        );
        self.tell(Finding::of(Kind::Changed, head, mark, what));
    }

    /// How far somebody who is believed vouches for each chain: its own signatures, checkpoints of
    /// others, and whoever took it over and is vouched for in turn.
    pub(super) fn vouched(&self) -> BTreeMap<InstanceId, Vouched> {
        let mut vouched = BTreeMap::new();
        for (instance, trace) in &self.chains {
            let named = trace.names.confirmed();
            let farthest = trace.vouched.into_iter().chain(named).max_by_key(|(until, _)| *until);
            if let Some((until, mark)) = farthest {
                vouched.insert(*instance, Vouched { until, mark });
            }
        }
        loop {
            let mut is_done = true;
            // Who takes over began later.
            for (instance, trace) in self.chains.iter().rev() {
                for (until, named) in trace.names.resumed() {
                    if is_in(&vouched, named.by) && !is_until(&vouched, *instance, *until) {
                        vouched.insert(*instance, Vouched { until: *until, mark: named.mark });
                        is_done = false;
                    }
                }
            }
            if is_done {
                return vouched;
            }
        }
    }
}

/// Whether somebody who is believed vouches for this event.
pub(super) fn is_in(vouched: &BTreeMap<InstanceId, Vouched>, event: Head) -> bool {
    is_until(vouched, event.instance, event.sequence)
}

fn is_until(vouched: &BTreeMap<InstanceId, Vouched>, instance: InstanceId, sequence: u64) -> bool {
    vouched.get(&instance).is_some_and(|it| sequence <= it.until)
}
