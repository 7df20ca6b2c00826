//! A problem in a file: where, what, and what to do about it.

use std::{
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::redact::redact;
use crate::printable;

/// A file's name and text, shared by all places in it.
#[derive(Debug)]
pub struct Source {
    /// The path as people know it.
    pub path: String,
    /// What it holds.
    pub text: String,
    /// Where each line but the first begins, once somebody asked.
    lines: OnceLock<Vec<usize>>,
}

impl Source {
    /// A text and what to call it.
    #[must_use]
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), lines: OnceLock::new() }
    }

    /// The line of a byte, counted from 1.
    fn line(&self, at: usize) -> usize {
        let starts = self.lines.get_or_init(|| {
            self.text.match_indices('\n').map(|(newline, _)| newline + 1).collect()
        });
        starts.partition_point(|start| *start <= at) + 1
    }

    /// A file as it was read; where it is no text, that is a problem at its place.
    pub fn read(path: String, bytes: Vec<u8>, problems: &mut Problems) -> Option<Arc<Self>> {
        match String::from_utf8(bytes) {
            Ok(text) => Some(Arc::new(Self::new(path, text))),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let span = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
                let place = Place::File { source: Arc::new(Self::new(path, text)), span };
                problems.add(Problem::error(
                    &place,
                    "the file is not UTF-8 text",
                    "save it in UTF-8, without other encodings in it",
                ));
                None
            }
        }
    }
}

/// Where a value was written.
#[derive(Clone)]
pub enum Place {
    /// In a file, from byte to byte.
    File {
        /// Which file.
        source: Arc<Source>,
        /// Which bytes.
        span: Range<usize>,
    },
    /// Somewhere that has no lines: an environment variable, a flag, a directory.
    Named(Arc<str>),
}

impl Place {
    /// A place without lines.
    #[must_use]
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        Self::Named(name.into())
    }

    /// The text around it, without secrets.
    fn shown(&self, concealed: bool) -> String {
        let Self::File { source, span } = self else { return String::new() };
        let mut text = redact(&source.text).into_owned();
        // What renders knows of C0 and of what turns text around, not of C1. As many bytes as
        // before, so that spans fit.
        if text.contains(is_c1) {
            text = text.replace(is_c1, "·");
        }
        if concealed {
            let span = clamp(span, &text);
            let star = |byte| if byte == b'\n' { '\n' } else { '*' };
            let stars: String =
                text.get(span.clone()).unwrap_or_default().bytes().map(star).collect();
            text.replace_range(span, &stars);
        }
        text
    }

    /// Whether it is the same bytes of the same file, or the same name.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { source, span }, Self::File { source: other, span: theirs }) => {
                Arc::ptr_eq(source, other) && span == theirs
            }
            (Self::Named(name), Self::Named(other)) => name == other,
            _ => false,
        }
    }

    /// The line, counted from 1, where the place is in a file.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::File { source, span } => Some(source.line(span.start)),
            Self::Named(_) => None,
        }
    }
}

impl fmt::Display for Place {
    /// `subject-maps/orders.toml:7`, fit for a terminal: who names a file may be anybody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { source, .. } => {
                let path = printable::text(&source.path);
                write!(f, "{path}:{}", self.line().unwrap_or_default())
            }
            Self::Named(name) => f.write_str(&printable::text(name)),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether a problem stops the file from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// Legal, and probably not meant.
    Warning,
}

/// One problem.
///
/// Style: the message is lower case without a full stop, what the user wrote in backticks;
/// the help says what to do.
#[derive(Debug, Clone)]
pub struct Problem {
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// What.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// Another place that has to do with it, and how.
    pub related: Option<(Place, String)>,
    /// Whether what stands at the place is shown as stars.
    concealed: bool,
}

impl Problem {
    /// An error at a place, and what to do about it.
    pub fn error(place: &Place, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: place.clone(),
            message: redact(&message.into()).into_owned(),
            help: redact(&help.into()).into_owned(),
            related: None,
            concealed: false,
        }
    }

    /// A warning at a place, and what to do about it.
    pub fn warning(place: &Place, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, message, help) }
    }

    /// With another place.
    #[must_use]
    pub fn related(mut self, place: &Place, label: impl Into<String>) -> Self {
        self.related = Some((place.clone(), redact(&label.into()).into_owned()));
        self
    }

    /// Never showing what stands at the place: it is meant to be a secret, or may hold one.
    #[must_use]
    pub fn conceal(mut self) -> Self {
        self.concealed = true;
        self
    }

    /// The problem with its source lines, as a compiler shows it. Of what it quotes, a terminal
    /// obeys nothing.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(lines(&self.message));
        let text = self.place.shown(self.concealed);
        let mut group = match &self.place {
            // Nothing to point at: a file without text, or the file as a whole.
            Place::File { source, span } if text.trim().is_empty() || *span == (0..0) => {
                title.element(Origin::path(printable::text(&source.path)).line(1))
            }
            Place::File { source, span } => title.element(
                Snippet::source(text.as_str())
                    .path(printable::text(&source.path))
                    .annotation(AnnotationKind::Primary.span(clamp(span, &text))),
            ),
            Place::Named(name) => Group::with_title(title)
                .element(Level::NOTE.message(format!("at {}", printable::text(name)))),
        };
        let text = self.related.as_ref().map(|(place, _)| place.shown(false)).unwrap_or_default();
        if let Some((place, label)) = &self.related {
            group = match place {
                Place::File { source, span } => group.element(
                    Snippet::source(text.as_str()).path(printable::text(&source.path)).annotation(
                        AnnotationKind::Context.span(clamp(span, &text)).label(lines(label)),
                    ),
                ),
                Place::Named(name) => group.element(Level::NOTE.message(format!(
                    "{}: {}",
                    lines(label),
                    printable::text(name)
                ))),
            };
        }
        group = group.element(Level::HELP.message(lines(&self.help)));
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

/// U+0080 to U+009F: U+009B begins what U+001B with `[` does.
fn is_c1(c: char) -> bool {
    ('\u{80}'..='\u{9f}').contains(&c)
}

/// Words of ours in which others are quoted: only their line breaks are obeyed.
fn lines(text: &str) -> String {
    text.split('\n').map(printable::text).collect::<Vec<_>>().join("\n")
}

/// A span inside the text and on character boundaries, whatever it was.
fn clamp(span: &Range<usize>, text: &str) -> Range<usize> {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(span.start);
    start..boundary(span.end).max(start)
}

/// All problems found so far.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one.
    pub fn add(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Whether any of them stops the file from being used.
    #[must_use]
    pub fn any_error(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Forgets those that are not so.
    pub fn retain(&mut self, is: impl Fn(&Problem) -> bool) {
        self.0.retain(is);
    }

    /// Takes over those of another.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Each of them, in the order of the files and of the lines in each.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        let mut sorted: Vec<_> = self.0.iter().collect();
        sorted.sort_by_key(|problem| match &problem.place {
            Place::Named(name) => (name.to_string(), 0),
            Place::File { source, span } => (source.path.clone(), span.start),
        });
        sorted.into_iter()
    }

    /// The same, with no source line shown.
    #[must_use]
    pub fn concealed(self) -> Self {
        Self(self.0.into_iter().map(Problem::conceal).collect())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Problems {
    /// One line a problem, for logs: `file:line: message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.iter().enumerate() {
            let end = if index + 1 == self.0.len() { "" } else { "; " };
            write!(f, "{}: {}{end}", problem.place, lines(&problem.message))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
