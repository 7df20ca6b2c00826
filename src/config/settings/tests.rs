use std::path::Path;

use super::*;
use crate::{document::Severity, setup};

/// A configuration that is good in every respect, in a directory with its keys.
struct Written {
    directory: tempfile::TempDir,
    text: String,
    environment: Vec<(String, String)>,
    flags: Vec<(String, String)>,
}

const GOOD: &str = r#"
[nats]
urls = ["nats://localhost:4222"]
service_seed = { file = "keys/service.nk" }

[callout]
account = "AUTH"
issuer_seed = { file = "keys/issuer.nk" }
xkey_seed = { file = "keys/xkey.nk" }

[accounts]
targets = ["APP", "WEB"]
system = "SYSTEM"

[maps]
directory = "maps"

[audit]
account = "AUDIT"
stream = "HALLPASS_AUDIT"
writer_seed = { file = "keys/audit-writer.nk" }
reader_seed = { file = "keys/audit-reader.nk" }
key = { file = "keys/audit.key" }
signing_seed = { file = "keys/audit-signer.nk" }
signers = ["SIGNER"]

[issuers.corp]
issuer = "https://idp.example.com"
audiences = ["nats"]
roles_claim = "realm_access.roles"
"#;

fn written() -> Written {
    let directory = tempfile::tempdir().unwrap();
    let (keys, _) = setup::keys(directory.path()).unwrap();
    let text = GOOD.trim_start().replace("SIGNER", &keys.audit_signer);
    Written { directory, text, environment: Vec::new(), flags: Vec::new() }
}

impl Written {
    /// With another text at one place.
    fn change(mut self, from: &str, to: &str) -> Self {
        assert_eq!(self.text.matches(from).count(), 1, "`{from}` in {}", self.text);
        self.text = self.text.replacen(from, to, 1);
        self
    }

    /// With one more line in a section.
    fn add(self, section: &str, line: &str) -> Self {
        let head = format!("[{section}]\n");
        self.change(&head, &format!("{head}{line}\n"))
    }

    /// Without the line that begins like this.
    fn cut(mut self, line: &str) -> Self {
        let kept: Vec<&str> = self.text.lines().filter(|kept| !kept.starts_with(line)).collect();
        assert_eq!(kept.len() + 1, self.text.lines().count(), "`{line}`");
        self.text = kept.join("\n");
        self
    }

    /// Without a section.
    fn without(mut self, section: &str) -> Self {
        let head = format!("[{section}]");
        let kept: Vec<&str> =
            self.text.split("\n\n").filter(|part| !part.starts_with(&head)).collect();
        assert_eq!(kept.len() + 1, self.text.split("\n\n").count(), "{section}");
        self.text = kept.join("\n\n");
        self
    }

    fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn flag(mut self, name: &str, value: &str) -> Self {
        self.flags.push((name.to_owned(), value.to_owned()));
        self
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn layers(&self) -> Layers {
        let path = self.directory.path().join("hallpass.toml");
        std::fs::write(&path, &self.text).unwrap();
        Layers::read(&path, self.environment.clone(), &self.flags).unwrap()
    }

    fn read(&self) -> (Option<Settings>, Problems) {
        let mut problems = Problems::default();
        let settings = Settings::read(&self.layers(), &mut problems);
        assert_eq!(settings.is_none(), problems.any_error(), "{problems}");
        (settings, problems)
    }

    #[track_caller]
    fn settings(&self) -> Settings {
        let (settings, problems) = self.read();
        assert!(problems.is_empty(), "{problems}");
        settings.unwrap()
    }

    fn lines(&self, problems: &Problems) -> Vec<String> {
        let line = |problem: &crate::document::Problem| {
            let warning = if problem.severity == Severity::Warning { "warning: " } else { "" };
            let help = format!(" | {}", problem.help);
            let text = format!("{warning}{}: {}{help}", problem.place, problem.message);
            text.replace(&format!("{}/", self.directory.path().display()), "")
                .replace("hallpass.toml:", "")
        };
        problems.iter().map(line).collect()
    }

    /// Each problem as `line: message | help`.
    fn problems(&self) -> Vec<String> {
        self.lines(&self.read().1)
    }

    /// The messages alone.
    fn messages(&self) -> Vec<String> {
        self.read().1.iter().map(|problem| problem.message.clone()).collect()
    }

    fn reader(&self) -> Result<ReaderSettings, Vec<String>> {
        ReaderSettings::read(&self.layers()).map_err(|problems| self.lines(&problems))
    }
}

mod audit;
mod edge;

mod good;

mod missing_and_unknown;

mod secrets;

mod accounts;

mod issuers;

mod introspection;

mod login;

mod tokens;

mod spans_and_numbers;
mod system;

mod files;

mod http;

mod privacy;
