//! What bounds what, for the people who set bounds.

use crate::config::MapBounds;

/// The key that bounds it.
#[derive(Clone, Copy)]
pub(super) enum Key {
    Accounts,
    Issuers,
    IdpRoles,
    Roles,
    Subjects,
    Streams,
    Buckets,
    ObjectStores,
    Services,
    ApiPrefixes,
    Reads,
    Responses,
    /// None: no bound allows it.
    Never,
}

impl Key {
    /// What the bounds are, and which key to set.
    pub(super) fn help(self, bounds: &MapBounds) -> String {
        fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
            let items: Vec<_> =
                items.into_iter().map(|item| format!("\"{}\"", item.to_string())).collect();
            format!("[{}]", items.join(", "))
        }
        let (key, now) = match self {
            Self::Accounts => ("accounts", list(&bounds.accounts)),
            Self::Issuers => ("issuers", list(bounds.issuers.iter().flatten())),
            Self::IdpRoles => ("idp_roles", list(&bounds.idp_roles)),
            Self::Roles => ("roles", list(bounds.roles.iter().flatten())),
            Self::Services => ("services", list(&bounds.services)),
            Self::ApiPrefixes => ("api_prefixes", list(&bounds.api_prefixes)),
            Self::Reads => ("jetstream_reads", bounds.jetstream_reads.to_string()),
            Self::Subjects => ("subjects", list(&bounds.subjects)),
            Self::Streams => ("streams", list(&bounds.streams)),
            Self::Buckets => ("buckets", list(&bounds.buckets)),
            Self::ObjectStores => ("object_stores", list(&bounds.object_stores)),
            Self::Responses => {
                return format!(
                    "an answer goes wherever the request says; where that may be, set \
                     `allow_responses = true` under `[maps.bounds.{}]` in hallpass.toml",
                    bounds.name
                );
            }
            Self::Never => {
                return "who makes a stream says what it takes in, from other streams too; no \
                        bounds allow it, so put it into a map outside the directory"
                    .to_owned();
            }
        };
        format!("it is `{key} = {now}` under `[maps.bounds.{}]` in hallpass.toml", bounds.name)
    }
}
