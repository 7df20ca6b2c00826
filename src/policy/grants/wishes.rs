//! Words that people look for under `can`, and what to write in their place: the word that
//! includes it, or why the server cannot tell it apart.

/// Words, and what there is to say of each of them.
pub(super) type Wish = (&'static [&'static str], &'static str);

pub(super) const OF_A_STREAM: &[Wish] = &[
    (
        &["durable", "ephemeral", "consume", "fetch", "pull", "ack"],
        "by subject the server cannot tell a durable consumer from an ephemeral one: `read` is \
         both, with what acknowledges; one consumer that exists is `consumer = \"…\"`",
    ),
    (
        &["ordered", "subscribe", "push"],
        "an ordered consumer is part of `watch`; one that acknowledges is part of `read`",
    ),
    (
        &["purge", "delete", "create", "update", "change", "write"],
        "`create`, `update`, `purge` and `delete` of a stream are part of `manage`; what stores a \
         message is `publish`",
    ),
    (&["info", "status"], "`read` and `manage` include what is known of the stream"),
    (&["list", "names"], "`lookup = true` finds streams by a subject, and shows all their names"),
];

pub(super) const OF_A_CONSUMER: &[Wish] = &[
    (
        &["get", "watch", "publish"],
        "this is about the stream, not about one consumer: write a grant without `consumer`",
    ),
    (
        &["consume", "fetch", "pull", "ack", "next", "info"],
        "`read` includes what fetches, acknowledges and asks for the consumer's state",
    ),
    (
        &["create", "update", "change", "delete", "pause", "reset"],
        "`create`, `delete`, `pause` and `reset` of a consumer are part of `manage`",
    ),
    (
        &["durable", "ephemeral", "ordered"],
        "a grant with `consumer` is about one by its name, durable or not: `read` it, or `manage` \
         it",
    ),
];

pub(super) const OF_A_BUCKET: &[Wish] = &[
    (
        &["put", "create", "update", "purge"],
        "`put`, `create`, `update` and `purge` are messages to the key's subject, which the server \
         cannot tell apart: `write` and `delete` together are all of them",
    ),
    (&["get"], "`get` is part of `read`"),
    (
        &["list", "keys", "history"],
        "`history` and the list of keys are read as a watcher reads: they are part of `watch`",
    ),
    (&["info", "status"], "every grant of a bucket includes its status"),
    (&["manage", "create_bucket"], "a bucket is the stream `KV_…`: grant `manage` of that stream"),
];

pub(super) const OF_AN_OBJECT_STORE: &[Wish] = &[
    (
        &["put", "delete", "overwrite", "create", "update", "purge"],
        "`put`, overwriting and `delete` write the same subjects, and all purge chunks: they are \
         part of `write`, which takes `read`",
    ),
    (
        &["get", "list", "watch", "info", "status"],
        "`get`, `list`, `watch` and the status are part of `read`: the server cannot tell by subject \
         what of the store is read",
    ),
    (&["manage"], "an object store is the stream `OBJ_…`: grant `manage` of that stream"),
];

pub(super) const OF_A_SERVICE: &[Wish] = &[
    (&["request", "publish", "use"], "asking a service is `call`"),
    (
        &["respond", "reply", "answer", "subscribe", "listen"],
        "answering requests is `serve`, in a queue group and with the answers to discovery",
    ),
    (&["ping", "info", "stats", "list"], "`ping`, `info` and `stats` are `discover` together"),
];
