//! Where a token is kept: a file of its own for each issuer, for its owner only.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use super::LoginError;
use crate::{
    config::{IssuerSettings, LoginSettings, ShownToken},
    names::IssuerName,
    private_files,
};

/// What a token was asked for with. Whoever changes the settings wants another token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    issuer: String,
    client_id: String,
    scopes: Vec<String>,
    audience: Option<String>,
    resource: Option<String>,
    #[serde(rename = "use")]
    shown: ShownToken,
}

impl Asked {
    pub(super) fn of(issuer: &IssuerSettings, login: &LoginSettings) -> Self {
        let LoginSettings { client_id, scopes, shown, audience, resource, .. } = login.clone();
        Self { issuer: issuer.issuer.clone(), client_id, scopes, audience, resource, shown }
    }
}

/// What an IdP gave.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) shown: SecretString,
    pub(super) refresh_token: Option<SecretString>,
    pub(super) expires_at: Option<Timestamp>,
    /// `sub` of the ID token, which says who signed in; personal data, so not to be printed.
    pub(super) subject: Option<SecretString>,
}

/// A token that is kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    #[serde(flatten)]
    pub(super) asked: Asked,
    /// What is shown to NATS.
    #[serde(serialize_with = "exposed")]
    pub token: SecretString,
    #[serde(serialize_with = "exposed_if_any")]
    pub(super) refresh_token: Option<SecretString>,
    /// When the token ends; absent: the IdP did not say.
    pub expires_at: Option<Timestamp>,
    /// Who signed in: a renewed ID token must be about the same. Absent: there was no ID token.
    #[serde(serialize_with = "exposed_if_any")]
    pub(super) subject: Option<SecretString>,
}

impl Kept {
    pub(super) fn new(asked: Asked, tokens: Tokens) -> Self {
        let Tokens { shown, refresh_token, expires_at, subject } = tokens;
        Self { asked, token: shown, refresh_token, expires_at, subject }
    }

    /// Whether it can be renewed without anybody signing in.
    #[must_use]
    pub fn is_renewable(&self) -> bool {
        self.refresh_token.is_some()
    }
}

fn exposed<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

fn exposed_if_any<S: Serializer>(
    secret: &Option<SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(ExposeSecret::expose_secret).serialize(serializer)
}

/// The place of one issuer's token.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
    name: IssuerName,
}

/// The place of one issuer's token, while nobody else may use it.
#[derive(Debug)]
pub struct Locked {
    path: PathBuf,
    /// Open as long as it is locked.
    _lock: File,
}

impl Store {
    /// The token of this issuer in this directory.
    #[must_use]
    pub fn new(directory: PathBuf, name: IssuerName) -> Self {
        Self { directory, name }
    }

    /// Waits until nobody else uses it: of two who renew at once with the same refresh token,
    /// one would lose what the other has got. `waiting` is called before a wait.
    ///
    /// # Errors
    /// Where the directory cannot be made or used, or is open to others.
    pub async fn lock(&self, waiting: impl FnOnce()) -> Result<Locked, LoginError> {
        let directory = &self.directory;
        private_files::create_directory(directory).map_err(|source| io_error(directory, source))?;
        refuse_open(directory)?;
        let path = directory.join(format!("{}.lock", self.name));
        let lock = private_files::open_lock(&path).map_err(|source| io_error(&path, source))?;
        let lock = match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::Error(error)) => Err(error),
            Err(TryLockError::WouldBlock) => {
                waiting();
                let locked = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock));
                locked.await.map_err(io::Error::other).flatten()
            }
        };
        let lock = lock.map_err(|source| io_error(&path, source))?;
        Ok(Locked { path: directory.join(format!("{}.json", self.name)), _lock: lock })
    }
}

impl Locked {
    /// The kept token, if there is one.
    ///
    /// # Errors
    /// Where others could have read or written it, or something else is there.
    pub(super) fn read(&self) -> Result<Option<Kept>, LoginError> {
        match std::fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io_error(&self.path, source)),
            Ok(_) => refuse_open(&self.path)?,
        }
        let bytes = std::fs::read(&self.path).map_err(|source| io_error(&self.path, source))?;
        // What the parser says may quote the token.
        let kept = serde_json::from_slice(&Zeroizing::new(bytes));
        kept.map(Some).map_err(|_| LoginError::NotKept(self.path.clone()))
    }

    pub(super) fn write(&self, kept: &Kept) -> Result<(), LoginError> {
        let bytes = serde_json::to_vec_pretty(kept).map(Zeroizing::new);
        let bytes = bytes.map_err(|error| io_error(&self.path, error.into()))?;
        private_files::replace(&self.path, &bytes).map_err(|source| io_error(&self.path, source))
    }

    /// Deletes the kept token; says whether there was one.
    ///
    /// # Errors
    /// Where it cannot be deleted.
    pub fn forget(&self) -> Result<bool, LoginError> {
        remove(&self.path)
    }
}

/// Deletes a file; says whether there was one.
pub(super) fn remove(path: &Path) -> Result<bool, LoginError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(io_error(path, source)),
    }
}

fn refuse_open(path: &Path) -> Result<(), LoginError> {
    match private_files::is_open_to_others(path) {
        Ok(false) => Ok(()),
        Ok(true) => Err(LoginError::Open(path.to_owned())),
        Err(source) => Err(io_error(path, source)),
    }
}

pub(super) fn io_error(path: &Path, source: io::Error) -> LoginError {
    LoginError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn kept() -> Kept {
        Kept {
            asked: Asked {
                issuer: "https://idp.example.com".to_owned(),
                client_id: "hallpass-cli".to_owned(),
                scopes: vec!["openid".to_owned()],
                audience: None,
                resource: Some("urn:nats".to_owned()),
                shown: ShownToken::AccessToken,
            },
            token: "ACCESS".into(),
            refresh_token: Some("REFRESH".into()),
            expires_at: Some(Timestamp::UNIX_EPOCH),
            subject: Some("SUBJECT".into()),
        }
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    #[tokio::test]
    async fn what_is_kept_is_found_again_and_nobody_else_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("state/login");
        let store = Store::new(directory.clone(), "corp".parse().unwrap());
        let locked = store.lock(|| panic!("nobody else is there")).await.unwrap();
        assert!(locked.read().unwrap().is_none());
        locked.write(&kept()).unwrap();
        let again = locked.read().unwrap().unwrap();
        assert_eq!(again.asked, kept().asked);
        assert_eq!(again.token.expose_secret(), "ACCESS");
        assert_eq!(again.refresh_token.unwrap().expose_secret(), "REFRESH");
        assert_eq!(again.expires_at, Some(Timestamp::UNIX_EPOCH));
        assert_eq!(again.subject.unwrap().expose_secret(), "SUBJECT");
        let debug = format!("{:?}", kept());
        for secret in ["ACCESS", "REFRESH", "SUBJECT"] {
            assert!(!debug.contains(secret), "{debug}");
        }
        for entry in std::fs::read_dir(&directory).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        for mode in [0o640, 0o604, 0o620] {
            set_mode(&directory.join("corp.json"), mode);
            assert!(matches!(locked.read(), Err(LoginError::Open(_))), "{mode:o}");
        }
        assert!(locked.forget().unwrap());
        assert!(!locked.forget().unwrap());
        drop(locked);
        set_mode(&directory, 0o750);
        assert!(matches!(store.lock(|| ()).await, Err(LoginError::Open(_))));
    }

    #[tokio::test]
    async fn something_else_is_not_taken_for_a_token_and_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("login");
        let store = Store::new(directory.clone(), "corp".parse().unwrap());
        let locked = store.lock(|| ()).await.unwrap();
        let path = directory.join("corp.json");
        private_files::create_new(&path, b"{\"token\": SECRET}", private_files::PRIVATE).unwrap();
        let error = anyhow::Error::from(locked.read().unwrap_err());
        assert!(!format!("{error:#} {error:?}").contains("SECRET"));
    }

    #[tokio::test]
    async fn the_second_waits_for_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("login");
        let store = Store::new(directory.clone(), "corp".parse().unwrap());
        let first = store.lock(|| ()).await.unwrap();
        let (waits, waiting) = tokio::sync::oneshot::channel();
        let second = tokio::spawn({
            let store = store.clone();
            async move { store.lock(|| waits.send(()).unwrap()).await.map(|locked| locked.read()) }
        });
        waiting.await.unwrap();
        first.write(&kept()).unwrap();
        drop(first);
        let found = second.await.unwrap().unwrap().unwrap();
        assert!(found.is_some(), "the second sees what the first has written");
    }
}
