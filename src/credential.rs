//! Where in CONNECT the proof is.

use secrecy::{ExposeSecret as _, SecretString};

use crate::{code::Code, nats_jwt::ConnectOpts};

/// The field that carried the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// `auth_token`, or the cookie that fills it. MQTT has a password only, which the server
    /// copies here.
    AuthToken,
    /// `pass`.
    Password,
}

/// The proof that a client presents. Nothing of it is verified yet.
#[derive(Debug)]
pub struct Credential {
    /// The token's text.
    pub unverified_token: SecretString,
    /// Where it was found.
    pub carrier: Carrier,
}

/// Why there is no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Neither field is set.
    #[error("neither a token nor a password")]
    Missing,
    /// Both fields are set and differ: which of the two was meant is not ours to guess.
    #[error("a token and a different password")]
    Ambiguous,
}

impl CredentialError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Missing => Code::CredentialMissing,
            Self::Ambiguous => Code::CredentialAmbiguous,
        }
    }
}

/// Finds the credential in what the client said.
///
/// # Errors
/// See [`CredentialError`].
pub fn find(connect: &ConnectOpts) -> Result<Credential, CredentialError> {
    let set = |secret: &Option<SecretString>| {
        secret.as_ref().filter(|secret| !secret.expose_secret().is_empty()).cloned()
    };
    let (unverified_token, carrier) = match (set(&connect.auth_token), set(&connect.pass)) {
        (None, None) => return Err(CredentialError::Missing),
        (Some(token), None) => (token, Carrier::AuthToken),
        (None, Some(pass)) => (pass, Carrier::Password),
        (Some(token), Some(pass)) if token.expose_secret() == pass.expose_secret() => {
            (token, Carrier::AuthToken)
        }
        (Some(_), Some(_)) => return Err(CredentialError::Ambiguous),
    };
    Ok(Credential { unverified_token, carrier })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(token: Option<&str>, pass: Option<&str>) -> ConnectOpts {
        ConnectOpts {
            auth_token: token.map(SecretString::from),
            pass: pass.map(SecretString::from),
            ..ConnectOpts::default()
        }
    }

    #[test]
    fn the_token_is_where_it_is_and_two_different_ones_are_refused() {
        let carrier = |token, pass| find(&connect(token, pass)).map(|found| found.carrier);
        assert_eq!(carrier(Some("a"), None), Ok(Carrier::AuthToken));
        assert_eq!(carrier(Some("a"), Some("")), Ok(Carrier::AuthToken));
        assert_eq!(carrier(None, Some("a")), Ok(Carrier::Password));
        assert_eq!(carrier(Some("a"), Some("a")), Ok(Carrier::AuthToken));
        assert_eq!(carrier(Some("a"), Some("b")), Err(CredentialError::Ambiguous));
        assert_eq!(carrier(None, None), Err(CredentialError::Missing));
        assert_eq!(carrier(Some(""), Some("")), Err(CredentialError::Missing));
    }

    #[test]
    fn debug_shows_no_token() {
        let credential = find(&connect(Some("very-secret"), None)).unwrap();
        assert!(!format!("{credential:?}").contains("very-secret"));
    }
}
