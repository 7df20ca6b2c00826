//! The directory of subject maps: the one loader that `serve` and `check` share.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

use super::{
    compile::{Boundaries, PolicySet, compile},
    map,
};
use crate::document::{self, Place, Problem, Problems, Source};

/// What the names of files with test cases end with: they are no maps.
const CASES: &str = ".test.toml";

/// Loads every `*.toml` of a directory and of those below it; `None` where a problem is an error, or where not all
/// `boundaries` are known. The order of the files never matters.
pub fn load(
    directory: &Path,
    boundaries: &Boundaries,
    problems: &mut Problems,
) -> Option<PolicySet> {
    let mut found = Problems::default();
    let files = read(directory, &mut found);
    let name = directory.display().to_string();
    let set = files.and_then(|files| judge(files, name, boundaries, &mut found));
    let usable = !found.any_error();
    problems.append(found);
    set.filter(|_| usable)
}

/// A map that comes from elsewhere than a directory.
#[derive(Debug)]
pub struct MapText {
    /// Where it is, below the directory of the maps.
    pub below: PathBuf,
    /// What messages call it.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// As [`load`], for maps that were read elsewhere; `name` is what messages call all of them.
pub fn load_texts(
    name: &str,
    texts: Vec<MapText>,
    boundaries: &Boundaries,
    problems: &mut Problems,
) -> Option<PolicySet> {
    let mut found = Problems::default();
    let mut files: Vec<Found> = texts
        .into_iter()
        .map(|text| (text.below, Source::read(text.name, text.bytes, &mut found)))
        .collect();
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    let set = judge(files, name.to_owned(), boundaries, &mut found);
    let usable = !found.any_error();
    problems.append(found);
    set.filter(|_| usable)
}

/// Whether [`load`] would take a file for a map, by its path below the directory.
#[must_use]
pub fn is_map(below: &Path) -> bool {
    let hidden = below.components().any(|part| is_hidden(&part.as_os_str().to_string_lossy()));
    let name = below.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    !hidden && is_map_name(&name)
}

/// Editors and ConfigMaps leave hidden files beside the real ones.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

fn is_map_name(name: &str) -> bool {
    name.ends_with(".toml") && !name.ends_with(CASES)
}

fn judge(
    sources: Vec<Found>,
    name: String,
    boundaries: &Boundaries,
    problems: &mut Problems,
) -> Option<PolicySet> {
    if sources.is_empty() {
        let place = Place::named(name);
        problems.add(Problem::warning(
            &place,
            "no subject map (`*.toml`) in this directory: nobody holds a role",
            "write one, such as the `orders.toml` of `hallpass init --dir NEW`",
        ));
    }
    let mut digest = Sha256::new();
    let mut maps = Vec::new();
    for (path, source) in sources.into_iter().filter_map(|(path, source)| Some((path, source?))) {
        // Lengths first, so that no two directories feed the same bytes.
        for part in [path.as_os_str().as_encoded_bytes(), source.text.as_bytes()] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut found = Problems::default();
        let root = document::parse(&source, &mut found);
        let readable = !found.any_error();
        problems.append(found);
        if readable {
            maps.push(map::read(path, &root, problems));
        }
    }
    let digest = format!("sha256:{:x}", digest.finalize());
    compile(maps, boundaries, digest, problems)
}

/// A file below the directory; no text where it cannot be read.
type Found = (PathBuf, Option<Arc<Source>>);

/// The files, by name; `None` where the directory cannot be read.
fn read(directory: &Path, problems: &mut Problems) -> Option<Vec<Found>> {
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
        let text = name.to_string_lossy();
        if is_hidden(&text) {
            continue;
        }
        let below = below.join(&name);
        if entry.path().is_dir() && !text.ends_with(".toml") {
            find(root, &below, found)?;
        } else if is_map_name(&text) {
            found.push(below);
        }
    }
    Ok(())
}
