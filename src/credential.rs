//! Where in CONNECT the proof is, and what is asked for with it.

use secrecy::{ExposeSecret as _, SecretString};

use crate::{code::Code, nats_jwt::ConnectOpts};

mod user_name;
mod wish;

pub use user_name::{ENVELOPE, UserName};
pub use wish::Wish;

/// The field that carried the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// `auth_token`, or the cookie that fills it. MQTT has a password only, which the server
    /// copies here.
    AuthToken,
    /// `pass`.
    Password,
    /// No token: the certificate that TLS verified.
    Certificate,
}

/// The proof that a client presents. Nothing of it is verified yet.
#[derive(Debug)]
pub struct Credential {
    /// The token's text; none where the certificate that the client showed is all there is.
    pub unverified_token: Option<SecretString>,
    /// Where it was found.
    pub carrier: Carrier,
    /// What the user name says.
    pub user_name: UserName,
}

/// Finds the credential in what the client said. `certificate`: whether it proved to have one.
///
/// # Errors
/// There is nothing, or two tokens that differ: which was meant is not ours to guess. Or the user
/// name is meant for hallpass and cannot be read.
pub fn find(connect: &ConnectOpts, certificate: bool) -> Result<Credential, Code> {
    let set = |secret: &Option<SecretString>| {
        secret.as_ref().filter(|secret| !secret.expose_secret().is_empty()).cloned()
    };
    let (unverified_token, carrier) = match (set(&connect.auth_token), set(&connect.pass)) {
        (None, None) if certificate => (None, Carrier::Certificate),
        (None, None) => return Err(Code::CredentialMissing),
        (Some(token), None) => (Some(token), Carrier::AuthToken),
        (None, Some(pass)) => (Some(pass), Carrier::Password),
        (Some(token), Some(pass)) if token.expose_secret() == pass.expose_secret() => {
            (Some(token), Carrier::AuthToken)
        }
        (Some(_), Some(_)) => return Err(Code::CredentialAmbiguous),
    };
    Ok(Credential { unverified_token, carrier, user_name: UserName::of(&connect.user)? })
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
        let carrier = |token, pass| find(&connect(token, pass), false).map(|found| found.carrier);
        assert_eq!(carrier(Some("a"), None), Ok(Carrier::AuthToken));
        assert_eq!(carrier(Some("a"), Some("")), Ok(Carrier::AuthToken));
        assert_eq!(carrier(None, Some("a")), Ok(Carrier::Password));
        assert_eq!(carrier(Some("a"), Some("a")), Ok(Carrier::AuthToken));
        assert_eq!(carrier(Some("a"), Some("b")), Err(Code::CredentialAmbiguous));
        assert_eq!(carrier(None, None), Err(Code::CredentialMissing));
        assert_eq!(carrier(Some(""), Some("")), Err(Code::CredentialMissing));
        let with_certificate = |token| find(&connect(token, None), true).map(|it| it.carrier);
        assert_eq!(with_certificate(None), Ok(Carrier::Certificate));
        assert_eq!(with_certificate(Some("a")), Ok(Carrier::AuthToken), "a token comes first");
    }

    #[test]
    fn debug_shows_no_token() {
        let credential = find(&connect(Some("very-secret"), None), false).unwrap();
        assert!(!format!("{credential:?}").contains("very-secret"));
    }
}
