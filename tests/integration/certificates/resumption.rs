//! TLS sessions that are taken up again: the certificate is not shown a second time.

use std::sync::Arc;

use rustls::{
    ClientConfig, HandshakeKind, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::*;
use crate::support::{host_and_port, soon};

/// A client that keeps its TLS sessions.
fn keeping(scene: &Scene, certified: &Certified) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(scene.ca()).unwrap()).unwrap();
    let chain = CertificateDer::pem_file_iter(&certified.certificate).unwrap();
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(&certified.key).unwrap();
    let builder = ClientConfig::builder().with_root_certificates(roots);
    Arc::new(builder.with_client_auth_cert(chain, key).unwrap())
}

/// Logs in, in bytes: what the server says to it, and how TLS came about.
async fn log_in(
    scene: &Scene,
    config: &Arc<ClientConfig>,
    name: &str,
) -> (String, Option<HandshakeKind>) {
    let address = host_and_port(scene.world.nats.url());
    let mut plain = BufReader::new(TcpStream::connect(address).await.unwrap());
    let mut info = String::new();
    soon("INFO", plain.read_line(&mut info)).await.unwrap();
    let host = ServerName::try_from("127.0.0.1").unwrap();
    let connector = TlsConnector::from(Arc::clone(config));
    let connecting = connector.connect(host, plain.into_inner());
    let mut tls = BufReader::new(soon("TLS", connecting).await.unwrap());
    let connect = json!({ "verbose": false, "pedantic": false, "name": name, "lang": "wire",
        "version": "1", "protocol": 0 });
    tls.write_all(format!("CONNECT {connect}\r\nPING\r\n").as_bytes()).await.unwrap();
    loop {
        let mut line = String::new();
        soon("an answer", tls.read_line(&mut line)).await.unwrap();
        if !line.starts_with("INFO ") {
            return (line.trim().to_owned(), tls.get_ref().get_ref().1.handshake_kind());
        }
    }
}

#[tokio::test]
async fn a_session_that_is_taken_up_again_is_the_same_somebody() {
    let scene = Scene::start(true).await;
    let own = scene.workload("own", CLERK);
    let other = scene.other.workload(scene.files.path(), "other", CLERK);
    let (config, foreign) = (keeping(&scene, &own), keeping(&scene, &other));
    for (name, is_resumed) in [("first", false), ("second", true)] {
        let (said, kind) = log_in(&scene, &config, name).await;
        assert_eq!((said.as_str(), kind == Some(HandshakeKind::Resumed)), ("PONG", is_resumed));
        let event = scene.world.event_of(name).await;
        assert_eq!(event.text("/data/identity/user_name"), format!("mesh:{CLERK}"));
        assert_eq!(event.text("/data/client/tls/certificate_sha256"), own.sha256());
        let (said, _) = log_in(&scene, &foreign, &format!("{name}-foreign")).await;
        assert_eq!(said, "-ERR 'Authorization Violation'");
        let event = scene.world.event_of(&format!("{name}-foreign")).await;
        assert_eq!(event.text("/data/code"), "certificate_issuer_unknown");
    }
}
