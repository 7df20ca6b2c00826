//! Text that others chose, made fit for a terminal: what a terminal would obey, and what shows
//! as nothing or turns around what follows, is written as an escape.
//!
//! Letters of any script, signs and combining marks are text. Control characters (C0, DEL, C1),
//! format characters (U+202E, U+200B), line separators, odd spaces and what nobody has assigned
//! are not: the kinds that `str::escape_debug` escapes.

/// A text with its escapes as Rust writes them: `\u{202e}`, `\n`. Quotes and backslashes stay, so
/// it is for people: what was escaped and what said so of itself look alike.
#[must_use]
pub fn text(text: &str) -> String {
    shortened(text, usize::MAX)
}

/// As [`text`], of at most this many characters; `…` stands for the rest.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut length: usize = 0;
    for c in text.chars() {
        let before = out.len();
        if is_text(c) {
            out.push(c);
            length += 1;
        } else {
            out.extend(c.escape_debug());
            length += out.len() - before;
        }
        if length > most {
            out.truncate(before);
            out.push('…');
            break;
        }
    }
    out
}

/// A JSON text (RFC 8259) with the same meaning: `\u202e`, above the BMP a pair of surrogates.
///
/// serde_json escapes what is below U+0020 and nothing else. What is left of that are the line
/// breaks between values; all that is escaped here can stand in a string only.
#[must_use]
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c < ' ' || is_text(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

fn is_text(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    // After a letter: a combining mark is escaped where it has nothing to stand on.
    let word = String::from_iter(['a', c]);
    word.escape_debug().eq(word.chars())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Of each kind that does something to a terminal, or to who reads it.
    const OBEYED: &str = "\0\u{7}\u{8}\t\n\r\u{1b}\u{7f}\u{80}\u{85}\u{9b}\u{9d}\u{a0}\u{ad}\u{61c}\
        \u{200b}\u{200d}\u{200e}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\u{feff}\u{fff9}\
        \u{e000}\u{e0001}\u{e007f}\u{10ffff}";
    const HARMLESS: &str = " a~\"'\\é e\u{301} ß Ω Ж 名前 हिन्दी العربية 🦀 – … ✓ \u{fffd}";

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_text_is_not() {
        for c in OBEYED.chars() {
            let shown = text(&format!("a{c}b"));
            assert!(!shown.contains(c) && shown.starts_with("a\\"), "{c:?}: {shown:?}");
        }
        assert_eq!(text(HARMLESS), HARMLESS);
        assert_eq!(text("a\u{1b}[2J\r\n\u{9b}\u{202e}c"), r"a\u{1b}[2J\r\n\u{9b}\u{202e}c");
        let twice = text(&text(OBEYED));
        assert_eq!(twice, text(OBEYED), "what is fit stays as it is");
    }

    #[test]
    fn a_long_text_is_cut_and_no_escape_is_halved() {
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("abcd", 3), "abc…");
        assert_eq!(shortened("名前です", 2), "名前…");
        assert_eq!(shortened("ab\u{202e}c", 5), "ab…");
        assert_eq!(shortened("ab\u{202e}", 10), "ab\\u{202e}");
        assert_eq!(shortened(&"\u{1b}".repeat(1000), 300).chars().count(), 301);
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = json!({ OBEYED: [OBEYED, HARMLESS, 7, null] });
        for written in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let safe = super::json(&written);
            assert!(!safe.contains(|c: char| c != '\n' && OBEYED.contains(c)), "{safe:?}");
            assert_eq!(safe.lines().count(), written.lines().count());
            assert!(safe.contains("e\u{301} ß Ω Ж 名前 हिन्दी"), "{safe}");
            assert_eq!(serde_json::from_str::<Value>(&safe).unwrap(), value);
        }
        assert_eq!(super::json("\"\u{9b}\u{202e}\u{e0001}\""), r#""\u009b\u202e\udb40\udc01""#);
    }

    proptest! {
        #[test]
        fn json_of_any_text_keeps_its_meaning(said in any::<String>()) {
            let safe = super::json(&json!(said).to_string());
            prop_assert!(safe.chars().all(is_text), "{safe:?}");
            prop_assert_eq!(serde_json::from_str::<Value>(&safe).unwrap(), json!(said));
        }

        #[test]
        fn any_text_is_made_fit(said in any::<String>()) {
            prop_assert!(text(&said).chars().all(is_text));
        }
    }
}
