//! How a client is connected, as far as a subject map may ask.

use core::net::IpAddr;
use std::{fmt, str::FromStr};

use ipnet::IpNet;

use crate::{config::among, nats_jwt::ClientInfo};

/// What a client speaks, by the names that NATS has for `allowed_connection_types`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConnectionType {
    /// The NATS protocol.
    Standard,
    /// The NATS protocol over WebSocket.
    WebSocket,
    /// MQTT, over WebSocket too.
    Mqtt,
    /// A leaf node, over WebSocket too.
    LeafNode,
}

impl ConnectionType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Standard, Self::WebSocket, Self::Mqtt, Self::LeafNode];

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::WebSocket => "WEBSOCKET",
            Self::Mqtt => "MQTT",
            Self::LeafNode => "LEAFNODE",
        }
    }

    fn of(client: &ClientInfo) -> Option<Self> {
        match (client.kind.as_str(), client.connection_type.as_str()) {
            ("Leafnode", _) => Some(Self::LeafNode),
            ("Client", "nats") => Some(Self::Standard),
            ("Client", "websocket") => Some(Self::WebSocket),
            ("Client", "mqtt") => Some(Self::Mqtt),
            _ => None,
        }
    }
}

impl fmt::Display for ConnectionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ConnectionType {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(found) = Self::ALL.iter().find(|it| it.as_str().eq_ignore_ascii_case(text)) {
            return Ok(*found);
        }
        Err(match text.to_ascii_uppercase().as_str() {
            "MQTT_WS" => "the server does not tell it from `MQTT`",
            "LEAFNODE_WS" => "the server does not tell it from `LEAFNODE`",
            "IN_PROCESS" => "the server does not tell it from `STANDARD`",
            _ => "is no connection type",
        })
    }
}

/// What is true of a connection. What is not known is `None`, and no condition holds on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// What it speaks.
    pub kind: Option<ConnectionType>,
    /// The client's own address; not known where only a proxy's is.
    pub source: Option<IpAddr>,
    /// Whether the client showed a certificate that the server verified.
    pub certificate: bool,
    /// Whether an edge attested that the connection came through it.
    pub attested: bool,
}

impl Connection {
    /// What the server says of a client. An address in `edges` is a proxy's.
    #[must_use]
    pub fn of(client: &ClientInfo, certificate: bool, edges: &[IpNet]) -> Self {
        Self {
            kind: ConnectionType::of(client),
            source: client.host.parse().ok().and_then(|address| client_s_own(address, edges)),
            certificate,
            attested: false,
        }
    }

    /// As an edge attests it: the client's own address is the one that the edge saw, unless that
    /// is a proxy's in turn.
    #[must_use]
    pub fn attested(self, source: IpAddr, edges: &[IpNet]) -> Self {
        Self { source: client_s_own(source, edges), attested: true, ..self }
    }
}

fn client_s_own(address: IpAddr, edges: &[IpNet]) -> Option<IpAddr> {
    (!among(edges, address)).then(|| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str, kind: &str, connection_type: &str) -> Connection {
        let client = ClientInfo {
            host: host.to_owned(),
            kind: kind.to_owned(),
            connection_type: connection_type.to_owned(),
            ..ClientInfo::default()
        };
        Connection::of(&client, false, &["10.0.0.0/8".parse().unwrap()])
    }

    #[test]
    fn an_address_is_known_unless_it_is_a_proxy_s() {
        let source = |host| of(host, "Client", "nats").source.map(|source| source.to_string());
        assert_eq!(source("192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(source("::ffff:192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(source("2001:db8::1").as_deref(), Some("2001:db8::1"));
        for unknown in ["10.1.2.3", "::ffff:10.1.2.3", "", "localhost", "192.0.2.7:4222"] {
            assert_eq!(source(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn types_are_those_of_the_server() {
        let kind = |kind, connection_type| of("", kind, connection_type).kind;
        assert_eq!(kind("Client", "nats"), Some(ConnectionType::Standard));
        assert_eq!(kind("Client", "websocket"), Some(ConnectionType::WebSocket));
        assert_eq!(kind("Client", "mqtt"), Some(ConnectionType::Mqtt));
        assert_eq!(kind("Leafnode", ""), Some(ConnectionType::LeafNode));
        assert_eq!(kind("Router", "nats"), None);
        for name in ConnectionType::ALL {
            assert_eq!(name.as_str().to_lowercase().parse(), Ok(name));
        }
        assert!("MQTT_WS".parse::<ConnectionType>().unwrap_err().contains("`MQTT`"));
    }
}
