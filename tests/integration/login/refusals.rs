//! Who is not signed in, and why.

use std::{os::unix::fs::PermissionsExt, path::Path};

use url::Url;

use super::claims;
use crate::support::{
    Answer, Browser, LOGIN_CLIENT, OIDC_PROVIDER, OidcProvider, Person, Process, address,
    install_provider,
};

/// Fetches a page of the listener; `None` where nobody listens.
async fn fetch(url: &Url) -> Option<u16> {
    install_provider();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    Some(client.get(url.clone()).send().await.ok()?.status().as_u16())
}

/// Has the issuer of this audience accept ID tokens.
fn accept_id_tokens(configuration: &Path, audience: &str) {
    let text = std::fs::read_to_string(configuration).unwrap();
    let line = format!("audiences = [\"{audience}\"]");
    assert!(text.contains(&line), "{text}");
    let text = text.replace(&line, &format!("accept_id_tokens = true\n{line}"));
    std::fs::write(configuration, text).unwrap();
}

fn query(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap()
}

#[tokio::test]
async fn an_answer_to_another_question_ends_nothing_and_the_right_one_still_counts() {
    let idp = OidcProvider::start(&[]).await;
    let person = Person::of(&idp, LOGIN_CLIENT);
    let mut process = Process::start(person.login(&[]));
    let url = Url::parse(&address(&process).await).unwrap();
    let asked = |name: &str| query(url.as_str(), name);
    assert_eq!(asked("code_challenge_method"), "S256");
    let callback = Url::parse(&asked("redirect_uri")).unwrap();
    assert_eq!(callback.host_str(), Some("127.0.0.1"));
    assert_eq!(fetch(&callback.join("/favicon.ico").unwrap()).await, Some(404));
    for query in ["code=CODE&state=another", "error=access_denied&state=another", "code=CODE"] {
        let mut wrong = callback.clone();
        wrong.set_query(Some(query));
        assert_eq!(fetch(&wrong).await, Some(400), "{query}");
    }
    assert!(!person.token_file().exists());
    Browser::new(Answer::Yes).open(url.as_str()).await;
    let ending = process.ended().await;
    let told = process.complaints();
    assert_eq!(ending.status.code(), Some(0), "{told}");
    assert_eq!(told.matches("note: an answer with another `state`").count(), 1, "{told}");
    assert!(person.token_file().exists());
    assert_eq!(fetch(&callback).await, None, "nobody listens");
}

/// What PKCE is for: who has somebody else's code, and even comes from the same address, has not
/// what the code was asked for with.
#[tokio::test]
async fn a_code_of_another_sign_in_is_worth_nothing() {
    let idp = OidcProvider::start(&[]).await;
    let (one, two) = (Person::of(&idp, LOGIN_CLIENT), Person::of(&idp, LOGIN_CLIENT));
    let mut process = Process::start(one.login(&[]));
    let url = address(&process).await;
    let callback = query(&url, "redirect_uri");
    let stolen = Browser::new(Answer::Yes).open_up_to(&url, &callback).await;
    process.signal("-KILL").await;

    let port = Url::parse(&callback).unwrap().port().unwrap();
    two.configure(idp.issuer(), idp.audience(), &format!("{LOGIN_CLIENT}redirect_port = {port}\n"));
    let mut process = Process::start(two.login(&[]));
    let url = address(&process).await;
    assert_eq!(query(&url, "redirect_uri"), callback);
    let mut injected = stolen.clone();
    injected.query_pairs_mut().clear().extend_pairs([
        ("code", query(stolen.as_str(), "code")),
        ("iss", query(stolen.as_str(), "iss")),
        ("state", query(&url, "state")),
    ]);
    assert_eq!(fetch(&injected).await, Some(200));
    let ending = process.ended().await;
    assert_eq!(ending.status.code(), Some(1));
    let told = process.complaints();
    assert!(told.contains("the IdP refuses a token for the code: invalid_grant"), "{told}");
    assert!(!two.token_file().exists());
}

/// What an IdP that mixes up its sessions would do, told from the other end: the token that it
/// renews is about alice, and somebody else signed in here.
#[tokio::test]
async fn a_renewed_token_about_somebody_else_is_not_taken() {
    // Always too short to be shown again.
    let idp = OidcProvider::start(&["--ttl", "30"]).await;
    for used in ["access_token", "id_token"] {
        let person = Person::of(&idp, &format!("{LOGIN_CLIENT}use = \"{used}\"\n"));
        accept_id_tokens(&person.configuration, idp.audience());
        let (ending, told) = person.signs_in(Answer::Yes, &[]).await;
        assert_eq!(ending.status.code(), Some(0), "{told}");
        let mut kept = person.kept();
        assert_eq!(kept["subject"], "alice");
        let (ending, told) = person.runs(&[]).await;
        assert!(ending.said[0].starts_with("the token of `corp` is renewed"), "{told}");
        kept = person.kept();
        assert_eq!(kept["subject"], "alice");

        kept["subject"] = "bob".into();
        std::fs::write(person.token_file(), kept.to_string()).unwrap();
        let (ending, told) = person.runs(&["--print"]).await;
        assert_eq!((ending.status.code(), ending.said.len()), (Some(1), 0));
        assert!(told.contains("error: the ID token is about somebody else"), "{told}");
        assert!(!told.contains("bob") && !told.contains("alice"), "{told}");
        assert_eq!(person.kept(), kept, "what was kept stays");
    }
}

/// It is of the same issuer, signed with the same key, good now, and names an audience that the
/// configuration has: what people present by mistake, and what every site they sign in to holds.
#[tokio::test]
async fn an_id_token_is_no_access_token() {
    let idp = OidcProvider::start(&[]).await;
    let person = Person::of(&idp, &format!("{LOGIN_CLIENT}use = \"id_token\"\n"));
    accept_id_tokens(&person.configuration, idp.audience());
    let (ending, told) = person.signs_in(Answer::Yes, &["--print"]).await;
    assert_eq!(ending.status.code(), Some(0), "{told}");
    let id_token = &ending.said[0];
    assert_eq!(claims(id_token)["aud"], "hallpass-cli");

    let mut world = idp.world().replicas(0).start().await;
    let audience = format!("issuers.{OIDC_PROVIDER}.audiences=hallpass-cli");
    world.add_hallpass(&["--set", &audience]).await;
    assert_eq!(world.refusal("refused", id_token).await, "token_is_id_token");
    let event = world.event_of("refused").await;
    assert_eq!(event.text("/data/token/subject"), "alice", "its signature held");
    for mut instance in world.hallpass.drain(..) {
        assert!(instance.terminate().await.success());
    }
    let accepting = format!("issuers.{OIDC_PROVIDER}.accept_id_tokens=true");
    world.add_hallpass(&["--set", &audience, "--set", &accepting]).await;
    // All that is judged holds; it says nothing of roles.
    assert_eq!(world.refusal("accepted", id_token).await, "roles_claim_absent");
}

#[tokio::test]
async fn a_denied_sign_in_is_a_no() {
    let idp = OidcProvider::start(&[]).await;
    let person = Person::of(&idp, LOGIN_CLIENT);
    let denied = |flow| person.signs_in(Answer::No, flow);
    for (ending, told) in [denied(&["--flow", "code"]).await, denied(&["--flow", "device"]).await] {
        assert_eq!(ending.status.code(), Some(2), "{told}");
        assert!(told.contains("error: the sign-in was denied"), "{told}");
        assert!(ending.said.is_empty());
    }
    assert!(!person.token_file().exists());
}

#[tokio::test]
async fn a_device_code_that_nobody_enters_expires() {
    let idp = OidcProvider::start(&["--device-ttl", "1"]).await;
    let person = Person::of(&idp, LOGIN_CLIENT);
    let (ending, told) = person.runs(&["--flow", "device"]).await;
    assert_eq!(ending.status.code(), Some(1));
    assert!(told.contains("error: the code has expired before anybody entered it"), "{told}");
}

#[tokio::test]
async fn a_context_that_hallpass_did_not_write_is_left_alone() {
    let idp = OidcProvider::start(&[]).await;
    let person = Person::of(&idp, LOGIN_CLIENT);
    let file = person.context_file("hallpass-corp");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let own = "{\"description\": \"my own\", \"token\": \"mine\"}";
    std::fs::write(&file, own).unwrap();
    let (ending, told) = person.runs(&[]).await;
    assert_eq!(ending.status.code(), Some(1));
    assert!(told.contains("was not written by hallpass and is left alone"), "{told}");
    assert!(!told.contains("sign in"), "nobody signs in in vain: {told}");
    let (ending, told) = person.signs_in(Answer::Yes, &["--no-context"]).await;
    assert_eq!(ending.status.code(), Some(0), "{told}");
    let (ending, told) = person.runs(&["--print"]).await;
    assert_eq!(ending.status.code(), Some(0), "a script did not ask for one: {told}");
    let (ending, _) = person.runs(&["--forget"]).await;
    assert_eq!(ending.status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), own);
    let (ending, told) = person.runs(&["--context", "../x"]).await;
    assert_eq!(ending.status.code(), Some(1));
    assert!(told.contains("`../x` cannot be the name of a context"), "{told}");
}

#[tokio::test]
async fn a_token_that_others_could_read_is_not_used() {
    let idp = OidcProvider::start(&[]).await;
    let person = Person::of(&idp, LOGIN_CLIENT);
    person.signs_in(Answer::Yes, &[]).await;
    let token = person.kept()["token"].as_str().unwrap().to_owned();
    for path in [person.token_file(), person.directory()] {
        let before = std::fs::metadata(&path).unwrap().permissions();
        for mode in [0o740, 0o704, 0o720] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let (ending, told) = person.runs(&["--print"]).await;
            assert_eq!(ending.status.code(), Some(1));
            assert!(told.contains("is open to others than its owner"), "{told}");
            assert!(ending.said.is_empty() && !told.contains(&token));
        }
        std::fs::set_permissions(&path, before).unwrap();
    }
    assert_eq!(person.runs(&["--print"]).await.0.said, [token]);
}

#[tokio::test]
async fn what_keeps_anybody_from_signing_in_is_said() {
    let idp = OidcProvider::start(&[]).await;
    let mut person = Person::of(&idp, LOGIN_CLIENT);
    person.issuer = "crop";
    let (ending, told) = person.runs(&[]).await;
    assert_eq!(ending.status.code(), Some(1));
    assert!(told.contains("issuer `crop` is not configured; did you mean `corp`?"), "{told}");
    person.issuer = "corp";

    let without = std::fs::read_to_string(&person.configuration).unwrap();
    let without = without.split("[issuers.corp.login]").next().unwrap();
    std::fs::write(&person.configuration, without).unwrap();
    let (ending, told) = person.runs(&[]).await;
    assert_eq!(ending.status.code(), Some(3));
    assert!(told.contains("the configuration lacks `[issuers.corp.login]`"), "{told}");

    // An issuer of another name is another issuer, though it is the same place.
    let other = idp.issuer().replace("127.0.0.1", "localhost");
    person.configure(&other, idp.audience(), LOGIN_CLIENT);
    let (ending, told) = person.runs(&[]).await;
    assert_eq!(ending.status.code(), Some(1));
    assert!(told.contains("they must be equal to the letter"), "{told}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let login = format!("{LOGIN_CLIENT}redirect_port = {port}\n");
    person.configure(idp.issuer(), idp.audience(), &login);
    let (ending, told) = person.runs(&[]).await;
    assert_eq!(ending.status.code(), Some(1));
    assert!(told.contains(&format!("port {port} of 127.0.0.1")), "{told}");

    let (issuer, audience) = (idp.issuer().to_owned(), idp.audience().to_owned());
    drop(idp);
    person.configure(&issuer, &audience, LOGIN_CLIENT);
    let (ending, told) = person.runs(&[]).await;
    assert_eq!(ending.status.code(), Some(1));
    assert!(told.contains("error: the IdP cannot be reached: "), "{told}");
}
