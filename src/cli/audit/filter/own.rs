//! Which events are about hallpass's own connections: those alone of which the event proves it.

use std::collections::HashSet;

use crate::audit::reader::Record;

/// Knows them, as it is shown event after event.
#[derive(Debug)]
pub(super) struct Own {
    /// The public nkey of who reads.
    reader: String,
    /// The connections that began and did not end yet: server, number, and when they began.
    open: HashSet<(String, String, String)>,
}

impl Own {
    pub(super) fn of(reader: String) -> Self {
        Self { reader, open: HashSet::new() }
    }

    /// Whether a session is one of hallpass's own. What a client calls itself proves nothing; the
    /// nkey of a start does, which the server verified. An end has none: it is that of a start.
    pub(super) fn is(&mut self, record: &Record) -> bool {
        if record.kind() != "session" {
            return false;
        }
        let pointers = ["/data/client/server_id", "/data/client/client_id", "/data/started_at"];
        let [server, number, began] = pointers.map(|it| record.text(it));
        let connection = (server, number, began);
        if record.outcome() == "ended" {
            return self.open.remove(&connection);
        }
        let is_own = record.json().pointer("/data/own").and_then(serde_json::Value::as_bool)
            == Some(true)
            || record.text("/data/user_name") == self.reader;
        if is_own {
            self.open.insert(connection);
        }
        is_own
    }
}
