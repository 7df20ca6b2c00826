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

/// Finds the credential in what the client said.
///
/// # Errors
/// Neither field is set, or both are and differ: which was meant is not ours to guess.
pub fn find(connect: &ConnectOpts) -> Result<Credential, Code> {
    let set = |secret: &Option<SecretString>| {
        secret.as_ref().filter(|secret| !secret.expose_secret().is_empty()).cloned()
    };
    let (unverified_token, carrier) = match (set(&connect.auth_token), set(&connect.pass)) {
        (None, None) => return Err(Code::CredentialMissing),
        (Some(token), None) => (token, Carrier::AuthToken),
        (None, Some(pass)) => (pass, Carrier::Password),
        (Some(token), Some(pass)) if token.expose_secret() == pass.expose_secret() => {
            (token, Carrier::AuthToken)
        }
        (Some(_), Some(_)) => return Err(Code::CredentialAmbiguous),
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
        assert_eq!(carrier(Some("a"), Some("b")), Err(Code::CredentialAmbiguous));
        assert_eq!(carrier(None, None), Err(Code::CredentialMissing));
        assert_eq!(carrier(Some(""), Some("")), Err(Code::CredentialMissing));
    }

    #[test]
    fn debug_shows_no_token() {
        let credential = find(&connect(Some("very-secret"), None)).unwrap();
        assert!(!format!("{credential:?}").contains("very-secret"));
    }
}
