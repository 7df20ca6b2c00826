//! Answers that the server did not take or waited for in vain.

use futures_util::StreamExt as _;
use hallpass::callout::{SUBJECT, XKEY_HEADER};
use nkeys::{KeyPair, XKey};

use super::*;
use crate::support::{Wire, sign};

/// A world whose server waits for half a second only.
async fn hasty() -> World {
    World::builder()
        .server_conf(|conf| conf.replace("authorization {\n", "authorization {\n  timeout: 0.5\n"))
        .start()
        .await
}

/// What another responder answers in the place of hallpass.
#[derive(Debug, Clone, Copy)]
enum Other {
    Nothing,
    Rubbish,
    Refusal,
}

/// Somebody with the service user's key, who takes his part of the logins.
async fn join(world: &World, other: Other) -> tokio::task::JoinHandle<()> {
    let client = world.as_key("service", "_INBOX.hallpass").await;
    let mut requests = client.queue_subscribe(SUBJECT, "hallpass".to_owned()).await.unwrap();
    client.flush().await.unwrap();
    let seed = |name| {
        let path = world.directory().join(format!("keys/{name}.nk"));
        std::fs::read_to_string(path).unwrap().trim().to_owned()
    };
    let xkey = XKey::from_seed(&seed("xkey")).unwrap();
    let issuer = KeyPair::from_seed(&seed("issuer")).unwrap();
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let answer = match other {
                Other::Nothing => continue,
                Other::Rubbish => b"rubbish".to_vec(),
                Other::Refusal => {
                    let headers = request.headers.unwrap();
                    let server = headers.get(XKEY_HEADER).unwrap().as_str();
                    let server = XKey::from_public_key(server).unwrap();
                    let claims = xkey.open(&request.payload, &server).unwrap();
                    refusal(&claims, &issuer)
                }
            };
            client.publish(request.reply.unwrap(), answer.into()).await.unwrap();
        }
    })
}

/// A valid refusal by who has hallpass's issuer key.
fn refusal(request: &[u8], issuer: &KeyPair) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = std::str::from_utf8(request).unwrap().split('.').nth(1).unwrap();
    let request: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let claims = json!({
        "iss": issuer.public_key(), "iat": jiff::Timestamp::now().as_second(), "jti": "X",
        "sub": request["nats"]["user_nkey"], "aud": request["nats"]["server_id"]["id"],
        "nats": { "type": "authorization_response", "version": 2, "error": "not by hallpass" },
    });
    sign(claims.to_string().as_bytes(), issuer)
}

/// Logs in until the other responder has had one of the logins; returns its event.
async fn comes_to_the_other(world: &World, other: Other) -> Value {
    let other = join(world, other).await;
    let token = world.token("alice", &["orders:read"]);
    let login = json!({ "auth_token": token, "user": "hallpass-want:account=APP" });
    let event = eventually("an answer that lets nobody in", || async {
        let _ = Wire::connect(world.nats.url(), "unlucky", login.clone()).await;
        about(&world.events().await, "answer", "unlucky").into_iter().next()
    })
    .await;
    other.abort();
    let all: String = world.events().await.iter().map(|event| event.json().to_string()).collect();
    assert!(!all.contains(&token), "the token is told");
    assert!(!event.to_string().contains("hallpass-want"), "what was written as user is told");
    event
}

#[tokio::test]
async fn an_answer_that_the_server_does_not_take_is_told_with_its_reason() {
    let world = World::start().await;
    let event = comes_to_the_other(&world, Other::Rubbish).await;
    let data = &event["data"];
    assert_eq!((&data["outcome"], &data["cause"]), (&json!("rejected"), &json!("answer_invalid")));
    let reason = data["reason"].as_str().unwrap();
    assert!(reason.contains("decrypting auth callout response"), "{reason}");
    assert_eq!(data["client"]["server_name"], "nats-1");
    assert!(world.hallpass[0].log().contains("a login failed otherwise than by a refusal"));
}

#[tokio::test]
async fn a_refusal_by_somebody_else_is_told() {
    let world = World::start().await;
    let data = comes_to_the_other(&world, Other::Refusal).await["data"].take();
    assert_eq!(data["cause"], "refused_by_another");
    assert_eq!(data["reason"], "Auth callout service returned an error: not by hallpass");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_told() {
    let world = hasty().await;
    let data = comes_to_the_other(&world, Other::Nothing).await["data"].take();
    assert_eq!((&data["outcome"], &data["cause"]), (&json!("timed_out"), &json!("no_answer")));
    assert!(data.get("reason").is_none());
    let line = world.hallpass[0].says("by a refusal of hallpass: nobody answered in time").await;
    assert!(!line.contains("reason="), "{line}");
}

/// Without a `system_account` the server has one of its own, and tells all the same.
#[tokio::test]
async fn who_uses_the_name_of_a_user_that_is_not_called_out_for_is_told() {
    for with_system_account in [true, false] {
        let world = match with_system_account {
            true => World::start().await,
            false => {
                let conf = |conf: &str| conf.replace("system_account: SYS\n", "");
                World::builder().server_conf(conf).start().await
            }
        };
        let nkey = &world.keys.break_glass;
        let claims = json!({ "nkey": nkey, "sig": "AAAA" });
        Wire::connect(world.nats.url(), "glass", claims).await.err().unwrap();
        let told = told(&world, "answer", "glass", 1).await.remove(0);
        let data = &told["data"];
        assert_eq!((&data["outcome"], &data["cause"]), (&json!("rejected"), &json!("not_asked")));
        assert_eq!(data["reason"], "Authentication Failure");
        assert_eq!(about(&world.events().await, "decision", "glass"), [] as [Value; 0]);
    }
}

/// As where the server's configuration is older than hallpass.
#[tokio::test]
async fn where_the_server_does_not_allow_to_listen_it_is_said_and_logins_go_on() {
    let without = |conf: &str| conf.replace("\"$SYS.ACCOUNT.CLIENT.AUTH.ERR hallpass\"\n", "");
    let world = World::builder().server_conf(without).start().await;
    let line = world.hallpass[0].says("what the server tells is not recorded").await;
    assert!(line.to_lowercase().contains("client.auth.err"), "{line}");
    world.log_in("a-clerk", &world.token("alice", &["orders:read"])).await.unwrap();
}

#[tokio::test]
async fn of_two_replicas_one_tells_of_an_answer() {
    let world = World::builder().replicas(2).start().await;
    let claims = json!({ "nkey": world.keys.break_glass, "sig": "AAAA" });
    for _ in 0..10 {
        Wire::connect(world.nats.url(), "glass", claims.clone()).await.err().unwrap();
    }
    told(&world, "answer", "glass", 10).await;
    let marker = json!({ "nkey": world.keys.audit_reader, "sig": "AAAA" });
    Wire::connect(world.nats.url(), "marker", marker).await.err().unwrap();
    told(&world, "answer", "marker", 1).await;
    assert_eq!(about(&world.events().await, "answer", "glass").len(), 10);
}
