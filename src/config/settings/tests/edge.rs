use super::*;

fn with(section: &str) -> Written {
    written().change("[issuers.corp]", &format!("{section}\n[issuers.corp]"))
}

#[test]
fn an_edge_has_addresses_keys_and_a_time() {
    let settings = written().settings();
    let told = (settings.edge.addresses.len(), settings.edge.keys.len());
    assert_eq!(told, (0, 0), "nobody attests anything");
    let settings = with(
        "[edge]\naddresses = [\"10.0.0.5\", \"2001:db8::/32\"]\nmax_age = \"1m\"\nleeway = \"0s\"\n\
         [edge.keys]\n2026-11 = { file = \"keys/edge.key\" }",
    )
    .settings();
    let edge = settings.edge;
    assert_eq!(edge.addresses.len(), 2);
    assert_eq!((edge.max_age, edge.leeway), (Duration::from_secs(60), Duration::ZERO));
    assert_eq!(edge.keys.keys().collect::<Vec<_>>(), ["2026-11"]);
}

#[test]
fn what_is_no_key_is_told_and_not_shown() {
    let about = |key: &str| {
        let written = with("[edge.keys]\na = { file = \"keys/other.key\" }");
        let keys = written.directory.path().join("keys");
        // With the mode that a key file has.
        std::fs::copy(keys.join("edge.key"), keys.join("other.key")).unwrap();
        std::fs::write(keys.join("other.key"), key).unwrap();
        written.messages()
    };
    let short = "c2hvcnQgYnV0IHNlY3JldA==";
    assert_eq!(about(short), ["a key in `[edge.keys]` has fewer than 32 bytes"]);
    let no_base64 = "hunter2 hunter2 hunter2 hunter2 hunter2";
    assert_eq!(about(no_base64), ["a key in `[edge.keys]` is not base64"]);
    // As the others of `hallpass init` are written.
    let url_safe = "_".repeat(43);
    assert_eq!(about(&url_safe), ["a key in `[edge.keys]` is not base64"]);
    let inline = with("[edge.keys]\na = \"c2hvcnQ=\"");
    let told = "a key in `[edge.keys]` stands in the configuration itself";
    assert_eq!(inline.messages(), [told]);
    let named = with("[edge.keys]\n\"a&b\" = { file = \"keys/edge.key\" }");
    assert_eq!(named.messages(), ["a key's name is not one that an envelope can carry"]);
    assert_eq!(with("[edge.keys]\na = { file = \"none\" }").messages().len(), 1);
}

#[test]
fn bounds_of_time_are_kept() {
    let told = |line: &str| with(&format!("[edge]\n{line}")).messages();
    assert_eq!(told("max_age = \"11m\""), ["`max_age` is not between 1s and 10m"]);
    assert_eq!(told("leeway = \"6m\""), ["`leeway` is not between 0s and 5m"]);
    assert_eq!(told("max_ages = \"1m\"").len(), 1);
    assert_eq!(told("addresses = [\"10.0.0.5/8\"]").len(), 1);
}

#[test]
fn who_asks_for_an_edge_needs_one() {
    let asking = |section: &str| with(section).add("issuers.corp", "require_edge = true");
    let told = "`corp` asks for an edge, and there is no key in `[edge.keys]`";
    assert_eq!(asking("").messages(), [told]);
    let keys = "[edge.keys]\na = { file = \"keys/edge.key\" }";
    let told = "`corp` asks for an edge, and `edge.addresses` names none";
    assert_eq!(asking(keys).messages(), [told]);
    let settings = asking(&format!("[edge]\naddresses = [\"10.0.0.5\"]\n{keys}")).settings();
    assert!(settings.issuers[0].require_edge);
}

#[test]
fn the_key_has_no_other_purpose() {
    let edge = "[edge.keys]\na = { file = \"keys/edge.key\" }\nb = { file = \"keys/b.key\" }";
    let written = with(edge);
    let keys = written.directory.path().join("keys");
    std::fs::copy(keys.join("edge.key"), keys.join("b.key")).unwrap();
    assert_eq!(written.messages(), ["`edge.keys.b` and `edge.keys.a` are the same secret"]);
    std::fs::copy(keys.join("edge.key"), keys.join("audit.key")).unwrap();
    std::fs::write(keys.join("b.key"), format!("{}=", "A".repeat(43))).unwrap();
    assert_eq!(written.messages(), ["`edge.keys.a` and `audit.key` are the same secret"]);
}
