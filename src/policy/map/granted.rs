//! `[[roles.NAME.grant]]`: the rules that grants stand for.

use std::sync::Arc;

use super::{
    claims::Claims,
    role::{Lists, Origin, rule},
};
use crate::{
    document::{Fields, Kind, Node, Problem, Problems},
    policy::grants::{self, Resource},
};

/// What a rule that comes from a grant is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) resource: Resource,
    /// The prefix of the JetStream API that it asks, where it is not the account's own.
    pub(crate) api_prefix: Option<String>,
    /// What it is about and the words of it, as in "stream `ORDERS`: read, watch".
    pub(crate) words: String,
    /// The application's own subjects in it.
    pub(crate) subjects: Vec<String>,
    /// Whether it works with an inbox only.
    pub(crate) needs_inbox: bool,
    /// What the server cannot tell apart, for `explain`.
    pub(crate) notes: Vec<&'static str>,
}

/// Reads the grants of a role into its lists. Returns where one stands that answers requests.
pub(super) fn read(
    fields: &mut Fields<'_>,
    lists: &mut Lists,
    claims: &Claims,
    problems: &mut Problems,
) -> Option<Arc<str>> {
    let node = fields.node("grant")?;
    let Kind::List(items) = &node.kind else {
        let message = format!("`grant` is {}, not a list of tables", node.kind.describe());
        let help = "write each grant under a line `[[roles.NAME.grant]]`";
        problems.add(Problem::error(&node.place, message, help));
        return None;
    };
    let mut serves = None;
    for node in items {
        let Some(grant) = grants::read(node, problems) else { continue };
        let granted = Granted {
            words: words(node, &grant.resource),
            resource: grant.resource,
            api_prefix: grant.api_prefix,
            subjects: grant.subjects,
            needs_inbox: grant.needs_inbox,
            notes: grant.notes,
        };
        let origin = Origin::Grant(Arc::new(granted));
        let mut rules = |texts: &[String], queues| {
            let rule =
                |text: &String| rule(text, queues, &node.place, origin.clone(), claims, problems);
            texts.iter().filter_map(rule).collect::<Vec<_>>()
        };
        lists.publish.extend(rules(&grant.publish, false));
        lists.subscribe.extend(rules(&grant.subscribe, true));
        if grant.responses {
            serves.get_or_insert_with(|| node.place.to_string().into());
        }
    }
    serves
}

/// A grant that was read, in words.
fn words(node: &Node, resource: &Resource) -> String {
    let texts = |key| -> Vec<&str> {
        match node.get(key) {
            Some(Node { kind: Kind::List(items), .. }) => {
                items.iter().filter_map(Node::as_str).collect()
            }
            other => other.and_then(Node::as_str).into_iter().collect(),
        }
    };
    let of: String = texts("consumer").iter().map(|name| format!(", consumer `{name}`")).collect();
    format!("{resource}{of}: {}", texts("can").join(", "))
}
