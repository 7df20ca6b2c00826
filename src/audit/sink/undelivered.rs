//! What did not get to the stream, as the last thing that hallpass says.

use std::{fmt, path::PathBuf};

/// What did not get to the stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undelivered {
    /// How many events are on the disk, to be delivered at the next start.
    pub spooled: usize,
    /// How many are lost.
    pub lost: usize,
    /// Where the former are.
    pub directory: Option<PathBuf>,
    /// How many JetStream will never take.
    pub parked: usize,
    /// Where these are.
    pub parked_at: Option<PathBuf>,
    /// Where instances left something that could not be listed, locked or read: whether the stream
    /// has it, nobody knows.
    pub out_of_reach: Vec<PathBuf>,
}

impl Undelivered {
    /// Whether there is anything.
    #[must_use]
    pub fn any(&self) -> bool {
        self.spooled + self.lost + self.parked + self.out_of_reach.len() > 0
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = Vec::new();
        if let (1.., Some(directory)) = (self.spooled, &self.directory) {
            told.push(format!(
                "{} audit events are not on the stream yet: they are kept in `{}`, and the next \
                 start with this directory delivers them",
                self.spooled,
                directory.display()
            ));
        }
        if let (1.., Some(directory)) = (self.parked, &self.parked_at) {
            told.push(format!(
                "{} audit events are none that JetStream ever takes as it is set up: they are kept \
                 in `{}`, for people to look at",
                self.parked,
                directory.display()
            ));
        }
        if let [first, others @ ..] = &self.out_of_reach[..] {
            let more = match others.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            told.push(format!(
                "what an instance left in `{}`{more} cannot be read, and may have audit events that \
                 are not on the stream: the log says why",
                first.display()
            ));
        }
        if self.lost > 0 {
            told.push(format!(
                "{} audit events are lost: JetStream did not acknowledge them in time, and no disk \
                 has them",
                self.lost
            ));
        }
        f.write_str(&told.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_told_and_what_is_nowhere() {
        assert!(!Undelivered::default().any());
        let all = Undelivered {
            spooled: 1,
            lost: 2,
            directory: Some("spool".into()),
            parked: 3,
            parked_at: Some("spool/parked".into()),
            out_of_reach: vec!["spool/one".into()],
        };
        let told = all.to_string();
        let parts: Vec<_> = told.split("; ").collect();
        assert!(parts[0].starts_with("1 audit events are not on the stream yet"), "{told}");
        assert!(parts[0].contains("kept in `spool`"), "{told}");
        assert!(parts[1].starts_with("3 audit events") && parts[1].contains("`spool/parked`"));
        assert!(parts[2].starts_with("what an instance left in `spool/one` cannot"), "{told}");
        assert!(parts[3].starts_with("2 audit events are lost"), "{told}");
        let only = Undelivered { parked: 1, ..Undelivered::default() };
        assert!(only.any());
        let out_of_reach = vec!["a".into(), "b".into(), "c".into()];
        let only = Undelivered { out_of_reach, ..Undelivered::default() };
        assert!(only.any() && only.to_string().contains("left in `a` and 2 more cannot be read"));
    }
}
