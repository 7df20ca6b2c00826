//! `hallpass dev`

use clap::Args;

use super::{Exit, asked_to_stop, output};
use crate::playground::{Persona, Playground, table};

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
        let mut playground = Playground::start().await?;
        let exit = if self.scenario {
            let mut say = |text: &str| output::line(text);
            tokio::select! {
                outcome = playground.scenario(&mut say) => outcome.map(|well| match well {
                    true => Exit::Yes,
                    false => Exit::No,
                }),
                () = asked_to_stop() => Ok(Exit::CouldNotRun),
            }
        } else {
            describe(&playground);
            tokio::select! {
                why = playground.broken() => Err(anyhow::anyhow!(why)),
                () = asked_to_stop() => Ok(Exit::Yes),
            }
        };
        let stopped = playground.stop().await;
        let exit = exit?;
        stopped?;
        if self.scenario {
            output::line(match exit {
                Exit::Yes => "\nevery step came out as it should",
                _ => "\nnot every step came out as it should",
            });
        }
        Ok(exit)
    }
}

fn describe(playground: &Playground) {
    let (idp, nats) = (playground.idp(), playground.nats());
    let (url, endpoint) = (nats.url(), idp.token_endpoint());
    let row = |name: &str, value: &str| vec![name.to_owned(), value.to_owned()];
    let config = playground.directory().join("hallpass.toml").display().to_string();
    output::line("hallpass playground; Ctrl-C ends it and leaves nothing behind\n");
    output::line(&table(&[
        row("what", "where"),
        row(&format!("nats-server {}", nats.version()), url),
        row("WebSocket", nats.websocket_url().unwrap_or("-")),
        row("IdP (issuer)", idp.issuer()),
        row("token endpoint", &endpoint),
        row("configuration", &config),
    ]));
    let personas = Persona::ALL.iter().filter(|persona| Persona::by_name(persona.name()).is_some());
    let mut rows = vec![row("persona", "")];
    rows.extend(personas.map(|persona| row(persona.name(), persona.description())));
    output::line(&table(&rows));
    output::line(&format!(
        r#"a token:
  TOKEN=$(curl -s -d grant_type=client_credentials -d client_id=clerk -d client_secret=any {endpoint} | sed 's/.*"access_token":"\([^"]*\).*/\1/')

the nats CLI:
  nats --server {url} --token "$TOKEN" pub orders.acme.created hello
  nats --server {url} --token "$TOKEN" sub 'orders.acme.>'

Python (pip install nats-py):
  TOKEN="$TOKEN" python3 -c '
import asyncio, nats, os
async def main():
    nc = await nats.connect("{url}", token=os.environ["TOKEN"])
    await nc.publish("orders.acme.created", b"hello"); await nc.flush(); print("published")
asyncio.run(main())'

the audit stream:
  hallpass audit tail --config {config}
"#
    ));
}
