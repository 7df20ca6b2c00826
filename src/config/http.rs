//! `[http]`: where hallpass is asked over HTTP.

use std::net::SocketAddr;

use crate::document::{Fields, Node, Problem, Problems};

/// Where hallpass is asked over HTTP. Whoever reaches it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpSettings {
    /// The address and port; port 0: any that is free, which the log then names.
    pub listen: SocketAddr,
}

/// The section `[http]`. A host name is refused: what it means may change, and with it who reaches
/// what has no authentication.
pub(super) fn http(node: &Node, problems: &mut Problems) -> Option<HttpSettings> {
    const HELP: &str = "write `127.0.0.1:9464` or `[::1]:9464`";
    let mut fields = Fields::of(node, "`[http]`", problems);
    fields.required("listen", "`listen = \"127.0.0.1:9464\"`", problems);
    let given = fields.string("listen", problems);
    fields.finish(problems);
    let (text, place) = given?;
    let listen = text.parse().ok();
    if listen.is_none() {
        let message = format!("`{text}` is not an IP address with a port");
        problems.add(Problem::error(place, message, HELP));
    }
    Some(HttpSettings { listen: listen? })
}
