use nkeys::KeyPair;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    code::Code::*,
    testkit::{Asked, NOW, RequestBuilder, a_request, base64url, now},
};

fn verified(asked: &Asked) -> Result<VerifiedRequest, Code> {
    verify(&asked.message, asked.header_key.as_deref(), &asked.expected, now())
        .map_err(|error| error.code())
}

#[track_caller]
fn refused(request: RequestBuilder) -> Code {
    verified(&request.ask()).expect_err("a refusal")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn a_request_is_what_the_server_says() {
    let asked = a_request();
    let request = verified(&asked.ask()).unwrap();
    assert_eq!(request.user_nkey().as_str(), asked.user);
    assert_eq!(request.server().name, "n1");
    assert_eq!(request.server().id, request.server_id().as_str());
    assert_eq!(request.client().host, "192.0.2.7");
    assert_eq!(request.client().id, 7);
    assert_eq!(request.client().connection_type, "nats");
    assert_eq!(request.connect().lang, "rust");
    assert!(request.tls().is_none() && request.reply_key().is_none());
    assert_eq!(request.skew(at(NOW - 3)).as_secs(), 3, "the server is ahead");
    assert_eq!(request.answerable_until(), at(NOW + 2 + 60));
    assert!(!format!("{request:?}").contains("\"t\""), "the token is not printed");
}

/// A server leaves out what it does not know.
#[test]
fn what_may_be_absent() {
    let sparse = a_request()
        .with("/nats/client_info", json!({}))
        .with("/nats/connect_opts", json!({ "protocol": 1 }))
        .with("/nats/connect_opts/pass", Value::Null)
        .with("/nats/client_tls", json!({ "version": "1.3", "verified_chains": [["…"]] }))
        .without("/nats/server_id/name")
        .without("/jti");
    let request = verified(&sparse.ask()).unwrap();
    assert_eq!(request.tls().unwrap().version, "1.3");
}

#[test]
fn sealed_requests_open() {
    let asked = a_request().sealed().ask();
    let request = verified(&asked).unwrap();
    assert_eq!(request.reply_key().unwrap().public_key(), asked.header_key.unwrap());
}

#[test]
fn each_thing_that_makes_it_no_request_to_us() {
    let other = || KeyPair::new_server().public_key();
    for (request, code) in [
        (a_request().with("/aud", "nats-authorization-response"), RequestAudience),
        (a_request().with("/aud", ""), RequestAudience),
        (a_request().without("/aud"), RequestAudience),
        (a_request().with("/nats/type", "authorization_response"), RequestUnreadable),
        (a_request().with("/nats/type", "user"), RequestUnreadable),
        (a_request().without("/nats/type"), RequestUnreadable),
        (a_request().with("/nats/server_id/id", other()), RequestNotFromServer),
        (a_request().with("/nats/server_id/id", "n1"), RequestNotFromServer),
        (a_request().with("/nats/server_id/id", ""), RequestNotFromServer),
        (a_request().with("/iss", other()), RequestSignature),
        (a_request().secretly_by(KeyPair::new_server()), RequestSignature),
        (a_request().with("/iss", "n1"), RequestUnreadable),
        (a_request().with("/iss", ""), RequestUnreadable),
        (a_request().with("/iss", "é".repeat(28)), RequestUnreadable),
        (a_request().with("/sub", KeyPair::new_account().public_key()), RequestOtherIssuer),
        (a_request().with("/sub", ""), RequestOtherIssuer),
        (a_request().with("/exp", NOW - 61), RequestExpired),
        (a_request().with("/exp", 0), RequestExpired),
        (a_request().without("/exp"), RequestUnreadable),
        (a_request().with("/exp", i64::MAX), RequestUnreadable),
        (a_request().with("/exp", Timestamp::MAX.as_second()), RequestUnreadable),
        (a_request().with("/exp", 1.5), RequestUnreadable),
        (a_request().with("/iat", i64::MIN), RequestUnreadable),
        (a_request().with("/nats/user_nkey", "U"), RequestUnreadable),
        (a_request().with("/nats/user_nkey", other()), RequestUnreadable),
        (a_request().with("/nats/user_nkey", ""), RequestUnreadable),
        (a_request().with("/nats/connect_opts", "x"), RequestUnreadable),
        (a_request().with("/nats/connect_opts/auth_token", 7), RequestUnreadable),
        (a_request().without("/nats/client_info"), RequestUnreadable),
        (a_request().without("/nats/server_id"), RequestUnreadable),
        (a_request().with("/nats", json!("x")), RequestUnreadable),
    ] {
        let text = request.jwt();
        assert_eq!(refused(request), code, "{text}");
    }
}

/// Whoever can publish in the callout account can make a key of any kind; only a server's will
/// do, and where servers are listed, only theirs.
#[test]
fn keys_that_are_no_servers() {
    for key in [KeyPair::new_user(), KeyPair::new_account(), KeyPair::new_operator()] {
        let id = key.public_key();
        let request =
            a_request().with("/iss", id.clone()).with("/nats/server_id/id", id).secretly_by(key);
        assert_eq!(refused(request), RequestNotFromServer);
    }
    let mut asked = a_request().ask();
    let id = verified(&asked).unwrap().server_id().clone();
    let another: ServerId = KeyPair::new_server().public_key().parse().unwrap();
    for (servers, result) in [
        (vec![another.clone()], Err(RequestServerUnknown)),
        (vec![], Err(RequestServerUnknown)),
        (vec![another, id], Ok(())),
    ] {
        asked.expected.servers = Some(servers.into_iter().collect());
        assert_eq!(verified(&asked).map(|_| ()), result);
    }
}

#[test]
fn the_leeway_ends_to_the_second() {
    for (exp, result) in [(-60, Ok(())), (-59, Ok(())), (-61, Err(RequestExpired))] {
        let asked = a_request().with("/exp", NOW + exp).ask();
        assert_eq!(verified(&asked).map(|_| ()), result, "{exp}");
    }
    let asked = a_request().with("/exp", NOW - 60).ask();
    let later = now() + SignedDuration::from_nanos(1);
    let result = verify(&asked.message, None, &asked.expected, later);
    assert_eq!(result.unwrap_err().code(), RequestExpired);
}

#[test]
fn sealed_and_plain_are_not_mixed() {
    let sealed = a_request().sealed().ask();
    let plain = a_request().ask();
    let refusal = |message: &[u8], key: Option<&str>, expected: &Expectations| {
        verify(message, key, expected, now()).unwrap_err().code()
    };
    let key = sealed.header_key.as_deref();
    assert_eq!(refusal(&plain.message, None, &sealed.expected), RequestNotSealed);
    assert_eq!(refusal(&plain.message, key, &sealed.expected), RequestNotSealed);
    assert_eq!(refusal(&sealed.message, key, &plain.expected), RequestUnexpectedlySealed);
    assert_eq!(refusal(&sealed.message, None, &plain.expected), RequestUnexpectedlySealed);
    // Sealed to somebody else.
    let mut other = a_request().sealed().ask();
    other.expected.xkey = sealed.expected.xkey.clone();
    assert_eq!(verified(&other).unwrap_err(), RequestUnreadable);
}

/// The header travels outside the seal and the signature: it must be the key in the request.
#[test]
fn the_header_names_the_signed_key() {
    let builder = a_request().sealed();
    let honest = builder.ask();
    // Somebody seals the server's own request anew, to read the answer himself.
    let thief = XKey::new();
    let ours = honest.expected.xkey.as_deref().unwrap();
    let recipient = XKey::from_public_key(&ours.public_key()).unwrap();
    let resealed = thief.seal(builder.jwt().as_bytes(), &recipient).unwrap();
    let thiefs = thief.public_key();
    let result = verify(&resealed, Some(&thiefs), &honest.expected, now());
    assert_eq!(result.unwrap_err().code(), RequestXkeyMismatch);
    // A server that signs no key at all.
    let unnamed = builder.without("/nats/server_id/xkey").ask();
    assert_eq!(verified(&unnamed).unwrap_err(), RequestXkeyMismatch);
}

#[test]
fn garbage_in_the_header_is_no_key() {
    let asked = a_request().sealed().ask();
    let good = asked.header_key.clone().unwrap();
    let user = KeyPair::new_user().public_key();
    let mut swapped = good.clone();
    swapped.pop();
    swapped.push(if good.ends_with('A') { 'B' } else { 'A' });
    for key in [
        "",
        "X",
        "x",
        "XX",
        &"X".repeat(56),
        &"X".repeat(4096),
        &"é".repeat(28),
        &format!("X{}", "=".repeat(55)),
        &format!("{good}="),
        &good[..55],
        &good.to_lowercase(),
        &swapped,
        &user,
        "\0",
    ] {
        let result = verify(&asked.message, Some(key), &asked.expected, now());
        assert_eq!(result.unwrap_err().code(), RequestUnreadable, "{key:?}");
    }
    let result = verify(&asked.message, None, &asked.expected, now());
    assert_eq!(result.unwrap_err().code(), RequestUnreadable);
    // A key that is one, but not the sender's.
    let other = XKey::new().public_key();
    let result = verify(&asked.message, Some(&other), &asked.expected, now());
    assert_eq!(result.unwrap_err().code(), RequestUnreadable);
}

#[test]
fn no_beginning_of_a_request_is_one() {
    for asked in [a_request().ask(), a_request().sealed().ask()] {
        assert!(verified(&asked).is_ok());
        for length in 0..asked.message.len() {
            let key = asked.header_key.as_deref();
            let code = verify(&asked.message[..length], key, &asked.expected, now())
                .map(|_| length)
                .expect_err("a refusal")
                .code();
            let expected = match (key, length) {
                (Some(_), ..4) => vec![RequestNotSealed],
                (Some(_), _) => vec![RequestUnreadable],
                // The last part cut is another signature, or no base64url.
                (None, _) => vec![RequestUnreadable, RequestSignature],
            };
            assert!(expected.contains(&code), "{length}: {code}");
        }
    }
}

#[test]
fn what_is_no_jwt_at_all() {
    let expected = a_request().ask().expected;
    let header = base64url(r#"{"typ":"JWT","alg":"ed25519-nkey"}"#);
    let rs256 = a_request().jwt().replacen(&header, &base64url(r#"{"alg":"RS256"}"#), 1);
    let none = a_request().jwt().replacen(&header, &base64url(r#"{"alg":"none"}"#), 1);
    let deep = format!("{header}.{}.AAAA", base64url("[".repeat(100_000)));
    for (message, code) in [
        (&b""[..], RequestUnreadable),
        (b".", RequestUnreadable),
        (b"..", RequestUnreadable),
        (b"...", RequestUnreadable),
        (b"\xff\xfe\x00", RequestUnreadable),
        (b"{}", RequestUnreadable),
        (rs256.as_bytes(), RequestUnreadable),
        (none.as_bytes(), RequestUnreadable),
        (deep.as_bytes(), RequestUnreadable),
        (&[b'a'; MAX_BYTES], RequestUnreadable),
        (&[b'a'; MAX_BYTES + 1], RequestTooLarge),
    ] {
        let result = verify(message, None, &expected, now());
        assert_eq!(result.unwrap_err().code(), code, "{:?}", &message[..message.len().min(40)]);
    }
}

proptest! {
    #[test]
    fn no_single_changed_byte_is_accepted(at in 0_usize..100_000, to in any::<u8>(), sealed in any::<bool>()) {
        let builder = if sealed { a_request().sealed() } else { a_request() };
        let mut asked = builder.ask();
        let at = at % asked.message.len();
        prop_assume!(asked.message[at] != to);
        asked.message[at] = to;
        prop_assert!(verified(&asked).is_err());
    }

    #[test]
    fn nothing_makes_it_panic(message in proptest::collection::vec(any::<u8>(), 0..300), key in "\\PC{0,60}", sealed in any::<bool>()) {
        let builder = if sealed { a_request().sealed() } else { a_request() };
        let expected = builder.ask().expected;
        prop_assert!(verify(&message, Some(&key), &expected, now()).is_err());
        let prefixed = [b"xkv1", &message[..]].concat();
        prop_assert!(verify(&prefixed, Some(&key), &expected, now()).is_err());
    }
}

#[test]
fn leaf_nodes_are_answered_only_through_servers_that_guard_them() {
    for (version, guards) in [
        ("2.10.29", false),
        ("2.11.15", false),
        ("2.11.16", true),
        ("2.12.6", false),
        ("2.12.7", true),
        ("2.12.10", true),
        ("2.13.9", false),
        ("2.14.0", true),
        ("2.14.0-RC.1", true),
        ("2.15.1", true),
        ("3.0.0", true),
        ("1.99.99", false),
        ("2.15", false),
        ("", false),
        ("two", false),
    ] {
        assert_eq!(super::guards_leafnodes(version), guards, "{version}");
    }
}
