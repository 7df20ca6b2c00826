//! Why nobody is signed in.

use std::{io, path::PathBuf};

use openidconnect::{DiscoveryError, ErrorResponse, RequestTokenError};

use crate::{idp::FetchError, printable};

/// Why nobody is signed in, or a token could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Somebody said no: the person, or the IdP on its own account.
    #[error("the sign-in was denied")]
    Denied,
    /// Nobody said anything.
    #[error("nobody signed in for {0} minutes")]
    NobodyCame(u64),
    /// The device code has expired.
    #[error("the code has expired before anybody entered it; run the command again for a new one")]
    CodeExpired,
    /// The IdP cannot be reached, or not in safety.
    #[error("the IdP cannot be reached: {0}")]
    Unreachable(#[from] FetchError),
    /// It answers with an error.
    #[error("the IdP refuses {what}: {told}")]
    Refused {
        /// What it was asked for.
        what: &'static str,
        /// What it says, fit for a terminal.
        told: String,
    },
    /// It answers with something else.
    #[error("the IdP's answer to {0} cannot be read")]
    Unreadable(&'static str),
    /// Discovery does not offer the way.
    #[error("the IdP's discovery document names no `{0}`: {1}")]
    NotOffered(&'static str, &'static str),
    /// The browser brought another IdP's answer (RFC 9207).
    #[error("the browser came back from another issuer, or the IdP did not say from which")]
    OtherIssuer,
    /// The ID token does not hold.
    #[error("the ID token {0}")]
    IdToken(&'static str),
    /// There is none.
    #[error(
        "the IdP gave no ID token, though the scope `openid` was asked for; is it allowed to this client?"
    )]
    NoIdToken,
    /// The port is taken, for instance.
    #[error("port {port} of 127.0.0.1, where the browser is to come back to, cannot be had")]
    Redirect {
        /// Which; 0: any.
        port: u16,
        /// What happened.
        source: io::Error,
    },
    /// There is no place to keep a token.
    #[error("there is no place for {0}; set HOME, or {1}")]
    NoPlace(&'static str, &'static str),
    /// Reading or writing failed.
    #[error("`{path}` cannot be read or written")]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// Others could read it, or write it.
    #[error(
        "`{0}` is open to others than its owner: its tokens may be known; delete it, and let hallpass make it anew"
    )]
    Open(PathBuf),
    /// Something else is there.
    #[error("`{0}` holds no kept token; delete it")]
    NotKept(PathBuf),
    /// The context is somebody's own.
    #[error(
        "the context `{name}` of the `nats` CLI was not written by hallpass and is left alone (`{path}`); choose another with --context, or none with --no-context"
    )]
    ForeignContext {
        /// Its name.
        name: String,
        /// Its file.
        path: PathBuf,
    },
    /// The `nats` CLI would not take it.
    #[error("`{0}` cannot be the name of a context: it has `..` or a path separator, or is empty")]
    ContextName(String),
}

/// Discovery's errors: what they quote of an answer stays unsaid.
impl From<DiscoveryError<FetchError>> for LoginError {
    fn from(error: DiscoveryError<FetchError>) -> Self {
        match error {
            DiscoveryError::Request(error) => Self::Unreachable(error),
            DiscoveryError::Response(status, ..) if !status.is_success() => {
                Self::Unreachable(FetchError::Status(status.as_u16()))
            }
            DiscoveryError::Validation(_) => Self::NotOffered(
                "issuer",
                "or another one than the configuration; they must be equal to the letter",
            ),
            _ => Self::Unreadable("discovery"),
        }
    }
}

impl LoginError {
    /// Another answer than what was asked for.
    pub(super) fn asking<T: ErrorResponse + 'static>(
        what: &'static str,
        error: RequestTokenError<FetchError, T>,
    ) -> Self {
        match error {
            RequestTokenError::Request(error) => Self::Unreachable(error),
            RequestTokenError::ServerResponse(told) => {
                Self::Refused { what, told: printable(&told.to_string()) }
            }
            // What could not be read may hold a token.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => Self::Unreadable(what),
        }
    }
}

/// What an IdP says, fit for a terminal, and not endless.
pub(super) fn printable(text: &str) -> String {
    const MOST: usize = 300;
    printable::shortened(text, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_idp_says_is_no_command_to_a_terminal() {
        assert_eq!(printable("a\x1b[2Jb\u{202e}"), r"a\u{1b}[2Jb\u{202e}");
        assert_eq!(printable(&"x".repeat(1000)).chars().count(), 301);
    }
}
