//! Each secret has one purpose: who holds it for one thing must not be able to do the other.

use secrecy::{ExposeSecret as _, SecretString};

use super::{
    AuditSettings, CalloutSettings, EdgeSettings, Layers, NatsSettings, SecretSource,
    SystemSettings,
};
use crate::document::{Problem, Problems};

/// What was read, as far as it could be.
pub(super) struct Known<'a> {
    pub(super) nats: Option<&'a NatsSettings>,
    pub(super) callout: Option<&'a CalloutSettings>,
    pub(super) audit: Option<&'a AuditSettings>,
    pub(super) system: Option<&'a SystemSettings>,
    pub(super) edge: &'a EdgeSettings,
}

/// A secret by the path to it.
type Named<'a> = (Vec<&'a str>, Option<SecretString>);

/// Two settings with the same secret are an error, whatever files they name.
pub(super) fn one_each(known: &Known<'_>, layers: &Layers, problems: &mut Problems) {
    let pair = |key: &nkeys::KeyPair| key.seed().ok().map(SecretString::from);
    let curve = |key: &nkeys::XKey| key.seed().ok().map(SecretString::from);
    let Known { nats, callout, audit, system, edge } = known;
    let fixed: [(&str, &str, Option<SecretString>); 8] = [
        ("nats", "service_seed", nats.map(|it| it.service_seed.clone())),
        ("callout", "issuer_seed", callout.and_then(|it| pair(&it.issuer))),
        ("callout", "xkey_seed", callout.and_then(|it| curve(it.xkey.as_ref()?))),
        ("audit", "writer_seed", audit.map(|it| it.writer_seed.clone())),
        ("audit", "reader_seed", reader_seed(layers)),
        ("audit", "key", audit.map(|it| it.key.clone())),
        ("audit", "signing_seed", audit.and_then(|it| pair(&it.signer))),
        ("system", "seed", system.map(|it| it.seed.clone())),
    ];
    let fixed = fixed.into_iter().map(|(section, key, text)| (vec![section, key], text));
    let shared = edge.keys.iter();
    let shared = shared.map(|(name, key)| (vec!["edge", "keys", name], Some(key.text.clone())));
    let named: Vec<Named<'_>> = fixed.chain(shared).collect();
    let mut before: Vec<&Named<'_>> = Vec::new();
    for secret in &named {
        let (path, Some(text)) = secret else { continue };
        let node = path.iter().try_fold(&layers.root, |node, key| node.get(key));
        let Some(node) = node else { continue };
        let is_it = |other: &SecretString| other.expose_secret() == text.expose_secret();
        let same = before.iter().find(|(_, other)| other.as_ref().is_some_and(is_it));
        if let Some((other, _)) = same {
            let message =
                format!("`{}` and `{}` are the same secret", path.join("."), other.join("."));
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
