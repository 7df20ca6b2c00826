//! Changes of the issuers' keys.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Witness, now};
use crate::{
    audit::event::{KeysEvent, KeysSource},
    config::IssuerSettings,
    idp::IssuerKeys,
};

impl Witness {
    /// Records each change of an issuer's keys until `stop`, the first keys included.
    pub async fn watch_keys(self, keys: Arc<IssuerKeys>, stop: CancellationToken) {
        let mut changes = keys.changes();
        let settings = keys.settings();
        loop {
            let change = tokio::select! {
                () = stop.cancelled() => return,
                change = changes.next() => change,
            };
            let Some(change) = change else { return };
            self.keys(KeysEvent {
                issuer: &settings.name,
                source: source(settings),
                before: change.before.as_deref(),
                now: &change.now,
                at: now(),
            });
        }
    }
}

fn source(settings: &IssuerSettings) -> KeysSource {
    match (&settings.jwks_file, &settings.jwks_uri) {
        (Some(_), _) => KeysSource::File,
        (None, Some(_)) => KeysSource::JwksUri,
        (None, None) => KeysSource::Discovery,
    }
}
