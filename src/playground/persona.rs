//! Who is in the play.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{PlaygroundError, idp::Signer};

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

/// What hallpass says of a persona.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Let into this account.
    Granted(&'static str),
    /// Kept out for the reason of this code.
    Refused(&'static str),
}

impl Verdict {
    /// The outcome's name in the audit stream.
    #[must_use]
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Granted(_) => "granted",
            Self::Refused(_) => "refused",
        }
    }

    /// The account, or the code.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Granted(what) | Self::Refused(what) => what,
        }
    }
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
            Self::Reader => "hears orders.acme.…, publishes nothing",
            Self::Stranger => "known to the IdP, has no role",
            Self::Expired => "a clerk whose token ended an hour ago",
            Self::Foreign => "a clerk, says an issuer hallpass ignores",
            Self::Tampered => "a reader who wrote in a clerk's role",
        }
    }

    /// What hallpass has to say.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Clerk | Self::Reader => Verdict::Granted("APP"),
            Self::Stranger => Verdict::Refused("roles_claim_empty"),
            Self::Expired => Verdict::Refused("token_expired"),
            Self::Foreign => Verdict::Refused("issuer_unknown"),
            Self::Tampered => Verdict::Refused("signature_invalid"),
        }
    }

    /// The persona of a name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|persona| persona.name() == name)
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
    pub(super) fn token(self, idp: &Signer, foreign: &Signer) -> Result<String, PlaygroundError> {
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
            Self::Tampered => Ok(tamper(&idp.sign(&claims)?, &mut claims)),
        }
    }
}

/// Replaces the role in a signed token and keeps the signature.
fn tamper(token: &str, claims: &mut Value) -> String {
    if let Some(roles) = claims.pointer_mut("/realm_access/roles") {
        *roles = serde_json::json!(["orders:write"]);
    }
    let mut parts: Vec<&str> = token.split('.').collect();
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    if let Some(middle) = parts.get_mut(1) {
        *middle = &payload;
    }
    parts.join(".")
}
