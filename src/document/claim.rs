//! Where a claim is, as configuration and subject maps write it.

use super::{Kind, Node, Problem, Problems};
use crate::claim_path::ClaimPath;

/// A claim path as a dotted string or a list of keys.
pub fn claim_path(node: &Node, problems: &mut Problems) -> Option<ClaimPath> {
    const HELP: &str =
        "`realm_access.roles`, or `[\"https://example.com/roles\"]` where a key has dots";
    let path = match &node.kind {
        // Legal, but a claim of that name would never be found.
        Kind::String(text) if text.contains("://") => {
            Err("a URL written as a string would be split at its dots")
        }
        Kind::String(text) => ClaimPath::from_dotted(text),
        Kind::List(items) => {
            let keys: Option<Vec<String>> =
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            keys.ok_or("a claim path is a string or a list of strings")
                .and_then(ClaimPath::from_keys)
        }
        _ => Err("a claim path is a string or a list of strings"),
    };
    path.map_err(|message| problems.add(Problem::error(&node.place, message, HELP))).ok()
}
