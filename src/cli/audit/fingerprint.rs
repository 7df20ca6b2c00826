//! `hallpass audit fingerprint`

use std::io::Read as _;

use anyhow::{Context as _, bail};
use clap::Args;
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::Exit;
use crate::{
    audit::blind::Blind,
    cli::{ConfigArgs, output},
    config::read_audit_key,
};

/// No server takes a longer one, in bytes.
const LONGEST: usize = 1024 * 1024;

/// Tell by which fingerprint events know a token
///
/// Reads the token from standard input, never from the command line, where others could see it, and
/// asks nobody. Needs `audit.key` of the configuration. Whether the token is good does not matter.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass audit fingerprint < token.jwt\n  hallpass audit query --fingerprint \"$(hallpass audit fingerprint < token.jwt)\""
)]
pub(in crate::cli) struct Fingerprint {
    #[command(flatten)]
    config: ConfigArgs,
}

impl Fingerprint {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let key = match self.config.layers().and_then(|layers| read_audit_key(&layers)) {
            Ok(key) => key,
            Err(problems) => {
                output::problems(&problems);
                return Ok(Exit::Invalid);
            }
        };
        let token = token()?;
        let fingerprint = Blind::new(key.expose_secret().as_bytes()).fingerprint(token.trim());
        output::text(&format!("{fingerprint}\n")).context("standard output")?;
        Ok(Exit::Yes)
    }
}

/// What comes on standard input. Of a piece of it the fingerprint would be another.
fn token() -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let most = u64::try_from(LONGEST)? + 1;
    std::io::stdin().take(most).read_to_string(&mut text).context("the token")?;
    if text.trim().is_empty() {
        bail!("there is no token on standard input");
    }
    if text.len() > LONGEST {
        bail!("what stands on standard input is too long for a token");
    }
    Ok(text)
}
