use nkeys::XKey;
use serde_json::{Value, json};

use super::*;
use crate::{
    callout::request,
    credential::Wish,
    policy::{self, Decision, Facts, Outcome},
    testkit::{Asked, NOW, RequestBuilder, a_request, identity, maps, now},
};

/// What a map lets `alice` do whose token ends in an hour.
fn decision(role: &str) -> Decision {
    let text = format!("account = \"APP\"\n[roles.r]\n{role}\n");
    let policy = maps(&[("a.toml", &text)]).policy();
    let facts = Facts {
        connection: crate::connection::Connection::default(),
        now: now(),
        expires_at: Timestamp::from_second(NOW + 3600).unwrap(),
        wish: Wish::default(),
    };
    policy::decide(&policy, &identity("corp", &["r"], &[]), &facts)
}

fn granted(decision: &Decision) -> &Grant {
    match decision.outcome() {
        Outcome::Granted(grant) => grant,
        Outcome::Denied(denial) => panic!("{denial:?}"),
    }
}

struct Answered {
    bytes: Vec<u8>,
    asked: Asked,
    issuer: KeyPair,
    user: String,
    decision: DecisionId,
}

/// Asks, and answers as `make` says.
fn answered(
    builder: RequestBuilder,
    make: impl FnOnce(&VerifiedRequest, DecisionId, Keys<'_>) -> Result<Vec<u8>, ResponseError>,
) -> Answered {
    let issuer = KeyPair::new_account();
    let asked = builder.ask();
    let key = asked.header_key.as_deref();
    let request = request::verify(&asked.message, key, &asked.expected, now()).unwrap();
    let keys = Keys { issuer: &issuer, xkey: asked.expected.xkey.as_deref() };
    let decision = DecisionId::fresh();
    let bytes = make(&request, decision, keys).unwrap();
    Answered { bytes, user: builder.user, asked, issuer, decision }
}

fn let_in(builder: RequestBuilder, role: &str) -> Answered {
    let decision = decision(role);
    answered(builder, |request, id, keys| grant(request, id, granted(&decision), keys, now()))
}

/// The claims of a JWT that this account signed.
fn claims(jwt: &[u8], issuer: &KeyPair) -> Value {
    let text = std::str::from_utf8(jwt).unwrap();
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let decode = |part| {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        URL_SAFE_NO_PAD.decode(part).unwrap()
    };
    issuer.verify(signed.as_bytes(), &decode(signature)).expect("the account's signature");
    let (header, payload) = signed.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();
    assert_eq!(header, json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
    serde_json::from_slice(&decode(payload)).unwrap()
}

impl Answered {
    fn claims(&self) -> Value {
        claims(&self.bytes, &self.issuer)
    }

    /// The claims of the user JWT inside.
    fn user_claims(&self) -> Value {
        claims(self.claims()["nats"]["jwt"].as_str().unwrap().as_bytes(), &self.issuer)
    }
}

#[test]
fn a_grant_is_for_this_server_and_this_attempt() {
    let answer = let_in(a_request(), r#"publish = ["a.>"]"#);
    let claims = answer.claims();
    let server = a_server_of(&answer);
    assert_eq!(
        claims,
        json!({
            "aud": server, "iat": NOW, "iss": answer.issuer.public_key(),
            "jti": answer.decision.to_string(), "sub": answer.user,
            "nats": {
                "type": "authorization_response", "version": 2,
                "jwt": claims["nats"]["jwt"],
            },
        }),
        "no `exp`, no `error`"
    );
}

fn a_server_of(answer: &Answered) -> String {
    let asked = &answer.asked;
    let request = request::verify(&asked.message, None, &asked.expected, now()).unwrap();
    request.server_id().to_string()
}

#[test]
fn a_user_jwt_says_exactly_what_was_granted() {
    let answer = let_in(
        a_request(),
        "publish = [\"b\", \"a.*\"]\nsubscribe = [\"c.>\"]\ndeny_subscribe = [\"c.x\"]\n\
         allow_responses = { max = 3, expires = \"1500ms\" }\nsession = \"90s\"",
    );
    assert_eq!(
        answer.user_claims(),
        json!({
            "aud": "APP", "exp": NOW + 90, "iat": NOW, "iss": answer.issuer.public_key(),
            "jti": answer.decision.to_string(), "name": "corp:alice", "sub": answer.user,
            "nats": {
                "type": "user", "version": 2,
                "pub": { "allow": ["a.*", "b"] },
                "sub": { "allow": ["c.>"], "deny": ["c.x"] },
                "resp": { "max": 3, "ttl": 1_500_000_000_i64 },
                "subs": -1, "data": -1, "payload": -1,
            },
        }),
        "no `issuer_account`: the signer is the account's own key"
    );
}

/// The server reads two empty lists as everything.
#[test]
fn an_empty_side_is_a_deny_of_everything() {
    let nothing = json!({ "deny": [">"] });
    let some = |subject: &str| json!({ "allow": [subject] });
    for (role, publish, subscribe) in [
        (r#"publish = ["a"]"#, some("a"), nothing.clone()),
        (r#"subscribe = ["a"]"#, nothing.clone(), some("a")),
        ("", nothing.clone(), nothing.clone()),
        ("publish = []\nsubscribe = []", nothing.clone(), nothing.clone()),
        (r#"deny_publish = ["a"]"#, nothing.clone(), nothing.clone()),
        (r#"deny_subscribe = ["a"]"#, nothing.clone(), nothing.clone()),
        ("allow_responses = true", nothing.clone(), nothing.clone()),
    ] {
        let nats = let_in(a_request(), role).user_claims()["nats"].take();
        assert_eq!((&nats["pub"], &nats["sub"]), (&publish, &subscribe), "{role:?}");
        assert_eq!(nats.get("resp").is_some(), role.contains("responses"), "{role:?}");
    }
}

#[test]
fn a_session_never_outlives_the_token() {
    for (session, ends) in [
        ("", 3600),
        ("session = \"2h\"", 3600),
        ("session = \"1h\"", 3600),
        ("session = \"1s\"", 1),
    ] {
        let role = format!("publish = [\"a\"]\n{session}");
        let exp = let_in(a_request(), &role).user_claims()["exp"].take();
        assert_eq!(exp, json!(NOW + ends), "{session}");
    }
}

fn keep_out(builder: RequestBuilder) -> Answered {
    answered(builder, |request, id, keys| {
        refusal(request, id, None, Code::TokenExpired, keys, now())
    })
}

#[test]
fn a_refusal_has_a_code_and_an_id_and_no_jwt() {
    let answer = keep_out(a_request());
    let text = format!("hallpass: token_expired (decision {})", answer.decision);
    assert_eq!(
        answer.claims()["nats"],
        json!({ "type": "authorization_response", "version": 2, "error": text })
    );
}

#[test]
fn a_refusal_names_the_request_of_an_edge() {
    let answer = answered(a_request(), |request, id, keys| {
        refusal(request, id, Some("3b38"), Code::TokenExpired, keys, now())
    });
    let text = format!("hallpass: token_expired (decision {}, request 3b38)", answer.decision);
    assert_eq!(answer.claims()["nats"]["error"], json!(text));
}

#[test]
fn answers_to_sealed_requests_are_sealed_to_the_server() {
    for answer in
        [let_in(a_request().sealed(), r#"publish = ["a"]"#), keep_out(a_request().sealed())]
    {
        assert!(answer.bytes.starts_with(b"xkv1"));
        let ours = answer.asked.expected.xkey.as_ref().unwrap().public_key();
        let ours = XKey::from_public_key(&ours).unwrap();
        let server = answer.asked.server_xkey.as_ref().unwrap();
        let jwt = server.open(&answer.bytes, &ours).unwrap();
        assert_eq!(claims(&jwt, &answer.issuer)["sub"], json!(answer.user));
        assert!(XKey::new().open(&answer.bytes, &ours).is_err());
    }
}

/// Better no answer than one in the clear.
#[test]
fn what_cannot_be_sealed_is_not_sent() {
    let builder = a_request().sealed();
    let asked = builder.ask();
    let key = asked.header_key.as_deref();
    let request = request::verify(&asked.message, key, &asked.expected, now()).unwrap();
    let issuer = KeyPair::new_account();
    let keys = Keys { issuer: &issuer, xkey: None };
    let result = refusal(&request, DecisionId::fresh(), None, Code::NoRole, keys, now());
    assert!(matches!(result, Err(ResponseError::Seal)));
    let public = KeyPair::from_public_key(&issuer.public_key()).unwrap();
    let keys = Keys { issuer: &public, xkey: None };
    let result = refusal(&request, DecisionId::fresh(), None, Code::NoRole, keys, now());
    assert!(matches!(result, Err(ResponseError::Sign(SignError::NoSeed))));
}
