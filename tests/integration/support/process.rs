//! A child process that says what happens on its standard output, line by line.
#![expect(clippy::print_stderr, reason = "a test that failed shows what its processes said")]

use std::{
    ffi::OsStr,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
    task::JoinHandle,
};

use super::{PATIENCE, eventually, soon};

/// Where the repository is.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A running process. Dropping it kills it; if that is because a test failed, what it has said
/// is printed.
pub struct Process {
    name: String,
    child: Child,
    /// Open as long as the process is wanted: some end when it closes.
    stdin: Option<ChildStdin>,
    said: Arc<Mutex<Vec<String>>>,
    complained: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

/// How a process ended.
pub struct Ending {
    /// Its exit status.
    pub status: ExitStatus,
    /// All that it said.
    pub said: Vec<String>,
}

impl Process {
    /// Starts it; returns at once.
    pub fn start(mut command: Command) -> Self {
        let words = [command.as_std().get_program()].into_iter().chain(command.as_std().get_args());
        let names = words.take(2).map(|word| Path::new(word).file_name().unwrap_or(word));
        let name = names.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let (said, complained) = (Arc::default(), Arc::default());
        let readers = vec![
            read(child.stdout.take().unwrap(), Arc::clone(&said)),
            read(child.stderr.take().unwrap(), Arc::clone(&complained)),
        ];
        let stdin = child.stdin.take();
        Self { name, child, stdin, said, complained, readers }
    }

    /// Says a line to it.
    pub async fn hears(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("it listens");
        stdin.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// What it has said so far.
    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// What it has said so far on standard error.
    pub fn complaints(&self) -> String {
        self.complained.lock().unwrap().join("\n")
    }

    /// Waits until it has said a line of which `fits` is true, and returns the line.
    pub async fn says(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        let look = || async { self.said().into_iter().find(|line| fits(line)) };
        eventually(&format!("{what} from {}", self.name), look).await
    }

    /// Whether it has not ended by itself.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Asks it to stop, as a service manager does, and waits for that.
    pub async fn terminate(&mut self) -> Ending {
        self.signal("-TERM").await
    }

    /// Sends it a signal that must end it, and waits for that.
    pub async fn signal(&mut self, signal: &str) -> Ending {
        self.notify(signal).await;
        self.ended().await
    }

    /// Sends it a signal that it goes on after.
    pub async fn notify(&self, signal: &str) {
        let pid = self.child.id().expect("it still runs").to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Waits for its end, and for the last of what it said.
    pub async fn ended(&mut self) -> Ending {
        self.ends_within(PATIENCE).await
    }

    /// As [`Self::ended`], for what takes its time by its nature.
    pub async fn ends_within(&mut self, patience: Duration) -> Ending {
        let end = tokio::time::timeout(patience, self.child.wait()).await;
        let status = end.unwrap_or_else(|_| panic!("in vain: the end of {}", self.name)).unwrap();
        for reader in self.readers.drain(..) {
            soon("the end of its output", reader).await.unwrap();
        }
        Ending { status, said: self.said() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = |lines: &Mutex<Vec<String>>| lines.lock().unwrap().join("\n");
            let (said, complained) = (text(&self.said), text(&self.complained));
            eprintln!("--- {} said:\n{said}\n--- and complained:\n{complained}", self.name);
        }
    }
}

impl Ending {
    /// The lines as JSON, of a client of `tests/clients`: one event a line.
    pub fn events(&self) -> Vec<Value> {
        self.said.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn read(
    from: impl AsyncRead + Unpin + Send + 'static,
    to: Arc<Mutex<Vec<String>>>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            to.lock().unwrap().push(line);
        }
    })
}

/// A program of `tests/clients`, by its file's name: Node.js or Python as the name says.
pub fn client(file: &str) -> Command {
    let program = if file.ends_with(".py") { "python3" } else { "node" };
    let mut command = Command::new(program);
    command.arg(format!("{ROOT}/tests/clients/{file}"));
    command.env("PYTHONPATH", python_path());
    command
}

/// Where nats-py is: `tests/tools/clients` puts it there.
pub fn python_path() -> String {
    std::env::var("HALLPASS_TEST_PYTHONPATH").unwrap_or(format!("{ROOT}/target/tools/python"))
}
