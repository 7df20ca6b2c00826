//! The directory of subject maps: the one reader that `serve` and all commands share.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    compile::{Boundaries, PolicySet},
    load::{Sources, Version, has_cases, is_ours, judge},
};
use crate::document::{Place, Problem, Problems, Source, did_you_mean};

/// How deep directories may lie in one another: more is a link that leads back.
const DEEPEST: usize = 16;

/// Loads every `*.toml` of a directory and of those below it, files with test cases left out;
/// `None` where a problem is an error, or where not all `boundaries` are known.
pub fn load(
    directory: &Path,
    boundaries: &Boundaries,
    problems: &mut Problems,
) -> Option<PolicySet> {
    load_version(directory, boundaries, problems)?.policy
}

/// As [`load`], with what is known of the maps where they cannot be used; `None` where the
/// directory cannot be read.
pub fn load_version(
    directory: &Path,
    boundaries: &Boundaries,
    problems: &mut Problems,
) -> Option<Version> {
    let mut found = Problems::default();
    let sources = read(directory, false, &mut found);
    let mut version = sources.map(|sources| judge(sources, boundaries, &mut found));
    if let Some(version) = &mut version
        && !find_bounded(directory, boundaries, &mut found)
    {
        version.policy = None;
    }
    problems.append(found);
    version
}

/// Whether each directory that is bounded is there, empty or not: bounds of one that is spelled
/// otherwise hold for no file, and what they were meant for is not bounded.
pub fn find_bounded(directory: &Path, boundaries: &Boundaries, problems: &mut Problems) -> bool {
    let mut all = true;
    for bounds in boundaries.bounds.iter().flatten() {
        let mut above = directory.to_path_buf();
        for part in &bounds.directory {
            // By the list of names, because some file systems open `Sales` for `sales` too.
            let known = directories(&above);
            let part = part.to_string_lossy();
            if known.iter().any(|name| *name == part) {
                above.push(part.as_ref());
                continue;
            }
            all = false;
            let near = did_you_mean(&part.to_lowercase(), known.iter().map(String::as_str))
                .or_else(|| did_you_mean(&part, known.iter().map(String::as_str)));
            let help = match near {
                Some(near) => format!(
                    "did you mean `{near}`? it is set under `[maps.bounds.{}]`",
                    bounds.name
                ),
                None => {
                    format!("create it, it may be empty; or change `[maps.bounds.{}]`", bounds.name)
                }
            };
            problems.add(Problem::error(
                &Place::named(above.display().to_string()),
                format!("there is no directory `{part}` here, as the bounds `{}` say", bounds.name),
                help,
            ));
            break;
        }
    }
    all
}

/// The names of the directories in one; none where it cannot be read.
fn directories(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Reads the files of a directory, those with test cases too where they are asked for; `None`
/// where the directory cannot be read.
pub fn read(directory: &Path, with_cases: bool, problems: &mut Problems) -> Option<Sources> {
    let mut paths = Vec::new();
    if let Err((path, error)) = find(directory, Path::new(""), &mut paths) {
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
    let files = paths.into_iter().map(read).collect();
    Some(Sources { place: Place::named(directory.display().to_string()), files })
}

/// Finds the files in a directory and in those below it.
fn find(root: &Path, below: &Path, found: &mut Vec<PathBuf>) -> Result<(), (PathBuf, io::Error)> {
    let directory = root.join(below);
    let failed = |error| (directory.clone(), error);
    if below.components().count() > DEEPEST {
        let message = format!("directories lie more than {DEEPEST} deep in one another");
        return Err(failed(io::Error::other(message)));
    }
    for entry in std::fs::read_dir(&directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let below = below.join(&name);
        if is_ours(&text) {
            found.push(below);
        } else if !text.starts_with('.') && entry.path().is_dir() {
            find(root, &below, found)?;
        }
    }
    Ok(())
}
