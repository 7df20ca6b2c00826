//! Stars for what may be a secret: a seed or a password that was written into a file by mistake
//! stands in the lines that a problem shows, and problems end up in the logs of CI.

use std::borrow::Cow;

/// A text in which seeds of nkeys and what stands before the host of a URL are stars, byte for
/// byte, so that places in the text stay where they are.
pub(super) fn redact(text: &str) -> Cow<'_, str> {
    let mut secrets: Vec<(usize, usize)> = seeds(text).chain(userinfos(text)).collect();
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    secrets.sort_unstable();
    let mut redacted = String::with_capacity(text.len());
    for (start, end) in secrets {
        let start = start.max(redacted.len());
        let end = end.max(start);
        redacted.push_str(text.get(redacted.len()..start).unwrap_or_default());
        redacted.push_str(&"*".repeat(end - start));
    }
    redacted.push_str(text.get(redacted.len()..).unwrap_or_default());
    Cow::Owned(redacted)
}

/// Runs of base32 that begin like a seed, or in which a whole one can hide.
fn seeds(text: &str) -> impl Iterator<Item = (usize, usize)> {
    /// A seed that lost its end is still most of a secret. Seeds alone begin with `S`, so public
    /// keys stay readable: people compare them.
    const LEAST: usize = 32;
    const WHOLE: usize = 58;
    let base32 = |c: char| c.is_ascii_uppercase() || matches!(c, '2'..='7');
    let hides_one = |run: &str| {
        let begins = |(at, _): (usize, _)| {
            let kind = run.as_bytes().get(at + 1);
            run.len() - at >= WHOLE && kind.is_some_and(|kind| b"ACNOUX".contains(kind))
        };
        run.match_indices('S').any(begins)
    };
    runs(text, base32)
        .filter(move |(_, run)| (run.len() >= LEAST && run.starts_with('S')) || hides_one(run))
        .map(|(at, run)| (at, at + run.len()))
}

/// The longest pieces of a text that are made of such characters, and where they begin.
fn runs(text: &str, of: impl Fn(char) -> bool) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split(move |c| !of(c)).map(move |run| {
        // The one character that ended a run may have several bytes.
        let start = at;
        let after = start + run.len();
        at = after
            + text.get(after..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        (start, run)
    })
}

/// What stands between `://` and the `@` before a host.
fn userinfos(text: &str) -> impl Iterator<Item = (usize, usize)> {
    text.match_indices("://").filter_map(|(at, separator)| {
        let start = at + separator.len();
        let rest = text.get(start..)?;
        let mut before = None;
        let end = rest.find(|c| {
            let ends = c == '\n' || (matches!(c, '"' | '\'') && before != Some('\\'));
            before = Some(c);
            ends
        });
        let rest = rest.get(..end.unwrap_or(rest.len()))?;
        let authority = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
        // A password may hold what ends a host: then what follows the `:` is no port. Only URLs
        // for HTTP have something behind the host in which an `@` is none of ours.
        let is_port = |text: &str| text.chars().all(|c| c.is_ascii_digit());
        let is_whole = authority
            .rsplit_once(':')
            .is_none_or(|(host, port)| is_port(port) || host.starts_with('['));
        let is_http = text
            .get(..at)
            .is_some_and(|before| ["http", "https"].iter().any(|scheme| before.ends_with(scheme)));
        let last = if is_http && is_whole { authority.rfind('@') } else { rest.rfind('@') };
        Some((start, start + last?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_stars() {
        for pair in [nkeys::KeyPair::new_account(), nkeys::KeyPair::new_user()] {
            let seed = pair.seed().unwrap();
            for text in [
                format!("é = \"{seed}\" # é"),
                seed.clone(),
                format!("`{}`", &seed[..40]),
                format!("ASEED{seed}"),
                format!("{seed}{seed}, {seed}"),
            ] {
                let redacted = redact(&text);
                assert!(!redacted.contains(&seed[4..20]), "{redacted}");
                assert_eq!(redacted.len(), text.len());
            }
        }
        let text = format!("é{}é", "S".repeat(40));
        assert_eq!(redact(&text), format!("é{}é", "*".repeat(40)));
    }

    #[test]
    fn what_is_no_secret_stays() {
        for _ in 0..200 {
            let public = nkeys::KeyPair::new_user().public_key();
            assert_eq!(redact(&public), public);
        }
        for text in [
            "",
            "SUBSCRIBE",
            "urls = [\"nats://localhost:4222\", \"tls://[::1]:1\"] # for bob@example.com",
            "issuer = \"https://idp.example.com/@tenant\"",
            "issuer = \"https://idp.example.com:8080/@tenant\"",
            "://",
            "mail bob@example.com",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn what_stands_before_a_host_is_stars() {
        for (text, shown) in [
            ("nats://u:p@h", "nats://***@h"),
            ("nats://token@h:4222/x", "nats://*****@h:4222/x"),
            ("nats://:secret@h", "nats://*******@h"),
            ("[\"nats://u:p@h\", \"nats://u@g\"]", "[\"nats://***@h\", \"nats://*@g\"]"),
            ("\"nats://u:p@ss/w#ord@h\"", "\"nats://************@h\""),
            ("\"nats://u:/x@h\"", "\"nats://****@h\""),
            ("\"nats://u:1/2@h\"", "\"nats://*****@h\""),
            ("\"https://u:a/2@h/\"", "\"https://*****@h/\""),
            ("\"nats://u:a\\\"b/c@h\"", "\"nats://********@h\""),
            ("nats://é:é@h\n@", "nats://*****@h\n@"),
        ] {
            assert_eq!(redact(text), shown, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn its_length_is_the_same(text in "[SAU2é@:/\"\\\\ \n]{0,40}|(SU[A-Z2-7]{50,60}|://a:b@|x){0,4}") {
            let redacted = redact(&text);
            proptest::prop_assert_eq!(redacted.len(), text.len());
            for (at, c) in redacted.char_indices() {
                proptest::prop_assert!(c == '*' || text[at..].starts_with(c));
            }
        }
    }
}
