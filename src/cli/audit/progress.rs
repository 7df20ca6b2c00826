//! How far long work has come, for somebody who looks at it.

use std::{
    io::{IsTerminal as _, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A line on standard error while somebody looks; nothing where it goes into a pipe or a file.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(what: &'static str) -> Self {
        let bar = match stderr().is_terminal() {
            true => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5)),
            false => ProgressBar::hidden(),
        };
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// So much is to be done.
    pub(super) fn of(&self, total: u64, unit: Unit) {
        let template = match unit {
            Unit::Events => "{msg} {wide_bar} {human_pos} of {human_len} events, {eta} to go",
            Unit::Bytes => "{msg} {wide_bar} {bytes} of {total_bytes}, {eta} to go",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
        self.0.set_length(total);
    }

    pub(super) fn add(&self, count: u64) {
        self.0.inc(count);
    }

    /// Writes while the line is out of the way.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    Events,
    Bytes,
}
