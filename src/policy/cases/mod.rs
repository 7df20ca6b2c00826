//! Test cases: what maps must and must not allow, as `[[test]]` says it. Pure.

mod read;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::{Map, Value};

pub(super) use read::{file, read};

use super::{
    Entitlement, Facts, PolicySet, Question, Verdict, explain::answer, explain::ended_by, suppose,
};
use crate::{
    code::Refusal,
    document::{Place, Problem, as_written},
    identity::Who,
    names::{AccountName, IssuerName},
};

/// One `[[test]]`.
#[derive(Debug)]
pub struct Case {
    name: String,
    place: Place,
    asker: Asker,
    expected: Vec<Expectation>,
}

/// Somebody who asks, as `as` describes them.
#[derive(Debug)]
struct Asker {
    /// Absent: the only issuer there is.
    issuer: Option<(IssuerName, Place)>,
    subject: String,
    idp_roles: BTreeSet<String>,
    claims: Map<String, Value>,
    facts: Facts,
}

#[derive(Debug)]
enum Expectation {
    Can(Question, Place),
    Cannot(Question, Place),
    Refused(String, Place),
    Account(AccountName, Place),
    Session(Duration, Place),
}

impl Case {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Holds the maps against it; what does not hold comes back, each at the line that expects
    /// it.
    ///
    /// # Errors
    /// What does not hold, at least one.
    pub fn run(
        &self,
        policy: &PolicySet,
        issuers: &BTreeSet<IssuerName>,
    ) -> Result<(), Vec<Problem>> {
        let mut failures = Vec::new();
        match self.who(issuers) {
            Err(problem) => failures.push(*problem),
            Ok(who) => {
                let supposed = suppose(policy, &who, &self.asker.facts);
                let why = |question: &Question, verdict: &Verdict<'_>| {
                    answer(policy, &supposed.reasons.roles, question, verdict)
                };
                match &supposed.outcome {
                    Err(refusal) => self.judge_refusal(refusal, &mut failures),
                    Ok(entitlement) => {
                        let judge = |it| self.judge(it, entitlement, &why);
                        failures.extend(self.expected.iter().filter_map(judge));
                    }
                }
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(failures) }
    }

    fn who(&self, issuers: &BTreeSet<IssuerName>) -> Result<Who, Box<Problem>> {
        let Asker { issuer, subject, idp_roles, claims, .. } = &self.asker;
        let issuer = match (issuer, issuers.first(), issuers.len()) {
            (Some((named, _)), ..) if issuers.contains(named) => named,
            (Some((named, place)), ..) => {
                let message = format!("issuer `{named}` is not configured");
                let help = "issuers are configured as `[issuers.NAME]` in hallpass.toml";
                return Err(Problem::error(place, message, help).into());
            }
            (None, Some(only), 1) => only,
            (None, ..) => {
                let message = format!("the case `{}` does not say whose word it is", self.name);
                let help = "with several issuers, write `issuer = \"…\"` under `as`";
                return Err(Problem::error(&self.place, message, help).into());
            }
        };
        Ok(Who {
            issuer: issuer.clone(),
            subject: subject.clone(),
            idp_roles: idp_roles.clone(),
            claims: Arc::new(claims.clone()),
        })
    }

    /// Where nobody is let in, everything that is not possible would hold: that is not what was
    /// meant, unless it says so.
    fn judge_refusal(&self, refusal: &Refusal, failures: &mut Vec<Problem>) {
        let why = refusal.detail.clone().unwrap_or_else(|| refusal.code.meaning().to_owned());
        let refused = self.expected.iter().find_map(|expectation| match expectation {
            Expectation::Refused(code, place) => Some((code, place)),
            _ => None,
        });
        match refused {
            Some((code, _)) if code == refusal.code.as_str() => {}
            Some((code, place)) => {
                let message = format!("the login is refused as `{}`, not `{code}`", refusal.code);
                failures.push(Problem::error(place, message, why));
            }
            None => {
                let message = format!("the login is refused as `{}`", refusal.code);
                let help =
                    format!("{why}; where that is meant, write `refused = \"{}\"`", refusal.code);
                failures.push(Problem::error(&self.place, message, help));
            }
        }
    }

    fn judge(
        &self,
        expectation: &Expectation,
        entitlement: &Entitlement,
        why: &impl Fn(&Question, &Verdict<'_>) -> String,
    ) -> Option<Problem> {
        let (place, message, help) = match expectation {
            Expectation::Can(question, place) | Expectation::Cannot(question, place) => {
                let meant = matches!(expectation, Expectation::Can(..));
                let verdict = entitlement.can(question);
                if verdict.allowed == meant {
                    return None;
                }
                let not = if meant { "cannot" } else { "can" };
                (place, format!("{not} `{question}`"), why(question, &verdict))
            }
            Expectation::Refused(code, place) => (
                place,
                format!("the login is granted, not refused as `{code}`"),
                format!("in account `{}`", entitlement.account()),
            ),
            Expectation::Account(account, place) if entitlement.account() != account => (
                place,
                format!("the account is `{}`, not `{account}`", entitlement.account()),
                "a role leads to the account of its file".to_owned(),
            ),
            Expectation::Session(expected, place) => {
                let lasts = self.asker.facts.now.duration_until(entitlement.ends_at());
                let lasts = Duration::try_from(lasts).unwrap_or_default();
                if lasts == *expected {
                    return None;
                }
                (
                    place,
                    format!(
                        "the session lasts {}, not {}",
                        as_written(lasts),
                        as_written(*expected)
                    ),
                    format!("it is ended by {}", ended_by(entitlement.ends_by())),
                )
            }
            Expectation::Account(..) => return None,
        };
        Some(Problem::error(place, message, help))
    }
}

#[cfg(test)]
mod tests;
