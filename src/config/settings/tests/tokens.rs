use super::*;
use crate::config::{CertificateName, RolesForm};

/// `[issuers.corp]` with these lines more.
fn with(lines: &str) -> Written {
    written().add("issuers.corp", lines)
}

fn issuer(lines: &str) -> IssuerSettings {
    with(lines).settings().issuers[0].clone()
}

#[test]
fn what_tokens_must_be_has_defaults() {
    let issuer = issuer("");
    assert_eq!(issuer.token_types, ["", "at+jwt", "jwt"].map(str::to_owned).into());
    assert_eq!(issuer.max_lifetime, Duration::from_secs(86_400));
    assert_eq!((issuer.max_age, issuer.subject_prefix), (None, None));
    assert!(!issuer.accept_id_tokens && !issuer.certificate_bound);
    assert!(issuer.require.is_empty() && issuer.issuer_aliases.is_empty());
    assert_eq!((issuer.roles.form, issuer.key_use.as_str()), (RolesForm::Auto, "sig"));
}

#[test]
fn what_tokens_must_be_can_be_said() {
    let issuer = issuer(
        "typ = [\"AT+jwt\"]\nmax_lifetime = \"2h\"\nmax_age = \"5m\"\naccept_id_tokens = true\n\
         certificate_bound = true\nsubject_prefix = \"spiffe://prod/\"\nroles_form = \"keys\"\n\
         issuer_aliases = [\"idp.example.com\"]\nkey_use = \"jwt-svid\"",
    );
    assert_eq!(issuer.token_types, ["at+jwt".to_owned()].into());
    assert_eq!(issuer.max_lifetime, Duration::from_secs(7200));
    assert_eq!(issuer.max_age, Some(Duration::from_secs(300)));
    assert_eq!(issuer.subject_prefix.as_deref(), Some("spiffe://prod/"));
    assert!(issuer.accept_id_tokens && issuer.certificate_bound);
    assert_eq!((issuer.roles.form, issuer.key_use.as_str()), (RolesForm::Keys, "jwt-svid"));
    assert!(issuer.is_called("idp.example.com") && issuer.is_called("https://idp.example.com"));
    assert!(!issuer.is_called("https://idp.example.com/"));
}

#[test]
fn what_is_wrong_with_them_is_told() {
    for (lines, message) in [
        ("typ = []", "`typ` is empty: no token could be accepted"),
        ("typ = \"JWT\"", "`typ` is a string, not a list of strings"),
        ("max_lifetime = \"0s\"", "`max_lifetime` is not between 1s and 366d"),
        ("max_age = 60", "`max_age` is a whole number, not a span of time"),
        ("roles_form = \"list\"", "`list` is none of the forms that roles have"),
        ("subject_prefix = \" \"", "` ` is empty"),
        ("issuer_aliases = [\"\"]", "`` is empty"),
        ("require = \"azp\"", "`require` is a string, not a table"),
        ("require.azp = []", "`azp` is required to be nothing that a claim can be"),
        ("require.azp = 1.5", "`azp` is required to be nothing that a claim can be"),
        ("require.azp = [[\"x\"]]", "`azp` is required to be nothing that a claim can be"),
        ("require.\"\" = \"x\"", "a claim path is one or more keys, none of them empty"),
        ("accept_id_tokens = \"yes\"", "`accept_id_tokens` is a string, not `true` or `false`"),
    ] {
        assert_eq!(with(lines).messages(), [message], "{lines}");
    }
}

#[test]
fn required_claims_are_a_table_nested_as_claims_are() {
    let issuer = issuer(
        "require.azp = [\"cli\", \"web\"]\nrequire.email_verified = true\n\
         require.\"kubernetes.io\".namespace = \"shop\"\nrequire.level = 3",
    );
    let found: Vec<_> = issuer
        .require
        .iter()
        .map(|it| (it.claim.to_string(), serde_json::Value::from(it.values.clone()).to_string()))
        .collect();
    let expected = [
        ("azp", r#"["cli","web"]"#),
        ("email_verified", "[true]"),
        ("kubernetes.io.namespace", r#"["shop"]"#),
        ("level", "[3]"),
    ];
    assert_eq!(found, expected.map(|(claim, values)| (claim.to_owned(), values.to_owned())));
    let claims = serde_json::json!({ "kubernetes.io": { "namespace": "shop" } });
    let claims = claims.as_object().unwrap();
    assert!(issuer.require[2].claim.find(claims).is_some(), "a key with a dot is one key");
}

const COGNITO: &str = "[issuers.corp]\npreset = \"cognito\"\n\
                       issuer = \"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_X\"\n";

/// With another `[issuers.corp]`.
fn corp(text: &str) -> Written {
    let mut written = written().without("issuers.corp");
    written.text.push_str(&format!("\n\n{text}"));
    written
}

#[test]
fn a_preset_is_what_the_user_need_not_write() {
    let settings = corp(&format!("{COGNITO}require.client_id = \"abc\"\n")).settings();
    let issuer = &settings.issuers[0];
    let required: Vec<_> = issuer.require.iter().map(|it| it.claim.to_string()).collect();
    assert_eq!(required, ["client_id", "token_use"], "what is written adds to what is known");
    assert!(issuer.audiences.is_empty());
    assert_eq!(issuer.algorithms, [Algorithm::RS256]);
    // What is written wins.
    let text = format!(
        "{COGNITO}require.client_id = \"abc\"\nroles_claim = \"scope\"\nrequire.token_use = \"id\"\n\
         algorithms = [\"ES256\"]\n"
    );
    let issuer = &corp(&text).settings().issuers[0];
    assert_eq!(issuer.roles.path.to_string(), "scope");
    assert_eq!(issuer.algorithms, [Algorithm::ES256]);
    assert_eq!(issuer.require[1].values, ["id"]);
}

#[test]
fn without_an_audience_another_claim_is_pinned() {
    let messages = corp(COGNITO).messages();
    assert_eq!(
        messages,
        ["tokens of Amazon Cognito user pools (access tokens) have no `aud`, and no other claim \
          says whom they are meant for"]
    );
    let pinned = format!("{COGNITO}require.username = \"alice\"\n");
    assert_eq!(corp(&pinned).messages(), messages, "a claim that says something else");
    // Only a preset that says so spares the audience.
    let own = written().cut("audiences").add("issuers.corp", "require.client_id = \"abc\"");
    assert_eq!(own.messages(), ["`[issuers.corp]` lacks `audiences`"]);
    let keycloak = "[issuers.corp]\npreset = \"keycloak\"\nissuer = \"https://a/realms/b\"\n";
    assert_eq!(corp(keycloak).messages(), ["`[issuers.corp]` lacks `audiences`"]);
}

/// Everybody can ask for any audience there.
#[test]
fn where_an_audience_keeps_nobody_out_a_claim_is_pinned() {
    let github = |require: &str| {
        let head = "[issuers.corp]\npreset = \"github-actions\"\naudiences = [\"nats\"]\n";
        corp(&format!("{head}{require}")).messages()
    };
    let message = "tokens of GitHub Actions have any audience that is asked for, and no claim says \
                   whose they are";
    assert_eq!(github(""), [message]);
    assert_eq!(github("require.environment = \"prod\"\n"), [message]);
    assert_eq!(github("require.repository_owner_id = \"*\"\n"), [message], "that is anybody");
    assert_eq!(github("require.repository_owner_id = \"65\"\n"), [""; 0]);
    for (name, rest, pin) in [
        ("gitlab-ci", "issuer = \"https://gitlab.com\"\n", "namespace_id = \"72\""),
        ("google", "", "hd = \"example.com\""),
    ] {
        let head = format!("[issuers.corp]\npreset = \"{name}\"\naudiences = [\"a\"]\n{rest}");
        assert_eq!(corp(&head).messages().len(), 1, "{name}");
        assert_eq!(corp(&format!("{head}require.{pin}\n")).messages(), [""; 0], "{name}");
    }
}

#[test]
fn the_form_of_an_issuer_is_known() {
    let auth0 = |iss: &str| {
        corp(&format!(
            "[issuers.corp]\npreset = \"auth0\"\nissuer = \"{iss}\"\naudiences = [\"nats\"]\n"
        ))
    };
    assert!(auth0("https://x.auth0.com/").messages().is_empty());
    assert_eq!(auth0("https://x.auth0.com").messages(), ["the `issuer` of Auth0 ends with `/`"]);
    let local = |flag: &str| {
        let head = "[issuers.corp]\npreset = \"keycloak\"\naudiences = [\"nats\"]\n";
        let iss = "issuer = \"http://localhost:8080/realms/corp\"\n";
        corp(&format!("{head}{iss}{flag}")).messages()
    };
    assert_eq!(local("allow_http_loopback = true\n"), [""; 0], "a Keycloak on this machine");
    assert_eq!(local(""), ["`issuer` is plain http"]);
    let unknown = corp("[issuers.corp]\npreset = \"auth1\"\nissuer = \"https://x\"\n");
    assert_eq!(unknown.messages(), ["there is no preset `auth1`"]);
    assert!(unknown.problems()[0].ends_with("did you mean `auth0`?"));
    assert_eq!(
        corp("[issuers.corp]\npreset = 1\n").messages(),
        ["`preset` is a whole number, not a string"]
    );
}

#[test]
fn an_alias_is_nobody_elses_issuer() {
    let mut twice = with("issuer_aliases = [\"https://partner.example\"]");
    twice.text += "\n[issuers.partner]\nissuer = \"https://partner.example\"\n\
                   audiences = [\"a\"]\nroles_claim = \"r\"\n";
    assert_eq!(twice.messages(), ["`partner` has the same `issuer` as `corp`"]);
}

#[test]
fn certificates_are_an_issuer() {
    let written = written();
    let certificate = rcgen::generate_simple_self_signed(Vec::new()).unwrap().cert.pem();
    std::fs::write(written.directory.path().join("mesh.pem"), certificate).unwrap();
    let mesh = |lines: &str| {
        let text = format!("\n[issuers.mesh.certificate]\n{lines}\n");
        let fresh = super::written();
        let from = written.directory.path().join("mesh.pem");
        std::fs::copy(from, fresh.directory.path().join("mesh.pem")).unwrap();
        Written { text: format!("{}{text}", fresh.text), ..fresh }
    };
    let good = "authorities = \"mesh.pem\"\nidentity = \"san_uri\"";
    let settings = mesh(good).settings();
    let found = &settings.certificate_issuers[0];
    assert_eq!((found.name.as_str(), found.authorities.len()), ("mesh", 1));
    assert_eq!(found.identity, CertificateName::SanUri);
    assert_eq!(
        (found.roles.path.to_string().as_str(), found.roles.form),
        ("sub", RolesForm::Value)
    );
    assert_eq!(settings.issuers.len(), 1);
    assert_eq!(
        mesh("identity = \"cn\"").messages(),
        ["`certificate` lacks `authorities`", "`cn` is no name of a certificate"]
    );
    let torn = mesh("authorities = \"none.pem\"\nidentity = \"subject\"").messages();
    assert_eq!(torn.len(), 1);
    assert!(
        torn[0].starts_with("the certificates in `") && torn[0].contains("none.pem"),
        "{torn:?}"
    );
    // It is an issuer of certificates or of tokens, not both.
    let mut both = mesh(good);
    both.text += "\n[issuers.mesh]\nissuer = \"https://mesh.example\"\n";
    assert_eq!(both.messages(), ["unknown key `issuer` in `[issuers.mesh]`"]);
}
