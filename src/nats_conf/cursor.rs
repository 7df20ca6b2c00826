//! The text under a finger that knows its line.

use std::sync::Arc;

use super::{At, Fault};

/// A place in a text, moving forward.
pub(super) struct Cursor<'a> {
    file: Arc<str>,
    text: &'a str,
    position: usize,
    line: usize,
}

/// What the server takes for the end of a line.
pub(super) fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

/// What the server takes for a gap within a line.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

impl<'a> Cursor<'a> {
    pub(super) fn new(file: Arc<str>, text: &'a str) -> Self {
        Self { file, text, position: 0, line: 1 }
    }

    pub(super) fn file(&self) -> &str {
        &self.file
    }

    pub(super) fn at(&self) -> At {
        At { file: Arc::clone(&self.file), line: self.line }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The text from an earlier position up to here.
    pub(super) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.position).unwrap_or_default()
    }

    /// All that is left.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.position += c.len_utf8();
        self.line += usize::from(c == '\n');
        Some(c)
    }

    /// Takes the next character where it is this one.
    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let is_it = self.peek() == Some(wanted);
        if is_it {
            self.next();
        }
        is_it
    }

    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let start = self.position;
        while self.peek().is_some_and(&fits) {
            self.next();
        }
        self.since(start)
    }

    /// Skips a comment up to the end of its line, where there is one.
    pub(super) fn comment(&mut self) -> bool {
        let is_one = self.rest().starts_with('#') || self.rest().starts_with("//");
        if is_one {
            self.take_while(|c| !ends_line(c));
        }
        is_one
    }

    /// What is wrong here.
    pub(super) fn fault<T>(
        &self,
        message: impl Into<String>,
        help: &'static str,
    ) -> Result<T, Fault> {
        Err(Fault { at: self.at(), message: message.into(), help })
    }
}
