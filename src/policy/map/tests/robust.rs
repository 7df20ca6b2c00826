//! Whatever a file holds: it is loaded, or an error says why; nothing else happens.

use proptest::prelude::*;

use super::*;

const EVERYTHING: &str = r#"account = "APP"
issuers = ["corp"]
[claims]
tenant = "tenant_id"
teams = { claim = ["https://example.com/t", "x"], default = "none", at_most = 3 }
[roles.base]
idp_roles = []
publish = ["a.{tenant}.b"]
[roles."team/clerk"]
description = "x"
idp_roles = ["orders:write", "/groups/sales/*"]
inherits = ["base"]
subscribe = ["w.{teams}.* workers.*", "x.>"]
deny_subscribe = ["x.y"]
inbox = "_INBOX.{name}"
allow_responses = { max = 5, expires = "1m" }
session = "1h 30m"
[roles."team/clerk".when]
claims = { tenant = ["acme", 7, true] }
connection_types = ["STANDARD"]
sources = ["10.0.0.0/8"]
hours = [{ days = ["mon-fri"], from = "08:00", to = "18:30", zone = "Europe/Zurich" }]
certificate = true
[[roles."team/clerk".grant]]
kv = "prefs"
keys = "{subject}.>"
can = ["read", "write", "delete"]
[[test]]
name = "t"
as = { idp_roles = ["orders:write"], claims = { tenant_id = "acme" }, at = "2026-01-07T12:00:00Z" }
can = ["publish a.acme.b"]
"#;

/// Pieces of the language in odd places.
const PIECES: [&str; 24] = [
    "",
    "\"",
    "[",
    "]",
    "{",
    "}",
    "*",
    ">",
    ".",
    " ",
    "\n",
    "=",
    "1",
    "-1",
    "true",
    "[[",
    "]]",
    "{subject}",
    "[roles.r]\n",
    "[[test]]\n",
    "\u{0}",
    "\u{feff}",
    "é",
    "99999999999999999999",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_torn_map_is_loaded_or_refused(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..12_usize, 0..PIECES.len()), 1..5),
    ) {
        let mut text = EVERYTHING.to_owned();
        for (at, length, piece) in edits {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            if places.is_empty() {
                break;
            }
            let start = at.index(places.len());
            let end = places.get(start + length).copied().unwrap_or(text.len());
            text.replace_range(places[start]..end, PIECES[piece]);
        }
        let maps = maps(&[("a.toml", &text)]);
        // Holds that a set is loaded or an error is said.
        maps.problems();
        let _ = maps.rendered();
        if let Ok((set, cases)) = maps.cases() {
            let issuers = ["corp".parse().unwrap()].into();
            for case in cases {
                let _ = case.run(&set, &issuers);
            }
        }
    }
}

#[test]
fn the_whole_one_is_good() {
    let maps = maps(&[("a.toml", EVERYTHING)]);
    assert_eq!(maps.problems(), [""; 0]);
    assert_eq!(maps.cases().unwrap().1.len(), 1);
}
