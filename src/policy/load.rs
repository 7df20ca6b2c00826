//! From the texts of maps to one version of them, as a whole. Pure: where the texts come from, a
//! directory or a revision, is for others to know.

use std::{
    path::{Component, Path, PathBuf},
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

/// How many bytes a file of maps or test cases may have: more was never written by a person.
pub(super) const LARGEST: u64 = 1 << 20;

/// How many files the maps may be: more is a directory of something else, or meant to be too much.
const MOST_FILES: usize = 10_000;

/// How many bytes they may have all together.
const MOST_BYTES: u64 = 64 << 20;

/// How much of what maps may take up is taken.
#[derive(Debug, Default)]
pub struct Taken {
    files: usize,
    bytes: u64,
}

impl Taken {
    /// Adds a file of so many bytes.
    ///
    /// # Errors
    /// With what is too much, where the file or all of them are.
    pub fn add(&mut self, bytes: u64) -> Result<(), String> {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if bytes > LARGEST {
            Err(format!("the file is larger than {} MiB", LARGEST >> 20))
        } else if self.files > MOST_FILES {
            Err(format!("there are more than {MOST_FILES} files"))
        } else if self.bytes > MOST_BYTES {
            Err(format!("all files together are larger than {} MiB", MOST_BYTES >> 20))
        } else {
            Ok(())
        }
    }

    /// Whether there is no room for another file, of whatever size.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.files > MOST_FILES || self.bytes > MOST_BYTES
    }
}

/// The files of a directory of maps and of those below it.
#[derive(Debug)]
pub struct Sources {
    /// What to call the directory.
    pub place: Place,
    /// Each file by its path below the directory, in the order of those; no text where it could
    /// not be read, which was said.
    pub files: Vec<(PathBuf, Option<Arc<Source>>)>,
}

/// What some texts are, whether or not they can be used.
#[derive(Debug)]
pub struct Version {
    /// SHA-256 over names and contents of the maps.
    pub digest: String,
    /// What decides; `None` where a problem is an error, or not all boundaries are known.
    pub policy: Option<PolicySet>,
    /// The test cases of the maps and of the files that have nothing else.
    pub cases: Vec<Case>,
}

/// Whether a file is looked at: a map, or test cases. Editors and ConfigMaps leave hidden files
/// beside the real ones.
pub(super) fn is_ours(name: &str) -> bool {
    !name.starts_with('.') && name.ends_with(".toml")
}

/// Whether a name is that of a file that is looked at but for the case of its extension.
pub(super) fn is_nearly_ours(name: &str) -> bool {
    !is_ours(name) && is_ours(&name.to_ascii_lowercase())
}

/// Whether a file is a map, by its path below the directory.
#[must_use]
pub fn is_map(below: &Path) -> bool {
    let hidden = |part: Component<'_>| part.as_os_str().to_string_lossy().starts_with('.');
    let name = below.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    is_ours(&name) && !below.components().any(hidden) && !has_cases(below)
}

/// Judges a directory's texts. The order of the files never matters.
pub fn judge(sources: Sources, boundaries: &Boundaries, problems: &mut Problems) -> Version {
    let mut found = Problems::default();
    if sources.files.iter().all(|(path, _)| has_cases(path)) {
        found.add(Problem::warning(
            &sources.place,
            "no subject map (`*.toml`) in this directory: nobody holds a role",
            "write one, such as the `orders.toml` of `hallpass init --dir NEW`",
        ));
    }
    let mut digest = Sha256::new();
    let (mut maps, mut cases) = (Vec::new(), Vec::new());
    for (path, source) in sources.files {
        let Some(source) = source else { continue };
        let only_cases = has_cases(&path);
        if !only_cases {
            // Lengths first, so that no two directories feed the same bytes.
            for part in [path.as_os_str().as_encoded_bytes(), source.text.as_bytes()] {
                digest.update((part.len() as u64).to_be_bytes());
                digest.update(part);
            }
        }
        let mut syntax = Problems::default();
        let root = document::parse(&source, &mut syntax);
        let readable = !syntax.any_error();
        found.append(syntax);
        if readable && only_cases {
            cases.extend(cases::file(&root, &mut found));
        } else if readable {
            let mut map = map::read(path, &root, &mut found);
            cases.append(&mut map.cases);
            maps.push(map);
        }
    }
    let digest = format!("sha256:{:x}", digest.finalize());
    let policy = compile(maps, boundaries, digest.clone(), &mut found);
    let usable = !found.any_error() && !problems.any_error();
    problems.append(found);
    Version { digest, policy: policy.filter(|_| usable), cases }
}

pub(super) fn has_cases(path: &Path) -> bool {
    path.to_string_lossy().ends_with(CASES)
}
