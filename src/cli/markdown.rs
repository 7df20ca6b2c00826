//! Markdown for comments and documents: what others wrote cannot become markup.

use crate::printable;

/// A text of ours in which nothing is markup. What others wrote is for [`code`]: elsewhere, those who
/// show Markdown make links of bare addresses and call whoever is named as `@somebody`.
pub(super) fn text(text: &str) -> String {
    let mut out = String::new();
    for c in printable::text(text).chars() {
        if c.is_ascii_punctuation() && !matches!(c, '.' | ',' | ':' | '/' | '-' | '\'' | '"') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A text as code, for a cell of a table too.
pub(super) fn code(text: &str) -> String {
    // In a table, `|` ends the cell even in code, unless there is a backslash before it.
    let text = printable::text(text).replace('|', "\\|");
    if text.is_empty() {
        return text;
    }
    let ticks = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// Lines as a block of code in a language.
pub(super) fn block(language: &str, lines: &[String]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| printable::text(line)).collect();
    let most = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let ticks = "`".repeat((most + 1).max(3));
    format!("{ticks}{language}\n{}\n{ticks}\n", lines.join("\n"))
}

/// How many backticks follow on one another at most.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_quoted_is_markup() {
        assert_eq!(text("a|b <i> [x](y) `c` *d*"), r"a\|b \<i\> \[x\]\(y\) \`c\` \*d\*");
        assert_eq!(text("a\nb\u{202e}"), r"a\\nb\\u\{202e\}");
        assert_eq!(code("a.>"), "`a.>`");
        assert_eq!(code("a`b|c"), r"``a`b\|c``");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(code(""), "", "two backticks would begin something");
        assert_eq!(block("diff", &["+ a".into(), "```".into()]), "````diff\n+ a\n```\n````\n");
    }
}
