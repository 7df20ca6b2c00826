//! A person signs in: the token that `hallpass login` gets, keeps and renews.
//!
//! Two ways in, both for a public client without a secret: authorization code with PKCE
//! (RFC 7636) and a loopback redirect (RFC 8252), and device authorization (RFC 8628). The
//! ID token is verified; the access token is opaque here, as it is to every client: who judges
//! it is hallpass in front of NATS.
//!
//! [`Store`] keeps the token where only its owner can read it, [`NatsContext`] writes it for the
//! `nats` CLI.

mod callback;
mod error;
mod flows;
mod nats_context;
mod places;
mod provider;
mod store;

use jiff::{SignedDuration, Timestamp};

pub use error::LoginError;
pub use nats_context::NatsContext;
pub use places::Places;
pub use store::{Kept, Locked, Store};

use crate::config::{IssuerSettings, LoginFlow, LoginSettings};
use provider::{Provider, Renewal};
use store::Asked;

/// With less than this left of it a token is not worth a connection.
const WORTH_SHOWING: SignedDuration = SignedDuration::from_secs(60);

/// What a person has to see while signing in.
#[derive(Debug)]
pub enum Prompt<'a> {
    /// The page to open in a browser on this machine.
    Browser(&'a url::Url),
    /// The page to open in any browser, and the code to type there.
    Device {
        /// The page.
        page: &'a url::Url,
        /// The code.
        code: &'a str,
        /// The page that knows the code already, where the IdP has one.
        complete: Option<&'a url::Url>,
    },
    /// An answer came that has not this sign-in's `state`. It was turned away, and the right one
    /// is still awaited.
    ForeignAnswer,
}

/// Where a token is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was kept and is good for a while yet.
    Kept,
    /// The kept refresh token got it.
    Renewed,
    /// Somebody has signed in.
    SignedIn,
}

/// A token that is worth showing: the kept one, a renewed one, or one for which somebody signs
/// in now. What is new is kept before it is returned.
///
/// # Errors
/// See [`LoginError`].
pub async fn token(
    issuer: &IssuerSettings,
    login: &LoginSettings,
    flow: LoginFlow,
    store: &Locked,
    tell: impl Fn(Prompt<'_>),
) -> Result<(Kept, Origin), LoginError> {
    let asked = Asked::of(issuer, login);
    let kept = store.read()?.filter(|kept| kept.asked == asked);
    let fresh =
        |kept: &Kept| kept.expires_at.is_some_and(|end| Timestamp::now() + WORTH_SHOWING < end);
    let kept = match kept {
        Some(kept) if fresh(&kept) => return Ok((kept, Origin::Kept)),
        kept => kept,
    };
    let provider = Provider::discover(issuer, login).await?;
    if let Some(kept) = kept
        && let Some(refresh_token) = kept.refresh_token
        && let Renewal::Renewed(tokens) = provider.renew(refresh_token, kept.subject).await?
    {
        let kept = Kept::new(asked, tokens);
        store.write(&kept)?;
        return Ok((kept, Origin::Renewed));
    }
    let tokens = match flow {
        LoginFlow::Code => flows::code(&provider, tell).await?,
        LoginFlow::Device => flows::device(&provider, tell).await?,
    };
    let kept = Kept::new(asked, tokens);
    store.write(&kept)?;
    Ok((kept, Origin::SignedIn))
}
