//! Texts that are no whole events.

use serde_json::Value;

use super::{Finding, Found, Kind, Verifier, is_place};
use crate::audit::chain::{Hash, Head, NoLink, parse_event_id};

/// What the text of an event begins with.
const BEGINNING: &[u8] = br#"{"specversion":"1.0","id":""#;

impl Verifier {
    /// A text whose hash is not its own, or that is no event at all. What it claims still takes
    /// its place, so that one change is not told twice.
    pub(super) fn take_broken(&mut self, found: Found<'_>, why: NoLink) {
        let said: Value = serde_json::from_slice(found.payload).unwrap_or_default();
        let mark = self.mark(found.at, &said);
        let Some((head, previous)) = claimed(&said).filter(|(head, _)| is_place(head.sequence))
        else {
            let (kind, what) = nonsense(found.payload);
            self.recognized += u64::from(kind == Kind::Changed);
            let finding = Finding::at(kind, found.at, what.to_owned());
            self.tell(Finding { time: mark.time, ..finding });
            return;
        };
        self.recognized += 1;
        let elsewhere = self.recent.iter().find(|it| {
            it.instance == head.instance && it.hash == previous && it.sequence + 1 != head.sequence
        });
        let finding = match (elsewhere, self.chains.contains_key(&head.instance)) {
            (Some(it), _) => {
                let what = format!("{why}, and it follows event {}", it.sequence);
                Finding::of(Kind::Reordered, head, mark, what)
            }
            (None, true) => Finding::of(Kind::Changed, head, mark, why.to_string()),
            // Nothing of such a chain was seen yet: it may be the first, changed, or invented.
            (None, false) if head.sequence == 1 || why == NoLink::Altered => {
                Finding::of(Kind::Changed, head, mark, why.to_string())
            }
            (None, false) => Finding::of(Kind::Added, head, mark, why.to_string()),
        };
        let is_reordered = finding.kind == Kind::Reordered;
        self.tell(finding);
        let trace = self.chains.entry(head.instance).or_default();
        if !is_reordered {
            // That is told: what others say of it is compared with what it claims.
            trace.place(head, previous, mark, true);
        } else {
            // Where it says it is, nothing that comes after can follow it.
            trace.place_unlinked(head.sequence, mark);
        }
        self.remember(head);
    }
}

/// What a text says of its place, true or not.
fn claimed(said: &Value) -> Option<(Head, Hash)> {
    let text = |name: &str| said.get(name)?.as_str();
    let (instance, sequence) = parse_event_id(text("id")?)?;
    let hash = text("hash")?.parse().ok()?;
    Some((Head { instance, sequence, hash }, text("previoushash")?.parse().ok()?))
}

/// What a text is that does not even claim to be an event of a chain.
fn nonsense(text: &[u8]) -> (Kind, &'static str) {
    if text.iter().all(u8::is_ascii_whitespace) {
        return (Kind::Added, "an empty line");
    }
    let is_cut = serde_json::from_slice::<Value>(text).is_err_and(|error| error.is_eof());
    match is_cut && text.starts_with(BEGINNING) {
        true => (Kind::Changed, "an event that breaks off: its end was cut off"),
        false => (Kind::Added, "no event of hallpass"),
    }
}
