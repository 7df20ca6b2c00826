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

/// Loads every `*.toml` of a directory; `None` where a problem is an error. The order of the
/// files never matters.
///
/// Without `boundaries` the files are read and nothing is loaded: to find the problems in them
/// although the configuration is not usable.
pub fn load(
    directory: &Path,
    boundaries: Option<&Boundaries>,
    problems: &mut Problems,
) -> Option<PolicySet> {
    let mut found = Problems::default();
    let set = read_all(directory, boundaries, &mut found);
    let usable = !found.any_error();
    problems.append(found);
    set.filter(|_| usable)
}

fn read_all(
    directory: &Path,
    boundaries: Option<&Boundaries>,
    problems: &mut Problems,
) -> Option<PolicySet> {
    let sources = read(directory, problems)?;
    if sources.is_empty() {
        let place = Place::named(directory.display().to_string());
        problems.add(Problem::warning(
            &place,
            "no subject map (`*.toml`) in this directory: nobody holds a role",
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
    Some(compile(maps, boundaries?, digest, problems))
}

/// The files, by name; `None` where the directory cannot be read.
fn read(directory: &Path, problems: &mut Problems) -> Option<Vec<Arc<Source>>> {
    let problem = |path: &Path, error: std::io::Error| {
        let place = Place::named(path.display().to_string());
        Problem::error(&place, format!("cannot be read: {error}"))
    };
    let entries = std::fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            problems.add(
                problem(directory, error)
                    .help("`directory` under `[maps]` in hallpass.toml names the directory"),
            );
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
    let mut sources = Vec::new();
    for path in paths {
        match std::fs::read_to_string(&path) {
            Ok(text) => sources.push(Arc::new(Source { path: path.display().to_string(), text })),
            Err(error) => problems.add(problem(&path, error)),
        }
    }
    Some(sources)
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
