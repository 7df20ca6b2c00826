//! The maps of a git revision, through the `git` command and without a checkout.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, anyhow, bail};

use crate::{
    document::{Place, Problem, Problems, Source},
    policy::{Sources, is_map},
    printable,
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
    let prefix = match git(&here, &["rev-parse", "--show-prefix"])? {
        Ok(prefix) => text(prefix)?.trim_end_matches('\n').to_owned(),
        Err(why) => return Err(Unread::NoRevision(why)),
    };
    // An id from here on: nothing that was typed in can be taken for an option or a path.
    let commit = id(&here, &format!("{revision}^{{commit}}"))?
        .ok_or_else(|| Unread::NoRevision("git knows no such commit here".to_owned()))?;
    let path = below.to_str().context("the path of the subject maps is no text")?;
    let path = format!("{prefix}{path}");
    let path = path.trim_end_matches('/');
    let tree =
        if path.is_empty() { format!("{commit}^{{tree}}") } else { format!("{commit}:{path}") };
    let Some(tree) = id(&here, &tree)? else {
        let shown = if path.is_empty() { "." } else { path };
        let why = format!("`{revision}` has no directory `{shown}`: it had no subject maps there");
        return Err(Unread::Failed(anyhow!(why)));
    };
    // Without `--full-tree`, only what is called like the directory that git runs in.
    let listed =
        git(&here, &["ls-tree", "-r", "-z", "--full-tree", &tree])?.map_err(|why| anyhow!(why))?;
    let mut files = Vec::new();
    for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let entry = String::from_utf8_lossy(entry);
        let (about, name) = entry.split_once('\t').context("git's list of files is unreadable")?;
        let mut about = about.split(' ');
        let (mode, object) = (about.next().unwrap_or_default(), about.nth(1).unwrap_or_default());
        let shown = format!("{revision}:{path}/{name}");
        if mode.starts_with("100") {
            if is_map(Path::new(name)) {
                files.push((PathBuf::from(name), shown, object.to_owned()));
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
    let contents = contents(&here, &objects)?;
    let mut read: Vec<_> = files
        .into_iter()
        .zip(contents)
        .map(|((below, name, _), bytes)| (below, Source::read(name, bytes, problems)))
        .collect();
    // Git has an order of its own.
    read.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(Sources { place: Place::named(format!("{revision}:{path}")), files: read })
}

/// The deepest directory of a path that is there, and the rest: a revision may have what is gone.
fn existing(directory: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let whole = std::path::absolute(directory)?;
    let there = whole.ancestors().find(|path| path.is_dir()).context("there is no directory")?;
    Ok((there.to_owned(), whole.strip_prefix(there)?.to_owned()))
}

/// The id of what a name stands for.
fn id(here: &Path, name: &str) -> anyhow::Result<Option<String>> {
    let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", name];
    let Ok(output) = git(here, &arguments)? else { return Ok(None) };
    let id = text(output)?.trim().to_owned();
    let is_one = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    Ok(is_one.then_some(id))
}

fn text(bytes: Vec<u8>) -> anyhow::Result<String> {
    String::from_utf8(bytes).context("what git says is no text")
}

/// The contents of objects, in their order.
fn contents(here: &Path, objects: &[&str]) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut child = command(here, &["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(not_run)?;
    let (asking, answers) = (child.stdin.take(), child.stdout.take());
    let mut output = Vec::new();
    // It answers while it is asked: who does one after the other may wait for ever.
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let questions: String = objects.iter().map(|object| format!("{object}\n")).collect();
            // Where it went away, its answers are too few.
            asking.map(|mut asking| asking.write_all(questions.as_bytes()))
        });
        answers.map_or(Ok(0), |mut answers| answers.read_to_end(&mut output))
    })?;
    let ended = child.wait()?;
    let mut rest = output.as_slice();
    let mut contents = Vec::new();
    for object in objects {
        let content = taken(&mut rest, object);
        contents.push(content.with_context(|| format!("git did not give the object {object}"))?);
    }
    if !ended.success() {
        bail!("git cat-file ended with {ended}");
    }
    Ok(contents)
}

/// The next of the answers: `ID blob SIZE`, a line break, the content, a line break.
fn taken(rest: &mut &[u8], object: &str) -> Option<Vec<u8>> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (head, after) = (rest.get(..end)?, rest.get(end + 1..)?);
    let head = std::str::from_utf8(head).ok()?;
    let size: usize = head.strip_prefix(object)?.strip_prefix(" blob ")?.parse().ok()?;
    let content = after.get(..size)?.to_vec();
    *rest = after.get(size..)?.strip_prefix(b"\n")?;
    Some(content)
}

/// What git says, or why it does not.
fn git(here: &Path, arguments: &[&str]) -> anyhow::Result<Result<Vec<u8>, String>> {
    let output = command(here, arguments).stdin(Stdio::null()).output().map_err(not_run)?;
    if output.status.success() {
        return Ok(Ok(output.stdout));
    }
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let told = told.lines().next().unwrap_or("it does not say why");
    Ok(Err(format!("git says: {}", printable::text(told))))
}

fn command(here: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(here).args(arguments);
    // Nothing is asked for, nothing is locked, and messages are those that are known.
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
    command
}

fn not_run(error: std::io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::NotFound => anyhow!(
            "`git` is not on this machine, or not on PATH: revisions are read with it; directories \
             can be compared without it"
        ),
        _ => anyhow!("git cannot be run: {error}"),
    }
}
