//! A trail of our own, tampered with in every way.

mod chains;
mod cut;
mod invented;
mod named;
mod several;
mod signatures;

use nkeys::KeyPair;
use serde_json::json;

use super::*;
use crate::audit::{
    chain::{Chain, Sealed},
    event::{self, Checkpoint, Event, Recorded, Started},
};

/// An instance that records, as `serve` does: it starts, signs, and goes on.
struct Instance {
    chain: Chain,
    key: KeyPair,
    now: Timestamp,
    trail: Vec<Sealed>,
}

impl Instance {
    fn start(key: &KeyPair) -> Self {
        Self::resuming(key, &[])
    }

    fn resuming(key: &KeyPair, heads: &[Head]) -> Self {
        Self::with_id(InstanceId::fresh(), key, heads)
    }

    /// By somebody who has not the key.
    fn forged(heads: &[Head]) -> Self {
        Self::of(InstanceId::fresh(), &KeyPair::new_user(), heads, false)
    }

    fn with_id(instance: InstanceId, key: &KeyPair, heads: &[Head]) -> Self {
        Self::of(instance, key, heads, true)
    }

    fn of(instance: InstanceId, key: &KeyPair, heads: &[Head], is_signed: bool) -> Self {
        let key = KeyPair::from_seed(&key.seed().unwrap()).unwrap();
        let now = instance.started_at().unwrap();
        let mut it = Self { chain: Chain::new(instance), key, now, trail: Vec::new() };
        let started = Started {
            host: "h",
            pid: 1,
            mode: "strict",
            key: it.key.public_key(),
            issuers: vec!["idp"],
            resumes: heads.to_vec(),
        };
        let recorded = Recorded::itself(instance);
        it.seal(&event::started(&started, it.now, recorded).unwrap(), is_signed);
        it
    }

    fn id(&self) -> InstanceId {
        self.chain.head().instance
    }

    fn seal(&mut self, event: &Event, is_signed: bool) {
        let signer = is_signed.then_some(&self.key);
        self.trail.push(event.seal(&mut self.chain, signer).unwrap());
        self.now += std::time::Duration::from_secs(1);
    }

    fn decide(&mut self, what: &str) -> &mut Self {
        let data = json!({ "outcome": "granted", "what": what, "grant": { "account": "APP" } });
        let kind = crate::audit::event::Kind::Decision;
        let event = Event::new(kind, "granted", Some("APP"), "x", self.now, &data).unwrap();
        self.seal(&event, false);
        self
    }

    fn decide_all(&mut self, count: usize) -> &mut Self {
        for number in 0..count {
            self.decide(&number.to_string());
        }
        self
    }

    fn checkpoint(&mut self, others: &[Head]) -> &mut Self {
        self.checkpoint_of(self.chain.head(), others, false)
    }

    fn stop(&mut self) -> &mut Self {
        self.checkpoint_of(self.chain.head(), &[], true)
    }

    fn checkpoint_of(&mut self, head: Head, others: &[Head], is_final: bool) -> &mut Self {
        let checkpoint = Checkpoint {
            key: self.key.public_key(),
            head,
            new: 1,
            others: others.to_vec(),
            is_final,
        };
        self.seal(&event::checkpoint(&checkpoint, self.now).unwrap(), true);
        self
    }
}

/// Started, signed, five decisions, signed: eight events.
fn a_chain(key: &KeyPair) -> Instance {
    let mut it = Instance::start(key);
    it.checkpoint(&[]).decide_all(5).checkpoint(&[]);
    it
}

fn believing(keys: &[&KeyPair]) -> Verifier {
    Verifier::new(keys.iter().map(|key| key.public_key()).collect())
}

fn payloads(trail: &[Sealed]) -> Vec<Vec<u8>> {
    trail.iter().map(|it| it.payload.to_vec()).collect()
}

/// Reads lines of a file of which nothing is known.
fn read(keys: &[&KeyPair], lines: &[Vec<u8>], beginning: Beginning) -> Report {
    let mut verifier = believing(keys);
    for (line, at) in lines.iter().zip(1..) {
        verifier.take(Found { at, subject: None, message_id: None, payload: line });
    }
    verifier.finish(beginning, false)
}

/// Reads what was all there once.
fn verify(keys: &[&KeyPair], lines: &[Vec<u8>]) -> Report {
    read(keys, lines, Beginning::First)
}

/// The first finding, by its kind, its place, its sequence.
#[track_caller]
fn first(report: &Report) -> (Kind, u64, Option<u64>) {
    assert!(!report.intact, "{report:?}");
    let finding = report.first().unwrap();
    (finding.kind, finding.at, finding.sequence)
}

/// An event's bytes with one thing in it replaced, its hash as it was.
fn with(payload: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(payload).unwrap();
    assert!(text.contains(from), "{text}");
    text.replacen(from, to, 1).into_bytes()
}

/// An event's bytes with something replaced, and its own hash mended, without a signature.
fn mended(payload: &[u8], from: &str, to: &str) -> Vec<u8> {
    use sha2::{Digest as _, Sha256};
    let text = String::from_utf8(with(payload, from, to)).unwrap();
    let (hashed, _) = text.rsplit_once(",\"hash\":\"").unwrap();
    let hash: String = Sha256::digest(hashed).iter().map(|it| format!("{it:02x}")).collect();
    format!("{hashed},\"hash\":\"{hash}\"}}").into_bytes()
}

/// Events from this one on as `edit` writes them, each following the one before; no signature is
/// left.
fn written_anew(
    lines: &[Vec<u8>],
    from: usize,
    edit: impl Fn(usize, &str) -> String,
) -> Vec<Vec<u8>> {
    let hash = |line: &[u8]| {
        let said: Value = serde_json::from_slice(line).unwrap();
        said["hash"].as_str().unwrap().to_owned()
    };
    let mut out = lines[..from].to_vec();
    for (index, line) in lines.iter().enumerate().skip(from) {
        let mut text = edit(index, std::str::from_utf8(line).unwrap());
        if index > from {
            text = text.replace(&hash(&lines[index - 1]), &hash(&out[index - 1]));
        }
        out.push(mended(text.as_bytes(), "\"specversion\"", "\"specversion\""));
    }
    out
}
