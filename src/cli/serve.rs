//! `hallpass serve`

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{ConfigArgs, Exit, asked_to_stop, output};
use crate::service;

/// Answer nats-server's auth callout
///
/// Verifies the IdP token of each login, decides by the subject maps, records the decision on
/// the audit stream and answers the server. Waits for a NATS that is not there yet. On SIGTERM
/// or Ctrl-C it takes no more logins, finishes those in hand and leaves.
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
        service::run(loaded, false, stop, || ()).await?;
        Ok(Exit::Yes)
    }
}
