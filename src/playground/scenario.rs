//! The demo: who gets in, who stays out, and the audit stream's word for each of them.

use std::{ops::ControlFlow, time::Duration};

use anyhow::Context as _;
use futures_util::StreamExt as _;

use super::{Persona, Playground, client::Visitor, table, wait_until};
use crate::{
    audit::reader::{self, Extent, Record},
    config::{Layers, ReaderSettings},
    nats::Connection,
};

/// What the audit stream must say about each persona: outcome, and code or account.
const EXPECTED: [(Persona, &str, &str); 6] = [
    (Persona::Clerk, "granted", "APP"),
    (Persona::Reader, "granted", "APP"),
    (Persona::Stranger, "refused", "no_role"),
    (Persona::Expired, "refused", "token_expired"),
    (Persona::Foreign, "refused", "issuer_unknown"),
    (Persona::Tampered, "refused", "signature_invalid"),
];

struct Steps<'a> {
    say: &'a mut (dyn FnMut(&str) + Send),
    all_well: bool,
}

impl Steps<'_> {
    fn step(&mut self, well: bool, text: &str) {
        (self.say)(&format!("  {} {text}", if well { "✓" } else { "✗" }));
        self.all_well &= well;
    }
}

pub(super) async fn play(
    playground: &Playground,
    say: &mut (dyn FnMut(&str) + Send),
) -> anyhow::Result<bool> {
    let mut steps = Steps { say, all_well: true };
    (steps.say)("who gets in, and what they may do:");
    insiders(playground, &mut steps).await?;
    (steps.say)("\nwho stays outside:");
    for (persona, outcome, _) in EXPECTED {
        if outcome != "granted" {
            outsider(playground, persona, &mut steps).await?;
        }
    }
    (steps.say)("\nwhat the audit stream says:\n");
    audit(playground, &mut steps).await?;
    Ok(steps.all_well)
}

async fn log_in(playground: &Playground, persona: Persona) -> anyhow::Result<Visitor> {
    let token = playground.token(persona)?;
    Visitor::log_in(playground.nats().url(), persona.name(), &token)
        .await
        .with_context(|| format!("the {} should get in", persona.name()))
}

async fn insiders(playground: &Playground, steps: &mut Steps<'_>) -> anyhow::Result<()> {
    let reader = log_in(playground, Persona::Reader).await?;
    steps.step(true, "the reader logs in with an IdP token");
    let mut heard = reader.client.subscribe("orders.acme.>").await?;
    reader.client.flush().await?;
    steps.step(true, "the reader subscribes to orders.acme.>");

    let clerk = log_in(playground, Persona::Clerk).await?;
    steps.step(true, "the clerk logs in with an IdP token");
    clerk.client.publish("orders.acme.created", "order 1".into()).await?;
    let message = tokio::time::timeout(Duration::from_secs(5), heard.next()).await;
    let arrived = matches!(message, Ok(Some(message)) if message.payload == "order 1");
    steps.step(arrived, "the clerk publishes orders.acme.created, and the reader hears it");

    clerk.client.publish("orders.globex.created", "order 2".into()).await?;
    let refused = clerk.was_refused("orders.globex.created").await?;
    steps.step(refused, "the clerk is refused orders.globex.created, another tenant's");

    reader.client.publish("orders.acme.created", "order 3".into()).await?;
    let refused = reader.was_refused("orders.acme.created").await?;
    steps.step(refused, "the reader is refused any publish");
    Ok(())
}

async fn outsider(
    playground: &Playground,
    persona: Persona,
    steps: &mut Steps<'_>,
) -> anyhow::Result<()> {
    let token = playground.token(persona)?;
    let outcome = Visitor::log_in(playground.nats().url(), persona.name(), &token).await;
    let outside = matches!(
        &outcome,
        Err(error) if error.kind() == async_nats::ConnectErrorKind::AuthorizationViolation
    );
    steps.step(outside, &format!("{}: {}", persona.name(), persona.description()));
    Ok(())
}

/// Reads the stream back until every persona is in it, and compares.
async fn audit(playground: &Playground, steps: &mut Steps<'_>) -> anyhow::Result<()> {
    let layers = Layers::read(&playground.directory().join("hallpass.toml"), [], &[])
        .map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let settings =
        ReaderSettings::read(&layers).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let connection = Connection {
        name: "hallpass-dev",
        urls: &settings.urls,
        ca_file: None,
        seed: &settings.reader_seed,
        inbox_prefix: "_INBOX.hallpass-reader",
    };
    let client = connection.connect().await.context("the audit reader")?;
    let records = wait_until("an event for each persona", || async {
        let mut records: Vec<Record> = Vec::new();
        let extent = Extent { last: None, follow: false };
        reader::read(client.clone(), &settings.stream, extent, |record| {
            records.push(record);
            ControlFlow::Continue(())
        })
        .await?;
        Ok((records.len() >= EXPECTED.len()).then_some(records))
    })
    .await?;
    let head = ["who connected", "outcome", "account or reason", "identity", "roles", "decision"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(records.iter().map(|record| {
        vec![
            record.text("/data/client/name"),
            record.outcome(),
            record.what(),
            record.who(),
            record.roles(),
            record.text("/data/decision"),
        ]
    }));
    (steps.say)(&table(&rows));
    for (persona, outcome, what) in EXPECTED {
        let told = records.iter().any(|record| {
            record.text("/data/client/name") == persona.name()
                && record.outcome() == outcome
                && record.what() == what
        });
        if !told {
            steps.step(false, &format!("no event says: {} {outcome} {what}", persona.name()));
        }
    }
    let exact = records.len() == EXPECTED.len();
    steps.step(exact, "one event for each login, refusals with their reason");
    Ok(())
}
