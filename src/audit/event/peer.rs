//! The connection that a server tells of, under the names that decisions have for it: what is
//! the same here and there has the same JSON pointer.

use std::borrow::Cow;

use serde::Serialize;

use crate::{audit::privacy::Hiding, callout::advisory::Advisory, config::PersonalField};

/// What others chose is cut to this many characters.
pub(super) const LONGEST: usize = 128;

/// A connection.
#[derive(Serialize)]
pub(super) struct PeerData<'a> {
    server_id: Cow<'a, str>,
    server_name: Cow<'a, str>,
    cluster: Cow<'a, str>,
    client_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Cow<'a, str>>,
    kind: Cow<'a, str>,
    connection_type: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    lang: Cow<'a, str>,
    version: Cow<'a, str>,
}

impl<'a> PeerData<'a> {
    /// Who it is stands elsewhere; what of that is hidden is hidden here too.
    pub(super) fn of(advisory: &'a Advisory, hiding: &Hiding<'_>) -> Self {
        let (server, client) = (&advisory.server, &advisory.client);
        // Whether it is hidden is asked of the whole of it.
        let text = |field, text: &'a str| match hiding.text(field, text)? {
            Cow::Borrowed(text) => Some(cut(text, LONGEST)),
            Cow::Owned(text) => Some(Cow::Owned(cut(&text, LONGEST).into_owned())),
        };
        Self {
            server_id: cut(&server.id, LONGEST),
            server_name: cut(&server.name, LONGEST),
            cluster: cut(&server.cluster, LONGEST),
            client_id: client.id,
            host: text(PersonalField::Address, &client.host),
            kind: cut(&client.kind, LONGEST),
            connection_type: cut(&client.connection_type, LONGEST),
            name: text(PersonalField::ClientName, &client.name),
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
