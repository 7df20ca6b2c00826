//! Two versions of the maps side by side: who gains and who loses what, role by role. Pure.
//!
//! A role is compared with all that it inherits, by its name. What nobody can hold is not
//! compared: what it says shows in the roles that inherit from it.
//!
//! **Wider** is whatever lets somebody do what he could not do before. Where that cannot be told,
//! it is wider. What a role takes from others who hold it too (denies, a short session, the queue
//! groups that a subject is left to) is wider where it goes away. Logins that were refused as a
//! whole for what several roles are together (two accounts, too many permissions, unbounded
//! responses) are not looked at.

mod conditions;
mod entitled;
mod holders;
mod limits;
mod subjects;

use std::{collections::BTreeSet, sync::Arc};

pub use entitled::{Difference, Entitled, Listed};
pub(super) use limits::span;

use super::compile::{PolicySet, Role};
use crate::names::{AccountName, IssuerName, RoleName};

/// What became of all roles.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PolicyDiff {
    /// The roles that differ, by name.
    pub roles: Vec<RoleDiff>,
    /// How many do not.
    pub unchanged: usize,
}

/// What became of one role.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RoleDiff {
    /// Its name.
    pub role: RoleName,
    /// Whether it is there on both sides.
    pub fate: Fate,
    /// Where it leads: the new account, where there are two.
    pub account: AccountName,
    /// The IdP roles that give it, of both sides.
    pub idp_roles: BTreeSet<String>,
    /// The issuers whose word gives it, of both sides.
    pub issuers: BTreeSet<IssuerName>,
    /// All changes together.
    #[serde(flatten)]
    pub effect: Effect,
    /// Each change.
    pub changes: Vec<Change>,
}

/// Whether a role is there on both sides, for somebody to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It was there and is.
    Changed,
}

/// A line of one side that the other does not have.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// Which side has it.
    pub side: DiffSide,
    /// What of the role it is about.
    pub aspect: Aspect,
    /// What it says.
    pub text: String,
    /// `file:line`.
    pub at: Arc<str>,
    /// What it does.
    #[serde(flatten)]
    pub effect: Effect,
    /// Why, where that does not go without saying.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DiffSide {
    /// What was.
    Old,
    /// What is to be.
    New,
}

/// What of a role is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// The role as a whole.
    Role,
    /// Where it leads.
    Account,
    /// An IdP role that gives it.
    IdpRole,
    /// An issuer whose word gives it.
    Issuer,
    /// A condition.
    Condition,
    /// A value that a login must bring.
    Needs,
    /// What may be published.
    Publish,
    /// What may not be published.
    DenyPublish,
    /// What may be subscribed to.
    Subscribe,
    /// What may not be subscribed to.
    DenySubscribe,
    /// Answers to requests.
    Responses,
    /// The longest session.
    Session,
}

impl Aspect {
    /// What people call it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Account => "account",
            Self::IdpRole => "IdP role",
            Self::Issuer => "issuer",
            Self::Condition => "only",
            Self::Needs => "needs",
            Self::Publish => "publish",
            Self::DenyPublish => "deny publish",
            Self::Subscribe => "subscribe",
            Self::DenySubscribe => "deny subscribe",
            Self::Responses => "responses",
            Self::Session => "session",
        }
    }
}

/// What a change does: one, the other, both or neither.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Effect {
    /// Somebody may do what he could not do before.
    pub wider: bool,
    /// Somebody may no longer do what he could.
    pub narrower: bool,
}

impl Effect {
    const WIDER: Self = Self { wider: true, narrower: false };
    const NARROWER: Self = Self { wider: false, narrower: true };

    /// Whether it does anything.
    #[must_use]
    pub fn any(self) -> bool {
        self.wider || self.narrower
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { wider: self.wider || other.wider, narrower: self.narrower || other.narrower }
    }
}

impl PolicyDiff {
    /// Compares.
    #[must_use]
    pub fn between(old: &PolicySet, new: &PolicySet) -> Self {
        let names: BTreeSet<&RoleName> = old.by_name().keys().chain(new.by_name().keys()).collect();
        let mut diff = Self { roles: Vec::new(), unchanged: 0 };
        for name in names {
            let changes = match (held(old, name), held(new, name)) {
                (None, None) => continue,
                (Some(was), Some(is)) => changed(was, is, &Around::of(is, old, new)),
                (None, Some(is)) => added(is, &Around::of(is, old, new)),
                (Some(was), None) => removed(was, &Around::of(was, old, new)),
            };
            match changes {
                role if role.effect.any() => diff.roles.push(role),
                _ => diff.unchanged += 1,
            }
        }
        diff
    }

    /// How many roles let somebody do more.
    #[must_use]
    pub fn wider(&self) -> usize {
        self.roles.iter().filter(|role| role.effect.wider).count()
    }

    /// How many roles only take something away.
    #[must_use]
    pub fn narrower(&self) -> usize {
        self.roles.len() - self.wider()
    }
}

/// A role that somebody can hold.
fn held<'a>(set: &'a PolicySet, name: &RoleName) -> Option<&'a Role> {
    set.by_name().get(name).map(Arc::as_ref).filter(|role| can_be_held(role))
}

fn can_be_held(role: &Role) -> bool {
    !role.written.idp_roles.is_empty() && !role.issuers.is_empty()
}

/// The roles that one may hold together with another, and the other itself.
struct Around<'a> {
    old: Vec<&'a Role>,
    new: Vec<&'a Role>,
}

impl<'a> Around<'a> {
    fn of(role: &Role, old: &'a PolicySet, new: &'a PolicySet) -> Self {
        let of_account = |set: &'a PolicySet| {
            let same = |it: &&Role| it.written.account == role.written.account && can_be_held(it);
            set.by_name().values().map(Arc::as_ref).filter(same).collect()
        };
        Self { old: of_account(old), new: of_account(new) }
    }

    /// Why somebody who no longer holds a role may do more by those that are left.
    fn restricted_by(&self, role: &Role) -> Option<String> {
        let others = || self.new.iter().filter(|it| it.written.name != role.written.name);
        let told = |what: &str, other: &Role| {
            format!("{what} no longer holds for who has `{}`", other.written.name)
        };
        if let Some(other) = others().find(|other| subjects::takes_from(role, other)) {
            return Some(told("what it keeps from its holders", other));
        }
        let session = role.whole.longest()?;
        let longer = |other: &&&Role| other.whole.longest().is_none_or(|theirs| theirs > session);
        others().find(longer).map(|other| told("its session", other))
    }
}

fn changed(old: &Role, new: &Role, around: &Around<'_>) -> RoleDiff {
    let mut changes = holders::account(old, new);
    changes.extend(holders::changes(old, new, around));
    changes.extend(conditions::changes(old, new, around));
    changes.extend(subjects::needs(&old.whole.lists, &new.whole.lists));
    changes.extend(subjects::changes(&old.whole.lists, &new.whole.lists, around));
    changes.extend(limits::responses(old.whole.responses.as_ref(), new.whole.responses.as_ref()));
    changes.extend(limits::session(old, new));
    summed(Fate::Changed, old, new, changes)
}

fn added(role: &Role, around: &Around<'_>) -> RoleDiff {
    let mut changes = vec![whole(role, DiffSide::New, Effect::WIDER, None)];
    changes.extend(conditions::all(role, DiffSide::New));
    changes.extend(subjects::changes(&<_>::default(), &role.whole.lists, around));
    changes.extend(limits::responses(None, role.whole.responses.as_ref()));
    changes.extend(limits::all(role, DiffSide::New));
    summed(Fate::Added, role, role, changes)
}

fn removed(role: &Role, around: &Around<'_>) -> RoleDiff {
    let note = around.restricted_by(role);
    let effect = Effect { wider: note.is_some(), narrower: true };
    let mut changes = vec![whole(role, DiffSide::Old, effect, note)];
    changes.extend(conditions::all(role, DiffSide::Old));
    changes.extend(subjects::all(&role.whole.lists, around));
    changes.extend(limits::responses(role.whole.responses.as_ref(), None));
    changes.extend(limits::all(role, DiffSide::Old));
    summed(Fate::Removed, role, role, changes)
}

fn whole(role: &Role, side: DiffSide, effect: Effect, note: Option<String>) -> Change {
    let text = format!("`{}` in the account `{}`", role.written.name, role.written.account);
    Change { side, aspect: Aspect::Role, text, at: Arc::clone(&role.written.at), effect, note }
}

/// `first` and `last`: the role on both sides, or twice where it is on one.
fn summed(fate: Fate, first: &Role, last: &Role, changes: Vec<Change>) -> RoleDiff {
    let idp_roles = |role: &Role| -> Vec<String> {
        role.written.idp_roles.iter().map(|(idp_role, _)| idp_role.to_string()).collect()
    };
    RoleDiff {
        role: last.written.name.clone(),
        fate,
        account: last.written.account.clone(),
        idp_roles: idp_roles(first).into_iter().chain(idp_roles(last)).collect(),
        issuers: first.issuers.iter().chain(&last.issuers).cloned().collect(),
        effect: changes.iter().fold(Effect::default(), |sum, change| sum.and(change.effect)),
        changes,
    }
}

#[cfg(test)]
mod tests;
