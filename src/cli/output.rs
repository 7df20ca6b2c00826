//! What people read: standard output for answers, standard error for what went wrong.
#![expect(clippy::print_stderr, reason = "this is where the commands print")]

use std::io::{IsTerminal as _, Write as _};

use crate::document::Problems;

/// Whether somebody looks at standard error and has not asked for no colour.
pub(super) fn colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// A line on standard output.
pub(super) fn line(text: &str) {
    // A reader that went away (`| head`) is no failure of ours.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// What went wrong.
pub(super) fn error(text: &str) {
    eprintln!("error: {text}");
}

/// All problems, each with its source lines.
pub(super) fn problems(problems: &Problems) {
    for problem in problems.iter() {
        eprintln!("{}\n", problem.render(colour()));
    }
}
