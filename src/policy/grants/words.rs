//! The words of a grant: names, subjects, keys, and what `can` lists.

use super::wishes::Wish;
use crate::{
    document::{Fields, Kind, Place, Problem, Problems, did_you_mean},
    subject::SubjectPattern,
};

/// What `can` lists, in the order of the form's own words.
pub(super) struct Can(Vec<(&'static str, Place)>);

impl Can {
    /// Reads `can`, which must list some of `known`; there is something to say of some `others`.
    pub(super) fn read(
        fields: &mut Fields<'_>,
        known: &'static [&'static str],
        others: &[Wish],
        problems: &mut Problems,
    ) -> Self {
        let example = format!("`can = [\"{}\"]`, with some of these", known.join("\", \""));
        let Some(node) = fields.required("can", &example, problems) else {
            return Self(Vec::new());
        };
        let given = fields.strings("can", problems);
        if given.is_empty() && matches!(&node.kind, Kind::List(items) if items.is_empty()) {
            problems.add(Problem::error(
                &node.place,
                "a grant of nothing",
                format!("add {example}"),
            ));
        }
        let mut can = Vec::new();
        for (text, place) in given {
            match known.iter().find(|word| **word == text) {
                Some(word) => can.push((*word, place.clone())),
                None => {
                    let wish = others.iter().find(|(words, _)| words.contains(&text));
                    let help = match (wish, did_you_mean(text, known.iter().copied())) {
                        (Some((_, why)), _) => (*why).to_owned(),
                        (None, Some(near)) => format!("did you mean `{near}`?"),
                        (None, None) => format!("here one can `{}`", known.join("`, `")),
                    };
                    problems.add(Problem::error(
                        place,
                        format!("`{text}` cannot be granted here"),
                        help,
                    ));
                }
            }
        }
        Self(can)
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == word)
    }

    /// Where a word stands.
    pub(super) fn place(&self, word: &str) -> Option<&Place> {
        self.0.iter().find(|(known, _)| *known == word).map(|(_, place)| place)
    }

    /// Refuses a word, where it is there.
    pub(super) fn refuse(&self, word: &str, message: &str, help: &str, problems: &mut Problems) {
        if let Some(place) = self.place(word) {
            problems.add(Problem::error(place, message, help));
        }
    }
}

/// Whether a token is a placeholder.
fn is_placeholder(token: &str) -> bool {
    let name = token.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && !name.contains(['{', '}']))
}

/// The name of a stream or of a consumer: a literal, or one placeholder.
pub(super) fn name(
    fields: &mut Fields<'_>,
    key: &'static str,
    what: &str,
    problems: &mut Problems,
) -> Option<String> {
    let (text, place) = fields.string(key, problems)?;
    if is_placeholder(text) {
        return Some(text.to_owned());
    }
    literal_name(text, place, what, problems)
}

/// A name that is one token of a subject, and no placeholder.
pub(super) fn literal_name(
    text: &str,
    place: &Place,
    what: &str,
    problems: &mut Problems,
) -> Option<String> {
    let forbidden = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '.' | '*' | '>' | '/' | '\\' | '{' | '}')
    };
    if text.is_empty() || text.contains(forbidden) {
        problems.add(Problem::error(
            place,
            format!("`{text}` is not the name of {what}"),
            "such a name has no `.`, `*`, `>`, `/`, `\\`, brace or white space",
        ));
        return None;
    }
    Some(text.to_owned())
}

/// The name of a bucket or of a service: letters, digits, `-` and `_`, or one placeholder.
pub(super) fn plain_name(
    fields: &mut Fields<'_>,
    key: &'static str,
    what: &str,
    problems: &mut Problems,
) -> Option<String> {
    let (text, place) = fields.string(key, problems)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if is_placeholder(text) || (!text.is_empty() && text.chars().all(plain)) {
        return Some(text.to_owned());
    }
    problems.add(Problem::error(
        place,
        format!("`{text}` is not the name of {what}"),
        "such a name is made of letters, digits, `-` and `_`, or is one placeholder",
    ));
    None
}

/// A subject of the application: `subjects`, `deliver`.
///
/// It begins with a word of its own: `$` and `_` begin what is the server's, and a wildcard
/// would reach there.
pub(super) fn own_subject(text: &str, place: &Place, problems: &mut Problems) -> bool {
    let mut wrong = |message: String, help: &str| {
        problems.add(Problem::error(place, message, help));
        false
    };
    match pattern(text) {
        Err(why) => wrong(
            format!("`{text}` is not a subject: {why}"),
            "write tokens with `.` between them; `*` is one token, `>` the rest, `{claim}` a \
             value of the token",
        ),
        Ok(()) if text.starts_with(['*', '>', '$', '_']) => wrong(
            format!("`{text}` reaches beyond the application's own subjects"),
            "begin it with a word; `$`, `_` and wildcards at the beginning reach what is the \
             server's, and belong under `publish` or `subscribe` where they are meant",
        ),
        Ok(()) => true,
    }
}

/// The subjects under a key, each of the application's own; absent: none.
pub(super) fn own_subjects(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Vec<(String, Place)> {
    let Some(node) = fields.node(key) else { return Vec::new() };
    let given = fields.strings(key, problems);
    if matches!(&node.kind, Kind::List(items) if items.is_empty()) {
        problems.add(Problem::error(
            &node.place,
            "no subject is named",
            format!("name some, or leave `{key}` out"),
        ));
    }
    let good = |(text, place): &(&str, &Place)| own_subject(text, place, problems);
    let good: Vec<_> = given.into_iter().filter(good).collect();
    good.into_iter().map(|(text, place)| (text.to_owned(), place.clone())).collect()
}

/// Keys of a bucket: a pattern, or a list of them; absent: all.
pub(super) fn keys(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<(String, Place)> {
    let Some(node) = fields.node("keys") else { return Vec::new() };
    let given = match node.as_str() {
        Some(text) => vec![(text, &node.place)],
        None => fields.strings("keys", problems),
    };
    if given.is_empty() {
        problems.add(Problem::error(
            &node.place,
            "no key is named",
            "name some; without `keys`, the grant is about all of the bucket",
        ));
    }
    let mut keys = Vec::new();
    for (text, place) in given {
        match pattern(text) {
            Ok(()) => keys.push((text.to_owned(), place.clone())),
            Err(why) => problems.add(Problem::error(
                place,
                format!("`{text}` is not a key: {why}"),
                "write it as `{subject}.>`: `*` is one token, `>` the rest, `{claim}` a value of \
                 the token",
            )),
        }
    }
    keys
}

/// Refuses patterns that end in `*` where something is read: the filter that a reader asks for
/// is a pattern itself, and the server lets `a.>` pass for a subject that fits `a.*`.
pub(super) fn refuse_last_star(patterns: &[(String, Place)], problems: &mut Problems) {
    for (text, place) in patterns {
        if text == "*" || text.ends_with(".*") {
            problems.add(Problem::error(
                place,
                format!("`{text}` cannot bound what is read"),
                "the server takes a reader's filter for a subject, and with a `*` at the end it \
                 lets the filter `>` pass; end it with a word, with a placeholder, or with `>`",
            ));
        }
    }
}

/// The prefix of an imported API: literal tokens, that begin nothing of the server's. Keys of
/// buckets are written below it, so `$KV.prefs` would be the keys of another bucket.
pub(super) fn prefix(text: &str, place: &Place, problems: &mut Problems) -> Option<String> {
    let literal = pattern(text).is_ok() && !text.contains(['*', '>', '{']);
    if !literal {
        problems.add(Problem::error(
            place,
            format!("`{text}` is not the prefix of an API"),
            "write what comes before `STREAM.INFO`, as in `JS.acme.API`, without wildcards and \
             without a `.` at the end",
        ));
    }
    let tokens: Vec<_> = text.split('.').collect();
    let is_domain = matches!(*tokens, ["$JS", _, "API"]);
    let is_server_s = text.starts_with(['$', '_']) && !is_domain;
    if literal && is_server_s {
        problems.add(Problem::error(
            place,
            format!("`{text}` begins what is the server's"),
            "import the API under a word of its own, as in `JS.acme.API`; of the server's own, \
             `$JS.<domain>.API` is a prefix, and the account's own API needs none",
        ));
    }
    (literal && !is_server_s).then(|| text.to_owned())
}

/// Whether it is a legal pattern, with a harmless word in each placeholder.
fn pattern(text: &str) -> Result<(), String> {
    let tokens: Vec<_> = text.split('.').collect();
    for (index, token) in tokens.iter().enumerate() {
        if token.contains(['{', '}']) && !is_placeholder(token) {
            return Err(format!("token {}: a placeholder is a whole token", index + 1));
        }
    }
    let word = |token: &&'_ str| !is_placeholder(token);
    let tokens = tokens.iter().map(|token| if word(token) { token } else { "x" });
    SubjectPattern::from_tokens(tokens).map(|_| ()).map_err(|error| error.to_string())
}
