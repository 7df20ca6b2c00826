//! `hallpass login`, with an IdP and a `nats` CLI that nobody here wrote.

use std::{os::unix::fs::PermissionsExt, path::Path};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::StreamExt as _;
use serde_json::Value;

use crate::support::{
    Answer, Browser, LOGIN_CLIENT, OIDC_PROVIDER, OidcProvider, Person, Process, address,
    eventually, nats_cli, soon,
};

mod refusals;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The claims of a token, not verified.
fn claims(token: &str) -> Value {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

#[tokio::test]
async fn who_signs_in_publishes_with_the_nats_cli() {
    let idp = OidcProvider::start(&[]).await;
    let mut world = idp.world().replicas(0).start().await;
    let configuration = world.directory().join("hallpass.toml");
    let mut text = std::fs::read_to_string(&configuration).unwrap();
    text.push_str(&format!("\n[issuers.{OIDC_PROVIDER}.login]\n{LOGIN_CLIENT}"));
    std::fs::write(&configuration, text).unwrap();
    world.add_hallpass(&[]).await;

    let person = Person::with(configuration, OIDC_PROVIDER);
    let (ending, told) = person.signs_in(Answer::Yes, &[]).await;
    assert_eq!(ending.status.code(), Some(0), "{told}");
    let said = ending.said.join("\n");
    assert!(said.starts_with("signed in with `oidc-provider`; the token is good until "), "{said}");
    let context = "hallpass-oidc-provider";
    let line = format!("context {context}: nats --context {context} pub SUBJECT MESSAGE");
    assert_eq!(ending.said.last(), Some(&line));

    // Only the owner can read what has the token in it.
    assert_eq!(mode(&person.directory()), 0o700);
    assert_eq!(mode(&person.token_file()), 0o600);
    assert_eq!(mode(&person.context_file(context)), 0o600);
    let kept = person.kept();
    assert_eq!(kept["issuer"], idp.issuer());
    assert_eq!(kept["client_id"], "hallpass-cli");
    assert_eq!(person.context(context)["token"], kept["token"]);
    let token = kept["token"].as_str().unwrap();
    let refresh_token = kept["refresh_token"].as_str().unwrap();
    assert!(!(said + &told).contains(token) && !told.contains(refresh_token));

    // A client of one's own, with what `--print` prints.
    let (printed, told) = person.runs(&["--print"]).await;
    assert_eq!((&printed.said[..], told.as_str()), (&[token.to_owned()][..], ""));
    let alice = world.log_in("alice", &printed.said[0]).await.unwrap();
    let event = world.event_of("alice").await;
    assert_eq!(event.text("/data/identity/user_name"), "oidc-provider:alice");
    drop(alice);

    // And the CLI as it is.
    let observer = world.as_key("break-glass", "_INBOX").await;
    let mut orders = observer.subscribe("orders.>").await.unwrap();
    observer.flush().await.unwrap();
    let nats = async |arguments: &[&str]| {
        let mut command = tokio::process::Command::new(nats_cli());
        command.args(["--context", context, "--timeout", "1s"]).args(arguments);
        person.at_home(&mut command);
        // Without it the CLI goes by the password file, whatever HOME says.
        command.env("XDG_CONFIG_HOME", person.config_directory());
        let mut process = Process::start(command);
        let ending = process.ended().await;
        (ending.status.code(), ending.said.join("\n") + &process.complaints())
    };
    let (code, told) = nats(&["account", "info"]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("Connected Server Name: nats-1"), "{told}");
    let (_, told) = nats(&["pub", "orders.globex.created", "another tenant's"]).await;
    assert!(told.to_lowercase().contains("permissions violation"), "{told}");
    let (code, told) = nats(&["pub", "orders.acme.created", "hello"]).await;
    assert_eq!(code, Some(0), "{told}");
    let order = soon("the order", orders.next()).await.unwrap();
    assert_eq!((&*order.subject, &*order.payload), ("orders.acme.created", b"hello".as_slice()));
}

#[tokio::test]
async fn a_device_code_does_it_too_and_a_token_that_is_good_is_shown_again() {
    let idp = OidcProvider::start(&[]).await;
    let person = Person::of(&idp, &format!("{LOGIN_CLIENT}flow = \"device\"\n"));
    let (ending, told) = person.signs_in(Answer::Yes, &["--print"]).await;
    assert_eq!(ending.status.code(), Some(0), "{told}");
    assert!(told.contains("code: "), "{told}");
    let kept = person.kept();
    let token = kept["token"].as_str().unwrap();
    assert_eq!(ending.said, [token], "nothing but the token");
    assert!(!told.contains(token));
    assert_eq!(claims(token)["sub"], "alice");
    assert!(!person.context_file("hallpass-corp").exists(), "nobody asked for a context");

    let (ending, told) = person.runs(&["--print"]).await;
    assert_eq!((ending.said, told), (vec![token.to_owned()], String::new()));
    let (ending, told) = person.runs(&["--context", "mine"]).await;
    assert!(ending.said[0].starts_with("already signed in with `corp`"), "{told}");
    assert_eq!(person.context("mine")["token"], token);

    // Another client is not this client's token.
    let login = "client_id = \"unheard-of\"\nflow = \"device\"\n";
    person.configure(idp.issuer(), idp.audience(), login);
    let (ending, told) = person.runs(&["--print"]).await;
    assert_eq!((ending.status.code(), ending.said.len()), (Some(1), 0));
    assert!(told.contains("the IdP refuses a device code: invalid_client"), "{told}");
}

#[tokio::test]
async fn the_browser_of_the_machine_is_opened() {
    let idp = OidcProvider::start(&[]).await;
    let person = Person::of(&idp, LOGIN_CLIENT);
    let opener = person.home().join(if cfg!(target_os = "macos") { "open" } else { "xdg-open" });
    std::fs::write(&opener, "#!/bin/sh\necho noise\necho \"$1\" >opening && mv opening opened\n")
        .unwrap();
    std::fs::set_permissions(&opener, PermissionsExt::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = person.login_with_browser(&["--print"]);
    command.env("PATH", format!("{}:{path}", person.home().display()));
    let mut process = Process::start(command);
    let opened = eventually("an opened page", || async {
        std::fs::read_to_string(person.home().join("opened")).ok()
    })
    .await;
    assert_eq!(opened.trim(), address(&process).await);
    Browser::new(Answer::Yes).open(opened.trim()).await;
    let ending = process.ended().await;
    assert_eq!(ending.said, [person.kept()["token"].as_str().unwrap()], "no word of the browser");
}

#[tokio::test]
async fn a_token_that_ends_is_renewed_and_a_rotated_refresh_token_is_kept() {
    // Always too short to be shown again.
    let idp = OidcProvider::start(&["--ttl", "30"]).await;
    let person = Person::of(&idp, LOGIN_CLIENT);
    let (ending, told) = person.signs_in(Answer::Yes, &[]).await;
    assert_eq!(ending.status.code(), Some(0), "{told}");
    let mut seen = vec![person.kept()["refresh_token"].clone()];
    for _ in 0..3 {
        let (ending, told) = person.runs(&[]).await;
        assert!(ending.said[0].starts_with("the token of `corp` is renewed"), "{told}");
        let kept = person.kept();
        assert_eq!(person.context("hallpass-corp")["token"], kept["token"]);
        assert!(!seen.contains(&kept["refresh_token"]), "the IdP rotates");
        seen.push(kept["refresh_token"].clone());
    }
    // Who used a refresh token that was used before would have all of them revoked.
    let (mut one, mut two) =
        (Process::start(person.login(&["--print"])), Process::start(person.login(&["--print"])));
    let (first, second) = tokio::join!(one.ended(), two.ended());
    assert_eq!((first.status.code(), second.status.code()), (Some(0), Some(0)));
    assert_ne!(first.said, second.said, "each has renewed");
    let kept = person.kept();
    let token = kept["token"].as_str().unwrap().to_owned();
    assert!(first.said == [token.clone()] || second.said == [token.clone()]);
    assert_eq!(person.context("hallpass-corp")["token"], token, "what nats uses is renewed, too");

    // A refresh token that is worth nothing any more is no dead end.
    let mut spent = kept;
    spent["refresh_token"] = seen[0].clone();
    std::fs::write(person.token_file(), spent.to_string()).unwrap();
    let (ending, told) = person.signs_in(Answer::Yes, &[]).await;
    assert!(ending.said[0].starts_with("signed in with `corp`"), "{told}");
}

#[tokio::test]
async fn an_id_token_is_verified_with_every_algorithm() {
    for algorithm in ["RS256", "PS256", "ES256", "ES384", "EdDSA"] {
        let idp = OidcProvider::start(&["--alg", algorithm]).await;
        let person = Person::of(&idp, &format!("{LOGIN_CLIENT}use = \"id_token\"\n"));
        let shown = std::fs::read_to_string(&person.configuration).unwrap();
        let shown = shown.replace("audiences =", "accept_id_tokens = true\naudiences =");
        std::fs::write(&person.configuration, shown).unwrap();
        let (ending, told) = person.signs_in(Answer::Yes, &["--print"]).await;
        assert_eq!(ending.status.code(), Some(0), "{algorithm}: {told}");
        let claims = claims(&ending.said[0]);
        assert_eq!(claims["aud"], "hallpass-cli");
        let end: jiff::Timestamp = person.kept()["expires_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(claims["exp"], end.as_second());
    }
    // The allow-list of the issuer counts here as well.
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let person = Person::of(&idp, LOGIN_CLIENT);
    let text = std::fs::read_to_string(&person.configuration).unwrap();
    let text = text.replace("audiences =", "algorithms = [\"RS256\"]\naudiences =");
    std::fs::write(&person.configuration, text).unwrap();
    let (ending, told) = person.signs_in(Answer::Yes, &[]).await;
    assert_eq!(ending.status.code(), Some(1));
    assert!(
        told.contains("the ID token is not signed with a key of the issuer, or with"),
        "{told}"
    );
    assert!(!person.token_file().exists());
}

#[tokio::test]
async fn what_is_to_be_forgotten_is_gone() {
    let idp = OidcProvider::start(&[]).await;
    let person = Person::of(&idp, LOGIN_CLIENT);
    person.signs_in(Answer::Yes, &[]).await;
    assert!(person.token_file().exists() && person.context_file("hallpass-corp").exists());
    let (ending, told) = person.runs(&["--forget"]).await;
    assert_eq!(ending.status.code(), Some(0), "{told}");
    let lines = ["the token of `corp` is deleted", "the context hallpass-corp is deleted"];
    assert_eq!(ending.said, lines);
    assert!(!person.token_file().exists() && !person.context_file("hallpass-corp").exists());
    let (ending, _) = person.runs(&["--forget"]).await;
    assert_eq!(ending.said, ["no token of `corp` is kept"]);
}
