//! The event of a change of the subject maps, or of one that was rejected.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Event, Kind, Recorded};
use crate::{
    document::{Problems, Severity},
    names::InstanceId,
    policy::PolicySet,
};

/// How many problems are told one by one.
const MOST: usize = 50;
/// The characters of a place or a message that are told.
const LONGEST: usize = 300;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MapsOutcome {
    /// It is in force.
    Changed,
    /// It is invalid; the version from before stays in force.
    Rejected,
}

/// A problem of a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapProblem {
    /// `file:line`, or what has no lines.
    pub at: String,
    /// What.
    pub message: String,
}

impl MapProblem {
    /// The first errors of all of them: warnings reject nothing.
    #[must_use]
    pub fn list(problems: &Problems) -> Vec<Self> {
        let cut = |text: String| text.chars().take(LONGEST).collect();
        errors(problems)
            .take(MOST)
            .map(|problem| Self {
                at: cut(problem.place.to_string()),
                message: cut(problem.message.clone()),
            })
            .collect()
    }

    /// How many errors there are.
    #[must_use]
    pub fn count(problems: &Problems) -> usize {
        errors(problems).count()
    }
}

fn errors(problems: &Problems) -> impl Iterator<Item = &crate::document::Problem> {
    problems.iter().filter(|problem| problem.severity == Severity::Error)
}

/// A change of the maps.
#[derive(Debug, Clone, Copy)]
pub struct MapsEvent<'a> {
    /// The digest of what was in force before.
    pub old: &'a str,
    /// The digest of what came; absent where the directory cannot be read.
    pub new: Option<&'a str>,
    /// What is in force now.
    pub in_force: &'a PolicySet,
    /// What is wrong with what came; nothing where it is in force.
    pub problems: Option<&'a Problems>,
    /// When.
    pub at: Timestamp,
}

#[derive(Serialize)]
struct Data<'a> {
    outcome: MapsOutcome,
    old: &'a str,
    new: Option<&'a str>,
    in_force: InForceData<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<MapProblem>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem_count: Option<usize>,
    hallpass: Recorded<'a>,
}

#[derive(Serialize)]
struct InForceData<'a> {
    digest: &'a str,
    roles: usize,
    files: usize,
}

/// Writes the event.
///
/// # Errors
/// Where it cannot be written as JSON, which no known value causes.
pub fn maps(event: MapsEvent<'_>, instance: InstanceId) -> Result<Event, serde_json::Error> {
    let MapsEvent { old, new, in_force, problems, at } = event;
    let (outcome, word) = match problems {
        None => (MapsOutcome::Changed, "changed"),
        Some(_) => (MapsOutcome::Rejected, "rejected"),
    };
    let data = Data {
        outcome,
        old,
        new,
        in_force: InForceData {
            digest: in_force.digest(),
            roles: in_force.roles(),
            files: in_force.files(),
        },
        problems: problems.map(MapProblem::list),
        problem_count: problems.map(MapProblem::count),
        hallpass: Recorded::new(instance, in_force),
    };
    Event::new(Kind::Maps, word, None, new.unwrap_or(old), at, &data)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testkit::{maps as a_directory, on_the_stream};

    #[test]
    fn a_change_names_both_versions_and_what_is_in_force() {
        let good = a_directory(&[("a.toml", "account = \"APP\"\n[roles.r]\nsubscribe = [\"x\"]")]);
        let policy = good.policy();
        let at = Timestamp::UNIX_EPOCH;
        let change = MapsEvent {
            old: "sha256:old",
            new: Some(policy.digest()),
            in_force: &policy,
            problems: None,
            at,
        };
        let me = InstanceId::fresh();
        let event = maps(change, me).unwrap();
        assert_eq!(event.topic(), "maps._.changed");
        let told = on_the_stream(&event);
        assert_eq!(told["type"], "hallpass.maps");
        let in_force = json!({ "digest": policy.digest(), "roles": 1, "files": 1 });
        let hallpass = json!({
            "version": env!("CARGO_PKG_VERSION"), "instance": me.to_string(), "maps": policy.digest(),
        });
        let expected = json!({
            "outcome": "changed", "old": "sha256:old", "new": policy.digest(),
            "in_force": in_force, "hallpass": hallpass,
        });
        assert_eq!(told["data"], expected);
    }

    #[test]
    fn a_rejection_tells_its_first_problems_and_how_many_there_are() {
        let lines = "nonsense = 1\n";
        let roles: String = (0..60).map(|n| format!("[roles.r{n}]\nbad = 1\n")).collect();
        let bad = a_directory(&[("a.toml", &format!("account = \"APP\"\n{lines}{roles}"))]);
        let (set, problems) = bad.load();
        assert!(set.is_none());
        let policy = PolicySet::default();
        let at = Timestamp::UNIX_EPOCH;
        let change = MapsEvent {
            old: "sha256:old",
            new: None,
            in_force: &policy,
            problems: Some(&problems),
            at,
        };
        let me = InstanceId::fresh();
        let event = maps(change, me).unwrap();
        assert_eq!(event.topic(), "maps._.rejected");
        let told = on_the_stream(&event);
        let data = &told["data"];
        assert_eq!(data["new"], Value::Null);
        assert_eq!(data["problem_count"], MapProblem::count(&problems));
        assert!(data["problem_count"].as_u64().unwrap() >= 61);
        let problems = data["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 50);
        let first = &problems[0];
        assert!(first["at"].as_str().unwrap().ends_with("a.toml:2"), "{first}");
        assert!(first["message"].as_str().unwrap().contains("`nonsense`"), "{first}");
    }
}
