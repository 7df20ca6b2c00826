//! Subject maps and the identities they are about.

use std::sync::LazyLock;

use serde_json::Value;

use super::{a_token, an_issuer, es256, key_set, refused_by_the_schema, verify_with};
use crate::{
    config::MapBounds,
    document::{Problem, Problems, Severity},
    identity::Identity,
    idp::KeySet,
    policy::{self, Boundaries, PolicySet},
};

/// A directory with these files, for the target `APP` and the issuer `corp`.
pub(crate) fn maps(files: &[(&str, &str)]) -> Maps {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let files = files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
    Maps {
        directory,
        files,
        accounts: vec!["APP"],
        issuers: vec!["corp"],
        bounds: Vec::new(),
        edge: false,
    }
}

pub(crate) struct Maps {
    directory: tempfile::TempDir,
    files: Vec<(String, String)>,
    accounts: Vec<&'static str>,
    issuers: Vec<&'static str>,
    bounds: Vec<MapBounds>,
    edge: bool,
}

impl Maps {
    pub(crate) fn path(&self) -> &std::path::Path {
        self.directory.path()
    }

    pub(crate) fn targets(mut self, accounts: &[&'static str]) -> Self {
        self.accounts = accounts.to_vec();
        self
    }

    pub(crate) fn issuers(mut self, issuers: &[&'static str]) -> Self {
        self.issuers = issuers.to_vec();
        self
    }

    /// Where an edge can attest connections.
    pub(crate) fn behind_an_edge(mut self) -> Self {
        self.edge = true;
        self
    }

    pub(crate) fn bounded(mut self, bounds: MapBounds) -> Self {
        self.bounds.push(bounds);
        self
    }

    pub(crate) fn load(&self) -> (Option<PolicySet>, Problems) {
        let mut problems = Problems::default();
        let set = policy::load(self.directory.path(), &self.boundaries(), &mut problems);
        if set.is_some() {
            self.fit_the_schema(false);
        }
        (set, problems)
    }

    /// The set with the test cases.
    pub(crate) fn cases(&self) -> Result<(PolicySet, Vec<policy::Case>), Problems> {
        let mut problems = Problems::default();
        let sources = policy::read(self.directory.path(), true, &mut problems).unwrap();
        let version = policy::judge(sources, &self.boundaries(), &mut problems);
        if version.policy.is_some() {
            self.fit_the_schema(true);
        }
        version.policy.map(|policy| (policy, version.cases)).ok_or(problems)
    }

    /// What is good is good for editors too: in every test that loads maps.
    fn fit_the_schema(&self, with_cases: bool) {
        let read = |name: &str| {
            let has_cases = name.ends_with(".test.toml");
            name.ends_with(".toml") && !name.starts_with('.') && (with_cases || !has_cases)
        };
        for (name, text) in self.files.iter().filter(|(name, _)| read(name)) {
            let refused = refused_by_the_schema(text);
            assert!(
                refused.is_empty(),
                "{name} is good, says hallpass, and not: {refused:?}\n{text}"
            );
        }
    }

    fn boundaries(&self) -> Boundaries {
        Boundaries {
            accounts: Some(self.accounts.iter().map(|name| name.parse().unwrap()).collect()),
            issuers: Some(self.issuers.iter().map(|name| name.parse().unwrap()).collect()),
            bounds: Some(self.bounds.clone()),
            edge: self.edge,
        }
    }

    /// The set, where nothing is wrong with it.
    pub(crate) fn policy(&self) -> PolicySet {
        let (set, problems) = self.load();
        set.unwrap_or_else(|| panic!("{problems}"))
    }

    /// Each problem as `file:line: message`, warnings marked, help apart.
    pub(crate) fn problems(&self) -> Vec<String> {
        let (set, problems) = self.load();
        assert_eq!(set.is_none(), problems.any_error(), "a set is loaded or an error is said");
        problems.iter().map(|problem| self.line(problem)).collect()
    }

    /// Each problem as people see it.
    pub(crate) fn rendered(&self) -> String {
        let (_, problems) = self.load();
        let texts: Vec<_> =
            problems.iter().map(|problem| self.relative(&problem.render(false))).collect();
        texts.join("\n\n")
    }

    fn line(&self, problem: &Problem) -> String {
        let mut line = match problem.severity {
            Severity::Error => String::new(),
            Severity::Warning => "warning: ".to_owned(),
        };
        line += &format!("{}: {}", problem.place, problem.message);
        if let Some((place, label)) = &problem.related {
            line += &format!(" ({place}: {label})");
        }
        line += &format!(" | {}", problem.help);
        self.relative(&line)
    }

    pub(crate) fn relative(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

/// Somebody with these roles and claims, by the word of an issuer of this name. It goes
/// through a signed token, because there is no other way to an [`Identity`].
pub(crate) fn identity(issuer: &str, roles: &[&str], claims: &[(&str, Value)]) -> Identity {
    static KEYS: LazyLock<KeySet> = LazyLock::new(|| key_set(&[es256()]));
    let settings = crate::config::IssuerSettings { name: issuer.parse().unwrap(), ..an_issuer() };
    let mut token = a_token();
    for role in roles {
        token = token.with_role(role);
    }
    for (name, value) in claims {
        token = token.with(name, value.clone());
    }
    let verified = verify_with(&token.text(), &settings, &KEYS).unwrap();
    Identity::of(&verified, &settings).unwrap()
}
