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

/// Loads every `*.toml` of a directory; `None` where a problem is an error, or where not all
/// `boundaries` are known. The order of the files never matters.
pub fn load(
    directory: &Path,
    boundaries: &Boundaries,
    problems: &mut Problems,
) -> Option<PolicySet> {
    load_version(directory, boundaries, problems).1
}

/// As [`load`], with the digest of what was read before it, whether or not that can be used;
/// `None` where the directory cannot be read.
pub fn load_version(
    directory: &Path,
    boundaries: &Boundaries,
    problems: &mut Problems,
) -> (Option<String>, Option<PolicySet>) {
    let (mut found, mut digest) = (Problems::default(), None);
    let set = read_all(directory, boundaries, &mut digest, &mut found);
    let usable = !found.any_error();
    problems.append(found);
    (digest, set.filter(|_| usable))
}

fn read_all(
    directory: &Path,
    boundaries: &Boundaries,
    version: &mut Option<String>,
    problems: &mut Problems,
) -> Option<PolicySet> {
    let (files, sources) = read(directory, problems)?;
    if files == 0 {
        let place = Place::named(directory.display().to_string());
        problems.add(Problem::warning(
            &place,
            "no subject map (`*.toml`) in this directory: nobody holds a role",
            "write one, such as the `orders.toml` of `hallpass init --dir NEW`",
        ));
    }
    let mut digest = Sha256::new();
    let mut maps = Vec::new();
    for source in &sources {
        // Lengths first, so that no two directories feed the same bytes.
        for part in [file_name(&source.path), &source.text] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut found = Problems::default();
        let root = document::parse(source, &mut found);
        let readable = !found.any_error();
        problems.append(found);
        if readable {
            maps.push(map::read(&root, problems));
        }
    }
    let digest = format!("sha256:{:x}", digest.finalize());
    *version = Some(digest.clone());
    compile(maps, boundaries, digest, problems)
}

/// How many files there are, and those that can be read, by name; `None` where the directory
/// cannot be read.
fn read(directory: &Path, problems: &mut Problems) -> Option<(usize, Vec<Arc<Source>>)> {
    let named = |path: &Path| Place::named(path.display().to_string());
    let entries = std::fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            problems.add(Problem::error(
                &named(directory),
                format!("the directory of the subject maps cannot be read: {error}"),
                "create it, or name another as `directory` under `[maps]` in hallpass.toml",
            ));
            return None;
        }
    };
    // Editors and ConfigMaps leave hidden files beside the real ones.
    let is_map = |path: &PathBuf| {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        !hidden && path.extension().is_some_and(|extension| extension == "toml")
    };
    let mut paths: Vec<PathBuf> =
        entries.into_iter().map(|entry| entry.path()).filter(is_map).collect();
    paths.sort();
    let files = paths.len();
    let mut sources = Vec::new();
    for path in paths {
        match std::fs::read(&path) {
            Ok(bytes) => sources.extend(Source::read(path.display().to_string(), bytes, problems)),
            Err(error) => problems.add(Problem::error(
                &named(&path),
                format!("the subject map cannot be read: {error}"),
                "a subject map is a file that hallpass may read; move away what is none",
            )),
        }
    }
    Some((files, sources))
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
