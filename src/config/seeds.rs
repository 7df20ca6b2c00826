//! Seeds of nkeys: got from where they are, and of the right kind.

use std::collections::BTreeSet;

use nkeys::{KeyPair, KeyPairType};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Layers, SecretSource};
use crate::document::{Fields, Place, Problem, Problems};

pub(super) fn secret(
    fields: &mut Fields<'_>,
    key: &'static str,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<(SecretString, Place)> {
    let example = format!("`{key} = {{ file = \"…\" }}`, or `env` or `command` in place of `file`");
    let node = fields.required(key, &example, problems)?;
    let source = SecretSource::of(node, &format!("`{key}`"), &layers.directory, problems)?;
    Some((get(&source, problems)?, node.place.clone()))
}

pub(super) fn user_seed(
    fields: &mut Fields<'_>,
    key: &'static str,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<SecretString> {
    let (seed, place) = secret(fields, key, layers, problems)?;
    key_pair(&seed, KeyPairType::User, key, &place, problems)?;
    Some(seed)
}

pub(super) fn key_pair(
    seed: &SecretString,
    kind: KeyPairType,
    key: &str,
    place: &Place,
    problems: &mut Problems,
) -> Option<KeyPair> {
    let (name, begins) = match kind {
        KeyPairType::Account => ("an account", "SA"),
        _ => ("a user", "SU"),
    };
    match KeyPair::from_seed(seed.expose_secret()) {
        Ok(pair) if pair.key_pair_type() == kind => Some(pair),
        _ => {
            problems.add(Problem::error(
                place,
                format!("`{key}` holds no nkey seed of {name}"),
                format!("such a seed begins with `{begins}`; `hallpass init` makes one"),
            ));
            None
        }
    }
}

/// A list of public nkeys of users.
pub(super) fn public_users(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> BTreeSet<String> {
    let mut users = BTreeSet::new();
    for (text, place) in fields.strings(key, problems) {
        let is_user = |key: &KeyPair| key.key_pair_type() == KeyPairType::User;
        if KeyPair::from_public_key(text).is_ok_and(|key| is_user(&key)) {
            users.insert(text.to_owned());
        } else {
            problems.add(Problem::error(
                place,
                "not the public nkey of a user",
                "such a key begins with `U`; the `hallpass.toml` that `hallpass init` writes has it",
            ));
        }
    }
    users
}

/// A source whose secret cannot be had is a problem like any other.
pub(super) fn get(source: &SecretSource, problems: &mut Problems) -> Option<SecretString> {
    if source.readable_by_others() {
        problems.add(Problem::warning(
            source.place(),
            "the secret file can be read by others on this machine",
            "chmod 600 it",
        ));
    }
    match source.get() {
        Ok(secret) => Some(secret),
        Err(error) => {
            problems.add(Problem::error(source.place(), error.to_string(), error.help));
            None
        }
    }
}
