//! What people read: standard output for answers, standard error for what went wrong.

use std::io::{self, IsTerminal as _, Write as _};

use crate::{document::Problems, printable};

/// Whether somebody looks at standard error and has not asked for no colour.
pub(super) fn colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// As [`colour`], for standard output.
pub(super) fn colour_of_output() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// A line on standard output, for commands whose exit code says the same. A reader that went
/// away (`| head`) is no failure of ours.
pub(super) fn line(text: &str) {
    let _ = try_line(text);
}

/// A line on standard output, for commands that do nothing else.
///
/// # Errors
/// Where it cannot be written, because the reader went away for instance.
pub(super) fn try_line(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

/// A whole answer on standard output, its line breaks included. A reader that went away
/// (`| head`) has seen what it wanted.
///
/// # Errors
/// Where it cannot be written for another reason: half an answer must not pass for one.
pub(super) fn text(text: &str) -> io::Result<()> {
    let mut output = io::stdout();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Whether somebody looks at standard output and has not asked for no colour.
pub(super) fn coloured_answer() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Resolves when standard output is a pipe whose reader went away.
pub(super) async fn nobody_reads() {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        use tokio::{io::Interest, net::unix::pipe::Sender};
        // Unchecked, because to check would make writes to it fail instead of wait. A file
        // cannot be watched, and has no reader to lose.
        if let Ok(output) = io::stdout().as_fd().try_clone_to_owned()
            && let Ok(pipe) = Sender::from_owned_fd_unchecked(output)
            && pipe.ready(Interest::ERROR).await.is_ok()
        {
            return;
        }
    }
    std::future::pending().await
}

/// What went wrong.
pub(super) fn error(text: &str) {
    complain(&lines(&format!("error: {text}")));
}

/// What somebody should know while standard output has the answer.
pub(super) fn note(text: &str) {
    complain(&lines(text));
}

/// All problems, each with its source lines.
pub(super) fn problems(problems: &Problems) {
    for problem in problems.iter() {
        complain(&format!("{}\n", problem.render(colour())));
    }
}

/// Lines of ours in which others may be quoted: only the line breaks are obeyed.
fn lines(text: &str) -> String {
    text.split('\n').map(printable::text).collect::<Vec<_>>().join("\n")
}

fn complain(text: &str) {
    // There is nobody left to tell that nobody can be told.
    let _ = writeln!(io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_quoted_gives_a_terminal_no_commands() {
        let said = "error: no\n  https://idp.example/\u{1b}[2J\u{202e}\n";
        assert_eq!(lines(said), "error: no\n  https://idp.example/\\u{1b}[2J\\u{202e}\n");
    }
}
