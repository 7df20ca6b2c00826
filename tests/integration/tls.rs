//! TLS where it belongs: the IdP by https, the server by `tls://`, each believed by a CA file.

use std::{path::Path, sync::Arc};

use hallpass::playground::idp::{AUDIENCE, Idp, IdpOptions};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use crate::support::{Authority, Certified, World};

/// A server's certificate, beside the authority that vouches for it (`ca.pem`).
fn certificates(directory: &Path) -> Certified {
    let authority = Authority::new("root");
    std::fs::write(directory.join("ca.pem"), authority.pem()).unwrap();
    authority.server(directory)
}

/// The documents of an issuer over https: a stand-in for an IdP's web server, which signs tokens
/// with the key of a playground's IdP. Returns its issuer.
async fn https_issuer(certificate: &Certified, keys: &Idp) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("https://{}", listener.local_addr().unwrap());
    let key = PrivateKeyDer::Pkcs8(certificate.key_der.clone().into());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der.clone().into()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let discovery = json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/jwks") }).to_string();
    let jwks = json!({ "keys": [keys.jwk()] }).to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not believe the certificate ends here.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let body = if request[..read].starts_with(b"GET /jwks ") { &jwks } else { &discovery };
            let head = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all((head + body).as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    issuer
}

const MAP: &str =
    "account = \"APP\"\n[roles.r]\nissuers = [\"tls\", \"idp\"]\nsubscribe = [\"a\"]\n";

#[tokio::test]
async fn an_issuer_by_https_is_believed_with_its_ca_file_and_not_without() {
    let mut world = World::builder().replicas(0).start().await;
    let certificate = certificates(world.directory());
    let keys =
        Idp::start(IdpOptions { kid_prefix: "test-".to_owned(), ..IdpOptions::playground() })
            .await
            .unwrap();
    let issuer = https_issuer(&certificate, &keys).await;
    let path = world.directory().join("hallpass.toml");
    let usual = std::fs::read_to_string(&path).unwrap();
    let section = format!(
        "\n[issuers.tls]\nissuer = {issuer:?}\naudiences = [{AUDIENCE:?}]\nroles_claim = \"realm_access.roles\"\n"
    );
    std::fs::write(world.directory().join("subject-maps/orders.toml"), MAP).unwrap();
    let mut claims = keys.claims("x", &["r"]);
    claims["iss"] = issuer.clone().into();
    let token = keys.sign(&claims).unwrap();

    std::fs::write(&path, format!("{usual}{section}")).unwrap();
    world.add_hallpass(&[]).await;
    let line = world.hallpass[0].says("issuer's keys could not be fetched").await;
    assert!(line.to_lowercase().contains("certificate"), "{line}");
    world.log_in("unbelieved", &token).await.unwrap_err();
    assert_eq!(world.event_of("unbelieved").await.outcome(), "undecided");
    world.hallpass.clear();

    std::fs::write(&path, format!("{usual}{section}ca_file = \"ca.pem\"\n")).unwrap();
    world.add_hallpass(&[]).await;
    world.log_in("believed", &token).await.unwrap();
    assert_eq!(world.event_of("believed").await.text("/data/identity/user_name"), "tls:x");
}

#[tokio::test]
async fn hallpass_speaks_tls_with_the_server_and_checks_its_certificate() {
    let files = tempfile::tempdir().unwrap();
    certificates(files.path());
    let tls = |conf: &str| {
        let file = |name: &str| files.path().join(name).display().to_string();
        let (certificate, key) = (file("server.pem"), file("server.key"));
        format!("{conf}\ntls {{ cert_file: {certificate:?}, key_file: {key:?} }}\n")
    };
    let world = World::builder().server_conf(tls).replicas(0).start().await;
    let url = world.nats.url().replace("nats://", "tls://");
    let mut doubting =
        crate::support::Hallpass::start(world.directory(), &["--set", &format!("nats.urls={url}")]);
    let line = doubting.says("NATS is not there yet at").await;
    assert!(line.to_lowercase().contains("certificate"), "{line}");
    assert!(doubting.terminate().await.success());

    let mut world = world;
    let ca = files.path().join("ca.pem");
    let settings = [format!("nats.urls={url}"), format!("nats.ca_file={}", ca.display())];
    world.add_hallpass(&["--set", &settings[0], "--set", &settings[1]]).await;
    let options = async_nats::ConnectOptions::with_token(world.token("x", &["orders:read"]))
        .add_root_certificates(ca)
        .require_tls(true)
        .name("tls");
    hallpass::playground::client::Visitor::connect(&url, options).await.unwrap();
    world.hallpass[0].says("granted").await;
}
