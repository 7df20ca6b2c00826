//! How the client is connected, as a decision's event tells it.

use core::net::IpAddr;
use std::borrow::Cow;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    audit::privacy::Hiding, callout::request::VerifiedRequest, config::PersonalField,
    connection::Connection, edge::Envelope, idp::token::CertificateHash,
};

/// What the client says of itself is cut to this many characters.
const MAX_CLIENT_TEXT: usize = 128;

#[derive(Serialize)]
pub(super) struct ClientData<'a> {
    server_id: &'a str,
    server_name: &'a str,
    server_version: &'a str,
    cluster: &'a str,
    client_id: u64,
    user_nkey: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Cow<'a, str>>,
    kind: &'a str,
    connection_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    lang: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<TlsData<'a>>,
}

#[derive(Serialize)]
struct TlsData<'a> {
    version: &'a str,
    cipher: &'a str,
    /// SHA-256 of the verified certificate's DER, as hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_sha256: Option<String>,
}

/// What conditions were judged by.
#[derive(Serialize)]
pub(super) struct ConnectionData {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    certificate: bool,
    attested: bool,
}

/// What an edge said, whether or not it was of now and about this token.
#[derive(Serialize)]
pub(super) struct EdgeData<'a> {
    key: &'a str,
    request: &'a str,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cipher: Option<&'a str>,
}

pub(super) fn client<'a>(
    request: &'a VerifiedRequest,
    certificate: Option<&CertificateHash>,
    hiding: &Hiding<'_>,
) -> ClientData<'a> {
    let (server, client, connect) = (request.server(), request.client(), request.connect());
    let cut = |text: &str| -> String { text.chars().take(MAX_CLIENT_TEXT).collect() };
    let hash = certificate.map(|hash| HEXLOWER.encode(hash));
    let hash = hash
        .as_ref()
        .and_then(|hash| hiding.text(PersonalField::Certificate, hash).map(Cow::into_owned));
    ClientData {
        server_id: request.server_id().as_str(),
        server_name: &server.name,
        server_version: &server.version,
        cluster: &server.cluster,
        client_id: client.id,
        user_nkey: request.user_nkey().as_str(),
        host: hiding.text(PersonalField::Address, &client.host),
        kind: &client.kind,
        connection_type: &client.connection_type,
        // Whether it is hidden is asked of the whole of it.
        name: hiding.text(PersonalField::ClientName, &connect.name).map(|name| cut(&name)),
        lang: cut(&connect.lang),
        version: cut(&connect.version),
        tls: request.tls().map(|tls| TlsData {
            version: &tls.version,
            cipher: &tls.cipher,
            certificate_sha256: hash,
        }),
    }
}

pub(super) fn connection(connection: &Connection, hiding: &Hiding<'_>) -> ConnectionData {
    ConnectionData {
        kind: connection.kind.map(|kind| kind.as_str()),
        source: connection.source.and_then(|it| address(it, hiding)),
        certificate: connection.certificate,
        attested: connection.attested,
    }
}

pub(super) fn edge<'a>(envelope: &'a Envelope, hiding: &Hiding<'_>) -> EdgeData<'a> {
    EdgeData {
        key: envelope.key(),
        request: envelope.request(),
        at: envelope.at(),
        source: address(envelope.source(), hiding),
        tls: envelope.tls(),
        cipher: envelope.cipher(),
    }
}

fn address(address: IpAddr, hiding: &Hiding<'_>) -> Option<String> {
    hiding.text(PersonalField::Address, &address.to_string()).map(Cow::into_owned)
}
