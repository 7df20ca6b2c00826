//! Over WebSocket: who the edge turns away, what it hands on, and what it takes from nobody.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::over_websocket::{ORIGIN, OverWebSocket, issuer};
use crate::{
    clients::{REFUSED, names, probe},
    support::{Ending, Haproxy, eventually},
};

const COOKIE: [&str; 2] = ["--cookie", "__Host-hallpass"];
const HEADER: [&str; 1] = ["--bearer"];

/// The status with which the edge turned it away.
fn status(ending: &Ending) -> Value {
    let events = ending.events();
    assert_eq!(names(&events), ["failed"], "{events:?}");
    events[0]["status"].clone()
}

fn is_in(ending: &Ending) -> bool {
    let events = ending.events();
    match names(&events)[..] {
        ["connected"] => true,
        ["refused"] => {
            assert_eq!(ending.status.code(), Some(REFUSED));
            false
        }
        _ => panic!("{events:?}"),
    }
}

#[tokio::test]
async fn a_header_or_a_cookie_of_our_page_gets_in() {
    let issuer = issuer().await;
    let scene = OverWebSocket::with(&issuer).await;
    let token = issuer.sign(&issuer.claims("alice", &["orders:write"])).unwrap();
    let ours = ["--origin", ORIGIN];
    for (by, arguments) in [
        ("header", [&HEADER[..], &["--name", "header"]].concat()),
        ("header", [&HEADER[..], &ours, &["--name", "both"]].concat()),
        ("cookie", [&COOKIE[..], &ours, &["--name", "cookie"]].concat()),
    ] {
        let ending = scene.knock("", &token, &arguments).await;
        assert!(is_in(&ending), "{arguments:?}");
        let event = scene.world.event_of(arguments.last().unwrap()).await;
        let told = |pointer: &str| event.json().pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(told("/data/connection/attested"), true);
        assert_eq!(told("/data/connection/source"), "127.0.0.2");
        assert_eq!(told("/data/client/host"), "127.0.0.1");
        assert_eq!(told("/data/edge/key"), "edge-1");
        assert_eq!(told("/data/edge/tls"), "TLSv1.3");
        let cipher = told("/data/edge/cipher");
        assert!(cipher.as_str().unwrap().starts_with("TLS_"), "{cipher}");
        assert_eq!(told("/data/wish"), Value::Null);
        let line = scene.newest_line();
        assert_eq!(told("/data/edge/request"), line[0]);
        assert_eq!(line[2..5], ["GET", "/nats", "101"]);
        assert_eq!(line[5..], ["nats/nats-1", "tls=TLSv1.3", &format!("by={by}"), "refused=-"]);
    }
    for log in [scene.haproxy.log().join("\n"), scene.world.hallpass[0].log()] {
        assert!(token.split('.').all(|part| !log.contains(part)), "a piece of a token: {log}");
    }
}

#[tokio::test]
async fn another_origin_stays_outside_whatever_it_shows() {
    let issuer = issuer().await;
    let scene = OverWebSocket::with(&issuer).await;
    let token = issuer.sign(&issuer.claims("alice", &["orders:write"])).unwrap();
    let near = format!("{ORIGIN}.evil.example");
    for arguments in [
        [&COOKIE[..], &["--origin", "https://evil.example"]].concat(),
        [&HEADER[..], &["--origin", "https://evil.example"]].concat(),
        [&COOKIE[..], &["--origin", &near]].concat(),
        [&COOKIE[..], &["--origin", "null"]].concat(),
        [&COOKIE[..], &["--origin", "http://app.example.com"]].concat(),
        // A browser always says one.
        COOKIE.to_vec(),
    ] {
        assert_eq!(status(&scene.knock("", &token, &arguments).await), 403, "{arguments:?}");
        assert_eq!(scene.newest_line().last().unwrap(), "refused=origin");
    }
    assert!(scene.world.audit().await.is_empty(), "hallpass heard of none of them");
}

/// HAProxy reads a cookie's value as far as a comma, a browser sends one with commas in it: what a
/// neighbour's host may set must not pass for the cookie that only this host can.
#[tokio::test]
async fn a_neighbour_s_cookie_is_not_taken_for_ours() {
    let issuer = issuer().await;
    let scene = OverWebSocket::with(&issuer).await;
    let token = issuer.sign(&issuer.claims("mallory", &["orders:write"])).unwrap();
    for name in [
        "x=1,__Host-hallpass",
        "x=1, __Host-hallpass",
        "x=\"; __Host-hallpass=hers; y=\",__Host-hallpass",
    ] {
        let arguments = ["--cookie", name, "--origin", ORIGIN];
        assert_eq!(status(&scene.knock("", &token, &arguments).await), 403, "{name}");
        assert_eq!(scene.newest_line().last().unwrap(), "refused=cookie");
    }
    assert!(scene.world.audit().await.is_empty(), "hallpass heard of none of them");
}

/// A token with this header and this signature, and the claims of another.
fn resigned(token: &str, header: &Value, signature: &str) -> String {
    let claims = token.split('.').nth(1).unwrap();
    format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[tokio::test]
async fn what_is_no_token_of_the_issuer_stays_outside_early() {
    let (issuer, stranger) = (issuer().await, issuer().await);
    let scene = OverWebSocket::with(&issuer).await;
    let claims = issuer.claims("alice", &["orders:write"]);
    let token = issuer.sign(&claims).unwrap();
    let with = |name: &str, value: Value| {
        let mut changed = claims.clone();
        changed[name] = value;
        issuer.sign(&changed).unwrap()
    };
    let now = claims["iat"].as_i64().unwrap();
    let public = std::fs::read(scene.certificates.path("issuer.pem")).unwrap();
    let header = Header::new(Algorithm::HS256);
    let symmetric =
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&public)).unwrap();
    let signature = token.rsplit('.').next().unwrap();
    for (why, token) in [
        ("algorithm", resigned(&token, &json!({ "alg": "none" }), "")),
        ("algorithm", resigned(&token, &json!({ "alg": "none" }), signature)),
        ("algorithm", resigned(&token, &json!({ "alg": "None" }), "")),
        ("algorithm", resigned(&token, &json!({ "typ": "JWT" }), signature)),
        ("algorithm", symmetric),
        ("algorithm", "no-token".to_owned()),
        ("signature", stranger.sign(&claims).unwrap()),
        ("signature", resigned(&token, &json!({ "alg": "ES256" }), "")),
        ("signature", resigned(&token, &json!({ "alg": "ES256", "kid": "x" }), signature)),
        ("expired", with("exp", json!(now - 120))),
        ("expired", with("exp", json!(-1))),
        ("expired", with("exp", Value::Null)),
    ] {
        assert_eq!(status(&scene.knock("", &token, &HEADER).await), 401, "{why}: {token}");
        assert_eq!(scene.newest_line().last().unwrap(), &format!("refused={why}"), "{token}");
    }
    for arguments in [&["--header", "Authorization: Basic YTpi"][..], &[]] {
        assert_eq!(status(&scene.knock("", "", arguments).await), 401);
        assert_eq!(scene.newest_line().last().unwrap(), "refused=token");
    }
    assert!(scene.world.audit().await.is_empty(), "hallpass heard of none of them");

    // What only hallpass judges.
    let other = with("aud", json!("urn:other"));
    let arguments = [&HEADER[..], &["--name", "other"]].concat();
    assert!(!is_in(&scene.knock("", &other, &arguments).await));
    assert_eq!(scene.world.event_of("other").await.text("/data/code"), "audience_mismatch");
}

/// Why the algorithm is pinned.
#[tokio::test]
async fn haproxy_s_own_check_lets_none_pass_where_the_token_may_choose() {
    let configuration = r#"
global
  log stdout format raw local0
  stats socket "$HALLPASS_HAPROXY_STATS" level admin
defaults
  mode http
  timeout connect 5s
  timeout client 1m
  timeout server 1m
frontend unpinned
  bind "$LISTEN"
  http-request set-var(txn.token) http_auth_bearer
  http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')
  http-request return status 200 if { var(txn.token),jwt_verify(txn.alg,"none.pem") -m int 1 }
  http-request return status 401
"#;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("haproxy.cfg");
    std::fs::write(&path, configuration).unwrap();
    let haproxy = Haproxy::start(&path, &["LISTEN"], &[]).await;
    let none = resigned("a.e30.c", &json!({ "alg": "none" }), "");
    let url = format!("http://{}", haproxy.address("LISTEN"));
    let answer = reqwest::Client::builder().no_proxy().build().unwrap().get(url);
    let answer = answer.bearer_auth(none).send().await.unwrap();
    assert_eq!(answer.status(), 200, "this one is let in");
}

#[tokio::test]
async fn nothing_that_a_client_says_passes_for_the_edge_s_word() {
    let issuer = issuer().await;
    let scene = OverWebSocket::with(&issuer).await;
    let token = issuer.sign(&issuer.claims("alice", &["orders:write"])).unwrap();

    // Cookies of the names that the server reads.
    let cookies = "Cookie: nats_user=hallpass-want:account=OTHER; nats_token=x; nats_pass=y";
    let arguments = [&HEADER[..], &["--header", cookies, "--name", "cookies"]].concat();
    assert!(is_in(&scene.knock("", &token, &arguments).await));
    let event = scene.world.event_of("cookies").await;
    assert_eq!(event.json()["data"]["connection"]["attested"], true);

    // What CONNECT says goes before what the cookies say, but it is not under the MAC.
    let spoken = "hallpass-edge:key=edge-1&at=1&id=x&src=192.0.2.7&tls=&want=&token=x&mac=AAAA";
    for (name, user, code) in [
        ("wish", "hallpass-want:account=APP", "edge_missing"),
        ("user", "alice", "edge_missing"),
        ("forged", spoken, "edge_forged"),
    ] {
        let arguments = [&HEADER[..], &["--name", name, "--user", user]].concat();
        assert!(!is_in(&scene.knock("", &token, &arguments).await), "{name}");
        assert_eq!(scene.world.event_of(name).await.text("/data/code"), code, "{name}");
    }

    // Around the edge, with a token that is good.
    let direct = ["--cookie", "nats_token", "--origin", ORIGIN, "--name", "direct"];
    let url = scene.world.nats.websocket_url().unwrap();
    assert!(!is_in(&probe("websocket-client.mjs", url, &token, &direct).await));
    assert_eq!(scene.world.event_of("direct").await.text("/data/code"), "edge_missing");
}

#[tokio::test]
async fn the_wish_travels_inside_the_envelope() {
    let issuer = issuer().await;
    let scene = OverWebSocket::with(&issuer).await;
    let token = issuer.sign(&issuer.claims("alice", &["orders:write", "orders:read"])).unwrap();
    let asking = async |query: &str, name: &str| {
        let arguments = [&HEADER[..], &["--name", name]].concat();
        let is_in = is_in(&scene.knock(query, &token, &arguments).await);
        (is_in, scene.world.event_of(name).await.json()["data"].clone())
    };
    let (got_in, data) = asking("?want=account%3DAPP%26role%3Dorders-reader", "reading").await;
    assert!(got_in, "{data}");
    assert_eq!(data["wish"], json!({ "account": "APP", "roles": ["orders-reader"] }));
    assert_eq!(data["grant"]["publish"]["allow"], Value::Null, "{data}");

    // Whatever is asked for stays one field of the envelope.
    let (got_in, data) = asking("?want=account%3DAPP%26src%3D192.0.2.7", "adding").await;
    assert!(!got_in);
    assert_eq!(data["code"], "wish_malformed");
    let (got_in, data) = asking("?want=role%3Dadmin", "more").await;
    assert!(!got_in);
    assert_eq!(data["code"], "role_not_held");
}

#[tokio::test]
async fn a_wish_that_cannot_be_read_does_not_mean_everything() {
    let issuer = issuer().await;
    let scene = OverWebSocket::with(&issuer).await;
    let token = issuer.sign(&issuer.claims("alice", &["orders:write", "orders:read"])).unwrap();
    for query in [
        "?want=role%3Dorders-reader%",
        "?want=%zz",
        "?want=account=APP&role=orders-reader",
        "?want=account=APP;role=orders-reader",
        "?want=account%3DAPP&want=role%3Dorders-reader",
        "?wnat=role%3Dorders-reader",
        "?role=orders-reader",
        "?want=",
    ] {
        assert_eq!(status(&scene.knock(query, &token, &HEADER).await), 400, "{query}");
        assert_eq!(scene.newest_line().last().unwrap(), "refused=want", "{query}");
    }
    assert!(scene.world.audit().await.is_empty(), "hallpass heard of none of them");
}

/// nats-server believes `X-Forwarded-For` of everybody, for its log.
#[tokio::test]
async fn no_client_chooses_the_address_in_the_server_s_log() {
    let issuer = issuer().await;
    let scene = OverWebSocket::with(&issuer).await;
    let token = issuer.sign(&issuer.claims("alice", &[])).unwrap();
    let arguments = [&HEADER[..], &["--header", "X-Forwarded-For: 203.0.113.9"]].concat();
    assert!(!is_in(&scene.knock("", &token, &arguments).await));
    let path = scene.world.directory().join("nats-server.log");
    let line = eventually("the refusal in the server's log", || async {
        let log = std::fs::read_to_string(&path).unwrap();
        log.lines().find(|line| line.contains("authentication error")).map(str::to_owned)
    })
    .await;
    assert!(!line.contains("203.0.113.9") && line.contains(" 127.0.0.2/127.0.0.1:"), "{line}");
}
