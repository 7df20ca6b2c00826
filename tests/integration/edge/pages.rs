//! What the pages say of the examples is what is in them.

use std::collections::BTreeSet;

use super::example;
use crate::support::ROOT;

fn read(path: impl AsRef<std::path::Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// All words of a text that begin like this.
fn words<'a>(text: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_name(c)).filter(|word| word.starts_with(prefix)).collect()
}

#[test]
fn the_page_has_every_variable_that_the_examples_read() {
    let readme = read(example("README.md"));
    let told = words(&readme, "HALLPASS_");
    let files =
        ["tcp/haproxy.cfg", "tcp/nats-server.conf", "tcp/cluster.conf", "websocket/haproxy.cfg"];
    let texts = files.map(|file| read(example(file)));
    let all: BTreeSet<_> = texts.iter().flat_map(|text| words(text, "HALLPASS_")).collect();
    assert!(all.len() > 15, "{all:?}");
    assert_eq!(all.difference(&told).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn the_page_has_every_word_for_a_refusal() {
    let page = read(format!("{ROOT}/docs/edge.md"));
    let configuration = read(example("websocket/haproxy.cfg"));
    let rules = configuration.split("set-var(txn.refused) str(").skip(1);
    let words: BTreeSet<_> = rules.map(|rule| rule.split(')').next().unwrap()).collect();
    assert_eq!(words.len(), 7, "{words:?}");
    for word in words {
        assert!(page.contains(&format!("| `{word}` |")), "{word}");
    }
}
