//! `hallpass maps`

mod status;

use clap::Subcommand;

use super::Exit;

#[derive(Debug, Subcommand)]
pub(super) enum Maps {
    Status(status::Status),
}

impl Maps {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        match self {
            Self::Status(status) => status.run().await,
        }
    }
}
