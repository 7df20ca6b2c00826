//! `hallpass import`

use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::{Exit, output};
use crate::{
    document::{Place, Problem, Problems},
    import::{self, Draft},
    nats_conf,
    setup::{self, Fate},
};

/// Draft subject maps from a server's static users
///
/// Reads a nats-server configuration with all that it includes, and turns its users and their
/// permissions into a first draft of maps, a file for each account. What the server allowed, the
/// draft allows; users who may do the same become one role. Variables come from the file and the
/// environment, as for the server. Passwords, tokens and seeds are neither read nor shown.
///
/// Ends with 0 where there is a draft, with 2 where there is no user to draft from or a file was
/// kept that says something else, and with 3 where the configuration cannot be read.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hallpass import nats-server.conf --out subject-maps")]
pub(super) struct Import {
    /// The server's configuration
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the maps into this directory; what is there is kept [default: print them]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Import {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let mut problems = Problems::default();
        let draft = self.draft(&mut problems);
        output::problems(&problems);
        let Some(draft) = draft else { return Ok(Exit::Invalid) };
        for note in &draft.notes {
            output::note(&format!("note: {note}"));
        }
        if draft.files.is_empty() {
            output::error("there is no user to draft a role from");
            return Ok(Exit::No);
        }
        match &self.out {
            None => {
                for file in &draft.files {
                    output::try_line(&format!("# ---- {} ----", file.name))?;
                    output::try_line(&file.text)?;
                }
                Ok(Exit::Yes)
            }
            Some(directory) => write(&draft, directory),
        }
    }

    fn draft(&self, problems: &mut Problems) -> Option<Draft> {
        let path = self.file.display().to_string();
        let bytes = match std::fs::read(&self.file) {
            Ok(bytes) => bytes,
            Err(error) => {
                let message = format!("the server's configuration cannot be read: {error}");
                let help = "name the file that nats-server is started with";
                problems.add(Problem::error(&Place::named(path), message, help));
                return None;
            }
        };
        let configuration = nats_conf::read(&path, bytes, &included, problems)?;
        // What is no text, the server could not read either.
        let environment = |name: &str| std::env::var_os(name)?.into_string().ok();
        import::draft(&path, &configuration, &environment, problems)
    }
}

fn write(draft: &Draft, directory: &Path) -> anyhow::Result<Exit> {
    std::fs::create_dir_all(directory).with_context(|| format!("`{}`", directory.display()))?;
    let mut is_all_there = true;
    for file in &draft.files {
        let path = directory.join(&file.name);
        match setup::write_new(&path, &file.text)? {
            Fate::Written => output::line(&format!("wrote {}", path.display())),
            Fate::Kept => {
                output::line(&format!("kept  {}", path.display()));
                let held = std::fs::read(&path).with_context(|| format!("`{}`", path.display()))?;
                if held != file.text.as_bytes() {
                    is_all_there = false;
                    output::error(&format!(
                        "`{}` was kept, and is not the draft; move it away, or leave out --out to \
                         see the draft",
                        path.display()
                    ));
                }
            }
        }
    }
    if !is_all_there {
        return Ok(Exit::No);
    }
    let accounts: Vec<_> = draft.files.iter().map(|file| file.account.as_str()).collect();
    let targets = toml::Value::from(accounts);
    output::line(&format!(
        "\nnext:\n  in hallpass.toml, under [accounts]: targets = {targets}\n  \
         in hallpass.toml, under [maps]: directory, where it is not this one\n  \
         in the drafts: name the IdP's roles, and what is needed of what was allowed\n  \
         hallpass check"
    ));
    Ok(Exit::Yes)
}

/// The server's way to an included file: from the directory of the including one, even where the
/// path begins with `/`.
fn included(including: &str, named: &str) -> Result<(String, Vec<u8>), String> {
    let directory = Path::new(including).parent().unwrap_or(Path::new(""));
    let path = clean(&directory.join(named.trim_start_matches('/')));
    let bytes = std::fs::read(&path).map_err(|error| error.to_string())?;
    Ok((path.display().to_string(), bytes))
}

/// The path without `.` and `..`, so that one file has one path.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(clean.components().next_back(), Some(Component::Normal(_))) =>
            {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}
