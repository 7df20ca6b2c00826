//! The directory of subject maps: the one loader that `serve` and `check` share.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

use super::{
    cases::{self, Case},
    compile::{Boundaries, PolicySet, compile},
    map,
};
use crate::document::{self, Place, Problem, Problems, Source};

/// What the names of files with test cases end with: they are no maps.
const CASES: &str = ".test.toml";

/// Loads every `*.toml` of a directory and of those below it, files with test cases left out;
/// `None` where a problem is an error, or where not all `boundaries` are known. The order of the
/// files never matters.
pub fn load(
    directory: &Path,
    boundaries: &Boundaries,
    problems: &mut Problems,
) -> Option<PolicySet> {
    load_all(directory, boundaries, false, problems).map(|(set, _)| set)
}

/// As [`load`], with the test cases of the maps and of every `*.test.toml`.
pub fn load_with_cases(
    directory: &Path,
    boundaries: &Boundaries,
    problems: &mut Problems,
) -> Option<(PolicySet, Vec<Case>)> {
    load_all(directory, boundaries, true, problems)
}

fn load_all(
    directory: &Path,
    boundaries: &Boundaries,
    with_cases: bool,
    problems: &mut Problems,
) -> Option<(PolicySet, Vec<Case>)> {
    let mut found = Problems::default();
    let all = judge(directory, boundaries, with_cases, &mut found);
    let usable = !found.any_error();
    problems.append(found);
    all.filter(|_| usable)
}

fn judge(
    directory: &Path,
    boundaries: &Boundaries,
    with_cases: bool,
    problems: &mut Problems,
) -> Option<(PolicySet, Vec<Case>)> {
    let sources = read(directory, with_cases, problems)?;
    if sources.iter().all(|(path, _)| has_cases(path)) {
        let place = Place::named(directory.display().to_string());
        problems.add(Problem::warning(
            &place,
            "no subject map (`*.toml`) in this directory: nobody holds a role",
            "write one, such as the `orders.toml` of `hallpass init --dir NEW`",
        ));
    }
    let mut digest = Sha256::new();
    let (mut maps, mut cases) = (Vec::new(), Vec::new());
    for (path, source) in sources.into_iter().filter_map(|(path, source)| Some((path, source?))) {
        if !has_cases(&path) {
            // Lengths first, so that no two directories feed the same bytes.
            for part in [path.as_os_str().as_encoded_bytes(), source.text.as_bytes()] {
                digest.update((part.len() as u64).to_be_bytes());
                digest.update(part);
            }
        }
        let mut found = Problems::default();
        let root = document::parse(&source, &mut found);
        let readable = !found.any_error();
        problems.append(found);
        if readable && has_cases(&path) {
            cases.extend(cases::file(&root, problems));
        } else if readable {
            let mut map = map::read(path, &root, problems);
            cases.append(&mut map.cases);
            maps.push(map);
        }
    }
    let digest = format!("sha256:{:x}", digest.finalize());
    let set = compile(maps, boundaries, digest, problems)?;
    Some((set, cases))
}

fn has_cases(path: &Path) -> bool {
    path.to_string_lossy().ends_with(CASES)
}

/// A file below the directory; no text where it cannot be read.
type Found = (PathBuf, Option<Arc<Source>>);

/// The files, by name; `None` where the directory cannot be read.
fn read(directory: &Path, with_cases: bool, problems: &mut Problems) -> Option<Vec<Found>> {
    let mut paths = Vec::new();
    let found = find(directory, Path::new(""), &mut paths);
    if let Err((path, error)) = found {
        problems.add(Problem::error(
            &Place::named(path.display().to_string()),
            format!("the directory of the subject maps cannot be read: {error}"),
            "create it, or name another as `directory` under `[maps]` in hallpass.toml",
        ));
        return None;
    }
    paths.retain(|path| with_cases || !has_cases(path));
    paths.sort();
    let read = |below: PathBuf| {
        let path = directory.join(&below);
        let name = path.display().to_string();
        let source = match std::fs::read(&path) {
            Ok(bytes) => Source::read(name, bytes, problems),
            Err(error) => {
                problems.add(Problem::error(
                    &Place::named(name),
                    format!("the subject map cannot be read: {error}"),
                    "a subject map is a file that hallpass may read; move away what is none",
                ));
                None
            }
        };
        (below, source)
    };
    Some(paths.into_iter().map(read).collect())
}

/// How deep directories may lie in one another: more is a link that leads back.
const DEEPEST: usize = 16;

/// Finds the maps in a directory and in those below it.
fn find(
    root: &Path,
    below: &Path,
    found: &mut Vec<PathBuf>,
) -> Result<(), (PathBuf, std::io::Error)> {
    let directory = root.join(below);
    let failed = |error| (directory.clone(), error);
    if below.components().count() > DEEPEST {
        let message = format!("directories lie more than {DEEPEST} deep in one another");
        return Err(failed(std::io::Error::other(message)));
    }
    for entry in std::fs::read_dir(&directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        // Editors and ConfigMaps leave hidden files beside the real ones.
        let text = name.to_string_lossy();
        if text.starts_with('.') {
            continue;
        }
        let below = below.join(&name);
        let is_map = text.ends_with(".toml");
        if entry.path().is_dir() && !text.ends_with(".toml") {
            find(root, &below, found)?;
        } else if is_map {
            found.push(below);
        }
    }
    Ok(())
}
