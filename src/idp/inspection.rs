//! Looking at a token from all sides, for people: every stage of the token path, told one by
//! one, where the path itself ends at the first that does not hold. Lets nobody in.
//!
//! The stages are those of [`super::Issuers`] and [`super::token::CHECKS`], by the same code.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    Accepted, FetchError, KeySet, discovery, introspection,
    token::{AuthenticToken, CHECKS, CertificateHash, Judged, MAX_BYTES, UnverifiedToken},
};
use crate::{
    code::{Code, Refusal},
    config::{IntrospectedTokens, IssuerSettings},
    identity::Identity,
    printable,
};

/// One stage and what came of it.
#[derive(Debug)]
pub struct Stage {
    /// What is looked at.
    pub name: &'static str,
    /// What came of it; `None`: it could not be looked at.
    pub outcome: Option<Result<(), Refusal>>,
    /// What was found, or what stands in the way. Claim values are in it: it is for whoever
    /// brought the token, and for no log.
    pub found: String,
}

/// All stages, in the order of the token path.
#[derive(Debug)]
pub struct Inspection {
    /// The stages.
    pub stages: Vec<Stage>,
    /// The issuer, by our name for it, once it is known.
    pub issuer: Option<String>,
}

/// Where keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// From the issuer, now.
    Issuer,
    /// This JWK Set (RFC 7517).
    Given(Vec<u8>),
}

/// What a token is held against.
#[derive(Debug)]
pub struct Inspected<'a> {
    /// The issuers that are believed.
    pub issuers: &'a [IssuerSettings],
    /// Where their keys come from.
    pub keys: &'a KeySource,
    /// The present.
    pub now: Timestamp,
    /// The certificate that would come with the token.
    pub certificate: Option<&'a CertificateHash>,
}

impl Inspection {
    /// What the token path would say: the first stage that does not hold. A stage that could not
    /// be looked at holds nothing.
    ///
    /// # Errors
    /// The refusal.
    pub fn verdict(&self) -> Result<(), Refusal> {
        for stage in &self.stages {
            stage.outcome.clone().unwrap_or_else(|| Err(Code::InternalError.into()))?;
        }
        Ok(())
    }

    fn say(&mut self, name: &'static str, outcome: Result<(), Refusal>, found: impl Into<String>) {
        self.stages.push(Stage { name, outcome: Some(outcome), found: found.into() });
    }

    /// The value, where it is one; the refusal is told either way.
    fn stage<T, E: Into<Refusal>>(
        &mut self,
        name: &'static str,
        result: Result<T, E>,
        found: impl Into<String>,
    ) -> Option<T> {
        let (value, outcome) = match result {
            Ok(value) => (Some(value), Ok(())),
            Err(refusal) => (None, Err(refusal.into())),
        };
        self.say(name, outcome, found);
        value
    }

    /// Stages that cannot be looked at because of an earlier one.
    fn out_of_reach(&mut self, names: &[&'static str]) {
        let found = "not looked at: an earlier stage must hold first";
        for name in names {
            self.stages.push(Stage { name, outcome: None, found: found.to_owned() });
        }
    }
}

/// Looks at a token.
pub async fn inspect(text: &str, against: &Inspected<'_>) -> Inspection {
    let mut inspection = Inspection { stages: Vec::new(), issuer: None };
    if let Some(issuer) = opaque_issuer(text, against.issuers) {
        opaque(&mut inspection, text, issuer, against).await;
    } else {
        signed(&mut inspection, text, against).await;
    }
    inspection
}

fn opaque_issuer<'a>(text: &str, issuers: &'a [IssuerSettings]) -> Option<&'a IssuerSettings> {
    (text.len() <= MAX_BYTES)
        .then(|| issuers.iter().find(|issuer| introspection::knows(issuer, text)))?
}

async fn opaque(
    inspection: &mut Inspection,
    text: &str,
    issuer: &IssuerSettings,
    against: &Inspected<'_>,
) {
    inspection.say("form", Ok(()), format!("no JWT; {} bytes", text.len()));
    inspection.issuer = Some(issuer.name.to_string());
    inspection.say("issuer", Ok(()), format!("[issuers.{}], which is asked", issuer.name));
    let answer = introspection::ask_once(issuer, text).await;
    let token = answer.and_then(|answer| AuthenticToken::introspected(issuer, answer));
    let Some(token) = inspection.stage("introspection", token, "its issuer says what it is") else {
        inspection.out_of_reach(&["identity"]);
        return;
    };
    judge(inspection, &token.judged(issuer, against.now, against.certificate));
    identify(inspection, &token, issuer, against);
}

async fn signed(inspection: &mut Inspection, text: &str, against: &Inspected<'_>) {
    let size = format!("{} bytes", text.len());
    let Some(token) = inspection.stage("form", UnverifiedToken::parse(text), size) else {
        return inspection.out_of_reach(&["issuer", "alg", "typ", "key", "signature", "identity"]);
    };
    let iss = token.unverified_issuer();
    let settings =
        against.issuers.iter().find(|issuer| iss.is_some_and(|iss| issuer.is_called(iss)));
    let found = shown(token.unverified_claims().get("iss"));
    let unknown = || Refusal { code: Code::IssuerUnknown, detail: Some(known(against.issuers)) };
    let Some(issuer) = inspection.stage("issuer", settings.ok_or_else(unknown), found) else {
        return inspection.out_of_reach(&["alg", "typ", "key", "signature", "identity"]);
    };
    inspection.issuer = Some(issuer.name.to_string());
    let algorithm = token.allowed_algorithm(issuer);
    let said = format!("{:?}", token.unverified_algorithm());
    let algorithm = inspection.stage("alg", algorithm, said);
    let said = token.unverified_type().map_or("absent".to_owned(), quoted);
    let typed = inspection.stage("typ", token.accepted_type(issuer), said).is_some();
    let said = token.unverified_key_id().map_or("no `kid`".to_owned(), quoted);
    let key = match (algorithm, keys(issuer, against.keys).await) {
        (None, _) => {
            inspection.out_of_reach(&["key"]);
            None
        }
        (Some(algorithm), Ok(keys)) => {
            let key = keys.find(token.unverified_key_id(), algorithm);
            let names = keys.iter().map(|key| key.id().map_or("-".to_owned(), quoted));
            let names = match names.collect::<Vec<_>>().join(", ") {
                names if names.is_empty() => "none".to_owned(),
                names => names,
            };
            let said = format!("{said}; the issuer has {names}");
            inspection.stage("key", key, said)
        }
        (Some(_), Err(error)) => {
            let detail = Some(error.to_string());
            let refusal = Refusal { code: Code::KeysUnavailable, detail };
            inspection.stage("key", Err(refusal), said)
        }
    };
    let claims = token.unverified_claims().clone();
    let judged = Judged {
        claims: &claims,
        issuer,
        introspected: false,
        now: against.now,
        certificate: against.certificate,
    };
    let (Some(key), true) = (key, typed) else {
        inspection.out_of_reach(&["signature"]);
        judge(inspection, &judged);
        return inspection.out_of_reach(&["identity"]);
    };
    let token = token.verify_signature(issuer, &key);
    let Some(token) = inspection.stage("signature", token, "by that key") else {
        judge(inspection, &judged);
        return inspection.out_of_reach(&["identity"]);
    };
    let asked = issuer.introspection.as_ref().map(|settings| settings.tokens);
    if asked == Some(IntrospectedTokens::All) {
        let answer = introspection::ask_once(issuer, text).await;
        let whole = answer.and_then(|answer| token.completed_by(issuer, answer));
        let said = "its issuer says the rest";
        let Some(token) = inspection.stage("introspection", whole, said) else {
            judge(inspection, &judged);
            return inspection.out_of_reach(&["identity"]);
        };
        judge(inspection, &token.judged(issuer, against.now, against.certificate));
        return identify(inspection, &token, issuer, against);
    }
    judge(inspection, &judged);
    identify(inspection, &token, issuer, against);
}

/// All checks, whether an earlier one holds or not.
fn judge(inspection: &mut Inspection, judged: &Judged<'_>) {
    for check in CHECKS {
        let found = said(check.name, judged.claims);
        inspection.say(check.name, (check.run)(judged), found);
    }
}

fn identify(
    inspection: &mut Inspection,
    token: &AuthenticToken,
    issuer: &IssuerSettings,
    against: &Inspected<'_>,
) {
    let Ok(verified) = token.judge(issuer, against.now, against.certificate) else {
        return inspection.out_of_reach(&["identity"]);
    };
    let identity = Identity::of(&verified, issuer);
    let found = identity.as_ref().map_or_else(
        |_| format!("roles at `{}`", issuer.roles.path),
        |identity| {
            let roles: Vec<_> = identity.who().idp_roles.iter().map(|role| quoted(role)).collect();
            let roles = if roles.is_empty() { "none".to_owned() } else { roles.join(", ") };
            format!("user name {}, IdP roles {roles}", quoted(&identity.who().user_name()))
        },
    );
    inspection.stage("identity", identity, found);
}

async fn keys(issuer: &IssuerSettings, source: &KeySource) -> Result<KeySet, FetchError> {
    match source {
        KeySource::Given(text) => {
            let accepted = Accepted { key_use: &issuer.key_use, playground: false };
            Ok(KeySet::from_json(text, accepted)?)
        }
        KeySource::Issuer => discovery::fetch(issuer, false).await,
    }
}

/// What a check found, as the token says it.
fn said(check: &str, claims: &Map<String, Value>) -> String {
    let date = |name: &str| match claims.get(name).and_then(Value::as_i64) {
        Some(seconds) => match Timestamp::from_second(seconds) {
            Ok(time) => format!("{time}"),
            Err(_) => shown(claims.get(name)),
        },
        None => shown(claims.get(name)),
    };
    match check {
        "exp" | "nbf" | "iat" => date(check),
        "iss" | "aud" | "sub" => shown(claims.get(check)),
        "binding" => shown(claims.get("cnf")),
        "lifetime" | "age" if !claims.contains_key("iat") => "no `iat`".to_owned(),
        "lifetime" => format!("from {} to {}", date("iat"), date("exp")),
        "age" => format!("since {}", date("iat")),
        // These look at several claims, and say which where it matters.
        _ => String::new(),
    }
}

/// A claim as people may see it: what a terminal would take for more than text is escaped.
fn shown(value: Option<&Value>) -> String {
    value.map_or("absent".to_owned(), |value| printable(&value.to_string()))
}

fn quoted(text: &str) -> String {
    format!("`{}`", printable(text))
}

fn printable(text: &str) -> String {
    printable::shortened(text, 200)
}

fn known(issuers: &[IssuerSettings]) -> String {
    let spellings: Vec<_> = issuers.iter().flat_map(IssuerSettings::spellings).collect();
    format!("`iss` must be one of `{}`", spellings.join("`, `"))
}

#[cfg(test)]
mod tests;
