use super::*;

#[test]
fn everything_has_its_value_or_its_default() {
    let written = written();
    let settings = written.settings();
    assert_eq!(settings.nats.urls, ["nats://localhost:4222"]);
    assert_eq!(settings.callout.account.as_str(), "AUTH");
    assert_eq!(settings.callout.queue, "hallpass");
    assert_eq!(settings.callout.deadline, Duration::from_millis(1500));
    assert_eq!(settings.callout.max_in_flight, 2048);
    assert!(settings.callout.xkey.is_some() && settings.callout.servers.is_none());
    assert!(settings.callout.issuer.public_key().starts_with('A'));
    let accounts: Vec<_> = settings.accounts.iter().map(AccountName::as_str).collect();
    assert_eq!(accounts, ["APP", "WEB"]);
    assert_eq!(settings.maps, written.directory.path().join("maps"));
    assert_eq!(settings.audit.stream, "HALLPASS_AUDIT");
    assert_eq!((settings.audit.max_age.as_secs(), settings.audit.replicas), (31_536_000, 1));
    let [issuer] = &settings.issuers[..] else { panic!() };
    assert_eq!(issuer.name.as_str(), "corp");
    assert_eq!(issuer.algorithms, IssuerSettings::DEFAULT_ALGORITHMS);
    assert_eq!((issuer.leeway.as_secs(), issuer.refresh.as_secs()), (30, 600));
    assert!(!issuer.allow_http_loopback);
    assert_eq!(issuer.roles.path.to_string(), "realm_access.roles");
}

/// What `init` writes is what `serve` reads.
#[test]
fn what_init_writes_is_good() {
    let issuer = setup::IssuerText {
        name: "corp".to_owned(),
        issuer: "http://127.0.0.1:9000".to_owned(),
        audience: "nats".to_owned(),
        roles_claim: "roles".to_owned(),
        allow_http_loopback: true,
    };
    let mut written = written();
    let (keys, _) = setup::keys(written.directory.path()).unwrap();
    written.text = setup::configuration_text("nats://127.0.0.1:4222", &keys, &[issuer]);
    assert!(written.settings().issuers[0].allow_http_loopback);
    written.text = setup::configuration_text("nats://127.0.0.1:4222", &keys, &[]);
    assert_eq!(written.messages(), ["no issuer is configured: nobody could log in"]);
    assert!(written.reader().is_ok());
}

#[test]
fn without_sealing_and_with_everything_said() {
    assert!(written().cut("xkey_seed").settings().callout.xkey.is_none());
    let server = nkeys::KeyPair::new_server().public_key();
    let written = written();
    let key = rcgen::generate_simple_self_signed(["idp.example.com".to_owned()]).unwrap();
    std::fs::write(written.path("ca.pem"), key.cert.pem()).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = elsewhere.path().join("ca.pem");
    std::fs::write(&elsewhere, format!("a comment\n{0}{0}", key.cert.pem())).unwrap();
    let elsewhere = elsewhere.display().to_string();
    let settings = written
            .add("callout", &format!("servers = [\"{server}\"]\nqueue = \"q\"\ndeadline = \"100ms\"\nmax_in_flight = 1"))
            .add("audit", "max_age = \"1h\"\nreplicas = 5")
            .add("nats", "ca_file = \"ca.pem\"")
            .add("issuers.corp", &format!("jwks_uri = \"https://keys.example.com\"\nalgorithms = [\"ES256\", \"EdDSA\"]\nleeway = \"0s\"\nrefresh = \"10s\"\nca_file = {elsewhere:?}"))
            .settings();
    assert_eq!(settings.callout.servers.unwrap().first().unwrap().as_str(), server);
    assert_eq!(settings.callout.deadline.as_millis(), 100);
    assert_eq!(settings.issuers[0].algorithms, [Algorithm::ES256, Algorithm::EdDSA]);
    assert_eq!(settings.issuers[0].leeway, Duration::ZERO);
    assert_eq!(settings.issuers[0].ca_file.as_deref(), Some(Path::new(&elsewhere)));
    assert!(settings.nats.ca_file.unwrap().ends_with("ca.pem"));
}

#[test]
fn the_environment_and_flags_say_lists_numbers_and_truth_as_text() {
    let settings = written()
        .environment("HALLPASS__NATS__URLS", "nats://a:1, tls://b:2")
        .environment("HALLPASS__CALLOUT__MAX_IN_FLIGHT", "7")
        .environment("HALLPASS__ISSUERS__CORP__ALLOW_HTTP_LOOPBACK", "true")
        .flag("issuers.corp.issuer", "http://localhost:9000")
        .flag("accounts.targets", "APP,X")
        .settings();
    assert_eq!(settings.nats.urls, ["nats://a:1", "tls://b:2"]);
    assert_eq!(settings.callout.max_in_flight, 7);
    assert_eq!(settings.issuers[0].issuer, "http://localhost:9000");
    assert_eq!(settings.accounts.len(), 2);
    let bad =
        written().environment("HALLPASS__CALLOUT__MAX_IN_FLIGHT", "0").flag("callout.queu", "x");
    assert_eq!(
        bad.problems(),
        [
            "--set callout.queu: unknown key `queu` in `[callout]` | did you mean `queue`?",
            "environment variable HALLPASS__CALLOUT__MAX_IN_FLIGHT: `max_in_flight` is not a \
                 whole number from 1 to 100000 | write such a number, without quotes",
        ]
    );
}
