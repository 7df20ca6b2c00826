//! The git repository around the maps, asked by the `git` command.
//!
//! A branch under review can hold a directory that git takes for a bare repository: `HEAD`,
//! `objects`, `refs` and a `config`, which may name commands. So git is not left to look for a
//! repository: it is told of the one whose `.git`, which no branch can hold, is around the maps.
//! What that one's own configuration could run for a reading is off as well.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, anyhow, bail};

use super::revision::Unread;
use crate::printable;

/// A repository that is checked out.
pub(super) struct Repository {
    /// Where its `.git` leads.
    git: PathBuf,
    /// What is checked out.
    pub(super) work_tree: PathBuf,
}

impl Repository {
    /// That of the nearest `.git` in a directory or in one of those that it is in.
    pub(super) fn around(here: &Path) -> Result<Self, Unread> {
        // Whatever it is: a directory, or the file of a further work tree or of a submodule.
        let is_top = |path: &&Path| path.join(".git").symlink_metadata().is_ok();
        let Some(work_tree) = here.ancestors().find(is_top) else {
            let why = "the subject maps are not in a git repository that is checked out";
            return Err(Unread::NoRevision(why.to_owned()));
        };
        let git = leads_to(work_tree)?;
        // Not told where it is, git looks whether it belongs to somebody else, and finds it where
        // we did, as `.git` comes before everything else.
        let mut asked = command();
        asked.arg("-C").arg(work_tree).args(["rev-parse", "--absolute-git-dir"]);
        let found = match output(asked)? {
            Ok(found) => text(found)?,
            Err(why) => return Err(Unread::NoRevision(why)),
        };
        let found = Path::new(found.trim_end_matches('\n'));
        if found.canonicalize().ok() != Some(git.clone()) {
            return Err(Unread::Failed(anyhow!(
                "git takes `{}` for the repository of the subject maps, which it is not",
                printable::text(&found.display().to_string())
            )));
        }
        Ok(Self { git, work_tree: work_tree.to_owned() })
    }

    /// The id of what a name stands for.
    pub(super) fn id(&self, name: &str) -> anyhow::Result<Option<String>> {
        let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", name];
        let Ok(output) = self.git(&arguments)? else { return Ok(None) };
        let id = text(output)?.trim().to_owned();
        let is_one = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        Ok(is_one.then_some(id))
    }

    /// What git says, or why it does not.
    pub(super) fn git(&self, arguments: &[&str]) -> anyhow::Result<Result<Vec<u8>, String>> {
        output(self.command(arguments))
    }

    /// The contents of objects, in their order.
    pub(super) fn contents(&self, objects: &[&str]) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut child = self
            .command(&["cat-file", "--batch"])
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
                let questions: String =
                    objects.iter().map(|object| format!("{object}\n")).collect();
                // Where it went away, its answers are too few.
                asking.map(|mut asking| asking.write_all(questions.as_bytes()))
            });
            answers.map_or(Ok(0), |mut answers| answers.read_to_end(&mut output))
        })?;
        let ended = child.wait()?;
        let mut rest = output.as_slice();
        let mut contents = Vec::new();
        for object in objects {
            let content = taken(&mut rest, object).with_context(|| {
                format!("git did not give the object {object}; a partial clone may be without it")
            })?;
            contents.push(content);
        }
        if !ended.success() {
            bail!("git cat-file ended with {ended}");
        }
        Ok(contents)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command();
        command.arg("-C").arg(&self.work_tree);
        command.arg("--git-dir").arg(&self.git).arg("--work-tree").arg(&self.work_tree);
        command.args(arguments);
        command
    }
}

/// Where the `.git` of a work tree leads; a file has it as `gitdir: PATH` (gitrepository-layout(5)).
fn leads_to(work_tree: &Path) -> anyhow::Result<PathBuf> {
    let entry = work_tree.join(".git");
    let shown = printable::text(&entry.display().to_string());
    let leads = || -> anyhow::Result<PathBuf> {
        if entry.is_dir() {
            return Ok(entry.canonicalize()?);
        }
        let said = std::fs::read_to_string(&entry)?;
        let path = said.strip_prefix("gitdir: ").context("it says no `gitdir: PATH`")?;
        Ok(work_tree.join(path.trim_end_matches(['\r', '\n'])).canonicalize()?)
    };
    leads().with_context(|| format!("`{shown}` does not lead to a git repository"))
}

fn text(bytes: Vec<u8>) -> anyhow::Result<String> {
    String::from_utf8(bytes).context("what git says is no text")
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

fn output(mut command: Command) -> anyhow::Result<Result<Vec<u8>, String>> {
    let output = command.stdin(Stdio::null()).output().map_err(not_run)?;
    if output.status.success() {
        return Ok(Ok(output.stdout));
    }
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let told = told.lines().next().unwrap_or("it does not say why");
    Ok(Err(format!("git says: {}", printable::text(told))))
}

/// Git, with nothing on that could run something else: no bare repository that nobody named, no
/// monitor of the file system, no fetch of what a partial clone is without, by no protocol.
fn command() -> Command {
    let mut command = Command::new("git");
    for setting in ["safe.bareRepository=explicit", "core.fsmonitor=false", "protocol.allow=never"]
    {
        command.args(["-c", setting]);
    }
    // The first is for newer versions of git; the second wins over `protocol.NAME.allow`.
    command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none");
    // In a hook, git says where it is; the repository is that of the maps all the same.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR"] {
        command.env_remove(name);
    }
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
