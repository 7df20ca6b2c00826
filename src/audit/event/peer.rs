//! The connection that a server tells of, under the names that decisions have for it: what is
//! the same here and there has the same JSON pointer.

use std::borrow::Cow;

use serde::Serialize;

use crate::callout::advisory::Advisory;

/// What others chose is cut to this many characters.
pub(super) const LONGEST: usize = 128;

/// A connection.
#[derive(Serialize)]
pub(super) struct PeerData<'a> {
    server_id: Cow<'a, str>,
    server_name: Cow<'a, str>,
    cluster: Cow<'a, str>,
    client_id: u64,
    host: Cow<'a, str>,
    kind: Cow<'a, str>,
    connection_type: Cow<'a, str>,
    name: Cow<'a, str>,
    lang: Cow<'a, str>,
    version: Cow<'a, str>,
}

impl<'a> From<&'a Advisory> for PeerData<'a> {
    fn from(advisory: &'a Advisory) -> Self {
        let (server, client) = (&advisory.server, &advisory.client);
        Self {
            server_id: cut(&server.id, LONGEST),
            server_name: cut(&server.name, LONGEST),
            cluster: cut(&server.cluster, LONGEST),
            client_id: client.id,
            host: cut(&client.host, LONGEST),
            kind: cut(&client.kind, LONGEST),
            connection_type: cut(&client.connection_type, LONGEST),
            name: cut(&client.name, LONGEST),
            lang: cut(&client.lang, LONGEST),
            version: cut(&client.version, LONGEST),
        }
    }
}

/// The CloudEvents attribute `subject` of an event about a connection: the server's id and the
/// client's number there, which together tell connections apart.
pub(super) fn subject(advisory: &Advisory) -> String {
    format!("{}/{}", cut(&advisory.server.id, LONGEST), advisory.client.id)
}

/// At most so many characters of a text.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => text.into(),
        Some((end, _)) => text.get(..end).unwrap_or_default().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("éà", 2), "éà");
        assert_eq!(cut("éàü", 2), "éà");
        assert_eq!(cut("", 0), "");
    }
}
