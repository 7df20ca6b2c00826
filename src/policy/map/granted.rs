//! `[[roles.NAME.grant]]`: the rules that grants stand for.

use std::sync::Arc;

use super::{
    claims::Claims,
    role::{Lists, Origin, rule},
};
use crate::{
    document::{Fields, Kind, Problem, Problems},
    policy::grants::{self, Resource},
};

/// What a rule that comes from a grant is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) resource: Resource,
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
            resource: grant.resource,
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
