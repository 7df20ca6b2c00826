//! Who is in the play.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::idp::Idp;

/// Somebody with a token, good or bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persona {
    /// May publish and subscribe.
    Clerk,
    /// May subscribe only.
    Reader,
    /// Known to the IdP, without a role.
    Stranger,
    /// A clerk whose token ended an hour ago.
    Expired,
    /// A clerk by the word of an issuer that nobody asked.
    Foreign,
    /// A reader who wrote himself the clerk's role.
    Tampered,
}

impl Persona {
    /// Everybody.
    pub const ALL: [Self; 6] =
        [Self::Clerk, Self::Reader, Self::Stranger, Self::Expired, Self::Foreign, Self::Tampered];

    /// The name, which is `sub` and the client id at the token endpoint.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clerk => "clerk",
            Self::Reader => "reader",
            Self::Stranger => "stranger",
            Self::Expired => "expired",
            Self::Foreign => "foreign",
            Self::Tampered => "tampered",
        }
    }

    /// Who that is, for people.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Clerk => "publishes and subscribes to orders.acme.…",
            Self::Reader => "subscribes to orders.acme.…, publishes nothing",
            Self::Stranger => "known to the IdP, has no role",
            Self::Expired => "a clerk whose token ended an hour ago",
            Self::Foreign => "a clerk, says an issuer that hallpass does not know",
            Self::Tampered => "a reader who wrote a clerk's role into the token",
        }
    }

    /// The persona of a name that the token endpoint knows: those who get an honest token.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let honest = [Self::Clerk, Self::Reader, Self::Stranger];
        honest.into_iter().find(|persona| persona.name() == name)
    }

    /// The roles that the IdP knows.
    #[must_use]
    pub const fn roles(self) -> &'static [&'static str] {
        match self {
            Self::Clerk | Self::Expired | Self::Foreign => &["orders:write"],
            Self::Reader | Self::Tampered => &["orders:read"],
            Self::Stranger => &[],
        }
    }

    /// The token that this persona shows.
    pub(super) fn token(self, idp: &Idp, foreign: &Idp) -> anyhow::Result<String> {
        let mut claims = idp.claims(self.name(), self.roles());
        match self {
            Self::Clerk | Self::Reader | Self::Stranger => idp.sign(&claims),
            Self::Expired => {
                let hour_ago = jiff::Timestamp::now().as_second() - 3600;
                if let Some(claims) = claims.as_object_mut() {
                    claims.insert("iat".to_owned(), (hour_ago - 900).into());
                    claims.insert("exp".to_owned(), hour_ago.into());
                }
                idp.sign(&claims)
            }
            Self::Foreign => foreign.sign(&foreign.claims(self.name(), self.roles())),
            Self::Tampered => tamper(&idp.sign(&claims)?, &mut claims),
        }
    }
}

/// Replaces the role in a signed token and keeps the signature.
fn tamper(token: &str, claims: &mut Value) -> anyhow::Result<String> {
    if let Some(roles) = claims.pointer_mut("/realm_access/roles") {
        *roles = serde_json::json!(["orders:write"]);
    }
    let mut parts: Vec<&str> = token.split('.').collect();
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims)?);
    if let Some(middle) = parts.get_mut(1) {
        *middle = &payload;
    }
    Ok(parts.join("."))
}
