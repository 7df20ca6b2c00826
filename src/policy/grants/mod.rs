//! Grants: what people want to do with a stream, a bucket or a service, in the words of those,
//! expanded to the least subjects with which nats-server lets the official clients do it. Pure.
//!
//! A wish that is narrower than what the server can tell apart by subject is refused with that
//! reason, and not granted wider. What a grant gives beside its words is in its notes.
//!
//! The subjects are those of nats-server's `server/jetstream_api.go` and of
//! <https://docs.nats.io/reference/reference-protocols/nats_api_reference>.

mod api;
mod bucket;
mod consumer;
pub(super) mod notes;
mod object_store;
mod service;
mod stream;
mod wishes;
mod words;

use std::fmt;

use crate::document::{Fields, Node, Problem, Problems};

/// What one `[[roles.NAME.grant]]` expands to.
///
/// Subjects are templates as in `publish` and `subscribe`: placeholders `{x}`, and
/// `"subject queue"` for a member of a queue group. A placeholder is a whole token, or stands
/// behind `KV_` or `OBJ_` where a bucket's name is one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expansion {
    /// What may be published.
    pub(crate) publish: Vec<String>,
    /// What may be subscribed to, beside the inbox.
    pub(crate) subscribe: Vec<String>,
    /// Whether requests are answered: a service that serves.
    pub(crate) responses: bool,
    /// Whether answers or messages come to the client's inbox.
    pub(crate) needs_inbox: bool,
    /// What it is about: what a team's directory is bounded by.
    pub(crate) resource: Resource,
    /// The prefix of the JetStream API that it asks, where it is not the account's own: a team is
    /// bounded by that too.
    pub(crate) api_prefix: Option<String>,
    /// The application's own subjects in it, without the queue: a team is bounded by these too.
    pub(crate) subjects: Vec<String>,
    /// What the server cannot tell apart, and where it delivers indirectly; for `explain`.
    pub(crate) notes: Vec<&'static str>,
}

/// What a grant is about. A name may be a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    Stream(String),
    /// A key-value bucket, which is the stream `KV_…`.
    Bucket(String),
    /// An object store, which is the stream `OBJ_…`.
    ObjectStore(String),
    Service(String),
}

impl fmt::Display for Resource {
    /// Such as "stream `ORDERS`".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, name) = match self {
            Self::Stream(name) => ("stream", name),
            Self::Bucket(name) => ("bucket", name),
            Self::ObjectStore(name) => ("object store", name),
            Self::Service(name) => ("service", name),
        };
        write!(f, "{what} `{name}`")
    }
}

impl Expansion {
    fn of(resource: Resource) -> Self {
        Self {
            publish: Vec::new(),
            subscribe: Vec::new(),
            responses: false,
            needs_inbox: true,
            resource,
            api_prefix: None,
            subjects: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// As [`Self::of`], in the JetStream that the grant names.
    fn within(api: &api::Api, resource: Resource) -> Self {
        Self { api_prefix: api.prefix().map(str::to_owned), ..Self::of(resource) }
    }

    fn publishes(&mut self, subjects: impl IntoIterator<Item = String>) {
        for subject in subjects {
            if !self.publish.contains(&subject) {
                self.publish.push(subject);
            }
        }
    }

    fn notes(&mut self, notes: impl IntoIterator<Item = &'static str>) {
        for note in notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }
}

type Reader = fn(&mut Fields<'_>, &mut Problems) -> Option<Expansion>;

/// The key that says what a grant is about, and who reads the rest.
const FORMS: [(&str, Reader); 4] = [
    ("stream", stream::read),
    ("kv", bucket::read),
    ("object_store", object_store::read),
    ("service", service::read),
];

/// Reads a grant; nothing, where it has a problem.
pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<Expansion> {
    let before = problems.len();
    let mut fields = Fields::of(node, "a grant", problems);
    let mut named = FORMS.into_iter().filter(|(key, _)| node.get(key).is_some());
    match (named.next(), named.next()) {
        (Some((_, reader)), None) => {
            let expansion = reader(&mut fields, problems);
            fields.finish(problems);
            expansion.filter(|_| problems.len() == before)
        }
        (Some((one, _)), Some((other, _))) => {
            problems.add(Problem::error(
                &node.place,
                format!("a grant about `{one}` and `{other}`"),
                "write a grant for each",
            ));
            None
        }
        (None, _) => {
            // What is no table has been reported.
            if problems.len() == before {
                problems.add(Problem::error(
                    &node.place,
                    "a grant that does not say what it is about",
                    "name a `stream`, a `kv` bucket, an `object_store` or a `service`",
                ));
            }
            None
        }
    }
}

#[cfg(test)]
mod tests;
