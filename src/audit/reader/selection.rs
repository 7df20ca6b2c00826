//! Which events are asked for: what the server can leave out by itself.

use jiff::Timestamp;

use crate::audit::SUBJECT_PREFIX;

/// More filters than this on one consumer, and everything is read instead.
const MOST: usize = 64;

/// What the server leaves out. An empty list leaves nothing out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Types, such as `decision`.
    pub types: Vec<String>,
    /// Accounts, as [`subject_token`](crate::audit::event::subject_token) writes them.
    pub accounts: Vec<String>,
    /// Outcomes, such as `refused`.
    pub outcomes: Vec<String>,
    /// Ids of instances.
    pub instances: Vec<String>,
    /// What was stored before this is left out.
    pub since: Option<Timestamp>,
}

impl Selection {
    /// The subjects to ask for; none for all.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        let levels = [&self.types, &self.accounts, &self.outcomes, &self.instances];
        if levels.iter().all(|level| level.is_empty()) {
            return Vec::new();
        }
        let mut subjects = vec![SUBJECT_PREFIX.to_owned()];
        for level in levels {
            let any = [String::from("*")];
            let tokens = if level.is_empty() { any.as_slice() } else { level.as_slice() };
            let mut tokens: Vec<_> = tokens.iter().collect();
            // The server refuses filters that overlap.
            tokens.sort_unstable();
            tokens.dedup();
            subjects = subjects
                .iter()
                .flat_map(|subject| tokens.iter().map(move |token| format!("{subject}.{token}")))
                .collect();
            if subjects.len() > MOST {
                return Vec::new();
            }
        }
        subjects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_asked_for_once() {
        let words = |words: &[&str]| words.iter().map(|it| (*it).to_owned()).collect();
        assert!(Selection::default().subjects().is_empty());
        let selection = Selection {
            types: words(&["decision"]),
            accounts: words(&["APP", "OPS", "APP"]),
            outcomes: words(&["refused"]),
            ..Selection::default()
        };
        assert_eq!(
            selection.subjects(),
            ["hallpass.audit.decision.APP.refused.*", "hallpass.audit.decision.OPS.refused.*"]
        );
        let many: Vec<String> = (0..65).map(|number| number.to_string()).collect();
        assert!(Selection { accounts: many, ..selection }.subjects().is_empty());
        assert_eq!(crate::audit::event::subject_token("a.b c"), "a_b_c");
    }
}
