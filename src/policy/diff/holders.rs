//! Who holds a role: by which IdP roles and whose word.

use std::sync::Arc;

use super::{Around, Aspect, Change, DiffSide, Effect};
use crate::policy::{compile::Role, idp_role::IdpRole};

/// Another account is another place: something is gained and something is lost.
pub(super) fn account(old: &Role, new: &Role) -> Vec<Change> {
    if old.written.account == new.written.account {
        return Vec::new();
    }
    let line = |side, role: &Role, effect| Change {
        side,
        aspect: Aspect::Account,
        text: role.written.account.to_string(),
        at: Arc::clone(&role.written.at),
        effect,
        note: None,
    };
    vec![line(DiffSide::Old, old, Effect::NARROWER), line(DiffSide::New, new, Effect::WIDER)]
}

pub(super) fn changes(old: &Role, new: &Role, around: &Around<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    let (was, is) = (&old.written.idp_roles, &new.written.idp_roles);
    for (idp_role, place) in was {
        if is.iter().any(|(it, _)| it == idp_role) {
            continue;
        }
        let by = is.iter().find(|(it, _)| gives(it, idp_role));
        let note = by.map(|(by, _)| format!("`{by}` still gives it"));
        let lost = (DiffSide::Old, Aspect::IdpRole, idp_role.to_string(), place.to_string().into());
        changes.push(line(lost, fewer(old, by.is_none(), around), note));
    }
    for (idp_role, place) in is {
        if was.iter().any(|(it, _)| it == idp_role) {
            continue;
        }
        let by = was.iter().find(|(it, _)| gives(it, idp_role));
        let note = by.map(|(by, _)| format!("`{by}` gave it"));
        let gained =
            (DiffSide::New, Aspect::IdpRole, idp_role.to_string(), place.to_string().into());
        let effect = Effect { wider: by.is_none(), narrower: false };
        changes.push(line(gained, (effect, None), note));
    }
    if !changes.iter().any(|change| change.effect.any()) {
        changes.clear();
    }
    for issuer in old.issuers.iter().filter(|it| !new.issuers.contains(it)) {
        let at = Arc::clone(&old.written.at);
        let lost = (DiffSide::Old, Aspect::Issuer, issuer.to_string(), at);
        changes.push(line(lost, fewer(old, true, around), None));
    }
    for issuer in new.issuers.iter().filter(|it| !old.issuers.contains(it)) {
        let at = Arc::clone(&new.written.at);
        let gained = (DiffSide::New, Aspect::Issuer, issuer.to_string(), at);
        changes.push(line(gained, (Effect::WIDER, None), None));
    }
    changes
}

/// What it means that some no longer hold a role: they lose what it allows, and are rid of what
/// it takes.
pub(super) fn fewer(role: &Role, some: bool, around: &Around<'_>) -> (Effect, Option<String>) {
    let rid = around.restricted_by(role).filter(|_| some);
    (Effect { wider: rid.is_some(), narrower: some }, rid)
}

fn line(
    (side, aspect, text, at): (DiffSide, Aspect, String, Arc<str>),
    (effect, why): (Effect, Option<String>),
    note: Option<String>,
) -> Change {
    Change { side, aspect, text, at, effect, note: why.or(note) }
}

/// Whether everybody whom `other` gives a role is given it by this.
fn gives(this: &IdpRole, other: &IdpRole) -> bool {
    match other {
        IdpRole::Exact(name) => IdpRole::that_match(name).any(|it| it == *this),
        IdpRole::Below(_) => this == other,
    }
}
