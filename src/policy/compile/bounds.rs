//! How far the maps in a directory reach: a team's file no further than the team.

use std::path::Path;

use super::Role;
use crate::{
    config::MapBounds,
    document::{Place, Problem, Problems},
    names::AccountName,
    policy::{
        map::{Origin, Rule},
        template::Variable,
    },
    subject::SubjectPattern,
};

/// The bounds that hold for a file: those of its directory and of all directories above.
pub(super) fn of<'a>(
    path: &Path,
    bounds: impl Iterator<Item = &'a MapBounds>,
) -> Vec<&'a MapBounds> {
    bounds.filter(|bounds| path.starts_with(&bounds.directory)).collect()
}

pub(super) fn check_account(
    account: &AccountName,
    place: &Place,
    bounds: &[&MapBounds],
    problems: &mut Problems,
) {
    for bounds in bounds {
        if !bounds.accounts.contains(account) {
            problems.add(beyond(place, &format!("the account `{account}`"), bounds));
        }
    }
}

/// Checks a role with all that it inherits: what is out of reach cannot be inherited either.
pub(super) fn check(role: &Role, bounds: &MapBounds, problems: &mut Problems) {
    let written = &role.written;
    if let Some(issuers) = &bounds.issuers {
        for issuer in role.issuers.iter().filter(|issuer| !issuers.contains(issuer)) {
            let named = written.issuers.iter().flatten().find(|(name, _)| name == issuer);
            let place = named.map_or(&written.place, |(_, place)| place);
            problems.add(beyond(place, &format!("the issuer `{issuer}`"), bounds));
        }
    }
    if let Some(allowed) = &bounds.idp_roles {
        for (idp_role, place) in &written.idp_roles {
            let text = idp_role.to_string();
            if !allowed.iter().any(|pattern| pattern.covers(&text)) {
                problems.add(beyond(place, &format!("the IdP role `{text}`"), bounds));
            }
        }
    }
    for (list, rules) in role.whole.lists.named() {
        let reach = |rule: &Rule| match list {
            "subscribe" => rule.template.subscribed(),
            _ => rule.template.reach().subject.clone(),
        };
        for rule in rules.iter().filter(|rule| !is_within(rule, &reach(rule), bounds)) {
            let what = format!("`{}` under `{list}`", rule.template.as_str());
            let own = written
                .lists
                .named()
                .iter()
                .any(|(_, own)| own.iter().any(|own| std::sync::Arc::ptr_eq(own, rule)));
            problems.add(if own {
                beyond(&rule.place, &what, bounds)
            } else {
                let what = format!("{what}, which role `{}` inherits,", written.name);
                beyond(&written.place, &what, bounds).related(&rule.place, "inherited from here")
            });
        }
    }
    if role.whole.responses.is_some() && !bounds.responses {
        let what = format!("`allow_responses` of role `{}`", written.name);
        problems.add(beyond(&written.place, &what, bounds));
    }
}

fn beyond(place: &Place, what: &str, bounds: &MapBounds) -> Problem {
    Problem::error(
        place,
        format!("{what} is beyond the bounds of `{}`", bounds.directory.display()),
        format!("they are set under `[maps.bounds.{}]` in hallpass.toml", bounds.name),
    )
}

fn is_within(rule: &Rule, reach: &SubjectPattern, bounds: &MapBounds) -> bool {
    match &rule.origin {
        // One's own replies: nobody else's, whatever the team is.
        Origin::Inbox if is_own(rule) => true,
        Origin::Inbox | Origin::Subject => covered(reach, &bounds.subjects),
    }
}

/// Whether each person has an inbox of their own.
fn is_own(rule: &Rule) -> bool {
    let own = |variable: &Variable| matches!(variable, Variable::Subject | Variable::Name);
    rule.template.reach().subject.as_str().starts_with("_INBOX.")
        && rule.template.variables().iter().any(own)
}

fn covered(subject: &SubjectPattern, by: &[SubjectPattern]) -> bool {
    by.iter().any(|bound| bound.covers(subject))
}
