//! The house rules of `src/`: a room imports earlier rooms only, and pure rooms stay pure.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The rooms from the ground up; see the crate's documentation. A directory stands for all of
/// its files that are not named themselves.
const ROOMS: &[&str] = &[
    "names",
    "name_pattern",
    "code",
    "printable",
    "subject",
    "claim_path",
    "strict_json",
    "document",
    "config",
    "nats_jwt",
    "connection",
    "table",
    "nats_conf",
    "import",
    "callout",
    "callout/request",
    "credential",
    "edge",
    "idp/jwks",
    "idp/token",
    "idp/certificate",
    "identity",
    "policy",
    "callout/response",
    "audit",
    "audit/blind",
    "audit/privacy",
    "audit/chain",
    "audit/event",
    "audit/floor",
    "audit/window",
    "audit/verify",
    "audit/story",
    "audit/replay",
    // From here on: shells.
    "measures",
    "idp",
    "idp/introspection",
    "idp/issuers",
    "private_files",
    "audit/recorder",
    "audit/ledger",
    "audit/stream",
    "audit/spool",
    "audit/parked",
    "audit/shared",
    "audit/delivery",
    "audit/sink",
    "audit/meter",
    "audit/heads",
    "audit/trail",
    "audit/reader",
    "callout/responder",
    "broker",
    "nats",
    "witness",
    "reload",
    "health/judge",
    "health",
    "status",
    "http",
    "edge/weight",
    "edge/paths",
    "edge/agent",
    "service",
    "login",
    "setup",
    "playground",
    "cli",
];

/// Rooms in which nothing is read, sent, awaited or looked up on a clock.
const PURE: &[&str] = &[
    "name_pattern",
    "code",
    "printable",
    "subject",
    "claim_path",
    "strict_json",
    "document",
    "nats_jwt",
    "connection",
    "table",
    "nats_conf",
    "import",
    "callout",
    "callout/request",
    "callout/response",
    "credential",
    "edge",
    "idp/jwks",
    "idp/token",
    "idp/certificate",
    "identity",
    "policy",
    "audit",
    "audit/blind",
    "audit/privacy",
    "audit/chain",
    "audit/event",
    "audit/floor",
    "audit/verify",
    "audit/story",
    "audit/replay",
    "health/judge",
    "edge/weight",
];

/// Files of a pure room that do its reading and writing.
const SHELL_FILES: [&str; 1] = ["policy/store"];

struct File {
    /// Path below `src`, without `.rs` and `/mod`.
    name: String,
    /// Its text up to its tests.
    text: String,
}

fn files() -> Vec<File> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&source, &mut paths);
    let file = |path: PathBuf| {
        let name = path.strip_prefix(&source).unwrap().with_extension("");
        let name = name.to_str().unwrap().trim_end_matches("/mod").to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
        File { name, text }
    };
    let is_code = |file: &File| {
        !["main", "lib"].contains(&file.name.as_str())
            && !file.name.starts_with("testkit")
            && !file.name.split('/').any(|part| part == "tests")
    };
    paths.into_iter().map(file).filter(is_code).collect()
}

/// The room of a file or of a path such as `idp/token/VerifiedToken`.
fn room(path: &str) -> Option<usize> {
    let fits = |room: &str| path == room || path.starts_with(&format!("{room}/"));
    let (index, _) = ROOMS
        .iter()
        .enumerate()
        .filter(|(_, room)| fits(room))
        .max_by_key(|(_, room)| room.len())?;
    Some(index)
}

/// `crate::a::{b, c::{d, e}}` as `a/b`, `a/c/d`, `a/c/e`.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        expand("", &text[at + "crate::".len()..], &mut found);
    }
    found
}

/// Expands the import tree at the start of `text` and returns what follows it.
fn expand<'a>(prefix: &str, text: &'a str, found: &mut Vec<String>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            match rest.chars().next() {
                Some('}') => return &rest[1..],
                Some(',') => rest = &rest[1..],
                Some(_) => rest = expand(prefix, rest, found),
                None => return rest,
            }
        }
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    assert!(end > 0, "an import this test cannot read: {}", &text[..text.len().min(40)]);
    let path = if prefix.is_empty() {
        text[..end].to_owned()
    } else {
        format!("{prefix}/{}", &text[..end])
    };
    match text[end..].strip_prefix("::") {
        Some(rest) if !rest.starts_with('<') => expand(&path, rest, found),
        _ => {
            found.push(path);
            let rest = text[end..].trim_start();
            // `name as other`
            rest.strip_prefix("as ").map_or(rest, |rest| {
                rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
            })
        }
    }
}

/// What `mod.rs` files hand on from their own files: `idp/IssuerKeys` is `idp/keys/IssuerKeys`.
fn handed_on(files: &[File]) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for file in files {
        for (at, start) in
            file.text.match_indices("pub use ").chain(file.text.match_indices("pub(crate) use "))
        {
            let mut found = Vec::new();
            expand("", &file.text[at + start.len()..], &mut found);
            for path in found {
                let item = path.rsplit('/').next().unwrap();
                map.insert(format!("{}/{item}", file.name), format!("{}/{path}", file.name));
            }
        }
    }
    map
}

#[test]
fn a_room_imports_earlier_rooms_only() {
    let files = files();
    let handed_on = handed_on(&files);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in &files {
        let own = room(&file.name).unwrap_or_else(|| panic!("`{}` is in no room", file.name));
        for import in imports(&file.text) {
            let import = handed_on.get(&import).unwrap_or(&import);
            let Some(other) = room(import) else {
                panic!("{}: `{import}` is in no room", file.name)
            };
            seen += 1;
            if other > own {
                wrong.push(format!("{} imports {import}", file.name));
            }
        }
    }
    assert!(seen > 100, "the imports were not read: {seen}");
    assert!(wrong.is_empty(), "against the flow:\n{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_neither_wait_nor_read_nor_look_at_the_clock() {
    let forbidden = [
        "std::fs",
        "std::net",
        "std::env",
        "tokio::",
        "reqwest",
        "async_nats",
        "async fn",
        ".await",
        "Timestamp::now",
        "Instant::now",
        "SystemTime",
        "println!",
        "tracing::",
    ];
    let files = files();
    let pure: Vec<_> = files
        .iter()
        .filter(|file| room(&file.name).is_some_and(|room| PURE.contains(&ROOMS[room])))
        .filter(|file| !SHELL_FILES.contains(&file.name.as_str()))
        // Warns about clocks; holds no decision.
        .filter(|file| file.name != "callout/skew")
        .collect();
    assert!(pure.len() > 20, "the rooms were not found: {}", pure.len());
    for file in pure {
        for word in forbidden {
            assert!(!file.text.contains(word), "{} has `{word}`", file.name);
        }
    }
}

/// Evidence is written out by name where it is made, and made in one place.
#[test]
fn evidence_has_one_constructor() {
    let files = files();
    for evidence in [
        "VerifiedRequest",
        "AuthenticToken",
        "VerifiedToken",
        "VerifiedCertificate",
        "Identity",
        "Decision",
    ] {
        let literal = format!("{evidence} {{");
        let makes = |line: &str| {
            let word_before = |text: &str| text.ends_with(|c: char| c.is_alphanumeric());
            let declares = ["struct ", "impl ", "fn "].iter().any(|word| line.contains(word));
            !declares && line.split_once(&literal).is_some_and(|(before, _)| !word_before(before))
        };
        let places: Vec<_> = files
            .iter()
            // There `Identity` is a stage's name.
            .filter(|file| file.name != "code")
            .flat_map(|file| file.text.lines().map(|line| (&file.name, line)))
            .filter(|(_, line)| makes(line))
            .collect();
        assert_eq!(places.len(), 1, "`{evidence}` is made in: {places:?}");
    }
}

/// The table of codes that people read is the one that the code has.
#[test]
fn the_reference_lists_every_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, table) = text.split_once("<!-- codes:").unwrap();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| `")).collect();
    let codes = hallpass::code::Code::ALL.iter().map(|code| {
        let stage = format!("{:?}", code.stage()).to_lowercase();
        let undecided = if code.is_undecided() { " (undecided)" } else { "" };
        format!("| `{code}` | {stage} | {}{undecided} |", code.meaning())
    });
    let codes: Vec<_> = codes.collect();
    assert_eq!(
        rows.get(..codes.len()),
        Some(codes.iter().map(String::as_str).collect::<Vec<_>>().as_slice())
    );
}

/// One TLS and signature provider: two would mean two sets of bugs, and which of them verified a
/// token or a certificate would depend on who was asked.
#[test]
fn the_tree_has_one_tls_provider() {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let has = |name: &str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    assert!(has("aws-lc-rs") && has("rustls"), "the tree was not read");
    for other in ["ring", "openssl", "openssl-sys", "native-tls", "schannel", "boring"] {
        assert!(!has(other), "`{other}` is in the tree: cargo tree -i {other}");
    }
}
