//! What nats-server cannot tell apart, in the words that `explain` shows. Each of these is held
//! against a real server by a test of the same name in `tests/integration/grants`.

/// Of everything that is asked of JetStream.
pub(in crate::policy) const REPLIES: &str = "indirect delivery: JetStream sends answers and messages to whatever reply subject the asker \
     names, without looking at permissions, so what is read can be made to arrive on any subject \
     of the account, as a message, in a stream or in a bucket";

/// Of direct get.
pub(in crate::policy) const DIRECT_GET: &str = "a direct get sends the stored message itself, and with a reply subject of the JetStream API \
     the server executes it as a request of the account: whoever has it can purge and delete any \
     stream of the account, and with a message of his own making create one; an account of its \
     own, imported by `api_prefix`, bounds that";

/// Of whoever creates consumers.
pub(in crate::policy) const DELIVER: &str = "indirect delivery: whoever creates or changes a consumer chooses its deliver subject, which \
     the server does not check: what it reads can be sent to any subject of the account that \
     somebody listens to";

/// Of names that the client chooses.
pub(in crate::policy) const ANY_CONSUMER: &str = "an ephemeral consumer has a name of the client's choice, so the server cannot tell it from a \
     durable of somebody else: every consumer of the stream can be read from, acknowledged and \
     changed; a grant with `consumer` is about one";

/// Of watching: consumers are created, and not fetched from.
pub(in crate::policy) const CHANGED_CONSUMER: &str = "creating a consumer and changing one are the same call, and the name is the client's choice: \
     consumers of others on the stream can be given another filter within this grant, another \
     deliver subject, or be ended by that";

/// Of acknowledging.
pub(in crate::policy) const CONSUMES: &str = "an acknowledgement is by consumer, not by reader; where the stream is a work queue or keeps \
     by interest, it removes the message";

/// Of creating one consumer without a bound on its filter.
pub(in crate::policy) const ANY_FILTER: &str = "a consumer can be created with several filters, and with none, which no subject shows: it \
     reads all of the stream; `subjects` bounds it to one filter each";

/// Of one consumer whose creation is bounded.
pub(in crate::policy) const FOREIGN_FILTER: &str = "the bound is on creating and changing: a consumer of this name that somebody else made is \
     read with the filter it has";

/// Of `STREAM.INFO`.
pub(in crate::policy) const INFO: &str = "`STREAM.INFO` shows the configuration, and on request the names of all subjects (of a bucket: \
     all keys) with their number of messages";

/// Of publishing what a stream stores.
pub(in crate::policy) const HEADERS: &str = "headers are not seen by permissions: where the stream allows it, one of them replaces what is \
     stored under the subject or in all of the stream (`Nats-Rollup`), makes the server write to \
     another subject of the stream or copy from one (`Nats-Schedule-Target`, `-Source`), lets the \
     message expire (`Nats-TTL`) or commits a batch";

/// Of publishing at all.
pub(in crate::policy) const PUBLISH: &str = "a publish is to a subject, not to a stream: every stream and every subscriber that listens \
     there gets it, and whether a stream does is not part of the grant";

/// Of `manage` for a stream.
pub(in crate::policy) const MANAGE: &str = "whoever configures a stream chooses what it stores and where it sends it: with `subjects`, \
     `sources`, `mirror` and `republish` it reads and writes every subject and every stream of \
     the account, so this is to be held by those who may do everything there";

/// Of `manage` for one consumer.
pub(in crate::policy) const MANAGE_CONSUMER: &str = "creating, changing, pausing, resetting and deleting the consumer go together, and who creates \
     it decides whether it is durable or ephemeral, pull or push";

/// Of writing to a bucket.
pub(in crate::policy) const KEY_DELETE: &str = "writing, deleting and purging a key are the same publish to the key's subject; only a header \
     tells them apart, which permissions do not see";

/// Of writing to some keys of a bucket.
pub(in crate::policy) const ROLLUP: &str = "buckets allow rollups: a write to one key with the header `Nats-Rollup: all` removes every \
     key of the bucket, those outside `keys` too";

/// Of an object store's reader.
pub(in crate::policy) const OBJECTS: &str = "an object's chunks lie under an id of its own and its name stands in the metadata only, so the \
     server cannot tell one object from another: all of the store is read";

/// Of an object store's writer.
pub(in crate::policy) const OBJECT_WRITE: &str = "putting, overwriting, renaming and deleting an object are the same publishes, and what a \
     purge removes stands in its body: whoever writes can empty the store";

/// Of finding a stream by a subject.
pub(in crate::policy) const LOOKUP: &str =
    "`STREAM.NAMES` shows the names of all streams of the account";

/// Of calling a service.
pub(in crate::policy) const CALL: &str = "a call is a publish, to every subscriber of the subject, and the answer goes to whatever reply \
     subject the caller names: the service can be made to write anywhere it may";

/// Of serving.
pub(in crate::policy) const SERVE: &str = "whoever serves sees the requests of the subjects it shares with other instances, and those for \
     discovery; an instance that does not answer to the rules takes its part of the requests";
