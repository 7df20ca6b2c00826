//! `[audit]`: where decisions are recorded, and how safe an event must be before a login goes on.

mod privacy;

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use nkeys::{KeyPair, KeyPairType};
use secrecy::{ExposeSecret as _, SecretString};

pub use privacy::{PersonalData, PersonalField, Treatment};

use super::{
    Layers, SecretSource,
    seeds::{key_pair, public_users, secret, user_seed},
};
use crate::{
    claim_path::ClaimPath,
    document::{Fields, Node, Problem, Problems},
    names::AccountName,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
const MEBIBYTE: i64 = 1024 * 1024;

/// A key with fewer bytes could be guessed.
const SHORTEST_KEY: usize = 32;

/// Where decisions are recorded.
#[derive(Debug, Clone)]
pub struct AuditSettings {
    /// The account of the audit stream.
    pub account: AccountName,
    /// The stream's name.
    pub stream: String,
    /// How long events are kept.
    pub max_age: Duration,
    /// On how many servers.
    pub replicas: usize,
    /// When an event is safe.
    pub mode: AuditMode,
    /// The seed of the user who may only publish there, and look up what it published.
    pub writer_seed: SecretString,
    /// What fingerprints and pseudonyms are made with; all replicas have the same.
    pub key: SecretString,
    /// Signs checkpoints.
    pub signer: Arc<KeyPair>,
    /// Whose checkpoints are believed: public nkeys of users.
    pub signers: BTreeSet<String>,
    /// How often a checkpoint is signed, while there is anything new.
    pub checkpoint_every: Duration,
    /// Claims that events hold whether or not a map reads them.
    pub claims: Vec<ClaimPath>,
    /// What events do not tell of people, or not as it is.
    pub personal_data: PersonalData,
}

/// When an event is safe, so that a login may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditMode {
    /// Once JetStream has acknowledged it.
    Strict {
        /// Where events may have been left when the mode was another.
        directory: PathBuf,
    },
    /// Once JetStream has acknowledged it, or the disk has it.
    Spool {
        /// Where on the disk.
        directory: PathBuf,
        /// How much of the disk, in bytes.
        max_bytes: u64,
        /// What becomes of logins while neither the stream nor the disk takes events.
        when_full: WhenFull,
    },
}

/// What becomes of logins while there is room for events nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// They are refused.
    Refuse,
    /// They go on, and are told later as a number.
    GoOn,
}

pub(super) fn audit(
    node: &Node,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<AuditSettings> {
    let mut fields = Fields::of(node, "`[audit]`", problems);
    let account =
        fields.required_parsed::<AccountName>("account", "`account = \"AUDIT\"`", problems);
    let stream = stream(&mut fields, problems);
    let max_age = fields.duration("max_age", HOUR..=20 * YEAR, problems).unwrap_or(YEAR);
    let replicas = fields.integer("replicas", 1..=5, problems).unwrap_or(1);
    let mode = mode(&mut fields, layers, problems);
    let writer_seed = user_seed(&mut fields, "writer_seed", layers, problems);
    let key = key(&mut fields, layers, problems);
    let signing = signing(&mut fields, layers, problems);
    let every = fields.duration("checkpoint_every", SECOND..=24 * HOUR, problems);
    let claims = privacy::claims(&mut fields, problems);
    let personal_data = privacy::personal_data(&mut fields, problems);
    // Its form is checked here; the seed itself need not be where `serve` runs.
    if let Some(node) = fields.node("reader_seed") {
        SecretSource::of(node, "`reader_seed`", &layers.directory, problems);
    }
    fields.finish(problems);
    let (signer, signers) = signing?;
    Some(AuditSettings {
        account: account?,
        stream: stream?,
        max_age,
        replicas: usize::try_from(replicas).unwrap_or(1),
        mode: mode?,
        writer_seed: writer_seed?,
        key: key?,
        signer: Arc::new(signer),
        signers,
        checkpoint_every: every.unwrap_or(60 * SECOND),
        claims,
        personal_data,
    })
}

pub(super) fn stream(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<String> {
    let Some((name, place)) = fields.string("stream", problems) else {
        return Some("HALLPASS_AUDIT".to_owned());
    };
    if name.is_empty() || name.contains(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)))
    {
        problems.add(Problem::error(
            place,
            "`stream` is not the name of a stream",
            "write letters, digits, `-` and `_`",
        ));
        return None;
    }
    Some(name.to_owned())
}

/// Whose checkpoints are believed; each named as a public nkey.
pub(super) fn signers(fields: &mut Fields<'_>, problems: &mut Problems) -> BTreeSet<String> {
    public_users(fields, "signers", problems)
}

fn mode(fields: &mut Fields<'_>, layers: &Layers, problems: &mut Problems) -> Option<AuditMode> {
    let spool = fields.node("spool");
    let is_strict = match fields.string("mode", problems) {
        None | Some(("spool", _)) => false,
        Some(("strict", _)) => true,
        Some((text, place)) => {
            problems.add(Problem::error(
                place,
                format!("`{text}` is no mode"),
                "`spool`: an event is safe on the stream or on the disk; `strict`: on the stream",
            ));
            return None;
        }
    };
    let mut directory = layers.directory.join("audit-spool");
    let mut max_bytes = 1024 * MEBIBYTE;
    let mut when_full = Some(WhenFull::Refuse);
    if let Some(node) = spool {
        let mut fields = Fields::of(node, "`[audit.spool]`", problems);
        let bounds = ["max_bytes", "when_full"].map(|key| fields.node(key).is_some());
        if is_strict && bounds.contains(&true) {
            problems.add(Problem::warning(
                &node.place,
                "with `mode = \"strict\"`, `[audit.spool]` has no bounds",
                "leave out `max_bytes` and `when_full`; events are only read from `directory` then, \
                 as far as another mode left some there",
            ));
        }
        if let Some((text, place)) = fields.string("directory", problems) {
            if text.is_empty() {
                problems.add(Problem::error(place, "`directory` is empty", "name a directory"));
            }
            directory = layers.directory.join(text);
        }
        if let Some(bytes) = fields.bytes("max_bytes", MEBIBYTE..=1024 * 1024 * MEBIBYTE, problems)
        {
            max_bytes = bytes;
        }
        when_full = self::when_full(&mut fields, problems);
        fields.finish(problems);
    }
    if is_strict {
        return Some(AuditMode::Strict { directory });
    }
    let max_bytes = max_bytes.unsigned_abs();
    Some(AuditMode::Spool { directory, max_bytes, when_full: when_full? })
}

fn when_full(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<WhenFull> {
    match fields.string("when_full", problems) {
        None | Some(("refuse", _)) => Some(WhenFull::Refuse),
        Some(("go-on", _)) => Some(WhenFull::GoOn),
        Some((text, place)) => {
            problems.add(Problem::error(
                place,
                format!("`{text}` is not what can be done when events can be kept nowhere"),
                "`refuse`: nobody gets in; `go-on`: logins go on, and are told later as a number",
            ));
            None
        }
    }
}

pub(super) fn key(
    fields: &mut Fields<'_>,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<SecretString> {
    made_by_init("key", "audit.key", fields, problems)?;
    let (key, place) = secret(fields, "key", layers, problems)?;
    if key.expose_secret().len() < SHORTEST_KEY {
        problems.add(Problem::error(
            &place,
            format!("`key` holds fewer than {SHORTEST_KEY} bytes"),
            "`hallpass init` makes one; all replicas have the same",
        ));
        return None;
    }
    Some(key)
}

/// Configurations of older versions do not have it: what to write, and who makes the file.
fn made_by_init<'a>(
    key: &'static str,
    file: &str,
    fields: &mut Fields<'a>,
    problems: &mut Problems,
) -> Option<&'a Node> {
    let example = format!(
        "`{key} = {{ file = \"keys/{file}\" }}`; `hallpass init` makes that file where it is not \
         there, and shows all lines that are missing"
    );
    fields.required(key, &example, problems)
}

/// What signs must be among those who are believed: else nobody could verify it.
fn signing(
    fields: &mut Fields<'_>,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<(KeyPair, BTreeSet<String>)> {
    // Without the seed, what stands there is read all the same.
    let believed = signers(fields, problems);
    made_by_init("signing_seed", "audit-signer.nk", fields, problems)?;
    let (seed, place) = secret(fields, "signing_seed", layers, problems)?;
    let signer = key_pair(&seed, KeyPairType::User, "signing_seed", &place, problems)?;
    let public = signer.public_key();
    if !believed.contains(&public) {
        problems.add(Problem::error(
            fields.node("signers").map_or(&place, |node| &node.place),
            "`signers` does not name the public key of `signing_seed`",
            format!("add `{public}`: `hallpass audit verify` believes those that are named"),
        ));
    }
    Some((signer, believed))
}
