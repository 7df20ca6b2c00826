use super::*;

/// With `[issuers.corp.login]` of these lines.
fn login(lines: &str) -> Written {
    let mut written = written();
    if lines.contains("id_token") {
        written = written.add("issuers.corp", "accept_id_tokens = true");
    }
    written.text.push_str(&format!("\n[issuers.corp.login]\n{lines}\n"));
    written
}

fn read(lines: &str) -> LoginSettings {
    login(lines).settings().issuers[0].login.clone().unwrap()
}

#[test]
fn a_client_id_is_enough_and_everything_can_be_said() {
    assert!(written().settings().issuers[0].login.is_none());
    let usual = read("client_id = \"hallpass-cli\"");
    assert_eq!(usual.client_id, "hallpass-cli");
    assert_eq!(usual.scopes, ["openid", "offline_access"]);
    assert_eq!((usual.flow, usual.shown), (LoginFlow::Code, ShownToken::AccessToken));
    assert_eq!((usual.prompt, usual.audience, usual.resource), (None, None, None));
    assert_eq!(usual.redirect_port, 0);
    let said = read(
        "client_id = \"c\"\nscopes = [\"openid\", \"nats\"]\nflow = \"device\"\nuse = \"id_token\"\n\
         prompt = \"consent\"\naudience = \"nats\"\nresource = \"urn:nats\"\nredirect_port = 8765",
    );
    assert_eq!(said.scopes, ["openid", "nats"]);
    assert_eq!((said.flow, said.shown), (LoginFlow::Device, ShownToken::IdToken));
    assert_eq!(said.prompt.as_deref(), Some("consent"));
    assert_eq!(said.audience.as_deref(), Some("nats"));
    assert_eq!(said.resource.as_deref(), Some("urn:nats"));
    assert_eq!(said.redirect_port, 8765);
    assert!(read("client_id = \"c\"\nscopes = []").scopes.is_empty());
}

#[test]
fn what_is_wrong_is_told_at_its_place() {
    for (lines, message) in [
        ("", "`login` of the issuer lacks `client_id`"),
        ("client_id = \"\"", "`client_id` is empty or has control characters"),
        ("client_id = \"c\"\nscopes = [\"a b\"]", "`a b` is no scope"),
        ("client_id = \"c\"\nscopes = [\"\"]", "`` is no scope"),
        ("client_id = \"c\"\nflow = \"pkce\"", "`flow` is not `code` or `device`"),
        ("client_id = \"c\"\nuse = \"token\"", "`use` is not `access_token` or `id_token`"),
        (
            "client_id = \"c\"\nscopes = []\nuse = \"id_token\"",
            "`use` is `id_token`, but `scopes` has no `openid`: there would be none",
        ),
        (
            "client_id = \"c\"\nresource = \"nats\"",
            "`resource` is not an absolute URI without a fragment",
        ),
        (
            "client_id = \"c\"\nresource = \"https://nats/#x\"",
            "`resource` is not an absolute URI without a fragment",
        ),
        (
            "client_id = \"c\"\nredirect_port = 65536",
            "`redirect_port` is not a whole number from 0 to 65535",
        ),
        (
            "client_id = \"c\"\nclient_secret = \"x\"",
            "unknown key `client_secret` in `login` of the issuer",
        ),
    ] {
        assert_eq!(login(lines).messages(), [message], "{lines}");
    }
}

/// Who signs in has the issuers and the address, and no key.
#[test]
fn signing_in_needs_no_secret() {
    let written =
        login("client_id = \"c\"").without("callout").without("audit").without("accounts");
    let written = written.cut("service_seed");
    let issuers = IssuerSettings::read_all(&written.layers()).unwrap();
    assert_eq!(issuers[0].login.as_ref().unwrap().client_id, "c");
    assert_eq!(NatsAddress::read(&written.layers()).unwrap().urls, ["nats://localhost:4222"]);
    let written = written.without("nats");
    assert!(IssuerSettings::read_all(&written.layers()).is_ok());
    let problems = NatsAddress::read(&written.layers()).unwrap_err();
    assert_eq!(
        written.lines(&problems),
        ["1: the configuration lacks `nats` | add a section `[nats]`"]
    );
}

#[test]
fn a_sign_in_for_tokens_that_let_nobody_in_is_an_error() {
    let mut written = written();
    written.text.push_str("\n[issuers.corp.login]\nclient_id = \"c\"\nuse = \"id_token\"\n");
    assert_eq!(
        written.messages(),
        ["`login` shows NATS the ID token, and ID tokens let nobody in"]
    );
}
