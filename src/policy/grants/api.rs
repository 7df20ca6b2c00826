//! The subjects of the JetStream API, under the prefix of a domain or of an import.

use super::words;
use crate::document::{Fields, Problem, Problems};

/// Where the JetStream API answers.
pub(super) struct Api {
    prefix: Option<String>,
}

impl Api {
    /// Reads `domain` or `api_prefix`; neither: the account's own API.
    pub(super) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Self {
        let domain = fields.string("domain", problems);
        let given = fields.string("api_prefix", problems);
        if let (Some(_), Some((_, place))) = (domain, given) {
            problems.add(Problem::error(
                place,
                "`domain` and `api_prefix` in one grant",
                "a domain is the prefix `$JS.<domain>.API`; leave one of them out",
            ));
        }
        let prefix = match (domain, given) {
            (Some((text, place)), _) => {
                words::literal_name(text, place, "a JetStream domain", problems)
                    .map(|domain| format!("$JS.{domain}.API"))
            }
            (None, Some((text, place))) => words::prefix(text, place, problems),
            (None, None) => None,
        };
        Self { prefix }
    }

    /// What stands before its calls, where it is not the account's own.
    pub(super) fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// The subject of a call, such as `STREAM.INFO.ORDERS`.
    pub(super) fn call(&self, call: &str) -> String {
        format!("{}.{call}", self.prefix.as_deref().unwrap_or("$JS.API"))
    }

    /// Where a key of a bucket is written: clients put the prefix before `$KV` too.
    pub(super) fn key(&self, bucket: &str, key: &str) -> String {
        match &self.prefix {
            Some(prefix) => format!("{prefix}.$KV.{bucket}.{key}"),
            None => format!("$KV.{bucket}.{key}"),
        }
    }

    /// Creating consumers of a name (`*`: any) that read one of these filters. Only the newer
    /// call has the filter in its subject; and it has one, never several.
    pub(super) fn create_filtered<'a>(
        &self,
        stream: &str,
        name: &str,
        filters: impl IntoIterator<Item = &'a str>,
    ) -> Vec<String> {
        let create = |filter| self.call(&format!("CONSUMER.CREATE.{stream}.{name}.{filter}"));
        filters.into_iter().map(create).collect()
    }

    /// Creating consumers of a name (`*`: any) with any filter, in each of the forms that
    /// clients use.
    pub(super) fn create_any(&self, stream: &str, name: &str) -> Vec<String> {
        let mut calls = vec![
            self.call(&format!("CONSUMER.CREATE.{stream}.{name}")),
            self.call(&format!("CONSUMER.CREATE.{stream}.{name}.>")),
        ];
        if name == "*" {
            // Of before 2.9: the server chooses the name. nats-py's push subscriptions do so.
            calls.push(self.call(&format!("CONSUMER.CREATE.{stream}")));
        }
        calls
    }
}

/// Acknowledging what a consumer delivered. The tokens are counted out: with `>` in their place,
/// the newer form for one consumer would fit the older form of others.
pub(super) fn acks(stream: &str, consumer: &str) -> [String; 2] {
    [
        format!("$JS.ACK.{stream}.{consumer}.*.*.*.*.*"),
        // Behind the feature flag `js_ack_fc_v2`: domain and account first, more tokens may follow.
        format!("$JS.ACK.*.*.{stream}.{consumer}.*.*.*.*.>"),
    ]
}

/// Answering a push consumer's flow control, which stalls without that.
pub(super) fn flow_control(stream: &str, consumer: &str) -> [String; 2] {
    [format!("$JS.FC.{stream}.{consumer}.*"), format!("$JS.FC.*.*.{stream}.{consumer}.*")]
}
