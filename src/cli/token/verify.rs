//! `hallpass token verify`

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::super::{ConfigArgs, Exit, output};
use crate::{
    config::IssuerSettings,
    document::{Kind, Node, Place, Problems},
    idp::{
        Accepted, KeySet,
        inspection::{self, Inspected, Inspection, KeySource},
        token::{CertificateHash, MAX_BYTES},
    },
    printable,
};

/// Say stage by stage what holds of a token and what does not
///
/// Reads a token from standard input and holds it against the issuers of the configuration, by
/// the code that `serve` has: its form, issuer, algorithm, key, signature and claims. All stages
/// are shown, not the first failure only. Shows claims, which are personal data; never shows a
/// signature. Asks the issuer for its keys, unless `--issuer-jwks` brings them.
///
/// Needs no configuration where `--issuer` and what goes with it describe the issuer.
///
/// Exit codes: 0 the token holds, 2 it does not. Whether somebody gets in with it is for the
/// subject maps to say.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass token verify < token.jwt\n  hallpass login corp --print | hallpass token verify\n  hallpass token verify --issuer https://idp.example.com --audience nats \\\n      --roles-claim realm_access.roles --issuer-jwks jwks.json < token.jwt"
)]
pub(in crate::cli) struct Verify {
    #[command(flatten)]
    config: ConfigArgs,
    /// The issuer's keys: a JWK Set, as it publishes it
    #[arg(long, value_name = "FILE")]
    issuer_jwks: Option<PathBuf>,
    /// Instead of a configuration: the exact `iss` of the issuer's tokens
    #[arg(long, value_name = "ISS")]
    issuer: Option<String>,
    /// With `--issuer`: what is known of such tokens; `hallpass issuers show` lists the presets
    #[arg(long, value_name = "NAME", requires = "issuer")]
    preset: Option<String>,
    /// With `--issuer`: an audience that tokens must have; may be given several times
    #[arg(long, value_name = "AUD", requires = "issuer")]
    audience: Vec<String>,
    /// With `--issuer`: where the roles are
    #[arg(long, value_name = "PATH", requires = "issuer")]
    roles_claim: Option<String>,
    /// The client's certificate, in PEM: what a bound token is bound to
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// The time to judge by, such as `2026-11-21T08:00:00Z` [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

impl Verify {
    pub(in crate::cli) async fn run(&self) -> anyhow::Result<Exit> {
        let issuers = match self.issuers() {
            Ok(issuers) => issuers,
            Err(problems) => {
                output::problems(&problems);
                return Ok(Exit::Invalid);
            }
        };
        let keys = match &self.issuer_jwks {
            None => KeySource::Issuer,
            Some(path) => {
                let text = std::fs::read(path);
                let text = text.with_context(|| format!("`{}`", path.display()))?;
                KeySet::from_json(&text, Accepted::default())
                    .with_context(|| format!("`{}`", path.display()))?;
                KeySource::Given(text)
            }
        };
        let certificate = self.certificate.as_deref().map(certificate_hash).transpose()?;
        let token = token()?;
        let against = Inspected {
            issuers: &issuers,
            keys: &keys,
            now: self.at.unwrap_or_else(Timestamp::now),
            certificate: certificate.as_ref(),
        };
        let inspection = inspection::inspect(token.trim(), &against).await;
        for line in lines(&inspection) {
            output::try_line(&line)?;
        }
        Ok(if inspection.verdict().is_ok() { Exit::Yes } else { Exit::No })
    }

    fn issuers(&self) -> Result<Vec<IssuerSettings>, Problems> {
        let Some(issuer) = &self.issuer else {
            return IssuerSettings::read_all(&self.config.layers()?);
        };
        let named = |flag: &str, kind| Node { kind, place: Place::named(flag) };
        let text = |flag: &str, text: &str| named(flag, Kind::String(text.to_owned()));
        let audiences = self.audience.iter().map(|it| text("--audience", it)).collect();
        let roles = self.roles_claim.as_ref().map(|path| {
            let path = text("--roles-claim", path);
            let is_url = path.as_str().is_some_and(|path| path.contains("://"));
            if is_url { named("--roles-claim", Kind::List(vec![path])) } else { path }
        });
        let loopback = issuer.starts_with("http://");
        let entries = [
            ("issuer", Some(text("--issuer", issuer))),
            ("preset", self.preset.as_ref().map(|name| text("--preset", name))),
            (
                "audiences",
                (!self.audience.is_empty()).then(|| named("--audience", Kind::List(audiences))),
            ),
            ("roles_claim", roles),
            ("allow_http_loopback", Some(named("--issuer", Kind::Bool(loopback)))),
        ];
        let entries = entries
            .into_iter()
            .filter_map(|(key, node)| Some((key.to_owned(), (node.clone()?.place, node?))));
        let node = named("--issuer", Kind::Table(entries.collect()));
        let mut problems = Problems::default();
        let issuer = "issuer"
            .parse()
            .ok()
            .and_then(|name| IssuerSettings::read(name, &node, Path::new(""), &mut problems));
        match issuer {
            Some(issuer) if !problems.any_error() => Ok(vec![issuer]),
            _ => Err(problems),
        }
    }
}

fn certificate_hash(path: &Path) -> anyhow::Result<CertificateHash> {
    let certificate = CertificateDer::from_pem_file(path);
    let certificate = certificate.with_context(|| format!("`{}`", path.display()))?;
    Ok(Sha256::digest(&certificate).into())
}

/// What comes on standard input; what is larger than a token is read no further.
fn token() -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let most = u64::try_from(MAX_BYTES * 2)?;
    std::io::stdin().take(most).read_to_string(&mut text).context("the token")?;
    if text.trim().is_empty() {
        bail!("there is no token on standard input");
    }
    Ok(text)
}

fn lines(inspection: &Inspection) -> Vec<String> {
    let width = inspection.stages.iter().map(|stage| stage.name.len()).max().unwrap_or_default();
    let mut lines = Vec::new();
    for stage in &inspection.stages {
        let (mark, why) = match &stage.outcome {
            Some(Ok(())) => ('✓', None),
            Some(Err(refusal)) => ('✗', Some(refusal)),
            None => ('-', None),
        };
        lines.push(format!("{mark} {:<width$}  {}", stage.name, stage.found).trim_end().to_owned());
        if let Some(refusal) = why {
            // What an issuer answered may be quoted in it.
            let why = printable::text(refusal.detail.as_deref().unwrap_or(refusal.code.meaning()));
            lines.push(format!("  {:<width$}  {}: {why}", "", refusal.code));
        }
    }
    let issuer = inspection.issuer.as_deref().unwrap_or("nobody who is believed");
    lines.push(String::new());
    lines.push(match inspection.verdict() {
        Ok(()) => format!("the token holds: {issuer} vouches for it"),
        Err(refusal) => format!("the token does not hold: {}", refusal.code),
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        code::{Code, Refusal},
        idp::inspection::Stage,
    };

    #[test]
    fn what_an_issuer_answered_gives_a_terminal_no_commands() {
        let detail = Some("it says \u{1b}[2J\u{202e}".to_owned());
        let refusal = Refusal { code: Code::KeysUnavailable, detail };
        let stage = Stage { name: "key", outcome: Some(Err(refusal)), found: String::new() };
        let told = lines(&Inspection { stages: vec![stage], issuer: None }).concat();
        assert!(told.contains(r"it says \u{1b}[2J\u{202e}"), "{told:?}");
    }
}
