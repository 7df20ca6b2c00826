//! Each secret has one purpose: who holds it for one thing must not be able to do the other.

use secrecy::{ExposeSecret as _, SecretString};

use super::{AuditSettings, CalloutSettings, Layers, NatsSettings, SecretSource, SystemSettings};
use crate::document::{Problem, Problems};

/// What was read, as far as it could be.
pub(super) struct Known<'a> {
    pub(super) nats: Option<&'a NatsSettings>,
    pub(super) callout: Option<&'a CalloutSettings>,
    pub(super) audit: Option<&'a AuditSettings>,
    pub(super) system: Option<&'a SystemSettings>,
}

/// A secret by its section and key.
type Named = (&'static str, &'static str, Option<SecretString>);

/// Two settings with the same secret are an error, whatever files they name.
pub(super) fn one_each(known: &Known<'_>, layers: &Layers, problems: &mut Problems) {
    let pair = |key: &nkeys::KeyPair| key.seed().ok().map(SecretString::from);
    let curve = |key: &nkeys::XKey| key.seed().ok().map(SecretString::from);
    let Known { nats, callout, audit, system } = known;
    let named: [Named; 8] = [
        ("nats", "service_seed", nats.map(|it| it.service_seed.clone())),
        ("callout", "issuer_seed", callout.and_then(|it| pair(&it.issuer))),
        ("callout", "xkey_seed", callout.and_then(|it| curve(it.xkey.as_ref()?))),
        ("audit", "writer_seed", audit.map(|it| it.writer_seed.clone())),
        ("audit", "reader_seed", reader_seed(layers)),
        ("audit", "key", audit.map(|it| it.key.clone())),
        ("audit", "signing_seed", audit.and_then(|it| pair(&it.signer))),
        ("system", "seed", system.map(|it| it.seed.clone())),
    ];
    let mut before: Vec<&Named> = Vec::new();
    for secret in &named {
        let (section, key, Some(text)) = secret else { continue };
        let Some(node) = layers.root.get(section).and_then(|it| it.get(key)) else { continue };
        let is_it = |other: &SecretString| other.expose_secret() == text.expose_secret();
        let same = before.iter().find(|(_, _, other)| other.as_ref().is_some_and(is_it));
        if let Some((other_section, other_key, _)) = same {
            let message =
                format!("`{section}.{key}` and `{other_section}.{other_key}` are the same secret");
            let help = "name another for each: who has the one could do what the other is for; \
                        `hallpass init` makes what is not there";
            // A command may have the secret in it.
            problems.add(Problem::error(&node.place, message, help).conceal());
        }
        before.push(secret);
    }
}

/// The audit reader's, where it is a file that can be read: it need not be where `serve` runs.
fn reader_seed(layers: &Layers) -> Option<SecretString> {
    let node = layers.root.get("audit")?.get("reader_seed")?;
    // What is wrong with it is said elsewhere.
    let mut told = Problems::default();
    let source = SecretSource::of(node, "`reader_seed`", &layers.directory, &mut told)?;
    source.of_file()
}
