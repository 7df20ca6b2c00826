//! Tokens in the layouts that IdPs document, by the presets. Built here, nobody's real tokens; the
//! source of each layout stands in its file under `tests/layouts`.

use std::path::{Path, PathBuf};

use super::*;
use crate::{
    config::{IssuerSettings, Preset},
    document::{Kind, Node, Place, Problems, Source, parse},
    testkit::{Key, ed25519},
};

fn files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layouts");
    let entries = std::fs::read_dir(directory).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn read(path: &Path) -> Node {
    let mut problems = Problems::default();
    let name = path.display().to_string();
    let source = Source::read(name, std::fs::read(path).unwrap(), &mut problems).unwrap();
    let root = parse(&source, &mut problems);
    assert!(!problems.any_error(), "{problems}");
    root
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).map(|node| node.as_str().expect("a string"))
}

/// `{now}`, `{now+60}`, `{now-60}` and `{kid}`, filled in.
fn filled(text: &str, key: &Key) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{now") {
        let (offset, after) = after.split_once('}').unwrap();
        let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().unwrap() };
        filled += before;
        filled += &(NOW + offset).to_string();
        rest = after;
    }
    (filled + rest).replace("{kid}", key.id)
}

/// What becomes of a case: the subject and the roles, or the code.
fn outcome(issuer: &IssuerSettings, case: &Node) -> Result<(String, Vec<String>), Code> {
    let header = text(case, "header").unwrap();
    let key = match () {
        () if header.contains("RS256") => rsa(),
        () if header.contains("EdDSA") => ed25519(),
        () => es256(),
    };
    let claims = filled(text(case, "claims").unwrap(), key);
    let token = bearer(&filled(header, key), &claims, key);
    let token = verify_with(&token, issuer, &key_set(&[es256(), rsa(), ed25519()]))?;
    let identity = Identity::of(&token, issuer).map_err(|refusal| refusal.code)?;
    Ok((identity.who().subject.clone(), identity.who().idp_roles.iter().cloned().collect()))
}

#[test]
fn tokens_in_documented_layouts_are_read_as_documented() {
    let mut cases = 0;
    for path in files() {
        let root = read(&path);
        let mut problems = Problems::default();
        let node = root.get("issuer").unwrap();
        let directory = path.parent().unwrap();
        let issuer = IssuerSettings::read("corp".parse().unwrap(), node, directory, &mut problems);
        assert!(problems.iter().next().is_none(), "{problems}");
        let Some(Node { kind: Kind::List(list), .. }) = root.get("case") else { panic!() };
        for case in list {
            let what = format!("{}: {}", path.display(), text(case, "name").unwrap());
            let outcome = outcome(issuer.as_ref().unwrap(), case);
            match text(case, "refused") {
                Some(code) => assert_eq!(outcome.unwrap_err().as_str(), code, "{what}"),
                None => {
                    let Some(Kind::List(roles)) = case.get("roles").map(|node| &node.kind) else {
                        panic!("{what}")
                    };
                    let roles = roles.iter().map(|role| role.as_str().unwrap().to_owned());
                    let expected = (text(case, "subject").unwrap().to_owned(), roles.collect());
                    assert_eq!(outcome, Ok(expected), "{what}");
                }
            }
            cases += 1;
        }
    }
    assert!(cases > 80, "{cases}");
}

#[test]
fn every_preset_has_a_layout_that_is_accepted() {
    for name in Preset::names() {
        let fits = |path: &PathBuf| {
            let root = read(path);
            let Some(Kind::List(cases)) = root.get("case").map(|node| &node.kind) else { panic!() };
            text(root.get("issuer").unwrap(), "preset") == Some(name)
                && cases.iter().any(|case| case.get("refused").is_none())
        };
        assert!(files().iter().any(fits), "{name}");
    }
}

/// What a user writes after reading a preset is complete.
#[test]
fn the_example_of_each_preset_is_a_whole_issuer() {
    for name in Preset::names() {
        let preset = Preset::find(name, &Place::named("test".to_owned())).unwrap();
        let mut problems = Problems::default();
        let bytes = preset.example.clone().into_bytes();
        let source = Source::read(name.to_owned(), bytes, &mut problems).unwrap();
        let root = parse(&source, &mut problems);
        let Some(Kind::Table(issuers)) = root.get("issuers").map(|node| &node.kind) else {
            panic!("{name}")
        };
        assert_eq!(issuers.len(), 1, "{name}");
        for (issuer, (_, node)) in issuers {
            let directory = Path::new("");
            IssuerSettings::read(issuer.parse().unwrap(), node, directory, &mut problems).unwrap();
        }
        assert!(problems.iter().next().is_none(), "{name}: {problems}");
    }
}
