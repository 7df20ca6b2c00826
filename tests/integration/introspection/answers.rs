//! Tokens of which the IdP says that they are none, or none of this kind, or soon none.

use std::time::Instant;

use super::*;

#[tokio::test]
async fn a_token_that_never_was_is_inactive_and_what_is_none_of_the_idps_is_not_sent_to_it() {
    let idp = opaque_idp().await;
    let world = asking(&idp, "").await;
    let made_up = "never-was-a-token-of-anybody-at-all-0123456";
    for again in 0..3 {
        assert_eq!(world.refusal(&format!("made up {again}"), made_up).await, "token_inactive");
    }
    assert_eq!(idp.questions().await, 1, "that it is none is remembered, too");
    // A password that somebody types; what is no bearer token; another issuer's JWT.
    for (name, text) in [("short", "hunter2"), ("odd", "no token of any kind, it has spaces")] {
        assert_eq!(world.refusal(name, text).await, "token_malformed");
    }
    let foreign = world.token("rita", &["orders:write"]);
    assert_eq!(world.refusal("foreign", &foreign).await, "no_role");
    assert_eq!(idp.questions().await, 1);
    assert_nothing_told(&world, &[made_up, "hunter2", &foreign]).await;
}

#[tokio::test]
async fn the_session_ends_with_the_token_and_so_does_what_is_remembered_of_it() {
    let ttl = "4";
    let idp = OidcProvider::start(&["--alg", "ES256", "--format", "opaque", "--ttl", ttl]).await;
    // An age that is far longer than the token lives.
    let world = asking(&idp, "max_age = \"5m\"").await;
    let token = idp.token("clerk").await;
    let visitor = world.log_in("brief", &token).await.unwrap();
    let event = world.event_of("brief").await;
    let time = |pointer| event.text(pointer).parse::<jiff::Timestamp>().unwrap();
    assert_eq!(time("/data/grant/ends_at"), time("/data/token/expires_at"));
    let lives = time("/data/token/expires_at").duration_since(time("/data/token/issued_at"));
    assert_eq!(lives.as_secs().to_string(), ttl);
    eventually("the end of the session", || async {
        (visitor.client.connection_state() != async_nats::connection::State::Connected)
            .then_some(())
    })
    .await;
    assert!(jiff::Timestamp::now() >= time("/data/grant/ends_at"), "not before its time");
    // hallpass knows that it is over, and soon has nothing left to know it by.
    let number = AtomicU64::new(0);
    eventually("a question to the IdP", || async {
        let name = format!("late {}", number.fetch_add(1, Ordering::SeqCst));
        let code = world.refusal(&name, &token).await;
        assert!(code == "token_expired" || code == "token_inactive", "{code}");
        (code == "token_inactive").then_some(())
    })
    .await;
    assert_eq!(idp.questions().await, 2);
}

#[tokio::test]
async fn somebody_who_signs_in_gets_in_and_their_refresh_token_does_not() {
    let idp = opaque_idp().await;
    let world = asking(&idp, "").await;
    configure(world.directory(), &format!("[issuers.{OIDC_PROVIDER}.login]\n{LOGIN_CLIENT}"));
    // A person need not have the secret of who asks.
    std::fs::remove_file(secret_file(&world)).unwrap();
    let person = Person::with(world.directory().join("hallpass.toml"), OIDC_PROVIDER);
    let (ending, told) = person.signs_in(Answer::Yes, &["--no-context"]).await;
    assert_eq!(ending.status.code(), Some(0), "{told}");
    let kept = person.kept();
    let [token, refresh] = ["token", "refresh_token"].map(|name| kept[name].as_str().unwrap());
    assert_ne!(token, refresh);

    world.log_in("alice", token).await.unwrap();
    let event = world.event_of("alice").await;
    assert_eq!(event.text("/data/identity/user_name"), format!("{OIDC_PROVIDER}:alice"));
    assert_eq!(event.roles(), "orders-clerk");

    // This IdP calls it active, whatever the hint says, and does not say what it is. But it is
    // meant for nobody.
    let said = idp.says_of(refresh).await;
    let marks = ["aud", "token_type", "token_use", "typ"].map(|name| said.get(name));
    assert_eq!((&said["active"], marks), (&Value::Bool(true), [None; 4]), "{said}");
    assert_eq!(world.refusal("refresh", refresh).await, "audience_absent");
    assert_eq!(idp.questions().await, 3);
    assert_nothing_told(&world, &[token, refresh]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn made_up_tokens_do_not_make_hallpass_hammer_the_idp() {
    const MADE_UP: u64 = 400;
    let idp = opaque_idp().await;
    let world = asking(&idp, "max_age = \"5m\"").await;
    let (known, fresh) = (idp.token("clerk").await, idp.token("clerk").await);
    world.log_in("known", &known).await.unwrap();
    let (begin, next) = (Instant::now(), AtomicU64::new(0));
    let warned =
        || world.hallpass[0].log().matches("many tokens are unknown to the issuer").count();
    let flood = join_all((0..16).map(|_| async {
        // However fast this machine is: until there is more than may be asked.
        loop {
            let number = next.fetch_add(1, Ordering::SeqCst);
            let made_up = format!("made-up-by-somebody-{number:06}");
            world.log_in("made up", &made_up).await.unwrap_err();
            if number >= MADE_UP && warned() > 0 {
                break;
            }
        }
    }));
    soon("more than may be asked", flood).await;
    // One that was honest, two hundred in a row, and twenty in a second.
    let most = 1 + 200 + 20 * (begin.elapsed().as_secs() + 1);
    let asked = idp.questions().await;
    assert!((201..=most).contains(&asked), "{asked} questions in {:?}", begin.elapsed());
    assert!(asked < next.load(Ordering::SeqCst), "{asked} questions");
    assert_eq!(warned(), 1);
    world.log_in("known again", &known).await.expect("nothing is asked about it");
    // The flood is over, and there may be questions again.
    eventually("a login with a fresh token", || async {
        world.log_in("fresh", &fresh).await.ok().map(drop)
    })
    .await;
}
