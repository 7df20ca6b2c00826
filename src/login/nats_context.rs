//! A context of the `nats` CLI: a JSON file of its own that says where NATS is and who asks.
//!
//! The form is that of `natscontext` in github.com/nats-io/jsm.go. Its `token` is the token
//! itself: newer versions of the CLI would also read `file://…`, older ones would send that text
//! as the token, and none of them runs a command that could renew it.

use std::{
    io,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{
    LoginError,
    store::{io_error, remove},
};
use crate::{config::NatsAddress, names::IssuerName, private_files};

/// How hallpass knows again what it wrote.
const MARK: &str = "(written by hallpass login)";

/// A context, there or not.
#[derive(Debug)]
pub struct NatsContext {
    name: String,
    path: PathBuf,
}

impl NatsContext {
    /// What a context is called unless somebody says otherwise.
    #[must_use]
    pub fn usual_name(issuer: &IssuerName) -> String {
        format!("hallpass-{issuer}")
    }

    /// The context of this name in this directory.
    ///
    /// # Errors
    /// Where the `nats` CLI knows no such names.
    pub fn new(directory: &Path, name: &str) -> Result<Self, LoginError> {
        if name.is_empty() || name.contains("..") || name.contains(['/', '\\', '\0']) {
            return Err(LoginError::ContextName(name.to_owned()));
        }
        let path = directory.join(format!("{name}.json"));
        Ok(Self { name: name.to_owned(), path })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is there.
    ///
    /// # Errors
    /// Where it is, and was not written by hallpass.
    pub fn exists(&self) -> Result<bool, LoginError> {
        self.read().map(|found| found.is_some())
    }

    /// Writes it. What else somebody has set in it, such as an inbox prefix, stays.
    ///
    /// # Errors
    /// Where one is there that hallpass did not write, or it cannot be written.
    pub fn write(
        &self,
        issuer: &IssuerName,
        nats: &NatsAddress,
        token: &SecretString,
    ) -> Result<(), LoginError> {
        let mut context = self.read()?.unwrap_or_default();
        let mut set = |key: &str, value: String| context.insert(key.to_owned(), value.into());
        set("description", format!("token of issuer {issuer} {MARK}"));
        set("url", nats.urls.join(","));
        set("token", token.expose_secret().to_owned());
        let ca = match &nats.ca_file {
            // The CLI runs anywhere.
            Some(path) => std::path::absolute(path).map_err(|source| io_error(path, source))?,
            None => PathBuf::new(),
        };
        set("ca", ca.display().to_string());
        let bytes = serde_json::to_vec_pretty(&context).map(Zeroizing::new);
        let bytes = bytes.map_err(|error| io_error(&self.path, error.into()))?;
        let written = self.path.parent().map_or(Ok(()), private_files::create_directory);
        let written = written.and_then(|()| private_files::replace(&self.path, &bytes));
        written.map_err(|source| io_error(&self.path, source))
    }

    /// Deletes it, for the token is in it; says whether it was there.
    ///
    /// # Errors
    /// Where it was not written by hallpass, or cannot be deleted.
    pub fn forget(&self) -> Result<bool, LoginError> {
        if self.exists()? { remove(&self.path) } else { Ok(false) }
    }

    fn read(&self) -> Result<Option<Map<String, Value>>, LoginError> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io_error(&self.path, source)),
        };
        let context: Option<Map<String, Value>> = serde_json::from_slice(&bytes).ok();
        let ours = |context: &Map<String, Value>| {
            let description = context.get("description").and_then(Value::as_str);
            description.is_some_and(|text| text.ends_with(MARK))
        };
        match context {
            Some(context) if ours(&context) => Ok(Some(context)),
            _ => {
                let (name, path) = (self.name.clone(), self.path.clone());
                Err(LoginError::ForeignContext { name, path })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn address() -> NatsAddress {
        let urls = ["nats://a:4222", "tls://b:4222"].map(ToOwned::to_owned).to_vec();
        NatsAddress { urls, ca_file: Some("ca.pem".into()) }
    }

    #[test]
    fn what_others_have_set_stays_and_what_is_ours_is_new() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("nats/context");
        let context = NatsContext::new(&directory, "c").unwrap();
        let path = directory.join("c.json");
        let (issuer, read) = ("corp".parse().unwrap(), || {
            serde_json::from_slice::<Value>(&std::fs::read(&path).unwrap()).unwrap()
        });
        assert!(!context.exists().unwrap() && !context.forget().unwrap());
        context.write(&issuer, &address(), &"one".into()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut written = read();
        assert_eq!(written["url"], "nats://a:4222,tls://b:4222");
        assert_eq!(written["token"], "one");
        let ca = std::env::current_dir().unwrap().join("ca.pem");
        assert_eq!(written["ca"], ca.to_str().unwrap());
        written["inbox_prefix"] = "_INBOX.corp.alice".into();
        std::fs::write(&path, written.to_string()).unwrap();
        let without_ca = NatsAddress { ca_file: None, ..address() };
        context.write(&issuer, &without_ca, &"two".into()).unwrap();
        let written = read();
        assert_eq!(written["token"], "two");
        assert_eq!(written["ca"], "");
        assert_eq!(written["inbox_prefix"], "_INBOX.corp.alice");
        assert!(context.forget().unwrap() && !path.exists());
    }

    #[test]
    fn a_foreign_context_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let context = NatsContext::new(directory.path(), "c").unwrap();
        let path = directory.path().join("c.json");
        for text in ["{\"description\": \"mine\", \"token\": \"x\"}", "{}", "not JSON", "[]"] {
            std::fs::write(&path, text).unwrap();
            let foreign = |error| matches!(error, LoginError::ForeignContext { .. });
            assert!(foreign(context.exists().unwrap_err()), "{text}");
            assert!(foreign(context.forget().unwrap_err()), "{text}");
            let written = context.write(&"corp".parse().unwrap(), &address(), &"two".into());
            assert!(foreign(written.unwrap_err()), "{text}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", "..", "../x", "a/b", "a\\b", "a..b"] {
            let error = NatsContext::new(Path::new("/c"), name).unwrap_err();
            assert!(matches!(error, LoginError::ContextName(_)), "{name}");
        }
        NatsContext::new(Path::new("/c"), "corp.prod_1").unwrap();
    }
}
