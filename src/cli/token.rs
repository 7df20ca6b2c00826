//! `hallpass token`

mod verify;

use clap::Subcommand;

use super::Exit;

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    Verify(verify::Verify),
}

impl Token {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        match self {
            Self::Verify(verify) => verify.run().await,
        }
    }
}
