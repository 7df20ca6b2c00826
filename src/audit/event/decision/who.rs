//! Who it is, as a decision's event tells it.

use std::{borrow::Cow, collections::BTreeMap};

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Findings;
use crate::{
    audit::privacy::{Hiding, Privacy},
    callout::request::VerifiedRequest,
    claim_path::ClaimPath,
    config::{PersonalField, Treatment},
    identity::Who,
    idp::token::TokenFacts,
    names::IssuerName,
    policy::PolicySet,
};

/// More characters than any name has that is meant to be read.
const LONGEST: usize = 255;
/// How many actors are told: each acts for the next.
const MOST_ACTORS: usize = 8;
/// How many of the issuer's roles are told.
const MOST_IDP_ROLES: usize = 512;
/// How many bytes a claim may have as JSON, and all of them.
const LARGEST_CLAIM: usize = 1024;
const LARGEST_CLAIMS: usize = 16 * 1024;

#[derive(Serialize)]
pub(super) struct IdentityData<'a> {
    issuer: &'a IssuerName,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actors: Vec<ActorData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idp_roles: Option<Vec<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    idp_roles_cut: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    claims: BTreeMap<String, Cow<'a, Value>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    claims_cut: Vec<String>,
    /// Else nobody could tell whether a claim was not there or not looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    claims_absent: Vec<String>,
}

#[derive(Serialize)]
struct ActorData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
pub(super) struct TokenData<'a> {
    issuer: &'a IssuerName,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<Algorithm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    introspected: bool,
}

/// Takes note of all values that the settings hide, as far as they are known.
pub(super) fn hiding<'a>(
    findings: &Findings,
    request: &VerifiedRequest,
    policy: &PolicySet,
    privacy: &'a Privacy,
) -> Hiding<'a> {
    let mut hiding = Hiding::new(privacy);
    if privacy.told().is_none() {
        return hiding;
    }
    if findings.identity.is_none() {
        hiding.note_unknown(&request.connect().name);
    }
    hiding.note(PersonalField::Address, &request.client().host);
    if let Some(source) = findings.facts.as_ref().and_then(|facts| facts.connection.source) {
        hiding.note(PersonalField::Address, &source.to_string());
    }
    if let Some(edge) = &findings.edge {
        hiding.note(PersonalField::Address, &edge.source().to_string());
    }
    if let Some(certificate) = &findings.certificate {
        hiding.note(PersonalField::Certificate, &HEXLOWER.encode(certificate));
    }
    if let Some(token) = &findings.token {
        hiding.note(PersonalField::Subject, token.subject.as_deref().unwrap_or_default());
        hiding.note(PersonalField::TokenId, token.id.as_deref().unwrap_or_default());
    }
    if let Some(identity) = &findings.identity {
        let who = identity.who();
        hiding.note(PersonalField::Subject, &who.subject);
        hiding.note(PersonalField::UserName, &who.user_name());
        hiding.note(PersonalField::ClientId, client_id(&who.claims).unwrap_or_default());
        for (_, subject) in actors(&who.claims) {
            hiding.note(PersonalField::Actors, subject.unwrap_or_default());
        }
        for role in &who.idp_roles {
            hiding.note(PersonalField::IdpRoles, role);
        }
        for path in paths(policy, privacy) {
            let value = path.find(&who.claims).unwrap_or(&Value::Null);
            leaves(value, &mut |leaf| hiding.note(PersonalField::Claims, leaf));
        }
    }
    hiding
}

pub(super) fn identity<'a>(
    who: &'a Who,
    policy: &PolicySet,
    hiding: &Hiding<'_>,
) -> IdentityData<'a> {
    let user_name = who.user_name();
    let actors = actors(&who.claims).map(|(issuer, subject)| ActorData {
        issuer: issuer.map(cut),
        subject: subject.and_then(|it| hiding.text(PersonalField::Actors, it)).map(cut_cow),
    });
    let is_told = |field| hiding.privacy().treatment(field) != Treatment::Omitted;
    let shown = who.idp_roles.iter().take(MOST_IDP_ROLES);
    let shown = shown.filter_map(|role| hiding.text(PersonalField::IdpRoles, role).map(cut_cow));
    let shown: Vec<_> = shown.collect();
    let too_long = |role: &String| role.chars().nth(LONGEST).is_some();
    // One that is left out for being a hidden value of another field is missing as well.
    let tells_roles = is_told(PersonalField::IdpRoles);
    let is_cut = tells_roles && shown.len() < who.idp_roles.len();
    let mut data = IdentityData {
        issuer: &who.issuer,
        subject: hiding.text(PersonalField::Subject, &who.subject),
        user_name: hiding.text(PersonalField::UserName, &user_name).map(Cow::into_owned),
        client_id: client_id(&who.claims)
            .and_then(|it| hiding.text(PersonalField::ClientId, it))
            .map(cut_cow),
        actors: actors.filter(|_| is_told(PersonalField::Actors)).collect(),
        idp_roles: tells_roles.then_some(shown),
        idp_roles_cut: is_cut
            || who.idp_roles.len() > MOST_IDP_ROLES
            || who.idp_roles.iter().any(too_long),
        claims: BTreeMap::new(),
        claims_cut: Vec::new(),
        claims_absent: Vec::new(),
    };
    if is_told(PersonalField::Claims) {
        claims(&mut data, who, policy, hiding);
    }
    data
}

/// The claims that the maps read, and those that the settings name.
fn claims<'a>(data: &mut IdentityData<'a>, who: &'a Who, policy: &PolicySet, hiding: &Hiding<'_>) {
    let mut room = LARGEST_CLAIMS;
    for path in paths(policy, hiding.privacy()) {
        let name = path.to_text();
        if data.claims.contains_key(&name)
            || data.claims_cut.contains(&name)
            || data.claims_absent.contains(&name)
        {
            continue;
        }
        let Some(value) = path.find(&who.claims) else {
            // Not the same as absent: a default is not taken then.
            let is_blocked = path.is_blocked(&who.claims);
            if is_blocked { &mut data.claims_cut } else { &mut data.claims_absent }.push(name);
            continue;
        };
        let text = value.to_string();
        if text.len() > LARGEST_CLAIM.min(room) {
            data.claims_cut.push(name);
            continue;
        }
        room -= text.len();
        let mut treatment = hiding.privacy().treatment(PersonalField::Claims);
        leaves(value, &mut |leaf| {
            treatment = treatment.max(hiding.treatment(PersonalField::Claims, [leaf].into_iter()));
        });
        let value = match treatment {
            Treatment::Shown => Cow::Borrowed(value),
            Treatment::Omitted => continue,
            Treatment::Pseudonymized => {
                // Of the text where it is one, so that it is that of a permission's value.
                let text = value.as_str().map_or(text, str::to_owned);
                Cow::Owned(hiding.privacy().pseudonym(PersonalField::Claims, &text).into())
            }
        };
        data.claims.insert(name, value);
    }
}

pub(super) fn token<'a>(facts: &'a TokenFacts, hiding: &Hiding<'_>) -> TokenData<'a> {
    let text = |field, text: &'a Option<String>| hiding.text(field, text.as_deref()?);
    TokenData {
        issuer: &facts.issuer,
        subject: text(PersonalField::Subject, &facts.subject),
        id: text(PersonalField::TokenId, &facts.id),
        algorithm: facts.algorithm,
        key_id: facts.key_id.as_deref(),
        token_type: facts.token_type.as_deref(),
        issued_at: facts.issued_at,
        not_before: facts.not_before,
        expires_at: facts.expires_at,
        introspected: facts.introspected,
    }
}

fn paths<'a>(policy: &'a PolicySet, privacy: &'a Privacy) -> impl Iterator<Item = &'a ClaimPath> {
    policy.claims().chain(privacy.claims())
}

/// The OAuth client that a token was issued to: RFC 9068, section 2.2, or OpenID Connect's `azp`.
fn client_id(claims: &Map<String, Value>) -> Option<&str> {
    ["client_id", "azp"].into_iter().find_map(|name| claims.get(name)?.as_str())
}

/// Who acts, outermost first, each with their issuer and subject (RFC 8693, section 4.1).
fn actors(claims: &Map<String, Value>) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
    let acts = std::iter::successors(claims.get("act"), |act| act.get("act"));
    fn text<'a>(act: &'a Value, name: &str) -> Option<&'a str> {
        act.get(name)?.as_str()
    }
    let acts = acts.take_while(|act| act.is_object()).take(MOST_ACTORS);
    acts.map(|act| (text(act, "iss"), text(act, "sub")))
}

/// The texts and numbers in a value, as they would stand in a subject.
fn leaves(value: &Value, each: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Number(number) => each(&number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, each)),
        Value::Object(members) => members.values().for_each(|member| leaves(member, each)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn cut(text: &str) -> Cow<'_, str> {
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    Cow::Borrowed(text.get(..end).unwrap_or_default())
}

fn cut_cow(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => cut(text),
        Cow::Owned(text) => Cow::Owned(cut(&text).into_owned()),
    }
}
