//! The commands: one file each.

mod access_review;
mod audit;
mod check;
#[cfg(feature = "playground")]
mod dev;
mod diff;
mod explain;
mod import;
mod init;
mod instances;
mod issuers;
mod login;
mod maps;
mod markdown;
mod output;
mod replay;
mod serve;
mod test;
mod token;

use std::{ffi::OsString, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::{config::Layers, document::Problems};

/// Authorization callout and subject-level access broker for NATS.
///
/// IdP tokens in, scoped NATS user JWTs out, every decision audited.
///
/// Exit codes: 0 yes, 1 could not run, 2 the answer is no, 3 configuration or policy invalid.
#[derive(Debug, Parser)]
#[command(name = "hallpass", version, about, long_about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logging: Logging,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Serve(serve::Serve),
    #[cfg(feature = "playground")]
    Dev(dev::Dev),
    Check(check::Check),
    Diff(diff::Diff),
    Replay(replay::Replay),
    AccessReview(access_review::AccessReview),
    Test(test::Test),
    Explain(explain::Explain),
    Import(import::Import),
    /// See how the issuers are
    #[command(subcommand)]
    Issuers(issuers::Issuers),
    /// See which subject maps are in force, and how maps are written
    #[command(subcommand)]
    Maps(maps::Maps),
    Login(login::Login),
    /// See what holds of a token
    #[command(subcommand)]
    Token(token::Token),
    /// Read the audit stream: follow it, search it, verify it
    #[command(subcommand)]
    Audit(audit::Audit),
}

#[derive(Debug, Args)]
struct Logging {
    /// How the log on standard error is written
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// What is logged, as `level` or `target=level,…` [default: info; `warn` for `dev`]
    #[arg(long, global = true, env = "HALLPASS_LOG", value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Where the configuration is, and what overrides it.
#[derive(Debug, Args)]
struct ConfigArgs {
    /// The configuration
    #[arg(
        short,
        long,
        env = "HALLPASS_CONFIG",
        default_value = "hallpass.toml",
        value_name = "FILE"
    )]
    config: PathBuf,
    /// Override a setting, such as `--set nats.urls=nats://other:4222`; may be given several
    /// times. An environment variable does the same: `HALLPASS__NATS__URLS`
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
}

impl ConfigArgs {
    fn layers(&self) -> Result<Layers, Problems> {
        // A variable that is not text cannot be a setting.
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Layers::read(&self.config, environment, &self.set)
    }
}

fn key_value(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// How long a service that has ended waits for what still blocks.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; the answer is yes.
    Yes,
    /// It could not run.
    CouldNotRun,
    /// It ran; the answer is no.
    No,
    /// Configuration or policy are invalid.
    Invalid,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Yes => 0,
            Exit::CouldNotRun => 1,
            Exit::No => 2,
            Exit::Invalid => 3,
        })
    }
}

/// Runs a command line; what went wrong is on standard error.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let Cli { command, logging } = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(told) => {
            // Help and version are answers; clap's own code for the rest, 2, is taken here.
            let _ = told.print();
            return if told.use_stderr() { Exit::CouldNotRun } else { Exit::Yes };
        }
    };
    let outcome = match command {
        Command::Init(init) => init.run(),
        Command::Check(check) => check.run(),
        Command::Diff(diff) => diff.run(),
        Command::AccessReview(review) => review.run(),
        Command::Test(test) => test.run(),
        Command::Explain(explain) => explain.run(),
        Command::Import(import) => import.run(),
        Command::Serve(serve) => {
            logging.start("info");
            runtime().and_then(|runtime| served(runtime, serve.run()))
        }
        #[cfg(feature = "playground")]
        Command::Dev(dev) => {
            logging.start("warn");
            runtime().and_then(|runtime| served(runtime, dev.run()))
        }
        Command::Issuers(issuers) => {
            logging.start("warn");
            runtime().and_then(|runtime| runtime.block_on(issuers.run()))
        }
        Command::Maps(maps) => {
            logging.start("warn");
            runtime().and_then(|runtime| runtime.block_on(maps.run()))
        }
        Command::Login(login) => {
            logging.start("warn");
            runtime().and_then(|runtime| runtime.block_on(login.run()))
        }
        Command::Token(token) => {
            logging.start("warn");
            runtime().and_then(|runtime| runtime.block_on(token.run()))
        }
        Command::Replay(replay) => {
            logging.start("warn");
            runtime().and_then(|runtime| runtime.block_on(replay.run()))
        }
        Command::Audit(audit) => {
            logging.start("warn");
            runtime().and_then(|runtime| runtime.block_on(audit.run()))
        }
    };
    outcome.unwrap_or_else(|error| {
        output::error(&format!("{error:#}"));
        Exit::CouldNotRun
    })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Runs a service to its end. What still blocks then, such as a reading of files that are not there
/// any more, does not keep the process.
fn served<T>(runtime: tokio::runtime::Runtime, service: impl Future<Output = T>) -> T {
    let outcome = runtime.block_on(service);
    runtime.shutdown_timeout(LAST_WAIT);
    outcome
}

/// A panic's message may quote what was being read, a token for instance: only its place is told.
fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "internal error: this is a bug in hallpass or in a library of its");
    }));
}

impl Logging {
    fn start(&self, level: &str) {
        keep_panics_quiet();
        let filter = self.log.as_deref().unwrap_or(level);
        // What async-nats and notify log, hallpass hears as events and logs itself, with more to
        // say.
        let filter = format!("async_nats=off,notify=off,{filter}");
        let builder = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(filter))
            .with_writer(std::io::stderr);
        match self.log_format {
            LogFormat::Text => builder.with_ansi(output::colour()).init(),
            LogFormat::Json => builder.json().flatten_event(true).init(),
        }
    }
}

/// Resolves when somebody asks the process to stop: Ctrl-C or SIGTERM.
async fn asked_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        _ = interrupt => {}
        () = terminate => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn what_blocks_does_not_keep_a_service_that_has_ended() {
        let (_never, waits) = channel::<()>();
        let (done, is_done) = channel();
        std::thread::spawn(move || {
            let outcome = served(runtime().unwrap(), async move {
                let (begun, has_begun) = tokio::sync::oneshot::channel();
                drop(tokio::task::spawn_blocking(move || {
                    begun.send(()).unwrap();
                    waits.recv()
                }));
                has_begun.await.unwrap();
                7
            });
            done.send(outcome).unwrap();
        });
        assert_eq!(is_done.recv_timeout(10 * LAST_WAIT).expect("it does not end"), 7);
    }
}
