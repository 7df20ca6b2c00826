use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    code::Code::*,
    idp::{IssuerKeys, Issuers},
    testkit::{
        NOW, TokenBuilder, a_token, an_issuer, base64url, es256, key_set, now, other_es256, rsa,
    },
};

const CERTIFICATE: CertificateHash = [7; 32];

fn inspected(text: &str) -> Inspection {
    let issuers = [an_issuer()];
    let keys = json!({ "keys": [es256().jwk(), rsa().jwk()] });
    let keys = KeySource::Given(keys.to_string().into_bytes());
    let against =
        Inspected { issuers: &issuers, keys: &keys, now: now(), certificate: Some(&CERTIFICATE) };
    runtime().block_on(inspect(text, &against))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// What the token path itself says.
fn decided(text: &str) -> Result<(), Refusal> {
    let keys = IssuerKeys::fixed(Arc::new(an_issuer()), key_set(&[es256(), rsa()]));
    let issuers = Issuers::new([Arc::new(keys)], Vec::new());
    let authentic = runtime().block_on(issuers.authentic(text))?;
    let token = authentic.token.judge(authentic.issuer(), now(), Some(&CERTIFICATE))?;
    Identity::of(&token, authentic.issuer()).map(|_| ())
}

fn code(outcome: Result<(), Refusal>) -> Option<Code> {
    outcome.err().map(|refusal| refusal.code)
}

/// Tokens with this and that wrong, one thing or several.
fn tokens() -> Vec<TokenBuilder> {
    let good = a_token;
    vec![
        good(),
        good().expired(),
        good().expired().with("aud", "web"),
        good().with("nonce", "x").without("sub"),
        good().secretly_by(other_es256()),
        good().secretly_by(other_es256()).with("aud", "web"),
        good().with_header("kid", "unheard-of").with_header("typ", "logout+jwt"),
        good().with_header("kid", "unheard-of"),
        good().by(rsa()).with_header("kid", "es"),
        good().with_header("alg", "none"),
        good().with_header("alg", "HS256"),
        good().with_header("alg", "ES384"),
        good().with("iss", "https://other.example"),
        good().without("iss"),
        good().without("exp").without("aud"),
        good().with("exp", "soon"),
        good().with("iat", NOW + 100),
        good().with("cnf", json!({ "x5t#S256": base64url(CERTIFICATE) })),
        good().with("cnf", json!({ "x5t#S256": base64url([8; 32]) })),
        good().with("cnf", json!({ "jkt": "x" })),
        good().with("roles", 7),
        good().without("roles"),
        good().with("sub", ""),
    ]
}

#[test]
fn the_verdict_is_that_of_the_token_path() {
    let mut codes = std::collections::BTreeSet::new();
    for token in tokens() {
        let text = token.text();
        let (told, decided) = (inspected(&text).verdict(), decided(&text));
        assert_eq!(told.is_ok(), decided.is_ok());
        let (told, decided) = (code(told), code(decided));
        assert_eq!(told, decided);
        codes.insert(decided.map(Code::as_str));
    }
    assert!(codes.len() > 15, "{codes:?}");
    for text in ["", "x", "...", "a.b.c", &"a".repeat(20_000), &format!("{}=", a_token().text())] {
        assert_eq!(code(inspected(text).verdict()), code(decided(text)), "{text:.20}");
    }
}

proptest! {
    #[test]
    fn the_verdict_is_that_of_the_token_path_for_any_changed_byte(
        at in 0_usize..10_000, to in 0_u8..128,
    ) {
        let mut bytes = a_token().text().into_bytes();
        let at = at % bytes.len();
        bytes[at] = to;
        let text = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(code(inspected(&text).verdict()), code(decided(&text)));
    }
}

/// All that is wrong is told, not the first of it only.
#[test]
fn every_stage_is_told() {
    let token = a_token().secretly_by(other_es256()).expired().with("aud", "web");
    let inspection = inspected(&token.text());
    let failed: Vec<_> = inspection
        .stages
        .iter()
        .filter_map(|stage| Some((stage.name, stage.outcome.clone()?.err()?.code)))
        .collect();
    let expected =
        [("signature", SignatureInvalid), ("aud", AudienceMismatch), ("exp", TokenExpired)];
    assert_eq!(failed, expected);
    let names: Vec<_> = inspection.stages.iter().map(|stage| stage.name).collect();
    assert_eq!(names[..6], ["form", "issuer", "alg", "typ", "key", "signature"]);
    assert_eq!(names.last(), Some(&"identity"));
    assert!(inspection.stages.last().unwrap().outcome.is_none(), "not looked at");
    assert_eq!(code(inspection.verdict()), Some(SignatureInvalid), "the first counts");
}

#[test]
fn what_is_shown_is_no_signature_and_nothing_that_a_terminal_obeys() {
    let token = a_token()
        .with("sub", "al\u{1b}[31mice\u{9b}x\u{202e}")
        .with_role("a\u{7}b")
        .with_header("kid", "es");
    let text = token.text();
    let shown = format!("{:?}", inspected(&text)) + &told(&inspected(&text));
    let signature = text.rsplit_once('.').unwrap().1;
    assert!(!shown.contains(signature) && !shown.contains(&signature[..20]));
    let obeyed = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!told(&inspected(&text)).contains(obeyed), "{:?}", told(&inspected(&text)));
    let long = inspected(&a_token().with("sub", "x".repeat(5_000)).text());
    assert!(long.stages.iter().all(|stage| stage.found.chars().count() <= 260));
}

fn told(inspection: &Inspection) -> String {
    inspection.stages.iter().map(|stage| format!("{}: {}\n", stage.name, stage.found)).collect()
}
