//! `[edge]`: the proxies before the servers, and how far their word is taken.

use core::net::IpAddr;
use std::{collections::BTreeMap, str::FromStr as _, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use super::{IssuerSettings, Layers, SecretSource, seeds};
use crate::document::{Fields, Node, Problem, Problems};

/// A shorter key could be found by trying.
const SHORTEST_KEY: usize = 32;
/// The longest name of a key.
const LONGEST_NAME: usize = 32;
/// A proxy that is slow to pass the envelope on, and a client that is slow to send CONNECT.
const MAX_AGE: Duration = Duration::from_secs(30);
/// The drift between two machines that keep time by NTP.
const LEEWAY: Duration = Duration::from_secs(5);

/// The proxies before the servers, and how far their word is taken.
#[derive(Debug, Clone)]
pub struct EdgeSettings {
    /// Their addresses, which are not those of clients.
    pub addresses: Vec<IpNet>,
    /// The keys that they share with hallpass, by name; none: nothing they attest is believed.
    pub keys: BTreeMap<String, EdgeKey>,
    /// How old what they attest may be, by the clocks of both.
    pub max_age: Duration,
    /// How far their clocks may be ahead.
    pub leeway: Duration,
}

/// A key that an edge shares with hallpass.
#[derive(Debug, Clone)]
pub struct EdgeKey {
    /// As it is written: in base64 (RFC 4648, section 4), which is what HAProxy's `hmac` reads.
    pub(super) text: SecretString,
    /// What it is.
    pub bytes: SecretSlice<u8>,
}

impl Default for EdgeSettings {
    fn default() -> Self {
        Self { addresses: Vec::new(), keys: BTreeMap::new(), max_age: MAX_AGE, leeway: LEEWAY }
    }
}

impl EdgeSettings {
    /// Whether an edge may be at an address, as a server tells it. Where none is named, any may.
    #[must_use]
    pub fn may_be_at(&self, host: &str) -> bool {
        let is_named = |address| among(&self.addresses, address);
        self.addresses.is_empty() || host.parse().is_ok_and(is_named)
    }
}

impl EdgeKey {
    /// Reads the text of a key.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: SecretString) -> Result<Self, &'static str> {
        let bytes = STANDARD.decode(text.expose_secret()).map_err(|_| "is not base64")?;
        if bytes.len() < SHORTEST_KEY {
            return Err("has fewer than 32 bytes");
        }
        Ok(Self { text, bytes: bytes.into() })
    }
}

/// The section `[edge]`.
pub(super) fn edge(node: &Node, layers: &Layers, problems: &mut Problems) -> EdgeSettings {
    const SECOND: Duration = Duration::from_secs(1);
    let mut fields = Fields::of(node, "`[edge]`", problems);
    let addresses = networks(&mut fields, problems);
    let max_age = fields.duration("max_age", SECOND..=600 * SECOND, problems);
    let leeway = fields.duration("leeway", Duration::ZERO..=300 * SECOND, problems);
    let mut keys = BTreeMap::new();
    for (name, place, node) in fields.entries("keys", problems) {
        const HELP: &str = "`hallpass init` makes one; `openssl rand -base64 32` does too";
        let is_named = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_named) {
            problems.add(Problem::error(
                place,
                "a key's name is not one that an envelope can carry",
                "write up to 32 letters, digits, `.`, `_` and `-`, such as `2026-11`",
            ));
        }
        let what = "a key in `[edge.keys]`";
        let source = SecretSource::of(node, what, &layers.directory, problems);
        let Some(text) = source.and_then(|source| seeds::get(&source, problems)) else { continue };
        match EdgeKey::read(text) {
            Ok(key) => {
                keys.insert(name.to_owned(), key);
            }
            Err(why) => {
                let message = format!("{what} {why}");
                problems.add(Problem::error(&node.place, message, HELP).conceal());
            }
        }
    }
    fields.finish(problems);
    EdgeSettings {
        addresses,
        keys,
        max_age: max_age.unwrap_or(MAX_AGE),
        leeway: leeway.unwrap_or(LEEWAY),
    }
}

/// An issuer may only ask for an edge where one can attest a connection; and whoever relies on
/// edges has to say where they are, or a client that leaves the edge's word out has its address.
pub(super) fn required(
    layers: &Layers,
    issuers: &[IssuerSettings],
    edge: &EdgeSettings,
    problems: &mut Problems,
) {
    let sections = layers.root.get("issuers");
    for issuer in issuers.iter().filter(|it| it.require_edge) {
        let section = sections.and_then(|it| it.get(issuer.name.as_str()));
        let Some(node) = section.and_then(|it| it.get("require_edge")) else { continue };
        if edge.keys.is_empty() {
            problems.add(Problem::error(
                &node.place,
                format!("`{}` asks for an edge, and there is no key in `[edge.keys]`", issuer.name),
                "add one that the edge has too, or leave `require_edge` out: nobody could log in",
            ));
        } else if edge.addresses.is_empty() {
            problems.add(Problem::warning(
                &node.place,
                format!("`{}` asks for an edge, and `edge.addresses` names none", issuer.name),
                "name the proxies: else whoever comes through one with a token of another issuer, \
                 and leaves out what it attests, has its address",
            ));
        }
    }
}

/// The addresses of proxies, whatever else is wrong with the section.
pub(super) fn addresses(node: &Node) -> Vec<IpNet> {
    let mut told = Problems::default();
    networks(&mut Fields::of(node, "`[edge]`", &mut told), &mut told)
}

fn networks(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for (text, place) in fields.strings("addresses", problems) {
        match network(text) {
            Ok(network) => networks.push(network),
            Err(message) => problems.add(Problem::error(
                place,
                format!("`{text}` {message}"),
                "write `10.0.0.5`, `10.1.0.0/16` or `2001:db8::/32`",
            )),
        }
    }
    networks
}

/// Whether an address is in one of the networks; one of IPv4 in an IPv6 coat is one of IPv4.
pub(crate) fn among(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// An address, or a network in CIDR notation (RFC 4632) without bits beyond its length.
pub(crate) fn network(text: &str) -> Result<IpNet, &'static str> {
    if let Ok(address) = IpAddr::from_str(text) {
        return Ok(address.to_canonical().into());
    }
    let network = IpNet::from_str(text).map_err(|_| "is neither an address nor a network")?;
    if network.trunc() != network {
        return Err("has bits set beyond its length: an address or a network is meant, not both");
    }
    // An IPv4 address in an IPv6 coat would never be met: addresses are compared without it.
    if matches!(network.addr(), IpAddr::V6(address) if address.to_ipv4_mapped().is_some()) {
        return Err("is IPv4 in the form of IPv6; write it as IPv4");
    }
    Ok(network)
}
