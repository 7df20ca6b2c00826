//! Who takes part: an IdP whose keys are always the same, issuers, a server; and tokens as the
//! fuzzer wants them signed.

use std::{path::Path, sync::LazyLock};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass::{
    config::IssuerSettings,
    document::{self, Problems, Source},
    idp::{Accepted, KeySet},
};
use jiff::Timestamp;
use nkeys::{KeyPair, KeyPairType};
use serde_json::{Value, json};

/// The second in which everything takes place.
pub const NOW: i64 = 1_800_000_000;

/// A header and claims that are good in every respect for the first issuer.
pub const GOOD_HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT","kid":"ed"}"#;
pub const GOOD_CLAIMS: &str = r#"{"iss":"https://idp.example.com","aud":"nats","sub":"alice","iat":1799999990,"exp":1800003600,"roles":["orders"]}"#;

/// The issuers as they are configured, the first without a preset. The tests' layouts have these
/// `iss` and audiences; the algorithm is the one that the fuzzer can sign with quickly.
const ISSUERS: [(&str, &str); 6] = [
    ("corp", "issuer = 'https://idp.example.com'\naudiences = ['nats']\nroles_claim = 'roles'"),
    (
        "keycloak",
        "preset = 'keycloak'\nissuer = 'https://idp.example.com/realms/corp'\naudiences = ['nats']",
    ),
    (
        "entra",
        "preset = 'entra-v2'\naudiences = ['6e74172b-0000-4843-9ff4-e66a39bb12e3']\n\
         issuer = 'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0'",
    ),
    (
        "kubernetes",
        "preset = 'kubernetes'\nissuer = 'https://kubernetes.default.svc.cluster.local'\n\
         audiences = ['nats']",
    ),
    (
        "github",
        "preset = 'github-actions'\naudiences = ['nats']\nmax_age = 600\n\
         [require]\nrepository_owner_id = '65'",
    ),
    (
        "google",
        "preset = 'google'\naudiences = ['1234987819200.apps.googleusercontent.com']\n\
         [require]\nhd = 'example.com'",
    ),
];

/// RFC 7515, appendix A.3 and A.2: keys of other kinds, whose owners sign nothing here.
const EC_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const EC_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

pub fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn ed25519(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

/// The IdP's key, `ed`.
pub fn idp() -> &'static Ed25519KeyPair {
    static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| ed25519(1));
    &KEY
}

/// A key of the same kind that nobody vouches for.
pub fn stranger() -> &'static Ed25519KeyPair {
    static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| ed25519(2));
    &KEY
}

/// Its bytes: what a confused verifier would take for a secret.
pub fn public_key() -> &'static [u8] {
    idp().public_key().as_ref()
}

/// What the IdP publishes: `ed`, another of its kind, and one of each other kind.
pub fn jwks() -> Value {
    let okp = |id: &str, pair: &Ed25519KeyPair| {
        let x = base64url(pair.public_key().as_ref());
        json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": id, "x": x })
    };
    json!({ "keys": [
        okp("ed", idp()),
        okp("ed-other", &ed25519(3)),
        { "kty": "EC", "crv": "P-256", "use": "sig", "kid": "es", "x": EC_X, "y": EC_Y },
        { "kty": "RSA", "use": "sig", "kid": "rsa", "e": "AQAB", "n": RSA_N },
    ] })
}

pub fn keys() -> &'static KeySet {
    static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
        let set = KeySet::from_json(jwks().to_string().as_bytes(), Accepted::default()).unwrap();
        assert_eq!(set.len(), 4);
        set
    });
    &KEYS
}

pub fn issuers() -> &'static [IssuerSettings] {
    static ALL: LazyLock<Vec<IssuerSettings>> =
        LazyLock::new(|| ISSUERS.iter().map(|(name, text)| an_issuer(name, text)).collect());
    &ALL
}

fn an_issuer(name: &str, text: &str) -> IssuerSettings {
    let mut problems = Problems::default();
    let bytes = format!("algorithms = ['EdDSA']\n{text}\n").into_bytes();
    let source = Source::read(name.to_owned(), bytes, &mut problems).unwrap();
    let node = document::parse(&source, &mut problems);
    let issuer = IssuerSettings::read(name.parse().unwrap(), &node, Path::new(""), &mut problems);
    issuer.unwrap_or_else(|| panic!("{problems}"))
}

/// What is signed of a token, and the signature of a key.
pub fn unsigned(header: &[u8], claims: &[u8]) -> String {
    format!("{}.{}", base64url(header), base64url(claims))
}

pub fn signed(header: &[u8], claims: &[u8], key: &Ed25519KeyPair) -> String {
    let text = unsigned(header, claims);
    let signature = base64url(key.sign(text.as_bytes()));
    format!("{text}.{signature}")
}

/// The one token that is good as a text.
pub fn good_token() -> &'static str {
    static TOKEN: LazyLock<String> =
        LazyLock::new(|| signed(GOOD_HEADER.as_bytes(), GOOD_CLAIMS.as_bytes(), idp()));
    &TOKEN
}

/// The server that asks.
pub fn server() -> &'static KeyPair {
    static KEY: LazyLock<KeyPair> = LazyLock::new(|| nkey(KeyPairType::Server, 4));
    &KEY
}

/// The public key that answers are signed with.
pub fn callout_issuer() -> &'static str {
    static KEY: LazyLock<String> = LazyLock::new(|| nkey(KeyPairType::Account, 5).public_key());
    &KEY
}

fn nkey(kind: KeyPairType, seed: u8) -> KeyPair {
    KeyPair::new_from_raw(kind, [seed; 32]).unwrap()
}
