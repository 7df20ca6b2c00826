//! `hallpass serve`

use std::sync::Arc;

use clap::Args;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{ConfigArgs, Exit, asked_to_stop, output};
use crate::service;

/// Answer nats-server's auth callout
///
/// Verifies the IdP token of each login, decides by the subject maps, records the decision on
/// the audit stream and answers the server. Waits for a NATS that is not there yet. On SIGTERM
/// or Ctrl-C it takes no more logins, finishes those in hand and leaves.
///
/// A change of the subject maps is in force a moment later, as a whole; one that is invalid is not,
/// and the log says why. SIGHUP reads them at once. The configuration is read at the start only.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  hallpass serve --config /etc/hallpass/hallpass.toml --log-format json"
)]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigArgs,
}

impl Serve {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        let reload = asked_to_reload();
        let loaded = match self.config.layers().and_then(|layers| service::load(&layers)) {
            Ok((loaded, warnings)) => {
                output::problems(&warnings);
                loaded
            }
            Err(problems) => {
                output::problems(&problems);
                output::error("hallpass does not start with an invalid configuration");
                return Ok(Exit::Invalid);
            }
        };
        let stop = CancellationToken::new();
        let asked = stop.clone();
        tokio::spawn(async move {
            asked_to_stop().await;
            tracing::info!("stopping: no more logins are taken");
            asked.cancel();
        });
        service::run(loaded, false, stop, reload, || ()).await?;
        Ok(Exit::Yes)
    }
}

/// Told at each SIGHUP, which from here on does not end the process.
fn asked_to_reload() -> Arc<Notify> {
    let reload = Arc::new(Notify::new());
    #[cfg(unix)]
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
        Ok(mut signal) => {
            let asked = Arc::clone(&reload);
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    asked.notify_one();
                }
            });
        }
        Err(error) => tracing::warn!(%error, "SIGHUP will end hallpass instead of reloading"),
    }
    reload
}
