//! What the fuzz targets (`make fuzz`) hold of hallpass, on their seeds: so that they compile, and
//! that what they hold is not empty.

use std::{collections::BTreeMap, path::Path};

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

type Target = fn(&[u8]) -> bool;

const TARGETS: [(&str, Target); 8] = [
    ("token", fuzz::token),
    ("header", fuzz::header),
    ("claims", fuzz::claims),
    ("introspection", fuzz::introspection),
    ("jwks", fuzz::jwks),
    ("request", fuzz::request),
    ("wish", fuzz::wish),
    ("envelope", fuzz::envelope),
];

/// Seeds by name.
fn seeds(target: &str) -> BTreeMap<String, Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let entries = std::fs::read_dir(directory).unwrap();
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn seeds_are_accepted_where_they_are_called_good() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        let good = seeds.keys().filter(|seed| seed.starts_with("good")).count();
        assert!(good > 0 && good < seeds.len(), "{name}: {good} of {}", seeds.len());
        for (seed, bytes) in &seeds {
            assert_eq!(target(bytes), seed.starts_with("good"), "{name}/{seed}");
        }
    }
}

/// Every way in has its seeds, its thin target and its place in the manifest.
#[test]
fn targets_are_listed_everywhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let names = |directory: &str| {
        let entries = std::fs::read_dir(root.join(directory)).unwrap();
        let names = entries.map(|entry| entry.unwrap().path().with_extension(""));
        let mut names: Vec<_> =
            names.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let mut expected = TARGETS.map(|(name, _)| name);
    expected.sort_unstable();
    assert_eq!(names("seeds"), expected);
    assert_eq!(names("fuzz_targets"), expected);
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let makefile = std::fs::read_to_string(root.join("../Makefile")).unwrap();
    let list = makefile.lines().find_map(|line| line.strip_prefix("FUZZ_TARGETS ?= ")).unwrap();
    let mut list: Vec<_> = list.split(' ').collect();
    list.sort_unstable();
    assert_eq!(list, expected);
    for name in expected {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}

/// The one good token and no other: not with any one bit of any of its bytes changed, which the
/// target itself holds against it.
#[test]
fn no_neighbour_of_the_good_token_is_accepted() {
    let good = fuzz::good_token().as_bytes();
    assert!(fuzz::token(good));
    for at in 0..good.len() {
        for bit in 0..7 {
            let mut changed = good.to_vec();
            changed[at] ^= 1 << bit;
            assert!(!fuzz::token(&changed), "byte {at}, bit {bit}");
        }
    }
}
