//! What was decided beside what would be.

use serde::Serialize;

use super::{Question, Verdict, Was};
use crate::{
    names::{AccountName, RoleName},
    policy::{
        Aspect, DiffSide, Difference, Effect, EndedBy, Entitled, Entitlement, Permissions, RuleRef,
        Side, Supposition,
    },
};

/// How many lines of a change are told.
const MOST_LINES: usize = 24;

/// What kind of change it is, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The maps are those that decided, and say something else now.
    Differs,
    /// Who was refused is let in.
    Allowed,
    /// Who is let in may do more.
    Widened,
    /// Who is let in may do more of one and less of another.
    Both,
    /// Who is let in comes into another account.
    Account,
    /// Who was let in is refused.
    Refused,
    /// Who is let in may do less.
    Narrowed,
}

/// What would be otherwise. Two logins of the same kind have the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// What kind.
    pub kind: ChangeKind,
    /// What was decided.
    pub was: Stand,
    /// What would be.
    pub now: Stand,
    /// What comes and what goes.
    pub lines: Vec<Line>,
    /// How many lines there are beyond those.
    pub more: usize,
    /// Where more has to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// An outcome in short.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Stand {
    /// Where it leads; none of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountName>,
    /// The code of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// More about the refusal, without claim values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The roles that count; of a refusal, those that were given.
    pub roles: Vec<RoleName>,
    /// Where these roles are defined, as far as the maps are those that decide again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<RuleRef>,
}

/// One thing that comes or goes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Line {
    /// Which side has it.
    pub side: DiffSide,
    /// What it is about.
    pub aspect: Aspect,
    /// The subject, or what is said of responses and of the session.
    pub text: String,
    /// What it does.
    #[serde(flatten)]
    pub effect: Effect,
    /// The rules that it comes from, where it is on the new side.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleRef>,
}

impl std::fmt::Debug for Line {
    /// No subject: claims are in them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { side, aspect, effect, .. } = self;
        f.debug_tuple("Line").field(side).field(aspect).field(effect).finish()
    }
}

/// Compares what was decided with what is supposed.
pub(super) fn compare(question: &Question, now: &Supposition, is_same_maps: bool) -> Verdict {
    let differences = |found: Vec<Difference>, is: Option<&Entitlement>, old: Option<&Entitled>| {
        found.into_iter().map(|it| line(it, is, old)).collect::<Vec<_>>()
    };
    let (kind, lines) = match (&question.was, &now.outcome) {
        (Was::Refused(code), Err(refusal)) => match is_same_maps && refusal.code.as_str() != code {
            true => (ChangeKind::Differs, Vec::new()),
            false => return Verdict::Same,
        },
        (Was::Refused(_), Ok(is)) => {
            let all = Entitled::from(is).all(DiffSide::New);
            (ChangeKind::Allowed, differences(all, Some(is), None))
        }
        (Was::Granted(was), Err(_)) => {
            let old = was.entitled.as_ref();
            let all = old.map(|it| it.all(DiffSide::Old)).unwrap_or_default();
            (ChangeKind::Refused, differences(all, None, old))
        }
        (Was::Granted(was), Ok(is)) => {
            let old = was.entitled.as_ref();
            let new = Entitled::from(is);
            let found = old.map(|old| old.differences(&new)).unwrap_or_default();
            let lines = differences(found, Some(is), old);
            let effect = lines.iter().fold(Effect::default(), |sum, it| sum.and(it.effect));
            let kind = match effect {
                _ if was.account != *is.account() => ChangeKind::Account,
                _ if old.is_none() => {
                    let why = "not all permissions that were granted are in the event";
                    return Verdict::Undecidable(why.to_owned());
                }
                Effect { wider: true, narrower: true } => ChangeKind::Both,
                Effect { wider: true, .. } => ChangeKind::Widened,
                Effect { narrower: true, .. } => ChangeKind::Narrowed,
                Effect { .. } => return Verdict::Same,
            };
            (kind, lines)
        }
    };
    let more = lines.len().saturating_sub(MOST_LINES);
    let ours = env!("CARGO_PKG_VERSION");
    let note = (is_same_maps && question.version != ours)
        .then(|| format!("hallpass {} decided then, this is {ours}", question.version));
    Verdict::Changed(Box::new(Change {
        kind: if is_same_maps { ChangeKind::Differs } else { kind },
        was: stood(question),
        now: stands(now),
        lines: lines.into_iter().take(MOST_LINES).collect(),
        more,
        note,
    }))
}

fn stood(question: &Question) -> Stand {
    let (account, refused) = match &question.was {
        Was::Granted(granted) => (Some(granted.account.clone()), None),
        Was::Refused(code) => (None, Some(code.clone())),
    };
    Stand { account, refused, roles: question.roles.clone(), ..Stand::default() }
}

fn stands(now: &Supposition) -> Stand {
    let roles = now.reasons.roles.clone();
    let given = now.reasons.given.iter().map(|it| &it.role);
    let at = given.filter(|it| roles.contains(&it.role)).cloned().collect();
    match &now.outcome {
        Ok(is) => Stand { account: Some(is.account().clone()), roles, at, ..Stand::default() },
        Err(refusal) => Stand {
            refused: Some(refusal.code.to_string()),
            detail: refusal.detail.clone(),
            roles,
            at,
            ..Stand::default()
        },
    }
}

fn line(difference: Difference, is: Option<&Entitlement>, was: Option<&Entitled>) -> Line {
    let Difference { side, aspect, permission, effect } = difference;
    let rules = |list: Option<&Permissions>| {
        let found = list.zip(permission.as_ref()).and_then(|(list, it)| list.get(it));
        found.into_iter().flatten().cloned().collect::<Vec<_>>()
    };
    let lists = |side: fn(&Entitlement) -> &Side| match is.map(side) {
        Some(Side::Some { allow, deny }) => (Some(allow), Some(deny)),
        _ => (None, None),
    };
    let (text, rules) = match aspect {
        Aspect::Publish => (None, rules(lists(Entitlement::publish).0)),
        Aspect::DenyPublish => (None, rules(lists(Entitlement::publish).1)),
        Aspect::Subscribe => (None, rules(lists(Entitlement::subscribe).0)),
        Aspect::DenySubscribe => (None, rules(lists(Entitlement::subscribe).1)),
        Aspect::Session => {
            let (by, rule) = ended_by(is.map(Entitlement::ends_by));
            let how = if effect.wider { "longer" } else { "shorter" };
            (Some(format!("{how}, now ended by {by}")), rule)
        }
        _ => {
            let told = |it: Option<(u32, std::time::Duration)>| {
                it.map_or_else(|| "none".to_owned(), |(max, for_)| format!("{max} within {for_:?}"))
            };
            let now = is.and_then(Entitlement::responses);
            let old = told(was.and_then(|it| it.responses));
            let new = told(now.map(|it| (it.max, it.expires)));
            (Some(format!("{new} (was {old})")), Vec::new())
        }
    };
    let text = text.unwrap_or_else(|| permission.map(|it| it.to_string()).unwrap_or_default());
    Line { side, aspect, text, effect, rules }
}

fn ended_by(by: Option<&EndedBy>) -> (&'static str, Vec<RuleRef>) {
    match by {
        Some(EndedBy::Session(rule)) => ("`session`", vec![rule.clone()]),
        Some(EndedBy::Hours(rule)) => ("`hours`", vec![rule.clone()]),
        Some(EndedBy::Longest) => ("the longest session there is", Vec::new()),
        Some(EndedBy::Credential) | None => ("the credential's end", Vec::new()),
    }
}
