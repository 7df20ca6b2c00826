//! The directory of subject maps: the one reader that `serve` and all commands share.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{
    compile::{Boundaries, PolicySet},
    load::{LARGEST, Sources, Taken, Version, has_cases, is_nearly_ours, is_ours, judge},
};
use crate::document::{Place, Problem, Problems, Source, did_you_mean};

/// How deep directories may lie in one another.
const DEEPEST: usize = 16;

/// How many directories there may be.
const MOST_DIRECTORIES: usize = 10_000;

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
    let mut finding =
        Finding { root: directory, with_cases, found: Vec::new(), seen: HashSet::new(), problems };
    if let Err((path, error)) = finding.find(Path::new(""), 0) {
        problems.add(Problem::error(
            &Place::named(path.display().to_string()),
            format!("the directory of the subject maps cannot be read: {error}"),
            "create it, or name another as `directory` under `[maps]` in hallpass.toml",
        ));
        return None;
    }
    let mut paths = finding.found;
    paths.sort();
    let mut taken = Taken::default();
    let mut files = Vec::new();
    for below in paths {
        let path = directory.join(&below);
        let name = path.display().to_string();
        let source = match content(&path, &mut taken) {
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
        files.push((below, source));
        if taken.is_all() {
            break;
        }
    }
    Some(Sources { place: Place::named(directory.display().to_string()), files })
}

/// What a file holds. Nothing is waited for and nothing endless is read: a pipe or a device is no
/// file, whatever it is called.
fn content(path: &Path, taken: &mut Taken) -> io::Result<Vec<u8>> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        // To open a pipe waits for who writes into it, and a terminal may become ours.
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    // Counted as it is read: its size can be another by now.
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    taken.add(bytes.len() as u64).map_err(io::Error::other)?;
    Ok(bytes)
}

/// The search for the files in a directory and in those below it.
struct Finding<'a> {
    root: &'a Path,
    with_cases: bool,
    /// By their paths below the root.
    found: Vec<PathBuf>,
    /// The directories so far, free of links: one that several links lead to is read once, so that
    /// links neither multiply files nor go round in a circle.
    seen: HashSet<PathBuf>,
    problems: &'a mut Problems,
}

impl Finding<'_> {
    fn find(&mut self, below: &Path, depth: usize) -> Result<(), (PathBuf, io::Error)> {
        let directory = self.root.join(below);
        let failed = |error| (directory.clone(), error);
        if !self.seen.insert(directory.canonicalize().map_err(failed)?) {
            return Ok(());
        }
        let too_much = |what: String| Err(failed(io::Error::other(what)));
        if depth > DEEPEST {
            return too_much(format!("directories lie more than {DEEPEST} deep in one another"));
        }
        if self.seen.len() > MOST_DIRECTORIES {
            return too_much(format!("there are more than {MOST_DIRECTORIES} directories"));
        }
        let entries = std::fs::read_dir(&directory).map_err(failed)?;
        let mut names = entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<io::Result<Vec<_>>>()
            .map_err(failed)?;
        // Of the links to a directory, it is always the same that counts.
        names.sort();
        for name in names {
            let text = name.to_string_lossy();
            if text.starts_with('.') {
                continue;
            }
            let below = below.join(&name);
            let path = self.root.join(&below);
            match std::fs::metadata(&path) {
                // What is called like a map and is none is told of when it is read.
                Ok(_) if is_ours(&text) => {
                    if self.with_cases || !has_cases(&below) {
                        self.found.push(below);
                    }
                }
                Ok(metadata) if metadata.is_dir() => self.find(&below, depth + 1)?,
                Ok(_) if is_nearly_ours(&text) => self.problems.add(Problem::warning(
                    &Place::named(path.display().to_string()),
                    "the file is not read: the names of subject maps end with `.toml`",
                    "write the end of its name in lower case, or give it another",
                )),
                Ok(_) => {}
                Err(error) => self.lost(&path, &error),
            }
        }
        Ok(())
    }

    /// For an entry of which nothing can be known: what it denied would be allowed without a word.
    fn lost(&mut self, path: &Path, error: &io::Error) {
        // Who removes a file while we look has removed it.
        let is_gone = std::fs::symlink_metadata(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if !is_gone {
            self.problems.add(Problem::error(
                &Place::named(path.display().to_string()),
                format!("it cannot be known whether this is a subject map: {error}"),
                "a link has to lead to something that hallpass may read; move away what does not",
            ));
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
