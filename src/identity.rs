//! Who it is: a verified token and its issuer's mapping in, [`Identity`] out. Pure.

use std::{collections::BTreeSet, fmt, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    code::{Code, Refusal},
    config::{CertificateIssuer, IssuerSettings, RolesClaim, RolesForm},
    idp::{certificate::VerifiedCertificate, token::VerifiedToken},
    names::IssuerName,
};

/// Somebody whom an issuer vouches for.
///
/// Only [`Identity::of`] and [`Identity::of_certificate`] make one.
#[derive(Debug, Clone)]
pub struct Identity {
    who: Who,
}

/// What is said of somebody: by an issuer, where it is an [`Identity`]'s; else by whoever asks
/// what would be decided.
#[derive(Clone)]
pub struct Who {
    /// The issuer, by our name for it.
    pub issuer: IssuerName,
    /// `sub`: unique within the issuer.
    pub subject: String,
    /// The roles as the issuer calls them.
    pub idp_roles: BTreeSet<String>,
    /// All claims of the token.
    pub claims: Arc<Map<String, Value>>,
}

impl fmt::Debug for Who {
    /// No claim value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Who").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// OpenID Connect Core, section 2, allows 255 characters, SPIFFE-ID, section 2.3, 2048 bytes.
const MAX_SUBJECT_BYTES: usize = 2048;

impl Identity {
    /// Reads who a token is about and which roles the issuer gives them.
    ///
    /// # Errors
    /// A claim that is absent or unreadable is an error, never "no roles" and never "all".
    pub fn of(token: &VerifiedToken, issuer: &IssuerSettings) -> Result<Self, Refusal> {
        let who = Who::read(&issuer.name, token.subject(), token.claims(), &issuer.roles)?;
        Ok(Self::vouched(who))
    }

    /// As [`Self::of`], for somebody with a certificate and no token.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn of_certificate(
        certificate: &VerifiedCertificate,
        issuer: &CertificateIssuer,
    ) -> Result<Self, Refusal> {
        let (subject, claims) = (certificate.subject(), certificate.claims());
        Ok(Self::vouched(Who::read(&issuer.name, subject, claims, &issuer.roles)?))
    }

    fn vouched(who: Who) -> Self {
        Identity { who }
    }

    /// Who it is.
    #[must_use]
    pub fn who(&self) -> &Who {
        &self.who
    }
}

impl Who {
    /// Reads who some claims are about and which roles they give. Whether an issuer said them is
    /// not asked.
    ///
    /// # Errors
    /// A claim that is absent or unreadable is an error, never "no roles" and never "all".
    pub fn read(
        issuer: &IssuerName,
        subject: &str,
        claims: &Arc<Map<String, Value>>,
        roles: &RolesClaim,
    ) -> Result<Self, Refusal> {
        if subject.is_empty()
            || subject.len() > MAX_SUBJECT_BYTES
            || subject.chars().any(char::is_control)
        {
            return Err(Code::SubjectUnusable.into());
        }
        let no_roles = |code| {
            let path = &roles.path;
            let detail = format!("no roles can be read at `{path}` (issuers.{issuer}.roles_claim)");
            Refusal { code, detail: Some(detail) }
        };
        let found = roles.path.find(claims).ok_or_else(|| no_roles(absent(claims, roles)))?;
        Ok(Self {
            issuer: issuer.clone(),
            subject: subject.to_owned(),
            idp_roles: roles_of(found, roles.form).map_err(no_roles)?,
            claims: Arc::clone(claims),
        })
    }

    /// The connection's user name: `issuer:subject`, so that two issuers' `alice` are two.
    /// An issuer name has no `:`, so no two identities share a user name.
    #[must_use]
    pub fn user_name(&self) -> String {
        format!("{}:{}", self.issuer, self.subject)
    }
}

/// Why there is no claim that holds the roles: something else stands in the way, there were too many of them for the token, or it is not
/// there at all. Entra ID says the former with `_claim_names` (OpenID Connect Core, section
/// 5.6.2) or, where a token came through a browser, with `hasgroups`.
fn absent(claims: &Map<String, Value>, roles: &RolesClaim) -> Code {
    let claim = roles.path.root();
    if roles.path.is_blocked(claims) {
        return Code::RolesClaimUnreadable;
    }
    let elsewhere = claims.get("_claim_names").is_some_and(|names| names.get(claim).is_some());
    let has_groups = claim == "groups" && claims.get("hasgroups").is_some_and(|it| *it != false);
    if elsewhere || has_groups { Code::RolesClaimOverage } else { Code::RolesClaimAbsent }
}

fn roles_of(value: &Value, form: RolesForm) -> Result<BTreeSet<String>, Code> {
    let unreadable = Code::RolesClaimUnreadable;
    match (value, form) {
        (Value::Array(items), RolesForm::Auto | RolesForm::Value) => {
            items.iter().map(|item| item.as_str().map(str::to_owned).ok_or(unreadable)).collect()
        }
        (Value::String(words), RolesForm::Auto) => {
            Ok(words.split_ascii_whitespace().map(str::to_owned).collect())
        }
        (Value::String(role), RolesForm::Value) => Ok(BTreeSet::from([role.clone()])),
        (Value::Object(roles), RolesForm::Keys) if roles.values().all(is_held) => {
            Ok(roles.keys().cloned().collect())
        }
        _ => Err(unreadable),
    }
}

/// Whether what stands beside a role says that it is held: Zitadel has the organizations that
/// give it there. `false`, `null` and nothing could mean that it is not.
fn is_held(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        value => *value == true,
    }
}

#[cfg(test)]
mod tests;
