//! Where a secret is, and getting it from there.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::document::{Fields, Kind, Node, Place, Problem, Problems};

/// Where a secret is.
#[derive(Debug, Clone)]
pub struct SecretSource {
    from: From,
    place: Place,
}

/// Why a secret could not be had.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct NoSecret {
    message: String,
    /// What to do about it.
    pub help: &'static str,
}

#[derive(Debug, Clone)]
enum From {
    File(PathBuf),
    Env(String),
    Command(Vec<String>),
}

const HELP: &str =
    "name where it is: `{ file = \"…\" }`, `{ env = \"…\" }` or `{ command = [\"…\"] }`";

impl SecretSource {
    /// Reads `{ file = … }`, `{ env = … }` or `{ command = […] }`.
    pub(super) fn of(
        node: &Node,
        what: &str,
        directory: &Path,
        problems: &mut Problems,
    ) -> Option<Self> {
        if let Kind::String(_) = node.kind {
            let message = format!("{what} stands in the configuration itself");
            problems.add(Problem::error(&node.place, message, HELP).conceal());
            return None;
        }
        // Whatever is wrong here, its line may hold the secret itself.
        let mut found = Problems::default();
        let source = Self::named(node, what, directory, &mut found);
        problems.append(found.concealed());
        source
    }

    fn named(node: &Node, what: &str, directory: &Path, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::of(node, what, problems).about_a_secret();
        if !matches!(node.kind, Kind::Table(_)) {
            return None;
        }
        let file =
            fields.string("file", problems).map(|(text, _)| From::File(directory.join(text)));
        let env = fields.string("env", problems).map(|(text, _)| From::Env(text.to_owned()));
        let command: Vec<String> = fields
            .strings("command", problems)
            .into_iter()
            .map(|(word, _)| word.to_owned())
            .collect();
        let command = (!command.is_empty()).then_some(From::Command(command));
        fields.finish(problems);
        let mut given = [file, env, command].into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(from), None) => Some(Self { from, place: node.place.clone() }),
            _ => {
                let message =
                    format!("{what} names not exactly one of `file`, `env` and `command`");
                problems.add(Problem::error(&node.place, message, HELP));
                None
            }
        }
    }

    /// The source that is this file.
    #[must_use]
    pub fn file(path: PathBuf) -> Self {
        let place = Place::named(path.display().to_string());
        Self { from: From::File(path), place }
    }

    /// Where the source is named.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Gets the secret. White space around it is not part of it.
    ///
    /// # Errors
    /// What could not be had; it holds no piece of the secret.
    pub fn get(&self) -> Result<SecretString, NoSecret> {
        let no = |message: String, help| NoSecret { message, help };
        let text = Zeroizing::new(match &self.from {
            From::File(path) => std::fs::read_to_string(path).map_err(|error| {
                no(
                    format!("the secret file `{}` cannot be read: {error}", path.display()),
                    "name the file that holds it; `hallpass init` makes keys that are not there",
                )
            })?,
            From::Env(name) => std::env::var(name).map_err(|_| {
                no(
                    format!("the environment variable `{name}` is not set"),
                    "set it where hallpass is started",
                )
            })?,
            From::Command(words) => run(words).map_err(|message| {
                no(message, "run it by hand: it has to print the secret and nothing else")
            })?,
        });
        match text.trim() {
            "" => Err(no("the secret is empty".to_owned(), "put the secret there")),
            secret => Ok(SecretString::from(secret)),
        }
    }

    /// The secret, where it is in a file that can be read; nothing is run for it.
    pub(super) fn of_file(&self) -> Option<SecretString> {
        match self.from {
            From::File(_) => self.get().ok(),
            From::Env(_) | From::Command(_) => None,
        }
    }

    /// Whether others on this machine can read it: a warning for people.
    #[must_use]
    pub fn readable_by_others(&self) -> bool {
        matches!(&self.from, From::File(path) if others_can_read(path))
    }
}

/// Whether a file can be read by others than its owner, as far as that is known.
pub(super) fn others_can_read(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

fn run(words: &[String]) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("the command is empty")?;
    let output = std::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("the command `{program}` cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("the command `{program}` failed ({})", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("the command `{program}` printed no text"))
}
