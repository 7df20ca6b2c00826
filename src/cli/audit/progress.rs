//! How far long work has come, for somebody who looks at it.

use std::{
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What takes no longer needs no line.
const SHORT: Duration = Duration::from_millis(500);

/// A line on standard error while somebody looks; nothing where it goes into a pipe or a file.
pub(in crate::cli) struct Progress {
    bar: ProgressBar,
    begun: Instant,
}

impl Progress {
    pub(in crate::cli) fn new(what: &'static str) -> Self {
        let bar = ProgressBar::hidden();
        bar.set_message(what);
        Self { bar, begun: Instant::now() }
    }

    /// So much is to be done.
    pub(in crate::cli) fn of(&self, total: u64, unit: Unit) {
        let template = match unit {
            Unit::Events => "{msg} {wide_bar} {human_pos} of {human_len} events, {eta} to go",
            // Of a pipe, nobody knows.
            Unit::Bytes if total == 0 => "{msg} {bytes} so far",
            Unit::Bytes => "{msg} {wide_bar} {bytes} of {total_bytes}, {eta} to go",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.set_length(total);
    }

    pub(in crate::cli) fn add(&self, count: u64) {
        if self.bar.is_hidden() && self.begun.elapsed() > SHORT && stderr().is_terminal() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
        }
        self.bar.inc(count);
    }

    /// Writes while the line is out of the way.
    pub(in crate::cli) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) enum Unit {
    Events,
    Bytes,
}
