//! Tokens, good and forged.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Key, es256, rsa};
use crate::{
    claim_path::ClaimPath,
    code::{Code, Refusal},
    config::{IssuerSettings, RolesClaim, RolesForm},
    idp::{
        Accepted, KeySet,
        token::{CertificateHash, UnverifiedToken, VerifiedToken},
    },
};

/// The second in which the tests take place.
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The issuer `corp`: audience `nats`, roles at `roles`, 30 s of leeway.
pub(crate) fn an_issuer() -> IssuerSettings {
    IssuerSettings {
        name: "corp".parse().unwrap(),
        issuer: "https://idp.example.com".to_owned(),
        issuer_aliases: BTreeSet::new(),
        audiences: BTreeSet::from(["nats".to_owned()]),
        require: Vec::new(),
        token_types: ["jwt", "at+jwt", ""].map(str::to_owned).into(),
        algorithms: IssuerSettings::DEFAULT_ALGORITHMS.to_vec(),
        leeway: IssuerSettings::DEFAULT_LEEWAY,
        max_lifetime: IssuerSettings::DEFAULT_MAX_LIFETIME,
        max_age: None,
        accept_id_tokens: false,
        certificate_bound: false,
        require_edge: false,
        subject_prefix: None,
        roles: RolesClaim { path: ClaimPath::from_dotted("roles").unwrap(), form: RolesForm::Auto },
        introspection: None,
        key_use: "sig".to_owned(),
        jwks_uri: None,
        jwks_file: None,
        allow_http_loopback: false,
        ca_file: None,
        refresh: IssuerSettings::DEFAULT_REFRESH,
        max_key_age: IssuerSettings::DEFAULT_MAX_KEY_AGE,
        login: None,
    }
}

/// What an IdP with these keys publishes.
pub(crate) fn key_set(keys: &[&Key]) -> KeySet {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    KeySet::from_json(json!({ "keys": keys }).to_string().as_bytes(), Accepted::default()).unwrap()
}

/// A token that is good in every respect, for `alice` without a role, for an hour.
pub(crate) fn a_token() -> TokenBuilder {
    let header = json!({ "alg": "ES256", "kid": "es", "typ": "at+jwt" });
    let claims = json!({
        "iss": "https://idp.example.com", "aud": "nats", "sub": "alice", "jti": "token-1",
        "iat": NOW - 10, "exp": NOW + 3600, "roles": [],
    });
    TokenBuilder { header: object(header), claims: object(claims), key: es256() }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

#[derive(Clone)]
pub(crate) struct TokenBuilder {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    key: &'static Key,
}

impl TokenBuilder {
    pub(crate) fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(claim.to_owned(), value.into());
        self
    }

    pub(crate) fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim).expect("a claim that is there");
        self
    }

    pub(crate) fn with_header(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.header.insert(member.to_owned(), value.into());
        self
    }

    pub(crate) fn without_header(mut self, member: &str) -> Self {
        self.header.remove(member).expect("a member that is there");
        self
    }

    pub(crate) fn with_role(mut self, role: &str) -> Self {
        self.claims["roles"].as_array_mut().unwrap().push(role.into());
        self
    }

    /// Its last second was the one before the present.
    pub(crate) fn expired(self) -> Self {
        self.with("exp", NOW - 1)
    }

    /// Signed with this key, as the header says.
    pub(crate) fn by(mut self, key: &'static Key) -> Self {
        self.key = key;
        self.with_header("alg", key.algorithm()).with_header("kid", key.id)
    }

    /// Signed with this key, whatever the header says.
    pub(crate) fn secretly_by(mut self, key: &'static Key) -> Self {
        self.key = key;
        self
    }

    pub(crate) fn text(&self) -> String {
        let json = |map: &Map<String, Value>| Value::Object(map.clone()).to_string();
        bearer(&json(&self.header), &json(&self.claims), self.key)
    }

    /// The parts `header.claims`, unsigned.
    pub(crate) fn unsigned(&self) -> String {
        self.text().rsplit_once('.').unwrap().0.to_owned()
    }
}

/// A token of any two texts, with a good signature.
pub(crate) fn bearer(header: &str, claims: &str, key: &Key) -> String {
    let signed = format!("{}.{}", base64url(header), base64url(claims));
    let signature = key.sign(&signed);
    format!("{signed}.{signature}")
}

/// What becomes of a token at the tests' IdP, which has the two good keys.
pub(crate) fn verify(text: &str) -> Result<VerifiedToken, Code> {
    verify_with(text, &an_issuer(), &key_set(&[es256(), rsa()]))
}

/// The steps of the token path, in its order.
pub(crate) fn verify_with(
    text: &str,
    issuer: &IssuerSettings,
    keys: &KeySet,
) -> Result<VerifiedToken, Code> {
    verify_bound(text, issuer, keys, None).map_err(|refusal| refusal.code)
}

/// As [`verify_with`], for a client that has proved to have a certificate.
pub(crate) fn verify_bound(
    text: &str,
    issuer: &IssuerSettings,
    keys: &KeySet,
    certificate: Option<&CertificateHash>,
) -> Result<VerifiedToken, Refusal> {
    let token = UnverifiedToken::parse(text)?;
    if !token.unverified_issuer().is_some_and(|iss| issuer.is_called(iss)) {
        return Err(Code::IssuerUnknown.into());
    }
    let algorithm = token.allowed_algorithm(issuer)?;
    let key = keys.find(token.unverified_key_id(), algorithm)?;
    token.verify_signature(issuer, &key)?.judge(issuer, now(), certificate)
}
