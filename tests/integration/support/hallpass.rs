//! The `hallpass` command as a child process.

use std::{
    path::Path,
    process::{ExitStatus, Output, Stdio},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};

use super::{eventually, soon};

/// The command, with an environment in which nothing of the machine's settings is left.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hallpass"));
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    for (name, _) in std::env::vars() {
        if name.starts_with("HALLPASS_") && name != "HALLPASS_NATS_SERVER" {
            command.env_remove(name);
        }
    }
    command
}

/// Runs the command to its end.
pub async fn run(directory: &Path, arguments: &[&str]) -> Output {
    soon("the command's end", command(arguments).current_dir(directory).output()).await.unwrap()
}

/// Runs the command to its end, with this on its standard input.
pub async fn run_with(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = command(arguments);
    command.current_dir(directory).stdin(Stdio::piped()).kill_on_drop(true);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let ending = async {
        // A command that needs no more of it may be gone.
        let _ = pipe.write_all(input.as_bytes()).await;
        drop(pipe);
        child.wait_with_output().await.unwrap()
    };
    soon("the command's end", ending).await
}

/// What a command printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The exit code of a command that was not killed.
pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Every file below a directory with what it holds, by name.
pub fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// A running `hallpass serve`. Dropping it kills it.
pub struct Hallpass {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    reading: Option<JoinHandle<()>>,
}

impl Hallpass {
    /// Starts `serve`; returns at once.
    pub fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::start_in(directory, arguments, &[])
    }

    /// Starts `serve` with these environment variables; returns at once.
    pub fn start_in(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = command(&["serve", "--log", "info"])
            .args(arguments)
            .current_dir(directory)
            .env("NO_COLOR", "1")
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .envs(environment.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (heard, stderr) = (Arc::clone(&log), child.stderr.take().unwrap());
        let reading = tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                heard.lock().unwrap().push(line);
            }
        });
        Self { child, log, reading: Some(reading) }
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Waits until it has logged a line with this text, and returns the line.
    pub async fn says(&self, text: &str) -> String {
        let look =
            || async { self.log.lock().unwrap().iter().find(|line| line.contains(text)).cloned() };
        eventually(&format!("`{text}` in the log of hallpass"), look).await
    }

    /// Where it listens, once it has logged a line with this text and `address=`.
    pub async fn listens(&self, text: &str) -> String {
        let line = self.says(text).await;
        let (_, address) = line.rsplit_once("address=").unwrap();
        address.split_whitespace().next().unwrap().to_owned()
    }

    /// Waits until it answers logins.
    pub async fn ready(self) -> Self {
        self.says("ready: answering logins").await;
        self
    }

    /// Asks it to stop, as a service manager does, and waits for that.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal("-TERM").await;
        self.ended().await
    }

    /// Sends it a signal.
    pub async fn signal(&self, signal: &str) {
        let pid = self.child.id().expect("it still runs").to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; the log is whole then.
    pub async fn ended(&mut self) -> ExitStatus {
        let status = soon("the end of hallpass", self.child.wait()).await.unwrap();
        if let Some(reading) = self.reading.take() {
            soon("the end of its log", reading).await.unwrap();
        }
        status
    }
}
