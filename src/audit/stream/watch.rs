//! What becomes of the stream while hallpass runs: told, and never mended.

use std::time::Duration;

use async_nats::jetstream::{
    self, ErrorCode,
    context::GetStreamErrorKind,
    stream::{Config, Info},
};
use tokio::sync::Notify;

use super::differences;
use crate::config::AuditSettings;

/// How often it is looked at, while nothing seems wrong.
const EVERY: Duration = Duration::from_secs(60);
/// The shortest pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    is_there: bool,
    /// When it was made.
    created: i128,
    differences: Vec<String>,
}

impl Known {
    fn of(found: &Info, wanted: &Config) -> Self {
        Self {
            is_there: true,
            created: found.created.unix_timestamp_nanos(),
            differences: differences(wanted, &found.config),
        }
    }

    /// It is not there any more.
    fn gone(&self) -> Self {
        Self { is_there: false, ..self.clone() }
    }

    /// What is worth telling of a change: what is worse, and what is better.
    fn news(&self, now: &Self) -> (Vec<String>, Vec<String>) {
        let (mut worse, mut better) = (Vec::new(), Vec::new());
        if self.is_there && !now.is_there {
            worse.push(
                "the audit stream is gone: events wait until there is one again. hallpass makes one \
                 at its start only: restart it, or make the stream with the `nats` CLI"
                    .to_owned(),
            );
        }
        if !now.is_there {
            return (worse, better);
        }
        if self.created != now.created {
            worse.push(
                "the audit stream was deleted and made anew: what it had is there no more"
                    .to_owned(),
            );
        } else if !self.is_there {
            better.push("the audit stream is there again".to_owned());
        }
        for difference in now.differences.iter().filter(|it| !self.differences.contains(it)) {
            worse.push(format!(
                "the audit stream was changed, and is not what the configuration says: {difference}"
            ));
        }
        if !self.differences.is_empty() && now.differences.is_empty() {
            better.push("the audit stream is what the configuration says again".to_owned());
        }
        (worse, better)
    }
}

/// Looks at the stream now and then, and when there is trouble with it, and tells each change once.
pub(in crate::audit) async fn watch(
    context: &jetstream::Context,
    settings: &AuditSettings,
    first: Info,
    trouble: &Notify,
) {
    let wanted = super::config(settings);
    let mut known = Known::of(&first, &wanted);
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = trouble.notified() => {}
        }
        let now = match context.get_stream(&settings.stream).await {
            Ok(found) => Known::of(found.cached_info(), &wanted),
            Err(error) if is_not_there(&error.kind()) => known.gone(),
            // Nobody says anything: the deliveries tell of that.
            Err(_) => known.clone(),
        };
        let (worse, better) = known.news(&now);
        for told in worse {
            tracing::error!(stream = settings.stream, "{told}");
        }
        for told in better {
            tracing::info!(stream = settings.stream, "{told}");
        }
        known = now;
        tokio::time::sleep(PAUSE).await;
    }
}

fn is_not_there(error: &GetStreamErrorKind) -> bool {
    matches!(error, GetStreamErrorKind::JetStream(said)
        if said.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(created: i128, differences: &[&str]) -> Known {
        let differences = differences.iter().map(|&it| it.to_owned()).collect();
        Known { is_there: true, created, differences }
    }

    #[test]
    fn each_change_is_told_and_nothing_else() {
        let usual = known(1, &[]);
        let nothing = (Vec::new(), Vec::new());
        assert_eq!(usual.news(&usual), nothing);
        let (worse, better) = usual.news(&usual.gone());
        assert!(worse[0].starts_with("the audit stream is gone: events wait"), "{worse:?}");
        assert!(worse.len() == 1 && better.is_empty());
        assert_eq!(usual.gone().news(&usual.gone()), nothing, "once");
        let (worse, better) = usual.gone().news(&usual);
        assert!(worse.is_empty() && better == ["the audit stream is there again"]);
        for before in [usual.clone(), usual.gone()] {
            let (worse, better) = before.news(&known(2, &[]));
            assert!(worse[0].starts_with("the audit stream was deleted and made anew"));
            assert!(worse.len() == 1 && better.is_empty());
        }
        let changed = known(1, &["`a` is 1, not 2"]);
        let (worse, _) = usual.news(&changed);
        assert!(worse.len() == 1 && worse[0].ends_with("says: `a` is 1, not 2"), "{worse:?}");
        let more = known(1, &["`a` is 1, not 2", "`b` is 1, not 2"]);
        let (worse, _) = changed.news(&more);
        assert!(worse.len() == 1 && worse[0].ends_with("`b` is 1, not 2"), "{worse:?}");
        assert_eq!(more.news(&changed), nothing, "it is not right yet");
        let (worse, better) = more.news(&usual);
        assert!(
            worse.is_empty() && better == ["the audit stream is what the configuration says again"]
        );
    }
}
