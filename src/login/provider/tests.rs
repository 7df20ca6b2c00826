use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::{
    config::LoginFlow,
    testkit::{TokenBuilder, a_token, an_issuer, base64url, es256, other_es256, rsa},
};

/// The library looks at the clock itself.
const IN_A_CENTURY: i64 = 4_900_000_000;

fn settings(shown: ShownToken) -> LoginSettings {
    LoginSettings {
        client_id: "hallpass-cli".to_owned(),
        scopes: vec!["openid".to_owned()],
        flow: LoginFlow::Code,
        shown,
        prompt: None,
        audience: None,
        resource: None,
        redirect_port: 0,
    }
}

fn metadata(change: impl FnOnce(&mut Value)) -> Metadata {
    let mut document = json!({
        "issuer": "https://idp.example.com",
        "authorization_endpoint": "https://idp.example.com/auth",
        "token_endpoint": "https://idp.example.com/token",
        "jwks_uri": "https://idp.example.com/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["HS256", "none"],
    });
    change(&mut document);
    let metadata: Metadata = serde_json::from_value(document).unwrap();
    let keys = json!({ "keys": [es256().jwk(), rsa().jwk()] });
    metadata.set_jwks(serde_json::from_value(keys).unwrap())
}

fn http() -> Http {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Http::new(None, false).unwrap()
}

/// An ID token that is good in every respect, with the nonce `n`.
fn an_id_token() -> TokenBuilder {
    let token = a_token().without("jti").without("roles").with_header("typ", "JWT");
    token.with("aud", "hallpass-cli").with("nonce", "n").with("exp", IN_A_CENTURY)
}

fn hash_of(access_token: &str) -> String {
    base64url(&Sha256::digest(access_token)[..16])
}

/// The tokens, where the IdP answers with this ID token.
fn tokens(shown: ShownToken, id_token: Option<&str>) -> Result<Tokens, LoginError> {
    let (issuer, login) = (an_issuer(), settings(shown));
    let provider = Provider::of(&issuer, &login, metadata(|_| ()), http()).unwrap();
    let mut answer = json!({ "access_token": "ACCESS", "token_type": "bearer", "expires_in": 60 });
    if let Some(id_token) = id_token {
        answer["id_token"] = id_token.into();
    }
    let answer: CoreTokenResponse = serde_json::from_value(answer).unwrap();
    let nonce = Nonce::new("n".to_owned());
    let asked_at = Timestamp::from_second(1000).unwrap();
    provider.tokens(&answer, Some(&nonce), asked_at)
}

/// What is shown, and when it ends, where the IdP answers with this ID token.
fn shown(shown: ShownToken, id_token: Option<&str>) -> Result<(String, Option<i64>), String> {
    let tokens = tokens(shown, id_token).map_err(|error| error.to_string())?;
    let end = tokens.expires_at.map(Timestamp::as_second);
    Ok((tokens.shown.expose_secret().to_owned(), end))
}

#[test]
fn the_token_that_is_wanted_is_shown_until_it_ends() {
    let token = an_id_token().text();
    let access = Ok(("ACCESS".to_owned(), Some(1060)));
    assert_eq!(shown(ShownToken::AccessToken, Some(&token)), access);
    assert_eq!(shown(ShownToken::AccessToken, None), access);
    let id_token = Ok((token.clone(), Some(IN_A_CENTURY)));
    assert_eq!(shown(ShownToken::IdToken, Some(&token)), id_token);
    let error = shown(ShownToken::IdToken, None).unwrap_err();
    assert_eq!(error, LoginError::NoIdToken.to_string());
    for good in [
        an_id_token().by(rsa()),
        an_id_token().with("at_hash", hash_of("ACCESS")),
        an_id_token().with("aud", json!(["hallpass-cli"])),
        an_id_token().without_header("typ"),
    ] {
        assert_eq!(shown(ShownToken::AccessToken, Some(&good.text())), access);
    }
}

/// An ID token counts even where the access token is what is shown.
#[test]
fn an_id_token_that_does_not_hold_ends_the_sign_in() {
    let forged = "is not signed with a key of the issuer, or with an algorithm that is not allowed";
    for (id_token, why) in [
        (an_id_token().with("nonce", "m"), "is not of this sign-in: its `nonce` differs"),
        (an_id_token().without("nonce"), "is not of this sign-in: its `nonce` differs"),
        (an_id_token().with("aud", "another"), "is not for this client alone"),
        (an_id_token().with("aud", json!(["hallpass-cli", "x"])), "is not for this client alone"),
        (an_id_token().with("iss", "https://evil.example.com"), "is another issuer's"),
        (an_id_token().with("exp", 1000), "has expired already; is the clock right?"),
        (an_id_token().with("at_hash", hash_of("OTHER")), "belongs to another access token"),
        (an_id_token().secretly_by(other_es256()), forged),
        (an_id_token().with_header("kid", "unheard-of"), forged),
        (an_id_token().with_header("alg", "HS256"), forged),
    ] {
        let error = shown(ShownToken::AccessToken, Some(&id_token.text())).unwrap_err();
        assert_eq!(error, format!("the ID token {why}"));
    }
    let unsigned = an_id_token().with_header("alg", "none").unsigned() + ".";
    assert!(shown(ShownToken::AccessToken, Some(&unsigned)).is_err());
}

/// `sub` of the ID tokens at sign-in and at renewal, and who is kept then.
#[test]
fn a_renewed_id_token_is_about_the_same_person() {
    for use_of in [ShownToken::AccessToken, ShownToken::IdToken] {
        for (first, renewed, kept) in [
            (Some("alice"), "alice", Some("alice")),
            (None, "alice", Some("alice")),
            (Some("alice"), "mallory", None),
            (Some("alice"), "Alice", None),
            (Some("alice"), "", None),
        ] {
            let id_token = an_id_token().with("sub", renewed).text();
            let about = tokens(use_of, Some(&id_token)).unwrap().about(first.map(Into::into));
            let about = about.map(|tokens| tokens.subject.unwrap().expose_secret().to_owned());
            assert_eq!(about.as_deref().ok(), kept, "{first:?} {renewed:?}");
            if let Err(error) = about {
                assert!(error.to_string().starts_with("the ID token is about somebody else"));
            }
        }
    }
    // Who renews without an ID token in the answer is still known the next time.
    let without = tokens(ShownToken::AccessToken, None).unwrap();
    assert_eq!(
        without.about(Some("alice".into())).unwrap().subject.unwrap().expose_secret(),
        "alice"
    );
}

#[test]
fn nobody_is_sent_where_everybody_listens() {
    let (issuer, login) = (an_issuer(), settings(ShownToken::AccessToken));
    for endpoint in ["authorization_endpoint", "token_endpoint"] {
        let metadata = metadata(|document| document[endpoint] = "http://idp.example.com/x".into());
        let error = Provider::of(&issuer, &login, metadata, http()).err().unwrap().to_string();
        assert!(error.ends_with("`http://idp.example.com` is not an https URL"), "{error}");
    }
    let metadata = metadata(|document| document["token_endpoint"] = Value::Null);
    let error = Provider::of(&issuer, &login, metadata, http()).err().unwrap();
    assert!(matches!(error, LoginError::NotOffered("token_endpoint", _)), "{error}");
}
