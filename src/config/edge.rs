//! `[edge]`: the proxies before the servers.

use core::net::IpAddr;
use std::str::FromStr as _;

use ipnet::IpNet;

use crate::document::{Fields, Node, Problem, Problems};

/// The addresses of proxies: what comes from one of them says nothing of the client's own.
pub(super) fn addresses(node: &Node, problems: &mut Problems) -> Vec<IpNet> {
    let mut fields = Fields::of(node, "`[edge]`", problems);
    let given = fields.strings("addresses", problems);
    fields.finish(problems);
    let mut networks = Vec::new();
    for (text, place) in given {
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
