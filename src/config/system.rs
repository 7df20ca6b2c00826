//! `[system]`: a user of the system account, who hears of connections that come up and end.

use std::collections::BTreeSet;

use secrecy::SecretString;

use super::{
    Layers,
    seeds::{public_users, user_seed},
};
use crate::document::{Fields, Node, Problems};

/// Who hears of connections.
#[derive(Debug, Clone)]
pub struct SystemSettings {
    /// The seed of a user of the system account, who may listen there and look for connections,
    /// and nothing else.
    pub seed: SecretString,
    /// The public nkeys of users whose login raises an alarm.
    pub break_glass: BTreeSet<String>,
}

pub(super) fn system(
    node: &Node,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<SystemSettings> {
    let mut fields = Fields::of(node, "`[system]`", problems);
    let seed = user_seed(&mut fields, "seed", layers, problems);
    let break_glass = public_users(&mut fields, "break_glass", problems);
    fields.finish(problems);
    Some(SystemSettings { seed: seed?, break_glass })
}
