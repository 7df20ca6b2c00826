//! What events vouch for: their own chains by a signature, others' by naming their heads.

use serde_json::Value;

use super::{Finding, Kind, Mark, Verifier, chain::Named, is_place, outcome};
use crate::audit::{
    chain::{Head, Link},
    event::Checkpoint,
};

impl Verifier {
    /// Takes what an event that has its place vouches for.
    pub(super) fn take_vouching(&mut self, link: &Link, said: &Value, mark: Mark) {
        let kind = said.get("type").and_then(Value::as_str).unwrap_or_default();
        let believed = link.is_signed() && self.signers.iter().any(|key| link.is_signed_by(key));
        if link.is_signed() && !believed {
            let what = "it is signed by nobody who is believed: it, or what comes before it in \
                        its chain, may be somebody else's";
            self.tell(Finding::of(Kind::Changed, link.head, mark, what.to_owned()));
        }
        if believed {
            self.chains.entry(link.head.instance).or_default().vouch(link.head, mark);
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
            self.name(head, link.head, mark);
        }
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
            self.name(head, link.head, mark);
        }
    }

    /// Somebody says how far a chain goes.
    fn name(&mut self, head: Head, by: Head, mark: Mark) {
        if !is_place(head.sequence) {
            return;
        }
        let named = Named { hash: head.hash, by, mark };
        let trace = self.chains.entry(head.instance).or_default();
        if let Some(other) = trace.name(head.sequence, named) {
            self.contradicted(head, other, named);
        }
    }

    pub(super) fn contradicted(&mut self, head: Head, mark: Mark, named: Named) {
        let what = format!(
            "it is not the one that event {} of {} names",
            named.by.sequence, named.by.instance
        );
        self.tell(Finding::of(Kind::Changed, head, mark, what));
    }
}
