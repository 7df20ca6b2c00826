//! What a configuration that was kept does not say: it may be an older version's.

use crate::document::Node;

/// Without these, `check` and `serve` say no.
const NEEDED: [(&str, &str); 11] = [
    ("nats", "urls"),
    ("nats", "service_seed"),
    ("callout", "account"),
    ("callout", "issuer_seed"),
    ("accounts", "targets"),
    ("accounts", "system"),
    ("audit", "account"),
    ("audit", "writer_seed"),
    ("audit", "key"),
    ("audit", "signing_seed"),
    ("audit", "signers"),
];
/// Without these there is less.
const OPTIONAL: [(&str, &str); 4] = [
    ("callout", "xkey_seed"),
    ("audit", "reader_seed"),
    ("system", "seed"),
    ("system", "break_glass"),
];

/// Lines of a configuration, under the sections that they belong to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lacking {
    /// What it does not work without.
    pub(super) needed: String,
    /// What it works without.
    pub(super) optional: String,
}

/// What `held` lacks of `expected`, which is a whole one.
pub(super) fn lacking(held: &Node, expected: &str) -> Lacking {
    let of = |wanted: &[(&str, &str)]| {
        let is_missing = |(section, key): &(&str, &str)| {
            held.get(section).and_then(|table| table.get(key)).is_none()
        };
        lines(expected, &wanted.iter().copied().filter(is_missing).collect::<Vec<_>>())
    };
    Lacking { needed: of(&NEEDED), optional: of(&OPTIONAL) }
}

/// Those lines of a configuration that say this, with the names of their sections.
fn lines(expected: &str, wanted: &[(&str, &str)]) -> String {
    let (mut section, mut told, mut out) = ("", "", String::new());
    for line in expected.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            section = name;
        }
        let key = line.split_once(" = ").map_or("", |(key, _)| key);
        if wanted.contains(&(section, key)) {
            if told != section {
                out.push_str(&format!("[{section}]\n"));
                told = section;
            }
            out.push_str(&format!("{line}\n"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        document::{self, Problems, Source},
        setup,
    };

    fn a_configuration() -> String {
        let directory = tempfile::tempdir().unwrap();
        let (keys, _) = setup::keys(directory.path()).unwrap();
        setup::configuration_text("nats://127.0.0.1:4222", &keys, &[])
    }

    fn of(held: &str, expected: &str) -> Lacking {
        let mut problems = Problems::default();
        let source = Source::new("hallpass.toml", held).into();
        let root = document::parse(&source, &mut problems);
        assert!(problems.is_empty());
        lacking(&root, expected)
    }

    #[test]
    fn a_whole_one_lacks_nothing_and_an_empty_one_all() {
        let whole = a_configuration();
        assert_eq!(of(&whole, &whole), Lacking::default());
        let nothing = of("", &whole);
        // All that is looked for is in what `init` writes.
        assert_eq!(nothing.needed.lines().filter(|it| !it.starts_with('[')).count(), NEEDED.len());
        let optional = nothing.optional.lines().filter(|it| !it.starts_with('['));
        assert_eq!(optional.count(), OPTIONAL.len());
        assert!(nothing.needed.starts_with("[nats]\nurls = [\"nats://127.0.0.1:4222\"]\n"));
    }

    #[test]
    fn an_older_one_lacks_what_came_since() {
        let whole = a_configuration();
        let older: String = whole
            .split("[system]")
            .next()
            .unwrap()
            .lines()
            .filter(|line| !["key =", "sign"].iter().any(|it| line.starts_with(it)))
            .map(|line| format!("{line}\n"))
            .collect();
        let told = of(&older, &whole);
        let keys = |text: &str| -> Vec<String> {
            text.lines().map(|it| it.split(" = ").next().unwrap().to_owned()).collect()
        };
        assert_eq!(keys(&told.needed), ["[audit]", "key", "signing_seed", "signers"]);
        assert_eq!(keys(&told.optional), ["[system]", "seed", "break_glass"]);
    }
}
