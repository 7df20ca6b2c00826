//! What a decision's event says, held against what was really sent; and `why` of it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::StreamExt as _;
use hallpass::callout::{SUBJECT, XKEY_HEADER};
use nkeys::{KeyPair, XKey};
use serde_json::json;

use super::*;

/// A part of a JWT.
fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn time(seconds: &Value) -> Value {
    jiff::Timestamp::from_second(seconds.as_i64().unwrap()).unwrap().to_string().into()
}

/// Somebody in the callout account who hears all requests and has the key to open them.
async fn overhearing() -> (World, async_nats::Client, XKey) {
    let listener = KeyPair::new_user();
    let nkey = listener.public_key();
    let first = "AUTH {\n    users: [\n";
    let world = World::builder()
        .server_conf(|conf| {
            conf.replace(first, &format!("{first}{{ nkey: {nkey} }}\n"))
                .replace("auth_users: [", &format!("auth_users: [{nkey}, "))
        })
        .start()
        .await;
    let options = async_nats::ConnectOptions::with_nkey(listener.seed().unwrap());
    let client = options.connect(world.nats.url()).await.unwrap();
    let seed = std::fs::read_to_string(world.directory().join("keys/xkey.nk")).unwrap();
    (world, client, XKey::from_seed(seed.trim()).unwrap())
}

#[tokio::test]
async fn an_event_says_of_a_token_what_the_token_and_the_server_said() {
    let (world, client, xkey) = overhearing().await;
    let mut requests = client.subscribe(SUBJECT).await.unwrap();
    client.flush().await.unwrap();
    let token = world.token_with("alice", &["orders:read"], |claims| {
        claims["nbf"] = (claims["iat"].as_i64().unwrap() - 7).into();
    });
    world.log_in("in", &token).await.unwrap();
    let (header, claims) = (part(&token, 0), part(&token, 1));
    let event = world.event_of("in").await;
    let data = &event.json()["data"];
    assert_eq!(
        data["token"],
        json!({
            "issuer": "idp", "subject": claims["sub"], "id": claims["jti"],
            "algorithm": header["alg"], "key_id": header["kid"], "token_type": header["typ"],
            "issued_at": time(&claims["iat"]), "not_before": time(&claims["nbf"]),
            "expires_at": time(&claims["exp"]), "introspected": false,
        })
    );
    assert_eq!(data["credential"]["expires_at"], time(&claims["exp"]));
    assert_eq!(data["grant"]["ends_at"], time(&claims["exp"]), "no longer than the token");

    let request = crate::support::soon("the request", requests.next()).await.unwrap();
    let server = request.headers.unwrap().get(XKEY_HEADER).unwrap().to_string();
    let opened = xkey.open(&request.payload, &XKey::from_public_key(&server).unwrap()).unwrap();
    let asked = &part(std::str::from_utf8(&opened).unwrap(), 1)["nats"];
    let told = &data["client"];
    assert_eq!(told["user_nkey"], asked["user_nkey"]);
    assert_eq!(told["server_id"], asked["server_id"]["id"]);
    assert_eq!(told["server_version"], asked["server_id"]["version"]);
    assert_eq!(told["client_id"], asked["client_info"]["id"]);
    assert_eq!(told["host"], asked["client_info"]["host"]);
    for same in ["name", "lang", "version"] {
        assert_eq!(told[same], asked["connect_opts"][same], "{same}");
    }
}

#[tokio::test]
async fn why_takes_the_id_that_the_server_s_log_has() {
    let world = World::start().await;
    assert_eq!(world.refusal("out", &world.token("bob", &["unknown"])).await, "no_role");
    let log = eventually("the refusal in the server's log", || async {
        let log = std::fs::read_to_string(world.directory().join("nats-server.log")).unwrap();
        log.contains("hallpass: no_role (decision ").then_some(log)
    })
    .await;
    let (_, id) = log.split_once("hallpass: no_role (decision ").unwrap();
    let (id, _) = id.split_once(')').unwrap();
    let story = said(&world, 0, &["why", id]).await;
    assert!(story.starts_with("`idp:bob` was refused at "), "{story}");
}

#[tokio::test]
async fn why_tells_who_acts_by_which_client_and_what_was_wished_for() {
    let world = World::start().await;
    let token = world.token_with("alice", &["orders:read"], |claims| {
        claims["client_id"] = "portal".into();
        claims["act"] = json!({ "sub": "bot", "iss": "https://idp", "act": { "sub": "desk" } });
    });
    let wish = "hallpass-want:account=APP&role=orders-reader".to_owned();
    let options = async_nats::ConnectOptions::with_user_and_password(wish, token);
    let _in = world.connect(options.name("in")).await.unwrap();
    let id = world.event_of("in").await.text("/data/decision");
    let story = said(&world, 0, &["why", &id]).await;
    for told in [
        "shown as `password`, issued to the client `portal`, with the id ",
        "In the name of the subject acts `bot` of `https://idp`, and before that `desk`.",
        "The client asked for account `APP` and role `orders-reader` only.",
    ] {
        assert!(story.contains(told), "{told}: {story}");
    }
}
