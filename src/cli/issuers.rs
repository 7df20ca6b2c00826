//! `hallpass issuers`

mod status;

use clap::Subcommand;

use super::Exit;

#[derive(Debug, Subcommand)]
pub(super) enum Issuers {
    Status(status::Status),
}

impl Issuers {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        match self {
            Self::Status(status) => status.run().await,
        }
    }
}
