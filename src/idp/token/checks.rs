//! What is judged of a token whose claims are its issuer's: one list, which the token path runs
//! to the first failure and `hallpass token verify` to the end.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    code::{Code, Refusal},
    config::IssuerSettings,
    names::IssuerName,
};

/// The SHA-256 of a certificate's DER.
pub type CertificateHash = [u8; 32];

/// All that a token is judged by.
#[derive(Clone, Copy)]
pub struct Judged<'a> {
    /// The claims.
    pub claims: &'a Map<String, Value>,
    /// The issuer that vouches for them.
    pub issuer: &'a IssuerSettings,
    /// Whether it was asked (RFC 7662), and leaves out what the asking made clear.
    pub introspected: bool,
    /// The present.
    pub now: Timestamp,
    /// The certificate that the client proved to have and the server verified.
    pub certificate: Option<&'a CertificateHash>,
}

/// One thing that must hold.
#[derive(Clone, Copy)]
pub struct Check {
    /// What it is called: the claim, mostly.
    pub name: &'static str,
    /// Judges it.
    ///
    /// # Errors
    /// It does not hold; the sentence says what was expected, and no claim value.
    pub run: fn(&Judged<'_>) -> Result<(), Refusal>,
}

/// Everything that must hold, in the order of the token path.
pub const CHECKS: &[Check] = &[
    Check { name: "iss", run: issuer },
    Check { name: "access token", run: access_token },
    Check { name: "aud", run: audience },
    Check { name: "required claims", run: required_claims },
    Check { name: "exp", run: expiry },
    Check { name: "nbf", run: not_before },
    Check { name: "iat", run: issued_at },
    Check { name: "lifetime", run: lifetime },
    Check { name: "age", run: age },
    Check { name: "sub", run: subject },
    Check { name: "binding", run: binding },
];

/// A refusal that says what was expected, by the setting that says so.
fn expected(code: Code, detail: String) -> Refusal {
    Refusal { code, detail: Some(detail) }
}

fn issuer(judged: &Judged<'_>) -> Result<(), Refusal> {
    match judged.claims.get("iss") {
        // RFC 7662, section 2.2: optional there, and the one who answered is known.
        None if judged.introspected => Ok(()),
        Some(Value::String(iss)) if judged.issuer.is_called(iss) => Ok(()),
        _ => Err(Code::IssuerUnknown.into()),
    }
}

/// `exp` must be there and has no leeway: the session that is granted ends with it, so a token
/// past it could only buy a session that is already over.
fn expiry(judged: &Judged<'_>) -> Result<(), Refusal> {
    if expires_at(judged.claims)? <= judged.now { Err(Code::TokenExpired.into()) } else { Ok(()) }
}

fn not_before(judged: &Judged<'_>) -> Result<(), Refusal> {
    no_later_than_now(judged, "nbf", Code::TokenNotYetValid)
}

fn issued_at(judged: &Judged<'_>) -> Result<(), Refusal> {
    no_later_than_now(judged, "iat", Code::TokenIssuedInFuture)
}

fn no_later_than_now(judged: &Judged<'_>, name: &str, code: Code) -> Result<(), Refusal> {
    let leeway = judged.issuer.leeway;
    let latest = judged.now.saturating_add(leeway).unwrap_or(Timestamp::MAX);
    match date(judged.claims, name)? {
        Some(begin) if begin > latest => Err(code.into()),
        _ => Ok(()),
    }
}

/// From `iat` to `exp`; without `iat`, what is left of it.
fn lifetime(judged: &Judged<'_>) -> Result<(), Refusal> {
    let longest = judged.issuer.max_lifetime;
    let from = date(judged.claims, "iat")?.unwrap_or(judged.now);
    if longer(from, expires_at(judged.claims)?, longest) {
        let name = &judged.issuer.name;
        let detail = format!(
            "tokens of this issuer may live for {} s (issuers.{name}.max_lifetime)",
            longest.as_secs()
        );
        return Err(expected(Code::TokenLifetimeExceeded, detail));
    }
    Ok(())
}

fn age(judged: &Judged<'_>) -> Result<(), Refusal> {
    let Some(oldest) = judged.issuer.max_age else { return Ok(()) };
    let detail = || {
        let name = &judged.issuer.name;
        format!("tokens may be {} s old (issuers.{name}.max_age)", oldest.as_secs())
    };
    let Some(issued_at) = date(judged.claims, "iat")? else {
        return Err(expected(Code::IssuedAtAbsent, detail()));
    };
    if longer(issued_at, judged.now, oldest.saturating_add(judged.issuer.leeway)) {
        return Err(expected(Code::TokenTooOld, detail()));
    }
    Ok(())
}

fn longer(from: Timestamp, to: Timestamp, most: Duration) -> bool {
    from.saturating_add(most).unwrap_or(Timestamp::MAX) < to
}

/// `aud` is a string or a list of strings (RFC 7519, section 4.1.3); one of them must be ours.
/// Where the issuer's tokens have none, one that has is meant for somebody else.
fn audience(judged: &Judged<'_>) -> Result<(), Refusal> {
    let audiences: Vec<&str> = match judged.claims.get("aud") {
        None => Vec::new(),
        Some(Value::String(audience)) => vec![audience],
        Some(Value::Array(audiences)) => audiences
            .iter()
            .map(|audience| audience.as_str().ok_or(Code::AudienceInvalid))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(Code::AudienceInvalid.into()),
    };
    let IssuerSettings { name, audiences: ours, .. } = judged.issuer;
    if ours.is_empty() {
        let detail = || format!("the token has an audience, and issuers.{name} none");
        let none = audiences.is_empty();
        return if none { Ok(()) } else { Err(expected(Code::AudienceMismatch, detail())) };
    }
    if audiences.iter().any(|audience| ours.contains(*audience)) {
        return Ok(());
    }
    let code = match judged.claims.get("aud") {
        None => Code::AudienceAbsent,
        Some(_) => Code::AudienceMismatch,
    };
    let ours: Vec<_> = ours.iter().map(String::as_str).collect();
    let detail = format!(
        "none of the token's audiences is `{}` (issuers.{name}.audiences)",
        ours.join("`, `")
    );
    Err(expected(code, detail))
}

fn access_token(judged: &Judged<'_>) -> Result<(), Refusal> {
    let name = &judged.issuer.name;
    kind(judged.claims, judged.issuer).map_err(|code| match code {
        Code::TokenIsIdToken => {
            let setting = format!("issuers.{name}.accept_id_tokens");
            expected(code, format!("present the access token (or see {setting})"))
        }
        code => code.into(),
    })
}

/// Tells access tokens from what else an issuer signs or calls active, by the marks that the
/// others have.
///
/// ID tokens: OpenID Connect Core, sections 2 and 3.1.3.6. `nonce` alone is no mark where the
/// token says that it is a bearer token: older Keycloaks put it into both. Refresh tokens:
/// introspection calls them active too (RFC 7662, section 2.1); Ory names them in `token_use`,
/// others in `token_type`, Keycloak in `typ`.
pub(super) fn kind(claims: &Map<String, Value>, issuer: &IssuerSettings) -> Result<(), Code> {
    let says = |claim: &str, values: &[&str]| {
        let said = claims.get(claim).and_then(Value::as_str);
        said.is_some_and(|said| values.iter().any(|value| said.eq_ignore_ascii_case(value)))
    };
    let refresh = ["refresh", "refresh_token"];
    if says("token_use", &refresh)
        || says("token_type", &refresh)
        || says("typ", &["Refresh", "Offline"])
    {
        return Err(Code::TokenIsRefreshToken);
    }
    let hashes = ["at_hash", "c_hash", "s_hash"].iter().any(|claim| claims.contains_key(*claim));
    let nonce = claims.contains_key("nonce") && !says("typ", &["Bearer"]);
    let named = says("typ", &["ID"]) || says("token_use", &["id", "id_token"]);
    if (hashes || nonce || named) && !issuer.accept_id_tokens {
        return Err(Code::TokenIsIdToken);
    }
    Ok(())
}

fn required_claims(judged: &Judged<'_>) -> Result<(), Refusal> {
    for requirement in &judged.issuer.require {
        let path = &requirement.claim;
        let detail =
            || format!("issuers.{}.require says what `{path}` must be", judged.issuer.name);
        let Some(value) = path.find(judged.claims) else {
            return Err(expected(Code::RequiredClaimAbsent, detail()));
        };
        if !requirement.is_met_by(value) {
            return Err(expected(Code::RequiredClaimMismatch, detail()));
        }
    }
    Ok(())
}

fn subject(judged: &Judged<'_>) -> Result<(), Refusal> {
    let IssuerSettings { name, subject_prefix, .. } = judged.issuer;
    begins_with(subject_of(judged.claims)?, subject_prefix.as_deref(), name)
}

/// Whether a subject, of a token or of a certificate, begins as its issuer's subjects do.
pub(crate) fn begins_with(
    subject: &str,
    prefix: Option<&str>,
    issuer: &IssuerName,
) -> Result<(), Refusal> {
    match prefix {
        Some(prefix) if !subject.starts_with(prefix) => {
            let detail =
                format!("the subject must begin with `{prefix}` (issuers.{issuer}.subject_prefix)");
            Err(expected(Code::SubjectPrefixMismatch, detail))
        }
        _ => Ok(()),
    }
}

/// RFC 7800 and RFC 8705, section 3.1: a token that says it is bound is worth nothing without the
/// binding, and of bindings only the one to a certificate can be checked behind nats-server.
fn binding(judged: &Judged<'_>) -> Result<(), Refusal> {
    let Some(confirmation) = judged.claims.get("cnf") else {
        let bound = judged.issuer.certificate_bound;
        return if bound { Err(Code::BindingAbsent.into()) } else { Ok(()) };
    };
    let thumbprint = match confirmation.as_object() {
        Some(methods) if methods.len() == 1 => methods.get("x5t#S256").and_then(Value::as_str),
        _ => None,
    };
    let thumbprint = thumbprint.ok_or(Code::BindingUnsupported)?;
    let presented = judged.certificate.ok_or(Code::BindingCertificateMissing)?;
    if super::base64url(presented) == thumbprint {
        Ok(())
    } else {
        Err(Code::BindingMismatch.into())
    }
}

/// `exp`, whether it has passed or not.
pub(super) fn expires_at(claims: &Map<String, Value>) -> Result<Timestamp, Code> {
    date(claims, "exp")?.ok_or(Code::ExpiryAbsent)
}

/// `sub`, whatever it says.
pub(super) fn subject_of(claims: &Map<String, Value>) -> Result<&str, Code> {
    claims.get("sub").and_then(Value::as_str).ok_or(Code::SubjectAbsent)
}

/// A NumericDate as whole seconds; floats and strings are refused, negative ones too.
pub(super) fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Code> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_i64().filter(|seconds| *seconds >= 0);
    seconds
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map(Some)
        .ok_or(Code::TokenTimeInvalid)
}
