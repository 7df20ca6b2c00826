//! `hallpass issuers pem`

use anyhow::Context as _;
use clap::Args;

use super::super::{ConfigArgs, Exit, output};
use crate::{
    config::IssuerSettings,
    idp::{self, VerificationKey},
    printable,
};

/// Print the public keys of an issuer as PEM
///
/// Fetches the keys that the issuer publishes, as `serve` does, and prints those that signatures
/// are verified with: for proxies such as HAProxy, which verify signatures and fetch no keys. Before
/// each key stands a line with its `kid` and algorithms, which readers of PEM pass over; a reader
/// that takes the first key of a file only wants `--key`, and a file for each.
///
/// Needs no secret. Exit codes: 0 printed, 1 the keys could not be fetched, 2 there is no such key.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass issuers pem corp > issuer.pem\n  hallpass issuers pem corp --key 2026-11 > issuer-2026-11.pem"
)]
pub(in crate::cli) struct Pem {
    #[command(flatten)]
    config: ConfigArgs,
    /// What the configuration calls the issuer
    issuer: String,
    /// The one key with this `kid`
    #[arg(long, value_name = "KID")]
    key: Option<String>,
}

impl Pem {
    pub(in crate::cli) async fn run(&self) -> anyhow::Result<Exit> {
        let issuers = self.config.layers().and_then(|layers| IssuerSettings::read_all(&layers));
        let issuers = match issuers {
            Ok(issuers) => issuers,
            Err(problems) => {
                output::problems(&problems);
                return Ok(Exit::Invalid);
            }
        };
        let issuer = match super::configured(&issuers, &self.issuer) {
            Ok(issuer) => issuer,
            Err(exit) => return Ok(exit),
        };
        let keys = idp::published(issuer).await;
        let keys = keys.with_context(|| format!("the keys of issuer `{}`", issuer.name))?;
        let is_wanted =
            |key: &&VerificationKey| self.key.is_none() || key.id() == self.key.as_deref();
        let texts: Vec<_> = keys.iter().filter(is_wanted).filter_map(text).collect();
        if texts.is_empty() {
            let which = self.key.as_ref().map_or_else(
                || "no key that signatures are verified with".to_owned(),
                |id| format!("no key `{id}`; without `--key` all are printed"),
            );
            output::error(&format!("issuer `{}` publishes {which}", issuer.name));
            return Ok(Exit::No);
        }
        output::text(&texts.concat())?;
        Ok(Exit::Yes)
    }
}

/// A key with a line before it.
fn text(key: &VerificationKey) -> Option<String> {
    let algorithms: Vec<_> = key.algorithms().iter().map(|known| format!("{known:?}")).collect();
    let id = printable::text(key.id().unwrap_or("without a kid"));
    Some(format!("{id} ({})\n{}", algorithms.join(" "), key.pem()?))
}
