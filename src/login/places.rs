//! Where things are kept: the XDG Base Directory Specification, which the `nats` CLI follows too.

use std::{ffi::OsString, path::PathBuf};

use super::LoginError;

/// The environment as far as it says where things are kept.
#[derive(Debug, Default)]
pub struct Places {
    home: Option<PathBuf>,
    state: Option<PathBuf>,
    config: Option<PathBuf>,
    login: Option<PathBuf>,
}

/// Where tokens are kept, before anything else.
const LOGIN_DIRECTORY: &str = "HALLPASS_LOGIN_DIRECTORY";

impl Places {
    /// Reads the environment.
    pub fn of(home: Option<PathBuf>, environment: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name| environment(name).filter(|text| !text.is_empty()).map(PathBuf::from);
        // The specification: a relative path is invalid, and to be ignored.
        let absolute = |name| path(name).filter(|path| path.is_absolute());
        Self {
            home: home.filter(|home| home.is_absolute()),
            state: absolute("XDG_STATE_HOME"),
            config: absolute("XDG_CONFIG_HOME"),
            login: path(LOGIN_DIRECTORY),
        }
    }

    /// Where tokens are kept.
    ///
    /// # Errors
    /// Where nothing says so.
    pub fn tokens(&self) -> Result<PathBuf, LoginError> {
        if let Some(login) = &self.login {
            return Ok(login.clone());
        }
        let state = self.state.clone().or_else(|| Some(self.home.as_ref()?.join(".local/state")));
        let state = state.ok_or(LoginError::NoPlace("kept tokens", LOGIN_DIRECTORY))?;
        Ok(state.join("hallpass/login"))
    }

    /// Where the `nats` CLI looks for its contexts, whatever the platform.
    ///
    /// # Errors
    /// Where nothing says so.
    pub fn nats_contexts(&self) -> Result<PathBuf, LoginError> {
        let config = self.config.clone().or_else(|| Some(self.home.as_ref()?.join(".config")));
        let config = config.ok_or(LoginError::NoPlace("contexts", "XDG_CONFIG_HOME"))?;
        Ok(config.join("nats/context"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(home: &str, environment: &[(&str, &str)]) -> (String, String) {
        let find = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let places = Places::of(Some(home.into()), find);
        let text = |path: Result<PathBuf, LoginError>| {
            path.map_or_else(|error| error.to_string(), |path| path.display().to_string())
        };
        (text(places.tokens()), text(places.nats_contexts()))
    }

    #[test]
    fn the_more_specific_wins_and_a_relative_one_does_not_count() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let usual = pair("/h/.local/state/hallpass/login", "/h/.config/nats/context");
        assert_eq!(places("/h", &[]), usual);
        let relative = [("XDG_STATE_HOME", "s"), ("XDG_CONFIG_HOME", "")];
        assert_eq!(places("/h", &relative), usual);
        let xdg = [("XDG_STATE_HOME", "/s"), ("XDG_CONFIG_HOME", "/c")];
        assert_eq!(places("/h", &xdg), pair("/s/hallpass/login", "/c/nats/context"));
        let own = [("XDG_STATE_HOME", "/s"), (LOGIN_DIRECTORY, "/own")];
        assert_eq!(places("/h", &own), pair("/own", "/h/.config/nats/context"));
        let (tokens, contexts) = places("", &[]);
        assert_eq!(
            tokens,
            "there is no place for kept tokens; set HOME, or HALLPASS_LOGIN_DIRECTORY"
        );
        assert_eq!(contexts, "there is no place for contexts; set HOME, or XDG_CONFIG_HOME");
    }
}
