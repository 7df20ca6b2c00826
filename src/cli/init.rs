//! `hallpass init`

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::{Exit, output};
use crate::setup::{self, Fate, IssuerText, Listen};

/// Write keys, hallpass.toml and the server's environment
///
/// Makes what is not there and overwrites nothing: fresh keys in `keys/`, readable by their
/// owner only; `hallpass.toml`; `hallpass.env`, which `nats-server.conf` reads; and, where they
/// are missing, `nats-server.conf` and a first subject map.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  hallpass init --issuer https://idp.example.com/realms/corp \\\n      --audience nats --roles-claim realm_access.roles"
)]
pub(super) struct Init {
    /// The directory to set up
    #[arg(long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// The IdP: the exact `iss` of its tokens
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// What hallpass calls the IdP: the first part of every user name
    #[arg(long, default_value = "corp", value_name = "NAME")]
    issuer_name: crate::names::IssuerName,
    /// The audience that the IdP puts into tokens for NATS
    #[arg(long, default_value = "nats", value_name = "AUDIENCE")]
    audience: String,
    /// Where the token holds the roles
    #[arg(long, default_value = "roles", value_name = "PATH")]
    roles_claim: String,
}

impl Init {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let dir = &self.dir;
        std::fs::create_dir_all(dir).with_context(|| format!("`{}`", dir.display()))?;
        let (keys, mut fates) = setup::keys(dir)?;
        let listen = Listen::default();
        let environment = setup::environment_text(&setup::server_environment(&keys, &listen));
        let issuers: Vec<IssuerText> = self
            .issuer
            .iter()
            .map(|issuer| IssuerText {
                name: self.issuer_name.to_string(),
                issuer: issuer.clone(),
                audience: self.audience.clone(),
                roles_claim: self.roles_claim.clone(),
                allow_http_loopback: issuer.starts_with("http://"),
            })
            .collect();
        let configuration = setup::configuration_text(&format!("nats://{}", listen.nats), &issuers);
        let mut file = |path: PathBuf, text: &str| -> anyhow::Result<()> {
            let fate = setup::write_new(&path, text)?;
            fates.push((path, fate));
            Ok(())
        };
        file(dir.join("hallpass.toml"), &configuration)?;
        file(dir.join("hallpass.env"), &environment)?;
        file(dir.join("nats-server.conf"), setup::SERVER_CONF)?;
        let maps = dir.join("subject-maps");
        if !maps.exists() {
            std::fs::create_dir(&maps).with_context(|| format!("`{}`", maps.display()))?;
            file(maps.join("orders.toml"), setup::EXAMPLE_MAP)?;
        }
        for (path, fate) in &fates {
            let word = match fate {
                Fate::Written => "wrote",
                Fate::Kept => "kept ",
            };
            output::line(&format!("{word} {}", path.display()));
        }
        warn_if_stale(&dir.join("hallpass.env"), &environment)?;
        self.next_steps(&fates);
        Ok(Exit::Yes)
    }

    fn next_steps(&self, fates: &[(PathBuf, Fate)]) {
        if fates.iter().all(|(_, fate)| *fate == Fate::Kept) {
            output::line("\neverything was there already; nothing was changed");
            return;
        }
        output::line("\nnext:");
        if self.issuer.is_none() {
            output::line("  name your IdP in hallpass.toml, under [issuers.corp]");
        }
        output::line("  hallpass check");
        output::line("  set -a; . ./hallpass.env; set +a; nats-server -c nats-server.conf");
        output::line("  hallpass serve");
    }
}

/// A kept environment file that names other keys would keep everybody out: say so.
fn warn_if_stale(path: &Path, expected: &str) -> anyhow::Result<()> {
    let held = std::fs::read_to_string(path).with_context(|| format!("`{}`", path.display()))?;
    let keys = |text: &str| -> Vec<String> {
        let key = |line: &&str| line.contains("_NKEY=") || line.contains("_CALLOUT_");
        text.lines().filter(key).map(str::to_owned).collect()
    };
    let missing: Vec<String> =
        keys(expected).into_iter().filter(|line| !keys(&held).contains(line)).collect();
    if !missing.is_empty() {
        output::error(&format!(
            "`{}` was kept, but does not name the keys in keys/; it should say:\n{}",
            path.display(),
            missing.join("\n")
        ));
    }
    Ok(())
}
