//! `hallpass issuers pem`: the keys of an issuer for programs that fetch none.

use crate::support::{OidcProvider, Person, code, run, text};

#[tokio::test]
async fn all_keys_or_one_are_printed_with_their_names() {
    let idp = OidcProvider::start(&["--alg", "ES256"]).await;
    let told = idp.obeys("rotate").await;
    let ids: Vec<_> =
        told["kids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let person = Person::of(&idp, "client_id = \"x\"\n");
    let pem = async |arguments: &[&str]| {
        let config = ["--config", person.configuration.to_str().unwrap()];
        let output = run(person.home(), &[&["issuers", "pem"], arguments, &config].concat()).await;
        (code(&output), text(&output.stdout), text(&output.stderr))
    };
    let (exit, all, _) = pem(&["corp"]).await;
    assert_eq!((exit, all.matches("-----BEGIN PUBLIC KEY-----\n").count()), (0, 2), "{all}");
    let mut each = String::new();
    for id in &ids {
        let (exit, one, _) = pem(&["corp", "--key", id]).await;
        assert_eq!(exit, 0);
        assert!(one.starts_with(&format!("{id} (ES256)\n-----BEGIN")), "{one}");
        each.push_str(&one);
    }
    assert_eq!(all, each);

    let (exit, none, why) = pem(&["corp", "--key", "other"]).await;
    assert_eq!((exit, none.as_str()), (2, ""));
    assert!(why.contains("issuer `corp` publishes no key `other`"), "{why}");
    let (exit, _, why) = pem(&["crop"]).await;
    assert_eq!(exit, 1);
    assert!(why.contains("issuer `crop` is not configured; did you mean `corp`?"), "{why}");
    idp.kill().await;
    let (exit, none, why) = pem(&["corp"]).await;
    assert_eq!((exit, none.as_str()), (1, ""));
    assert!(why.contains("the keys of issuer `corp`"), "{why}");
}
