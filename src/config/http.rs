//! `[http]` and `[agent]`: where hallpass is asked how it does.

use std::net::SocketAddr;

use crate::document::{Fields, Node, Problem, Problems};

/// Where hallpass is asked over HTTP. Whoever reaches it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpSettings {
    /// The address and port; port 0: any that is free, which the log then names.
    pub listen: SocketAddr,
}

/// Where HAProxy's `agent-check` asks. Whoever reaches it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentSettings {
    /// The address and port; port 0: any that is free, which the log then names.
    pub listen: SocketAddr,
}

/// The section `[http]`.
pub(super) fn http(node: &Node, problems: &mut Problems) -> Option<HttpSettings> {
    Some(HttpSettings { listen: listen(node, "`[http]`", 9464, problems)? })
}

/// The section `[agent]`.
pub(super) fn agent(node: &Node, problems: &mut Problems) -> Option<AgentSettings> {
    Some(AgentSettings { listen: listen(node, "`[agent]`", 9465, problems)? })
}

/// A host name is refused: what it means may change, and with it who reaches what has no
/// authentication.
fn listen(
    node: &Node,
    section: &'static str,
    port: u16,
    problems: &mut Problems,
) -> Option<SocketAddr> {
    let mut fields = Fields::of(node, section, problems);
    let example = format!("`listen = \"127.0.0.1:{port}\"`");
    fields.required("listen", &example, problems);
    let given = fields.string("listen", problems);
    fields.finish(problems);
    let (text, place) = given?;
    let listen = text.parse().ok();
    if listen.is_none() {
        let message = format!("`{text}` is not an IP address with a port");
        let help = format!("write `127.0.0.1:{port}` or `[::1]:{port}`");
        problems.add(Problem::error(place, message, help));
    }
    listen
}
