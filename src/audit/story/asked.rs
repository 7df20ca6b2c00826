//! What was asked for, by whom in whose name.

use super::{Told, listed};

/// Who acts for the subject, and what was wished for.
pub(super) fn asked(told: Told<'_>) -> Vec<String> {
    [actors(told), wish(told)].into_iter().flatten().collect()
}

/// Outermost first, as RFC 8693 has them: the first is who came.
fn actors(told: Told<'_>) -> Option<String> {
    let actor = |actor: Told<'_>| match (actor.quoted("/subject"), actor.quoted("/issuer")) {
        (Some(subject), Some(issuer)) => format!("{subject} of {issuer}"),
        (Some(subject), None) => subject,
        (None, Some(issuer)) => format!("somebody of {issuer}"),
        (None, None) => "somebody who is not named".to_owned(),
    };
    let actors: Vec<_> =
        told.list("/data/identity/actors").iter().map(|it| actor(Told(it))).collect();
    let (last, before) = actors.split_first()?;
    let through = match before.is_empty() {
        true => String::new(),
        false => format!(", and before that {}", listed(before, "and")),
    };
    Some(format!("In the name of the subject acts {last}{through}."))
}

fn wish(told: Told<'_>) -> Option<String> {
    let account = told.quoted("/data/wish/account").map(|it| format!("account {it}"));
    let roles = told.quoted_list("/data/wish/roles");
    let roles = (!roles.is_empty()).then(|| {
        let word = if roles.len() == 1 { "role" } else { "roles" };
        format!("{word} {}", listed(&roles, "and"))
    });
    let wished: Vec<_> = account.into_iter().chain(roles).collect();
    (!wished.is_empty()).then(|| format!("The client asked for {} only.", listed(&wished, "and")))
}
