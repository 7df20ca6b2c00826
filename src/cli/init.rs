//! `hallpass init`

mod lacking;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::{Exit, output};
use crate::{
    config::IssuerSettings,
    document::{self, Kind, Node, Place, Problems, Source},
    setup::{self, Fate, IssuerText, Listen},
};

/// Write keys, hallpass.toml and the server's environment
///
/// Makes what is not there and overwrites nothing: fresh keys in `keys/`, readable by their
/// owner only; `hallpass.toml`; `hallpass.env`, which `nats-server.conf` reads; and, where they
/// are missing, `nats-server.conf` and a first subject map.
///
/// Ends with 0 where all of it fits together, and with 2 where a file was kept that does not:
/// an environment file with other keys, or a hallpass.toml without the issuer that was named,
/// without what this version needs, or without the break-glass key: what it lacks is shown.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  hallpass init --issuer https://idp.example.com/realms/corp \\\n      --audience nats --roles-claim realm_access.roles"
)]
pub(super) struct Init {
    /// The directory to set up
    #[arg(long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// The IdP: the exact `iss` of its tokens. Plain http is for loopback addresses only
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// What hallpass calls the IdP: the first part of every user name
    #[arg(long, default_value = "corp", value_name = "NAME", requires = "issuer")]
    issuer_name: crate::names::IssuerName,
    /// The audience that the IdP puts into tokens for NATS
    #[arg(long, default_value = "nats", value_name = "AUDIENCE", requires = "issuer")]
    audience: String,
    /// Where the token holds the roles
    #[arg(long, default_value = "roles", value_name = "PATH", requires = "issuer")]
    roles_claim: String,
}

/// Maps are kept in git; seeds and the server's data are not.
const NOT_FOR_GIT: &str = "keys/\ndata/\naudit-spool/\n";

impl Init {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let issuer = self.issuer.as_deref().map(|issuer| self.judged(issuer)).transpose()?;
        let dir = &self.dir;
        std::fs::create_dir_all(dir).with_context(|| format!("`{}`", dir.display()))?;
        let (keys, mut fates) = setup::keys(dir)?;
        let listen = Listen::default();
        let environment = setup::environment_text(&setup::server_environment(&keys, &listen));
        let configuration =
            setup::configuration_text(&format!("nats://{}", listen.nats), &keys, issuer.as_slice());
        let mut file = |path: PathBuf, text: &str| -> anyhow::Result<()> {
            let fate = setup::write_new(&path, text)?;
            fates.push((path, fate));
            Ok(())
        };
        file(dir.join(".gitignore"), NOT_FOR_GIT)?;
        file(dir.join("hallpass.toml"), &configuration)?;
        file(dir.join("hallpass.env"), &environment)?;
        file(dir.join("nats-server.conf"), setup::SERVER_CONF)?;
        let maps = dir.join("subject-maps");
        if setup::create_directory(&maps)? == Fate::Written {
            file(maps.join("orders.toml"), setup::EXAMPLE_MAP)?;
        }
        for (path, fate) in &fates {
            let word = match fate {
                Fate::Written => "wrote",
                Fate::Kept => "kept ",
            };
            output::line(&format!("{word} {}", path.display()));
        }
        let stale = stale_environment(&dir.join("hallpass.env"), &environment)?;
        let path = dir.join("hallpass.toml");
        let held = parsed(&path)?;
        let lacking =
            held.as_ref().map(|held| lacking::lacking(held, &configuration)).unwrap_or_default();
        if !lacking.optional.is_empty() {
            output::note(&format!(
                "`{}` was kept, and does without what this version can do; to have it, add\n{}",
                path.display(),
                lacking.optional.trim_end()
            ));
        }
        let needed = (!lacking.needed.is_empty()).then(|| {
            format!(
                "`{}` was kept, and lacks what this version needs; add to its sections\n{}",
                path.display(),
                lacking.needed.trim_end()
            )
        });
        let missing = issuer.and_then(|issuer| missing_issuer(&path, held.as_ref(), &issuer));
        let glass = unwatched(&path, held.as_ref(), &keys.break_glass);
        let misfits: Vec<_> = stale.into_iter().chain(needed).chain(missing).chain(glass).collect();
        if !misfits.is_empty() {
            misfits.iter().for_each(|misfit| output::error(misfit));
            return Ok(Exit::No);
        }
        self.next_steps(&fates);
        Ok(Exit::Yes)
    }

    /// The issuer, by the rules that `check` and `serve` have for it.
    fn judged(&self, issuer: &str) -> anyhow::Result<IssuerText> {
        let text = IssuerText {
            name: self.issuer_name.to_string(),
            issuer: issuer.to_owned(),
            audience: self.audience.clone(),
            roles_claim: self.roles_claim.clone(),
            allow_http_loopback: issuer.starts_with("http://"),
        };
        let named = |flag: &str, kind| Node { kind, place: Place::named(flag) };
        let string = |flag: &str, text: &str| named(flag, Kind::String(text.to_owned()));
        let mut roles_claim = string("--roles-claim", &self.roles_claim);
        if self.roles_claim.contains("://") {
            roles_claim = named("--roles-claim", Kind::List(vec![roles_claim]));
        }
        let audience = string("--audience", &self.audience);
        let entries = [
            ("issuer", string("--issuer", issuer)),
            ("audiences", named("--audience", Kind::List(vec![audience]))),
            ("roles_claim", roles_claim),
            ("allow_http_loopback", named("--issuer", Kind::Bool(text.allow_http_loopback))),
        ];
        let entries = entries.map(|(key, node)| (key.to_owned(), (node.place.clone(), node)));
        let node = named("--issuer", Kind::Table(entries.into()));
        let mut problems = Problems::default();
        let directory = Path::new("");
        IssuerSettings::read(self.issuer_name.clone(), &node, directory, &mut problems);
        if !problems.is_empty() {
            let line = |problem: &document::Problem| {
                format!("{}: {} ({})", problem.place, problem.message, problem.help)
            };
            bail!("{}", problems.iter().map(line).collect::<Vec<_>>().join("; "));
        }
        Ok(text)
    }

    fn next_steps(&self, fates: &[(PathBuf, Fate)]) {
        if fates.iter().all(|(_, fate)| *fate == Fate::Kept) {
            output::line("\neverything was there already; nothing was changed");
            return;
        }
        output::line("\nnext:");
        if self.dir != Path::new(".") {
            output::line(&format!("  cd {}", for_a_shell(&self.dir.display().to_string())));
        }
        if self.issuer.is_none() {
            output::line("  name your IdP in hallpass.toml, under [issuers.corp]");
            output::line("  (hallpass issuers show has the lines for many IdPs)");
        }
        output::line("  hallpass check");
        output::line("  set -a; . ./hallpass.env; set +a; nats-server -c nats-server.conf");
        output::line("  hallpass serve");
    }
}

/// A kept environment file that names other keys would keep everybody out.
fn stale_environment(path: &Path, expected: &str) -> anyhow::Result<Option<String>> {
    let held = std::fs::read_to_string(path).with_context(|| format!("`{}`", path.display()))?;
    let keys = |text: &str| -> Vec<String> {
        let key = |line: &&str| line.contains("_NKEY=") || line.contains("_CALLOUT_");
        text.lines().filter(key).map(str::to_owned).collect()
    };
    let missing: Vec<String> =
        keys(expected).into_iter().filter(|line| !keys(&held).contains(line)).collect();
    Ok((!missing.is_empty()).then(|| {
        format!(
            "`{}` was kept, but does not name the keys in keys/; it should say:\n{}",
            path.display(),
            missing.join("\n")
        )
    }))
}

/// A kept configuration that names other break-glass keys: a login with this one is no alarm.
fn unwatched(path: &Path, root: Option<&Node>, key: &str) -> Option<String> {
    let node = root?.get("system")?.get("break_glass")?;
    let Kind::List(named) = &node.kind else { return None };
    let is_named = named.iter().any(|node| node.as_str() == Some(key));
    (!is_named).then(|| {
        format!(
            "`{}` was kept, and does not name the key in keys/break-glass.nk, with which a login \
             would raise no alarm; add to `break_glass` in its section `[system]`:\n\"{key}\"",
            path.display(),
        )
    })
}

/// A configuration as it is; nothing where it cannot be read as one, which is for `check` to say.
fn parsed(path: &Path) -> anyhow::Result<Option<Node>> {
    let held = std::fs::read(path).with_context(|| format!("`{}`", path.display()))?;
    let mut told = Problems::default();
    let source = Source::read(path.display().to_string(), held, &mut told);
    let root = source.map(|source| document::parse(&source, &mut told));
    Ok(root.filter(|_| !told.any_error()))
}

/// A kept configuration does not know the issuer that was named.
fn missing_issuer(path: &Path, root: Option<&Node>, issuer: &IssuerText) -> Option<String> {
    let section = root.and_then(|root| root.get("issuers")?.get(&issuer.name));
    let how = match section {
        Some(_) => format!("replace its section `[issuers.{}]` with", issuer.name),
        None => "to add it, write".to_owned(),
    };
    let known = match root.and_then(|root| root.get("issuers")).map(|node| &node.kind) {
        Some(Kind::Table(table)) => table
            .values()
            .any(|(_, node)| node.get("issuer").and_then(Node::as_str) == Some(&issuer.issuer)),
        _ => false,
    };
    (!known).then(|| {
        format!(
            "`{}` was kept, and the issuer was not added; {how}:\n{}",
            path.display(),
            setup::issuer_section(issuer).trim()
        )
    })
}

fn for_a_shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) && !text.starts_with('-') {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
