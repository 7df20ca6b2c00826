//! Somebody who runs `hallpass login`: a home directory, a configuration, a browser.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use super::{Answer, Browser, Ending, OidcProvider, Process, command, eventually};

/// The public client of `tests/clients/oidc-provider.mjs`.
pub const LOGIN_CLIENT: &str = "client_id = \"hallpass-cli\"\nprompt = \"consent\"\n";

/// A person with a home.
pub struct Person {
    home: tempfile::TempDir,
    /// The configuration of hallpass.
    pub configuration: PathBuf,
    /// What the configuration calls the issuer.
    pub issuer: &'static str,
}

impl Person {
    /// Somebody with this configuration.
    pub fn with(configuration: PathBuf, issuer: &'static str) -> Self {
        Self { home: tempfile::tempdir().unwrap(), configuration, issuer }
    }

    /// Somebody whose configuration has this IdP as `corp`, and these lines about signing in.
    pub fn of(idp: &OidcProvider, login: &str) -> Self {
        let mut person = Self::with(PathBuf::new(), "corp");
        person.configuration = person.home.path().join("hallpass.toml");
        person.configure(idp.issuer(), idp.audience(), login);
        person
    }

    /// Writes the configuration anew.
    pub fn configure(&self, issuer: &str, audience: &str, login: &str) {
        let text = format!(
            "[nats]\nurls = [\"nats://127.0.0.1:4222\"]\n[issuers.corp]\nissuer = \"{issuer}\"\n\
             audiences = [\"{audience}\"]\nroles_claim = \"realm_access.roles\"\n\
             allow_http_loopback = true\n[issuers.corp.login]\n{login}"
        );
        std::fs::write(&self.configuration, text).unwrap();
    }

    /// `hallpass login`, not started yet.
    pub fn login(&self, arguments: &[&str]) -> Command {
        self.login_with_browser(&[&["--no-browser"], arguments].concat())
    }

    /// `hallpass login`, not started yet, which may open a browser.
    pub fn login_with_browser(&self, arguments: &[&str]) -> Command {
        let mut command = command(&["login", self.issuer]);
        command.args(arguments).current_dir(self.home.path());
        command.arg("--config").arg(&self.configuration);
        self.at_home(&mut command);
        command
    }

    /// A command that finds this person's files and nobody else's.
    pub fn at_home(&self, command: &mut Command) {
        command.env("HOME", self.home.path()).env("NO_COLOR", "1").env("TZ", "UTC");
        command.env_remove("XDG_STATE_HOME").env_remove("XDG_CONFIG_HOME");
    }

    /// Runs `hallpass login` when nobody is there to sign in.
    pub async fn runs(&self, arguments: &[&str]) -> (Ending, String) {
        let mut process = Process::start(self.login(arguments));
        let ending = process.ended().await;
        (ending, process.complaints())
    }

    /// Runs `hallpass login` and does what it says in a browser.
    pub async fn signs_in(&self, answer: Answer, arguments: &[&str]) -> (Ending, String) {
        let mut process = Process::start(self.login(arguments));
        let url = address(&process).await;
        let mut browser = Browser::new(answer);
        let mut page = browser.open(&url).await;
        // The code flow needs no form; the device flow has two: the code, and whether it is it.
        for _ in 0..2 {
            if page.text.contains("name=\"user_code\"") {
                page = browser.submit(&page).await;
            }
        }
        let ending = process.ended().await;
        (ending, process.complaints())
    }

    /// The home directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Where tokens are kept.
    pub fn directory(&self) -> PathBuf {
        self.home.path().join(".local/state/hallpass/login")
    }

    /// The file of the token.
    pub fn token_file(&self) -> PathBuf {
        self.directory().join(format!("{}.json", self.issuer))
    }

    /// What is kept.
    pub fn kept(&self) -> Value {
        json(&self.token_file())
    }

    /// Where this person's programs keep their settings.
    pub fn config_directory(&self) -> PathBuf {
        self.home.path().join(".config")
    }

    /// The file of a context of the `nats` CLI.
    pub fn context_file(&self, name: &str) -> PathBuf {
        self.config_directory().join(format!("nats/context/{name}.json"))
    }

    /// What a context says.
    pub fn context(&self, name: &str) -> Value {
        json(&self.context_file(name))
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Where to sign in: the last address that it has told so far, which has a code in it if any has.
pub async fn address(process: &Process) -> String {
    eventually("an address to sign in at", || async {
        let told = process.complaints();
        let mut addresses = told.lines().map(str::trim).filter(|line| line.starts_with("http"));
        let last = addresses.next_back()?.to_owned();
        let complete = !told.contains("code: ") || last.contains("user_code=");
        complete.then_some(last)
    })
    .await
}
