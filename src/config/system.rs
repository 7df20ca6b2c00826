//! `[system]`: a user of the system account, who hears of connections that come up and end.

use secrecy::SecretString;

use super::{Layers, seeds::user_seed};
use crate::document::{Fields, Node, Problems};

/// Who hears of connections.
#[derive(Debug, Clone)]
pub struct SystemSettings {
    /// The seed of a user of the system account, who may subscribe there and nothing else.
    pub seed: SecretString,
}

pub(super) fn system(
    node: &Node,
    layers: &Layers,
    problems: &mut Problems,
) -> Option<SystemSettings> {
    let mut fields = Fields::of(node, "`[system]`", problems);
    let seed = user_seed(&mut fields, "seed", layers, problems);
    fields.finish(problems);
    Some(SystemSettings { seed: seed? })
}
