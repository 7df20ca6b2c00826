//! "Did you mean": the known word nearest to an unknown one.

/// The candidate that most likely was meant, where one is near enough to be worth naming.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let most = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits between two words (optimal string alignment: insert, delete, replace, swap neighbours).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, from) in a.chars().enumerate() {
        let mut current = vec![row + 1];
        let mut left_char = None;
        for (column, to) in b.iter().copied().enumerate() {
            let at =
                |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&above, column) + usize::from(from != to))
                .min(at(&above, column + 1) + 1)
                .min(at(&current, column) + 1);
            if column > 0 && previous == Some(to) && left_char == Some(from) {
                best = best.min(at(&before, column - 1) + 1);
            }
            current.push(best);
            left_char = Some(to);
        }
        previous = Some(from);
        before = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_named_and_far_ones_are_not() {
        let known = ["publish", "subscribe", "deny_publish", "session"];
        assert_eq!(did_you_mean("publsih", known), Some("publish"));
        assert_eq!(did_you_mean("subscribes", known), Some("subscribe"));
        assert_eq!(did_you_mean("roles", known), None);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("ab", "ba"), 1);
    }
}
