//! The maps of a git revision, through the `git` command and without a checkout.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use super::repository::Repository;
use crate::{
    document::{Place, Problem, Problems, Source},
    policy::{Sources, Taken, is_map},
};

/// Why the maps of a revision are not there.
pub(super) enum Unread {
    /// Git knows no such revision, or there is no git here.
    NoRevision(String),
    /// They could not be read.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Unread {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// All maps that stand below `directory` in a revision; what is no file is a problem.
pub(super) fn read(
    revision: &str,
    directory: &Path,
    problems: &mut Problems,
) -> Result<Sources, Unread> {
    let (here, below) = existing(directory)?;
    let repository = Repository::around(&here)?;
    // An id from here on: nothing that was typed in can be taken for an option or a path.
    let commit = repository
        .id(&format!("{revision}^{{commit}}"))?
        .ok_or_else(|| Unread::NoRevision("git knows no such commit here".to_owned()))?;
    let path = here.strip_prefix(&repository.work_tree).context("not in the work tree")?;
    let path = path.join(below);
    let path = path.to_str().context("the path of the subject maps is no text")?;
    let path = path.trim_end_matches('/');
    let tree =
        if path.is_empty() { format!("{commit}^{{tree}}") } else { format!("{commit}:{path}") };
    let Some(tree) = repository.id(&tree)? else {
        let shown = if path.is_empty() { "." } else { path };
        let why = format!("`{revision}` has no directory `{shown}`: it had no subject maps there");
        return Err(Unread::Failed(anyhow!(why)));
    };
    // Without `--full-tree`, only what is called like the directory that git runs in.
    let list = ["ls-tree", "-r", "-l", "-z", "--full-tree", &tree];
    let listed = repository.git(&list)?.map_err(|why| anyhow!(why))?;
    let mut taken = Taken::default();
    let mut files = Vec::new();
    for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let entry = String::from_utf8_lossy(entry);
        let (about, name) = entry.split_once('\t').context("git's list of files is unreadable")?;
        // `MODE TYPE ID SIZE`, the last of them with spaces before it and only of files.
        let mut about = about.split_ascii_whitespace();
        let (mode, object) = (about.next().unwrap_or_default(), about.nth(1).unwrap_or_default());
        let size = about.next().and_then(|size| size.parse().ok()).unwrap_or_default();
        let shown = format!("{revision}:{path}/{name}");
        if mode.starts_with("100") {
            if !is_map(Path::new(name)) {
                continue;
            }
            match taken.add(size) {
                Ok(()) => files.push((PathBuf::from(name), shown, object.to_owned())),
                Err(what) => problems.add(Problem::error(
                    &Place::named(shown),
                    format!("the subject map is not read: {what}"),
                    "no directory of subject maps is that large",
                )),
            }
            if taken.is_all() {
                break;
            }
        } else if !name.split('/').any(|part| part.starts_with('.')) {
            problems.add(Problem::error(
                &Place::named(shown),
                "a link or a submodule cannot be followed in a git revision",
                "compare directories instead, such as those of two checkouts",
            ));
        }
    }
    let objects: Vec<&str> = files.iter().map(|(_, _, object)| object.as_str()).collect();
    let contents = repository.contents(&objects)?;
    let mut read: Vec<_> = files
        .into_iter()
        .zip(contents)
        .map(|((below, name, _), bytes)| (below, Source::read(name, bytes, problems)))
        .collect();
    // Git has an order of its own.
    read.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(Sources { place: Place::named(format!("{revision}:{path}")), files: read })
}

/// The deepest directory of a path that is there, free of links as git sees it, and the rest: a
/// revision may have what is gone.
fn existing(directory: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let whole = std::path::absolute(directory)?;
    let there = whole.ancestors().find(|path| path.is_dir()).context("there is no directory")?;
    Ok((there.canonicalize()?, whole.strip_prefix(there)?.to_owned()))
}
