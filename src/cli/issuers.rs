//! `hallpass issuers`

mod pem;
mod show;
mod status;

use clap::Subcommand;

use super::{Exit, output};
use crate::{config::IssuerSettings, document::did_you_mean};

#[derive(Debug, Subcommand)]
pub(super) enum Issuers {
    Pem(pem::Pem),
    Show(show::Show),
    Status(status::Status),
}

impl Issuers {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        match self {
            Self::Pem(pem) => pem.run().await,
            Self::Show(show) => show.run(),
            Self::Status(status) => status.run().await,
        }
    }
}

/// The issuer of this name. Where there is none, it is told, with the names that there are.
pub(super) fn configured<'a>(
    issuers: &'a [IssuerSettings],
    name: &str,
) -> Result<&'a IssuerSettings, Exit> {
    issuers.iter().find(|known| known.name.as_str() == name).ok_or_else(|| {
        let known: Vec<_> = issuers.iter().map(|known| known.name.as_str()).collect();
        let help = did_you_mean(name, known.iter().copied()).map_or_else(
            || format!("configured: `{}`", known.join("`, `")),
            |near| format!("did you mean `{near}`?"),
        );
        output::error(&format!("issuer `{name}` is not configured; {help}"));
        Exit::CouldNotRun
    })
}
