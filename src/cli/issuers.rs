//! `hallpass issuers`

mod show;
mod status;

use clap::Subcommand;

use super::Exit;

#[derive(Debug, Subcommand)]
pub(super) enum Issuers {
    Show(show::Show),
    Status(status::Status),
}

impl Issuers {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        match self {
            Self::Show(show) => show.run(),
            Self::Status(status) => status.run().await,
        }
    }
}
