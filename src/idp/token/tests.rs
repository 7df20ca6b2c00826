use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;

use serde_json::{Value, json};

use super::*;
use crate::{
    code::Code::*,
    identity::Identity,
    idp::{Accepted, KeySet},
    testkit::{
        NOW, a_token, an_issuer, base64url, bearer, ed25519, es256, key_set, now, other_es256, rsa,
        verify, verify_with,
    },
};

const HEADER: &str = r#"{"alg":"ES256","kid":"es","typ":"at+jwt"}"#;
const CLAIMS: &str =
    r#"{"iss":"https://idp.example.com","aud":"nats","sub":"alice","exp":1800003600,"roles":[]}"#;

/// What a text is refused with.
#[track_caller]
fn refused(text: &str) -> Code {
    verify(text).expect_err("a refusal")
}

/// What a well signed header over good claims is refused with.
#[track_caller]
fn refused_header(header: &str) -> Code {
    refused(&bearer(header, CLAIMS, es256()))
}

/// What well signed claims are refused with.
#[track_caller]
fn refused_claims(claims: &str) -> Code {
    refused(&bearer(HEADER, claims, es256()))
}

/// A token signed by HMAC with a secret of one's choice.
fn secret_hs256(unsigned: &str, secret: &[u8]) -> String {
    use aws_lc_rs::hmac;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), unsigned.as_bytes());
    format!("{unsigned}.{}", base64url(tag))
}

mod good;

mod form;

mod algorithm;

mod header;

mod signature;

mod times;

mod audience_and_issuer;

mod claims;

mod introspected;

mod layouts;

#[test]
fn debug_prints_no_claim_value() {
    let issuer = an_issuer();
    let text = a_token().with("sub", "SECRET-SUB").with("tenant", "SECRET-TENANT").text();
    let key = key_set(&[es256()]).find(Some("es"), Algorithm::ES256).unwrap();
    let signed = UnverifiedToken::parse(&text).unwrap().verify_signature(&issuer, &key).unwrap();
    let mut printed = format!("{signed:?} {signed:#?} {:?}", signed.facts());
    let verified = signed.judge(&issuer, now(), None).unwrap();
    printed += &format!("{verified:?} {:?}", Identity::of(&verified, &issuer).unwrap());
    assert!(!printed.contains("SECRET"), "{printed}");
    assert!(printed.contains("corp"));
}

proptest! {
    #[test]
    fn no_single_changed_byte_is_accepted(at in 0_usize..10_000, to in 0_u8..128, rs in any::<bool>()) {
        let text = if rs { a_token().by(rsa()).text() } else { a_token().text() };
        let mut bytes = text.into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(verify(std::str::from_utf8(&bytes).unwrap()).is_err());
    }

    #[test]
    fn no_cut_or_doubled_piece_is_accepted(from in 0_usize..10_000, length in 1_usize..40, double in any::<bool>()) {
        let text = a_token().text();
        let from = from % text.len();
        let to = (from + length).min(text.len());
        let changed = if double {
            format!("{}{}{}", &text[..to], &text[from..to], &text[to..])
        } else {
            format!("{}{}", &text[..from], &text[to..])
        };
        prop_assert!(verify(&changed).is_err());
    }

    #[test]
    fn nothing_makes_it_panic(text in "\\PC{0,200}", parts in "[A-Za-z0-9_.-]{0,200}") {
        prop_assert!(verify(&text).is_err());
        prop_assert!(verify(&parts).is_err());
    }

    #[test]
    fn no_json_makes_it_panic_or_lets_it_in(claim in "(exp|nbf|iat|aud|iss|sub)", value in "[-0-9eE.\"\\[\\]{}:,truefalsn]{1,20}") {
        let raw = CLAIMS.replacen('{', &format!("{{\"{claim}\":{value},"), 1);
        // Each of these is there already (a member twice) or made of a random text.
        if claim != "nbf" && claim != "iat" {
            let code = refused_claims(&raw);
            prop_assert!(matches!(code, TokenClaimsInvalid | TokenClaimsDuplicate), "{}", code);
        } else {
            let _ = verify(&bearer(HEADER, &raw, es256()));
        }
    }
}
