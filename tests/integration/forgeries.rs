//! Requests that are not what they seem, and requests that cannot be decided.

use hallpass::{
    nats_jwt::{self, Claims},
    setup::IssuerText,
};
use nkeys::{KeyPair, XKey};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::support::{
    AskingServer, Heard, ServerKeys, Wire, World, eventually, host_and_port, sign, soon,
};

const ASK: &str = "$SYS.REQ.USER.AUTH";

/// The codes of all requests that were dropped, sorted; waits until there are as many.
async fn dropped(world: &World, count: usize) -> Vec<String> {
    eventually(&format!("{count} dropped requests in the audit stream"), || async {
        let events = world.audit().await;
        let mut codes: Vec<_> = events
            .iter()
            .filter(|event| event.text("/type") == "hallpass.request")
            .inspect(|event| assert_eq!(event.outcome(), "dropped"))
            .map(|event| event.text("/data/code"))
            .collect();
        codes.sort();
        (codes.len() >= count).then_some(codes)
    })
    .await
}

/// How often hallpass has logged this.
fn said(world: &World, text: &str) -> usize {
    world.hallpass[0].log().matches(text).count()
}

/// Changes `hallpass.toml`; it must really change.
fn edit_configuration(world: &World, from: &str, to: &str) {
    let path = world.directory().join("hallpass.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = text.replace(from, to);
    assert_ne!(changed, text, "the change changed nothing");
    std::fs::write(&path, changed).unwrap();
}

/// Waits until the server's log holds this many refusals with this code: so many of hallpass's
/// answers have reached it. It writes them down after it has told the client.
async fn refusals_in_server_log(world: &World, code: &str, count: usize) {
    let path = world.directory().join("nats-server.log");
    let text = format!("hallpass: {code} (decision ");
    eventually(&format!("{count} times `{text}` in the server's log"), || async {
        let log = std::fs::read_to_string(&path).unwrap();
        (log.matches(&text).count() == count).then_some(())
    })
    .await;
}

// --- Inside the callout account, with the real server asking ---------------------------------

/// A world with a user in the callout account who may do whatever the server lets them.
async fn world_with_a_stray() -> World {
    World::builder()
        .server_conf(|conf| {
            let users = "AUTH {\n    users: [\n      { user: stray, password: stray }";
            conf.replace("AUTH {\n    users: [", users)
                .replace("auth_users: [", "auth_users: [\n      stray")
        })
        .start()
        .await
}

async fn stray(world: &World) -> Wire {
    let stray = json!({ "user": "stray", "pass": "stray", "headers": true });
    Wire::connect(world.nats.url(), "stray", stray).await.unwrap()
}

#[tokio::test]
async fn inside_the_callout_account_nobody_can_ask() {
    let world = world_with_a_stray().await;
    let token = world.token("alice", &["orders:write"]);
    let forger = ServerKeys::new(&world.keys);
    let forged = forger.request(&forger.claims(&token));
    let refused = |subject: &str| {
        Heard::Complaint(format!("Permissions Violation for Publish to \"{subject}\""))
    };

    let mut stray = stray(&world).await;
    stray.subscribe("$SYS._INBOX.>").await;
    stray.subscribe(ASK).await;
    let header = format!("Nats-Server-Xkey: {}", forger.xkey.public_key());
    stray.request_with_header(ASK, "$SYS._INBOX.stray.1", &header, &forged).await;
    stray.publish(ASK, "in the clear").await;
    assert_eq!(stray.settle().await, [refused(ASK), refused(ASK)]);

    let mut service = world.wire_as("service").await;
    service.publish(ASK, "in the clear").await;
    service.publish("elsewhere", "x").await;
    assert_eq!(service.settle().await, [refused(ASK), refused("elsewhere")]);
    for (pattern, said) in [
        (ASK, format!("Permissions Violation for Subscription to \"{ASK}\"")),
        (
            "$SYS.REQ.USER.AUTH another-queue",
            format!(
                "Permissions Violation for Subscription to \"{ASK}\" using queue \"another-queue\""
            ),
        ),
        (">", "Permissions Violation for Subscription to \">\"".to_owned()),
        ("$SYS._INBOX.>", "Permissions Violation for Subscription to \"$SYS._INBOX.>\"".to_owned()),
    ] {
        service.subscribe(pattern).await;
        assert_eq!(service.settle().await, [Heard::Complaint(said)], "{pattern}");
    }

    // hallpass has heard of none of it: the next login is all there is.
    world.wire("alice", &token).await;
    assert_eq!(world.event_of("alice").await.outcome(), "granted");
    assert_eq!(world.audit().await.len(), 1);
    assert_eq!(said(&world, "dropped"), 0);
    // Nor does the stray get more than that login's own request and answer.
    let heard = stray.settle().await;
    assert_eq!(heard.iter().filter_map(Heard::message).count(), 2, "{heard:?}");
}

#[tokio::test]
async fn who_overhears_the_callout_can_read_nothing() {
    let world = world_with_a_stray().await;
    let mut stray = stray(&world).await;
    stray.subscribe(">").await;
    assert_eq!(stray.settle().await, []);
    let token = world.token("alice", &["orders:write"]);
    let mut alice = world.wire("alice", &token).await;
    alice.settle().await;
    let heard = stray.settle().await;
    let heard: Vec<_> = heard.iter().filter_map(Heard::message).collect();
    let [(asked, request), (_, answer)] = heard[..] else { panic!("{heard:?}") };
    assert_eq!(asked, ASK);
    let grant = world.event_of("alice").await;
    for sealed in [request, answer] {
        assert!(sealed.starts_with("xkv1"));
        for piece in token.as_bytes().windows(6) {
            let piece = std::str::from_utf8(piece).unwrap();
            assert!(!sealed.contains(piece), "a piece of the token can be read");
        }
        for name in ["eyJ", "idp:alice", "orders.acme", &grant.text("/data/client/user_nkey")] {
            assert!(!sealed.contains(name), "`{name}` can be read");
        }
    }
}

// --- Pinned servers --------------------------------------------------------------------------

#[tokio::test]
async fn only_pinned_servers_are_answered() {
    let mut world = World::builder().replicas(0).start().await;
    let id = world.as_key("break-glass", "_INBOX").await.server_info().server_id;
    let token = world.token("alice", &["orders:read"]);
    edit_configuration(&world, "[callout]", &format!("[callout]\nservers = [\"{id}\"]"));
    world.add_hallpass(&[]).await;
    world.wire("pinned", &token).await;
    world.hallpass.remove(0).terminate().await;

    let other = KeyPair::new_server().public_key();
    edit_configuration(&world, &id, &other);
    world.add_hallpass(&[]).await;
    let options = json!({ "auth_token": token });
    let outcome = Wire::connect(world.nats.url(), "not-pinned", options).await;
    assert_eq!(outcome.err(), Some(Heard::Complaint("Authorization Violation".to_owned())));
    assert_eq!(dropped(&world, 1).await, ["request_server_unknown"]);
    assert_eq!(said(&world, "code=request_server_unknown"), 1);
    assert_eq!(world.audit().await.len(), 2, "and nothing else was decided");
}

// --- Straight to hallpass, by a stand-in for the asking server -------------------------------

#[tokio::test]
async fn a_good_request_is_answered_with_exactly_what_was_granted() {
    let world = AskingServer::world().start().await;
    let mut asking = AskingServer::start(&world).await;
    let token = world.token("alice", &["orders:read"]);
    let claims = asking.keys.claims(&token);
    let response = asking.ask(&claims).await;
    assert_eq!(response.nats.error, None);
    let user: Claims<Value> = nats_jwt::decode(response.nats.jwt.unwrap().as_bytes()).unwrap();
    assert_eq!(user.iss, world.keys.issuer);
    assert_eq!(user.sub, claims["nats"]["user_nkey"].as_str().unwrap());
    assert_eq!((user.aud.as_str(), user.name.as_str()), ("APP", "idp:alice"));
    let event = world.event_of("asked-for").await;
    assert_eq!(user.jti, event.text("/data/decision"));
    let ends_at: jiff::Timestamp = event.text("/data/grant/ends_at").parse().unwrap();
    assert_eq!(user.exp, Some(ends_at.as_second()));
    assert_eq!(
        user.nats,
        json!({
            "type": "user",
            "version": 2,
            "pub": { "deny": [">"] },
            "sub": { "allow": ["_INBOX.alice.>", "orders.acme.>"], "deny": ["orders.*.internal.>"] },
            "subs": -1, "data": -1, "payload": -1,
        }),
        "no issuer account, no other limit, and nothing to publish"
    );
}

/// Objects in objects.
fn deep(levels: usize) -> String {
    format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))
}

#[tokio::test]
async fn members_that_are_not_read_may_say_anything() {
    let world = AskingServer::world().start().await;
    let mut asking = AskingServer::start(&world).await;
    let mut claims = asking.keys.claims(&world.token("alice", &["orders:read"]));
    claims["nats"]["a-later-version"] = serde_json::from_str(&deep(100)).unwrap();
    claims["nats"]["tags"] = json!(["new"]);
    assert!(asking.ask(&claims).await.nats.jwt.is_some());
}

/// A request that is sealed as it should be, and named in the header as it should be.
fn honest_seal(keys: &ServerKeys, jwt: &[u8]) -> (Vec<u8>, Option<String>) {
    (keys.seal(jwt), Some(keys.xkey.public_key()))
}

/// What no server of ours sends, with the code under which it is dropped.
fn forgeries(keys: &ServerKeys, token: &str) -> Vec<(&'static str, Vec<u8>, Option<String>)> {
    let now = jiff::Timestamp::now().as_second();
    let header = || Some(keys.xkey.public_key());
    let good = || keys.request(&keys.claims(token));
    let mut all = Vec::new();
    // Sealed and signed as it should be, with claims that should not be.
    let mut with = |code, change: &dyn Fn(&mut Value)| {
        let mut claims = keys.claims(token);
        change(&mut claims);
        all.push((code, keys.request(&claims), header()));
    };
    with("request_audience", &|c| c["aud"] = json!("nats-authorization-response"));
    with("request_audience", &|c| drop(c.as_object_mut().unwrap().remove("aud")));
    let other_server = KeyPair::new_server().public_key();
    with("request_not_from_server", &|c| c["nats"]["server_id"]["id"] = json!(other_server));
    with("request_not_from_server", &|c| c["nats"]["server_id"]["id"] = json!("N"));
    with("request_other_issuer", &|c| c["sub"] = json!(KeyPair::new_account().public_key()));
    with("request_expired", &|c| c["exp"] = json!(now - 61));
    with("request_unreadable", &|c| drop(c.as_object_mut().unwrap().remove("exp")));
    with("request_unreadable", &|c| c["exp"] = json!(i64::MAX));
    with("request_unreadable", &|c| c["nats"]["user_nkey"] = json!(other_server));
    with("request_unreadable", &|c| c["nats"]["type"] = json!("user"));
    with("request_xkey_mismatch", &|c| {
        c["nats"]["server_id"]["xkey"] = json!(XKey::new().public_key());
    });
    with("request_xkey_mismatch", &|c| {
        drop(c["nats"]["server_id"].as_object_mut().unwrap().remove("xkey"));
    });

    // Signed by somebody else, or as somebody who is no server.
    let text = keys.claims(token).to_string();
    let mut sealed = |code, jwt: &[u8]| {
        let (payload, header) = honest_seal(keys, jwt);
        all.push((code, payload, header));
    };
    sealed("request_signature", &sign(text.as_bytes(), &KeyPair::new_server()));
    let user = KeyPair::new_user();
    let as_user = text.replace(&keys.key.public_key(), &user.public_key());
    sealed("request_not_from_server", &sign(as_user.as_bytes(), &user));

    // Not what it says it is.
    let jwt = keys.sign(text.as_bytes());
    let mut tampered = jwt.clone();
    let last = tampered.len() - 10;
    tampered[last] = if tampered[last] == b'A' { b'B' } else { b'A' };
    sealed("request_signature", &tampered);
    let other = text.replace("asked-for", "asked-fro");
    let [header_part, _, signature] =
        std::str::from_utf8(&jwt).unwrap().split('.').collect::<Vec<_>>()[..]
    else {
        panic!("three parts")
    };
    let other_payload = String::from_utf8(keys.sign(other.as_bytes())).unwrap();
    let other_payload = other_payload.split('.').nth(1).unwrap();
    let swapped = format!("{header_part}.{other_payload}.{signature}");
    sealed("request_signature", swapped.as_bytes());
    sealed("request_unreadable", &jwt[..jwt.len() / 2]);
    sealed("request_unreadable", b"not a JWT");
    sealed("request_unreadable", b"...");
    sealed("request_unreadable", b"");
    sealed("request_unreadable", &keys.sign(b"{}"));
    sealed("request_unreadable", &keys.sign(b"[]"));
    sealed("request_unreadable", &keys.sign(text.replace("asked-for", "\u{1}").as_bytes()));
    let doubled = text.replacen('{', r#"{"aud":"nats-authorization-request","#, 1);
    sealed("request_unreadable", &keys.sign(doubled.as_bytes()));
    let deep =
        text.replace(r#"{"host":"127.0.0.1","id":7"#, &format!(r#"{{"host":{}"#, deep(10_000)));
    assert_ne!(deep, text);
    sealed("request_unreadable", &keys.sign(deep.as_bytes()));
    // Go writes neither of these two: it replaces what is no Unicode by U+FFFD.
    let mut not_utf8 = text.replace("asked-for", "asked\u{1f}for").into_bytes();
    not_utf8.iter_mut().filter(|byte| **byte == 0x1f).for_each(|byte| *byte = 0xff);
    sealed("request_unreadable", &keys.sign(&not_utf8));
    sealed("request_unreadable", &keys.sign(text.replace("asked-for", "\\ud800").as_bytes()));

    // Not sealed, or not as it says.
    all.push(("request_not_sealed", jwt.clone(), None));
    all.push(("request_not_sealed", jwt, header()));
    all.push(("request_not_sealed", Vec::new(), None));
    all.push(("request_not_sealed", Vec::new(), header()));
    all.push(("request_not_sealed", b"{}".to_vec(), header()));
    all.push(("request_unreadable", b"xkv1".to_vec(), header()));
    all.push(("request_unreadable", good(), None));
    all.push(("request_unreadable", good(), Some("X".repeat(56))));
    all.push(("request_unreadable", good(), Some(KeyPair::new_server().public_key())));
    all.push(("request_unreadable", good(), Some(XKey::new().public_key())));
    let another = keys.with_another_curve_key();
    all.push(("request_unreadable", another.request(&keys.claims(token)), header()));
    let mut torn = good();
    torn.truncate(torn.len() / 2);
    all.push(("request_unreadable", torn, header()));
    let mut bent = good();
    bent[100] ^= 1;
    all.push(("request_unreadable", bent, header()));
    // Everything fits together, and yet another key signed for than sealed.
    all.push((
        "request_xkey_mismatch",
        another.request(&keys.claims(token)),
        Some(another.xkey.public_key()),
    ));
    all.push(("request_too_large", vec![0xa5; 1024 * 1024], header()));
    all.push(("request_too_large", vec![b'x'; 256 * 1024 + 1], None));
    all
}

#[tokio::test]
async fn what_no_server_of_ours_asks_is_dropped_and_told() {
    let world = AskingServer::world().start().await;
    let mut asking = AskingServer::start(&world).await;
    let token = world.token("alice", &["orders:read"]);
    let cases = forgeries(&asking.keys, &token);
    let mut codes = Vec::new();
    for (index, (code, payload, header)) in cases.into_iter().enumerate() {
        let line = format!("code={code}");
        let before = said(&world, &line);
        asking.send(payload, header.as_deref()).await;
        eventually(&format!("case {index}: `{line}` in the log"), || async {
            assert_eq!(said(&world, "granted"), index, "case {index} let somebody in");
            (said(&world, &line) > before).then_some(())
        })
        .await;
        // hallpass is done with it; an answer to it would come before this one.
        let claims = asking.keys.claims(&token);
        assert!(asking.ask(&claims).await.nats.jwt.is_some(), "case {index}");
        codes.push(code.to_owned());
    }
    codes.sort();
    assert_eq!(dropped(&world, codes.len()).await, codes);
    let granted = world.audit().await.iter().filter(|e| e.outcome() == "granted").count();
    assert_eq!(granted, codes.len(), "the good requests between the bad ones");
    for piece in token.split('.') {
        assert!(!world.hallpass[0].log().contains(piece), "a piece of a token is in the log");
    }
    assert!(!world.hallpass[0].log().contains("panicked"));
}

#[tokio::test]
async fn a_request_is_answered_once() {
    let world = AskingServer::world().start().await;
    let mut asking = AskingServer::start(&world).await;
    let token = world.token("alice", &["orders:read"]);
    let first = asking.keys.claims(&token);
    assert!(asking.ask(&first).await.nats.jwt.is_some());
    let header = asking.keys.xkey.public_key();
    // The same bytes would do too; this is the same nkey in a request made anew.
    let mut again = asking.keys.claims(&token);
    again["nats"]["user_nkey"] = first["nats"]["user_nkey"].clone();
    asking.send(asking.keys.request(&again), Some(&header)).await;
    world.hallpass[0].says("code=request_replayed").await;
    // One that was refused stays refused, too.
    let bad = asking.keys.claims("x");
    assert_eq!(asking.refusal(&bad).await, "token_malformed");
    asking.send(asking.keys.request(&bad), Some(&header)).await;
    assert_eq!(dropped(&world, 2).await, ["request_replayed", "request_replayed"]);
    let claims = asking.keys.claims(&token);
    assert!(asking.ask(&claims).await.nats.jwt.is_some());
}

#[tokio::test]
async fn a_message_without_a_reply_subject_is_dropped_and_told() {
    let world = AskingServer::world().start().await;
    let mut asking = AskingServer::start(&world).await;
    let token = world.token("alice", &["orders:read"]);
    asking.send_without_reply(asking.keys.request(&asking.keys.claims(&token))).await;
    world.hallpass[0].says("code=request_without_reply").await;
    assert_eq!(dropped(&world, 1).await, ["request_without_reply"]);
    let claims = asking.keys.claims(&token);
    assert!(asking.ask(&claims).await.nats.jwt.is_some());
}

#[tokio::test]
async fn clocks_may_part_and_the_log_says_so() {
    let world = AskingServer::world().start().await;
    let mut asking = AskingServer::start(&world).await;
    let token = world.token("alice", &["orders:read"]);
    for (seconds, says) in [
        (10, Some("the server's clock and ours disagree")),
        (0, Some("the server's clock and ours agree again")),
        (-30, Some("the server's clock and ours disagree")),
        (-55, None),
    ] {
        let mut claims = asking.keys.claims(&token);
        for name in ["iat", "exp"] {
            claims[name] = json!(claims[name].as_i64().unwrap() + seconds);
        }
        let before = says.map(|says| said(&world, says));
        assert!(asking.ask(&claims).await.nats.jwt.is_some(), "{seconds} s");
        eventually("a word about the clocks", || async {
            (says.map(|says| said(&world, says) - 1) == before).then_some(())
        })
        .await;
    }
    assert_eq!(said(&world, "the server's clock and ours disagree"), 2, "not at every request");
    // An `exp` of a server that answers slowly: just over, with clocks that agree.
    let mut claims = asking.keys.claims(&token);
    claims["exp"] = json!(claims["exp"].as_i64().unwrap() - 32);
    assert!(asking.ask(&claims).await.nats.jwt.is_some());
}

#[tokio::test]
async fn tokens_of_every_bad_form_have_their_code() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let world = AskingServer::world().start().await;
    let mut asking = AskingServer::start(&world).await;
    let honest = world.token("alice", &["orders:read"]);
    let [head, payload, signature] = honest.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };
    let with_claims =
        |claims: &[u8]| format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims));
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let twice =
        |member: &str| with_claims(claims.replacen('{', &format!("{{{member},"), 1).as_bytes());
    let deep = |levels| twice(&format!(r#""deep":{}"#, deep(levels)));
    let cases = [
        ("token_malformed", "x".to_owned()),
        ("token_malformed", "\u{fffd}".to_owned()),
        ("token_malformed", format!("{honest}.{honest}")),
        ("signature_missing", format!("{head}.{payload}.")),
        ("token_encoding_invalid", format!("{honest}=")),
        ("token_encoding_invalid", format!(" {honest}")),
        ("token_encoding_invalid", format!("{honest}\n")),
        ("token_encoding_invalid", format!("Bearer {honest}")),
        ("token_malformed", "a".repeat(16 * 1024)),
        ("token_too_large", "a".repeat(16 * 1024 + 1)),
        ("token_too_large", "a".repeat(100 * 1024)),
        ("token_claims_invalid", with_claims(b"\xff\xfe")),
        ("token_claims_invalid", with_claims(b"{\"sub\":\"\xff\"}")),
        ("token_claims_invalid", with_claims(br#"{"sub":"\ud800"}"#)),
        ("token_claims_invalid", with_claims(br#"{"sub":"\udc00\ud800"}"#)),
        ("token_claims_invalid", with_claims(b"{} {}")),
        ("token_claims_invalid", with_claims(b"[]")),
        ("token_claims_invalid", deep(17)),
        ("token_claims_invalid", deep(1_000)),
        ("token_claims_duplicate", twice(r#""sub":"bob""#)),
        ("token_claims_duplicate", twice(r#""iss":"http://elsewhere""#)),
        ("token_claims_duplicate", twice(r#""s\u0075b":"bob""#)),
        ("signature_invalid", twice(r#""another":"claim""#)),
        ("signature_invalid", deep(10)),
        ("token_header_invalid", format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode("[]"))),
    ];
    for (index, (code, token)) in cases.iter().enumerate() {
        let claims = asking.keys.claims(token);
        assert_eq!(asking.refusal(&claims).await, *code, "case {index}");
        let mut as_password = asking.keys.claims("");
        as_password["nats"]["connect_opts"]["pass"] = json!(token);
        assert_eq!(asking.refusal(&as_password).await, *code, "case {index}");
    }
    let mut both = asking.keys.claims(&honest);
    both["nats"]["connect_opts"]["pass"] = json!("x");
    assert_eq!(asking.refusal(&both).await, "credential_ambiguous");
    let none = asking.keys.claims("");
    assert_eq!(asking.refusal(&none).await, "credential_missing");
    let granted = asking.keys.claims(&honest);
    assert!(asking.ask(&granted).await.nats.jwt.is_some(), "and the honest token is honest");

    // A MiB is larger than a request may be, so that nobody learns whose it was.
    let huge = asking.keys.request(&asking.keys.claims(&"a".repeat(1024 * 1024)));
    let header = asking.keys.xkey.public_key();
    asking.send(huge, Some(&header)).await;
    assert_eq!(dropped(&world, 1).await, ["request_too_large"]);
}

/// Logs in over WebSocket, in bytes, with this cookie; returns once the server has refused.
async fn refused_over_websocket(world: &World, name: &str, cookie: &str) {
    let address = host_and_port(world.nats.websocket_url().unwrap());
    let mut stream = BufReader::new(TcpStream::connect(&address).await.unwrap());
    let upgrade = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nOrigin: http://localhost:3000\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nCookie: nats_token={cookie}\r\n\r\n"
    );
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    // The server does not like to be spoken to before it has answered this.
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        soon("the answer to the upgrade", stream.read_line(&mut head)).await.unwrap();
    }
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let connect = format!("CONNECT {}\r\nPING\r\n", json!({ "name": name, "verbose": false }));
    // One final binary frame, with a mask of zeros, and its length in the first byte.
    let length = u8::try_from(connect.len()).ok().filter(|length| *length < 126).unwrap();
    let mut frame = vec![0x82, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(connect.as_bytes());
    stream.write_all(&frame).await.unwrap();
    let mut heard = Vec::new();
    // Closing, the server may reset.
    let _ = soon("the end of the connection", stream.read_to_end(&mut heard)).await;
    let heard = String::from_utf8_lossy(&heard);
    assert!(heard.contains("-ERR 'Authorization Violation'"), "{heard}");
}

#[tokio::test]
async fn a_huge_cookie_is_refused_or_dropped_by_its_size() {
    let world = World::start().await;
    refused_over_websocket(&world, "large", &"a".repeat(150 * 1024)).await;
    let event = world.event_of("large").await;
    assert_eq!(event.text("/data/code"), "token_too_large");
    assert_eq!(event.text("/data/client/connection_type"), "websocket");
    assert_eq!(event.text("/data/client/host"), "127.0.0.1");
    // A header may have a MiB, a request less: it is not even opened.
    refused_over_websocket(&world, "huge", &"a".repeat(900 * 1024)).await;
    assert_eq!(dropped(&world, 1).await, ["request_too_large"]);
    world.wire("after", &world.token("alice", &["orders:read"])).await;
}

// --- Overload, silence, and an audit stream that does not acknowledge ------------------------

/// An IdP that takes connections and says nothing.
struct SilentIdp {
    issuer: String,
    asked: watch::Receiver<usize>,
    _task: tokio_util::task::AbortOnDropHandle<()>,
}

impl SilentIdp {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let (count, asked) = watch::channel(0);
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
                count.send_replace(held.len());
            }
        });
        Self { issuer, asked, _task: tokio_util::task::AbortOnDropHandle::new(task) }
    }

    /// Waits until hallpass has given up its first question and asked again: from now on it
    /// waits, and nothing ends for seconds.
    async fn is_asked_again(&self) {
        let mut asked = self.asked.clone();
        soon("a second question", asked.wait_for(|count| *count >= 2)).await.unwrap();
    }

    fn text(&self) -> IssuerText {
        IssuerText {
            name: "silent".to_owned(),
            issuer: self.issuer.clone(),
            audience: "nats".to_owned(),
            roles_claim: "roles".to_owned(),
            allow_http_loopback: true,
        }
    }

    fn token(&self, world: &World) -> String {
        world.token_with("alice", &["orders:read"], |claims| claims["iss"] = json!(self.issuer))
    }
}

const TWO_ISSUERS: &str = r#"
account = "APP"
[roles.reader]
idp_roles = ["orders:read"]
issuers = ["idp", "silent"]
subscribe = ["orders.>"]
"#;

/// Starts this many logins at once that wait for the silent IdP.
fn storm(world: &World, silent: &SilentIdp, count: usize) -> Vec<tokio::task::JoinHandle<()>> {
    (0..count)
        .map(|index| {
            let (url, token) = (world.nats.url().to_owned(), silent.token(world));
            tokio::spawn(async move {
                let options = json!({ "auth_token": token });
                let outcome = Wire::connect(&url, &format!("waiting-{index}"), options).await;
                let refused = Heard::Complaint("Authorization Violation".to_owned());
                assert_eq!(outcome.err(), Some(refused));
            })
        })
        .collect()
}

#[tokio::test]
async fn where_there_is_no_room_the_answer_says_so_at_once() {
    let silent = SilentIdp::start().await;
    let mut world = World::builder()
        .map("two.toml", TWO_ISSUERS)
        .issuer(silent.text())
        .replicas(0)
        .start()
        .await;
    edit_configuration(&world, "[callout]", "[callout]\nmax_in_flight = 1");
    world.add_hallpass(&[]).await;
    silent.is_asked_again().await;
    for login in storm(&world, &silent, 6) {
        login.await.unwrap();
    }
    let mut codes = Vec::new();
    for index in 0..6 {
        let event = world.event_of(&format!("waiting-{index}")).await;
        assert_eq!(event.outcome(), "undecided");
        let took: u64 = event.text("/data/latency/total").parse().unwrap();
        assert!(took < 1_900_000, "answered before the server gives up: {took} µs");
        codes.push(event.text("/data/code"));
    }
    let count = |code: &str| codes.iter().filter(|one| *one == code).count();
    let (late, overloaded) = (count("deadline_exceeded"), count("overloaded"));
    assert!(late >= 1 && overloaded >= 1 && late + overloaded == 6, "{codes:?}");
    // The server has heard each of the answers: nobody met silence.
    refusals_in_server_log(&world, "deadline_exceeded", late).await;
    refusals_in_server_log(&world, "overloaded", overloaded).await;
    // And there is room again.
    world.wire("after", &world.token("alice", &["orders:read"])).await;
}

#[tokio::test]
async fn a_silent_issuer_does_not_keep_the_others_out() {
    let silent = SilentIdp::start().await;
    let world = World::builder().map("two.toml", TWO_ISSUERS).issuer(silent.text()).start().await;
    silent.is_asked_again().await;
    let storm = storm(&world, &silent, 20);
    for index in 0..5 {
        let token = world.token("alice", &["orders:read"]);
        world.wire(&format!("other-{index}"), &token).await;
    }
    for login in storm {
        login.await.unwrap();
    }
    for index in 0..20 {
        let event = world.event_of(&format!("waiting-{index}")).await;
        assert_eq!(event.text("/data/code"), "deadline_exceeded");
    }
    refusals_in_server_log(&world, "deadline_exceeded", 20).await;
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_granted() {
    let mut world = World::builder()
        .server_conf(|conf| {
            let (before, audit) = conf.split_once("  AUDIT {").unwrap();
            format!("{before}  AUDIT {{{}", audit.replacen("jetstream: enabled", "", 1))
        })
        .replicas(0)
        .start()
        .await;
    world.add_hallpass(&["--set", "audit.mode=strict"]).await;
    let options = json!({ "auth_token": world.token("alice", &["orders:read"]) });
    let outcome = Wire::connect(world.nats.url(), "alice", options).await;
    let refused = Some(Heard::Complaint("Authorization Violation".to_owned()));
    assert_eq!(outcome.err(), refused);
    world.hallpass[0].says("code=audit_unavailable").await;
    refusals_in_server_log(&world, "audit_unavailable", 1).await;
    assert_eq!(said(&world, "granted"), 0);
    // A refusal needs no stream: it is answered with its own code, at once.
    let options = json!({ "auth_token": "x" });
    let outcome = soon("a refusal", Wire::connect(world.nats.url(), "bad", options)).await;
    assert_eq!(outcome.err(), refused);
    refusals_in_server_log(&world, "token_malformed", 1).await;
    // Who is in `auth_users` gets in without hallpass.
    world.wire_as("break-glass").await;
}
