//! `hallpass dev`

use std::{io, path::Path};

use anyhow::Context as _;
use clap::Args;

use super::{Exit, output};
use crate::{
    playground::{Persona, Playground},
    table::table,
};

/// Run a playground: IdP, nats-server and hallpass on this machine
///
/// Starts an IdP on loopback with a handful of personas, a nats-server child with JetStream, and
/// hallpass between them; prints every address and lines to paste, and runs until Ctrl-C.
/// Nothing is left behind. Needs a nats-server of at least 2.11 on PATH or in
/// `HALLPASS_NATS_SERVER`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  hallpass dev\n  hallpass dev --scenario")]
pub(super) struct Dev {
    /// Play the demo, show what happened and end; exit code 2 unless every step came out as it
    /// should
    #[arg(long)]
    scenario: bool,
}

impl Dev {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        // Before anything is there that could be left behind.
        let mut asked = Asked::listen().context("signals")?;
        let interrupted = if self.scenario { Exit::CouldNotRun } else { Exit::Yes };
        let mut playground = tokio::select! {
            started = Playground::start() => started?,
            () = asked.stopping() => return Ok(interrupted),
        };
        let outcome = if self.scenario {
            let mut say = |text: &str| output::line(text);
            tokio::select! {
                outcome = playground.scenario(&mut say) => outcome.map(|well| match well {
                    true => Exit::Yes,
                    false => Exit::No,
                }),
                () = asked.stopping() => Ok(interrupted),
            }
        } else {
            describe(&playground)?;
            tokio::select! {
                broken = playground.broken() => Err(broken),
                () = asked.stopping() => Ok(interrupted),
            }
        };
        let stopped = tokio::select! {
            stopped = playground.stop() => stopped,
            // Asked twice: without ceremony, but still without leaving anything behind.
            () = asked.stopping() => Ok(()),
        };
        let exit = match (outcome, stopped) {
            (Ok(exit), Ok(())) => exit,
            (Err(error), Ok(())) | (Ok(_), Err(error)) => return Err(error.into()),
            (Err(error), Err(cause)) => return Err(anyhow::Error::new(cause).context(error)),
        };
        match exit {
            Exit::Yes if self.scenario => output::line("\nevery step came out as it should"),
            Exit::No => output::line("\nnot every step came out as it should"),
            _ => {}
        }
        Ok(exit)
    }
}

/// Whoever asks us to end: Ctrl-C, a service manager, a terminal that is closed.
struct Asked {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
}

#[cfg(unix)]
impl Asked {
    /// From here on none of them ends the process by itself.
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self { signals: [interrupt?, terminate?, hangup?] })
    }

    async fn stopping(&mut self) {
        std::future::poll_fn(|context| {
            match self.signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
    }
}

#[cfg(not(unix))]
impl Asked {
    fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn stopping(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

fn describe(playground: &Playground) -> anyhow::Result<()> {
    let (idp, nats) = (playground.idp(), playground.nats());
    let (url, endpoint) = (nats.url(), idp.token_endpoint());
    let row = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>();
    let config = shell_word(&playground.directory().join("hallpass.toml"));
    let python = shell_word(&playground.directory().join("python"));
    let hallpass = shell_word(&std::env::current_exe().context("where this program is")?);
    output::line("hallpass playground; Ctrl-C ends it and leaves nothing behind\n");
    output::line(&table(&[
        row(&["what", "where"]),
        row(&[&format!("nats-server {}", nats.version()), url]),
        row(&["WebSocket", nats.websocket_url().unwrap_or("-")]),
        row(&["IdP (issuer)", idp.issuer()]),
        row(&["token endpoint", &endpoint]),
        row(&["configuration", &config]),
    ]));
    let mut rows = vec![row(&["persona", "who that is", "what hallpass says"])];
    rows.extend(Persona::ALL.iter().map(|persona| {
        let verdict = persona.verdict();
        let says = format!("{} {}", verdict.outcome(), verdict.what());
        row(&[persona.name(), persona.description(), &says])
    }));
    output::line(&table(&rows));
    output::line(&format!(
        r#"lines to paste into another terminal

a token, for any of the personas and with any secret:

  token() {{
    curl -s {endpoint} -d grant_type=client_credentials \
      -d client_id="$1" -d client_secret=any |
      sed 's/.*"access_token":"\([^"]*\).*/\1/'
    echo
  }}

the nats CLI:

  export NATS_URL={url}
  nats --token "$(token clerk)" pub orders.acme.created hello
  nats --token "$(token reader)" sub 'orders.acme.>'

Python, with a client in the playground's directory, which goes with it:

  python3 -m pip install -q --target {python} nats-py
  publish() {{
    TOKEN=$(token "$1") PYTHONPATH={python} python3 -c '
import asyncio, nats, os
async def complain(error): print("the server says:", error)
async def main():
    nc = await nats.connect("{url}", token=os.environ["TOKEN"],
                            allow_reconnect=False, error_cb=complain)
    await nc.publish("orders.acme.created", b"hello")
    for _ in "ab": await nc.flush() # the second hears what the server says
    if not nc.last_error: print("published")
try: asyncio.run(main())
except nats.errors.Error: print("not published")'
  }}
  publish clerk

a refusal; the client is not told why, the audit stream knows:

  publish tampered
  {hallpass} audit tail \
    --config {config} --outcome refused --last 1 --no-follow

without --no-follow it shows every login as it happens
"#
    ));
    Ok(())
}

/// A path as a shell reads it.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%".contains(c);
    match text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
