//! The real HAProxy as a child process, on ports that are free, with its log and its stats socket.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    process::Command,
};

use super::{
    eventually,
    process::{Process, ROOT, client},
    soon,
};

/// A program of the system's packages: `tests/tools/packaged` finds it or gets it.
pub fn packaged(name: &str) -> PathBuf {
    static FOUND: LazyLock<Mutex<BTreeMap<String, PathBuf>>> = LazyLock::new(Mutex::default);
    let look = || {
        let script = format!("{ROOT}/tests/tools/packaged");
        let output = std::process::Command::new(script).arg(name).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    };
    FOUND.lock().unwrap().entry(name.to_owned()).or_insert_with(look).clone()
}

/// How the configurations of tests begin that are none of the examples: plain TCP.
pub const PLAIN: &str = r#"
global
  log stdout format raw local0
  stats socket "$HALLPASS_HAPROXY_STATS" level admin
defaults
  mode tcp
  timeout connect 2s
  timeout client 1m
  timeout server 1m
"#;

/// A running HAProxy: a master and its worker. Dropping it kills both.
///
/// Its configuration says `bind "$NAME"` for each of its listeners, and has these lines for
/// [`Self::says`] and [`Self::ask`]:
///
/// ```text
/// global
///   log stdout format raw local0
///   stats socket "$HALLPASS_HAPROXY_STATS" level admin
/// ```
pub struct Haproxy {
    /// Where it runs, and where its stats socket is.
    directory: tempfile::TempDir,
    configuration: PathBuf,
    environment: Vec<(String, String)>,
    /// By the names of the listeners.
    ports: BTreeMap<String, u16>,
    process: Process,
}

/// What HAProxy thinks of a server, as `show stat` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// `UP`, `DOWN`, `MAINT`, `DRAIN`, `no check`; with an agent also such as `DOWN (agent)`.
    pub status: String,
    /// The weight that is in force.
    pub weight: u32,
    /// Sessions that it has now.
    pub sessions: u32,
    /// What the last health check found, such as `L7OK`; empty where there is none.
    pub check: String,
    /// What the last agent check found, such as `L7OK` or `L4CON`; empty where there is none.
    pub agent: String,
}

impl Haproxy {
    /// Starts it with this configuration file. Each of `listeners` is an environment variable that
    /// a `bind` of the file names; `environment` is what else the file asks for. Returns when it
    /// answers on its stats socket.
    pub async fn start(
        configuration: &Path,
        listeners: &[&str],
        environment: &[(&str, String)],
    ) -> Self {
        let directory = tempfile::Builder::new().prefix("hallpass-haproxy-").tempdir().unwrap();
        let ports = listeners.iter().map(|&name| (name.to_owned(), 0)).collect();
        let environment: Vec<_> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let process = launch(configuration, directory.path(), &ports, &environment);
        let mut started = Self {
            directory,
            configuration: configuration.to_owned(),
            environment,
            ports,
            process,
        };
        started.listens().await;
        started
    }

    /// Waits until it answers, and learns its ports.
    async fn listens(&mut self) {
        let (process, directory) = (&mut self.process, self.directory.path());
        eventually("a worker of HAProxy", || {
            assert!(process.runs(), "HAProxy does not like its configuration");
            reloads(directory)
        })
        .await;
        let line = self.process.says("its ports", |line| line.starts_with('{')).await;
        self.ports = serde_json::from_str(&line).unwrap();
    }

    /// `host:port` of one of its listeners.
    pub fn address(&self, listener: &str) -> String {
        format!("127.0.0.1:{}", self.ports[listener])
    }

    /// All that it has logged so far, line by line.
    pub fn log(&self) -> Vec<String> {
        // The first line tells the ports.
        self.process.said().into_iter().skip(1).collect()
    }

    /// Waits until it has logged a line of which `fits` is true, and returns the line.
    pub async fn says(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        eventually(&format!("{what} from HAProxy"), || async {
            self.log().into_iter().find(|line| fits(line))
        })
        .await
    }

    /// Has the stats socket answer a command, such as `set server nats/nats-1 weight 50%`.
    pub async fn ask(&self, command: &str) -> String {
        asked(&self.directory.path().join("stats"), command).await.expect("it runs")
    }

    /// What it thinks of a server of a backend.
    pub async fn server(&self, backend: &str, server: &str) -> ServerState {
        let table = self.ask("show stat").await;
        let mut lines = table.trim_start_matches("# ").lines();
        let names: Vec<_> = lines.next().unwrap().split(',').collect();
        let row = lines
            .map(|line| names.iter().copied().zip(line.split(',')).collect::<BTreeMap<_, _>>())
            .find(|row| row["pxname"] == backend && row["svname"] == server)
            .unwrap_or_else(|| panic!("no server {backend}/{server} in:\n{table}"));
        ServerState {
            status: row["status"].to_owned(),
            weight: row["weight"].parse().unwrap(),
            sessions: row["scur"].parse().unwrap(),
            check: row["check_status"].trim_start_matches("* ").to_owned(),
            agent: row["agent_status"].trim_start_matches("* ").to_owned(),
        }
    }

    /// Waits until what it thinks of a server fits, and returns that.
    pub async fn thinks(
        &self,
        backend: &str,
        server: &str,
        what: &str,
        fits: impl Fn(&ServerState) -> bool,
    ) -> ServerState {
        eventually(&format!("{backend}/{server} {what}"), || async {
            let state = self.server(backend, server).await;
            fits(&state).then_some(state)
        })
        .await
    }

    /// Has it read its configuration again, as `systemctl reload` does, and waits for the new
    /// worker. Connections stay with the old one. The stats socket's answers are the new one's.
    pub async fn reload(&self) {
        let directory = self.directory.path();
        let before = reloads(directory).await.expect("it runs");
        self.process.notify("-USR2").await;
        eventually("another worker of HAProxy", || async {
            (reloads(directory).await? > before).then_some(())
        })
        .await;
    }

    /// Stops it at once; connections break. Its ports refuse until [`Self::start_again`].
    pub async fn stop(&mut self) {
        self.process.signal("-TERM").await;
    }

    /// Starts it again after [`Self::stop`], on the same ports.
    pub async fn start_again(&mut self) {
        self.process =
            launch(&self.configuration, self.directory.path(), &self.ports, &self.environment);
        self.listens().await;
    }
}

/// The answer on one of its sockets.
async fn asked(socket: &Path, command: &str) -> Option<String> {
    let mut stream = UnixStream::connect(socket).await.ok()?;
    stream.write_all(format!("{command}\n").as_bytes()).await.ok()?;
    // The master waits for another command otherwise.
    stream.shutdown().await.ok()?;
    let mut answer = String::new();
    soon("an answer of HAProxy", stream.read_to_string(&mut answer)).await.ok()?;
    Some(answer)
}

/// How often the configuration was read again, once there is a worker that answers and a master
/// that does: earlier, a signal to it may be lost.
async fn reloads(directory: &Path) -> Option<u32> {
    let answer = asked(&directory.join("master"), "show proc").await?;
    let master = answer.lines().find(|line| line.contains(" master "))?;
    asked(&directory.join("stats"), "show info").await?;
    master.split_whitespace().nth(2)?.parse().ok()
}

fn launch(
    configuration: &Path,
    directory: &Path,
    ports: &BTreeMap<String, u16>,
    environment: &[(String, String)],
) -> Process {
    // The one of a run before would be found instead of that of this one.
    for socket in ["stats", "master"] {
        let _ = std::fs::remove_file(directory.join(socket));
    }
    let mut command: Command = client("listening.py");
    command.args(ports.iter().map(|(name, port)| format!("{name}={port}")));
    // A master, which keeps the sockets over a reload; in the foreground.
    command.arg("--").arg(packaged("haproxy")).args(["-W", "-S"]);
    command.arg(directory.join("master")).arg("-f").arg(configuration);
    command.current_dir(directory).env("HALLPASS_HAPROXY_STATS", directory.join("stats"));
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    Process::start(command)
}
