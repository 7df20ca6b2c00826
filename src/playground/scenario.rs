//! The demo: who gets in, who stays out, and the audit stream's word for each of them.

use std::{fmt::Display, ops::ControlFlow, time::Duration};

use futures_util::StreamExt as _;

use super::{
    Persona, Playground, PlaygroundError,
    client::{Operation, Visitor},
    persona::Verdict,
};
use crate::{
    audit::reader::{self, Extent, Record},
    config::{Layers, ReaderSettings},
    nats::Connection,
    table::table,
};

/// How long a message or an event may take that must come.
const PATIENCE: Duration = Duration::from_secs(5);

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

/// Plays to the end, whatever comes out: what went wrong is a step, and the audit stream may say
/// why.
pub(super) async fn play(
    playground: &Playground,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<bool, PlaygroundError> {
    let mut steps = Steps { say, all_well: true };
    (steps.say)("who gets in, and what they may do:");
    insiders(playground, &mut steps).await?;
    (steps.say)("\nwho stays outside:");
    for persona in Persona::ALL {
        if let Verdict::Refused(_) = persona.verdict() {
            outsider(playground, persona, &mut steps).await?;
        }
    }
    (steps.say)("\nwhat the audit stream says:\n");
    audit(playground, &mut steps).await?;
    Ok(steps.all_well)
}

async fn insider(
    playground: &Playground,
    persona: Persona,
    steps: &mut Steps<'_>,
) -> Result<Option<Visitor>, PlaygroundError> {
    let (name, token) = (persona.name(), playground.token(persona)?);
    let outcome = Visitor::log_in(playground.nats().url(), name, &token).await;
    let text = format!("the {name} logs in with an IdP token");
    match outcome {
        Ok(visitor) => {
            steps.step(true, &text);
            Ok(Some(visitor))
        }
        Err(error) => {
            steps.step(false, &format!("{text}: {error}"));
            Ok(None)
        }
    }
}

async fn insiders(playground: &Playground, steps: &mut Steps<'_>) -> Result<(), PlaygroundError> {
    let reader = insider(playground, Persona::Reader, steps).await?;
    let mut heard = None;
    if let Some(reader) = &reader {
        let subscription = reader.client.subscribe("orders.acme.>").await;
        heard = Some(subscription.map_err(|error| lost(Persona::Reader, error))?);
        reader.client.flush().await.map_err(|error| lost(Persona::Reader, error))?;
    }
    steps.step(heard.is_some(), "the reader subscribes to orders.acme.>");

    let clerk = insider(playground, Persona::Clerk, steps).await?;
    publish(&clerk, Persona::Clerk, "orders.acme.created", "order 1").await?;
    let message = match &mut heard {
        Some(heard) => tokio::time::timeout(PATIENCE, heard.next()).await.ok().flatten(),
        None => None,
    };
    let arrived = message.is_some_and(|message| message.payload == "order 1");
    steps.step(arrived, "the clerk publishes orders.acme.created, and the reader hears it");

    for (visitor, persona, subject, text) in [
        (
            &clerk,
            Persona::Clerk,
            "orders.globex.created",
            "the clerk is refused orders.globex.created, another tenant's",
        ),
        (&reader, Persona::Reader, "orders.acme.created", "the reader is refused any publish"),
    ] {
        publish(visitor, persona, subject, "must not arrive").await?;
        let refused = match visitor {
            Some(visitor) => visitor.was_refused(Operation::Publish, subject).await,
            None => false,
        };
        steps.step(refused, text);
    }
    Ok(())
}

async fn publish(
    visitor: &Option<Visitor>,
    persona: Persona,
    subject: &'static str,
    payload: &'static str,
) -> Result<(), PlaygroundError> {
    let Some(Visitor { client, .. }) = visitor else { return Ok(()) };
    client.publish(subject, payload.into()).await.map_err(|error| lost(persona, error))?;
    client.flush().await.map_err(|error| lost(persona, error))
}

fn lost(persona: Persona, error: impl Display) -> PlaygroundError {
    PlaygroundError::Connection { who: persona.name(), why: error.to_string() }
}

async fn outsider(
    playground: &Playground,
    persona: Persona,
    steps: &mut Steps<'_>,
) -> Result<(), PlaygroundError> {
    let token = playground.token(persona)?;
    let outcome = Visitor::log_in(playground.nats().url(), persona.name(), &token).await;
    let outside = matches!(
        &outcome,
        Err(error) if error.kind() == async_nats::ConnectErrorKind::AuthorizationViolation
    );
    steps.step(outside, &format!("{}: {}", persona.name(), persona.description()));
    Ok(())
}

/// Reads the stream back once every persona is in it, and compares.
async fn audit(playground: &Playground, steps: &mut Steps<'_>) -> Result<(), PlaygroundError> {
    let layers = Layers::read(&playground.directory().join("hallpass.toml"), [], &[])
        .map_err(PlaygroundError::Configuration)?;
    let settings = ReaderSettings::read(&layers).map_err(PlaygroundError::Configuration)?;
    let connection = Connection::audit_reader("hallpass-dev", &settings);
    let client = connection.connect().await.map_err(|error| PlaygroundError::Connection {
        who: "the audit reader",
        why: error.to_string(),
    })?;
    // An event may come a moment after the login that it is about.
    let mut events = 0;
    let extent = Extent { last: None, follow: true };
    let all = reader::read(client.clone(), &settings.stream, extent, |record| {
        events += usize::from(is_decision(&record));
        match events < Persona::ALL.len() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    if let Ok(outcome) = tokio::time::timeout(PATIENCE, all).await {
        outcome?;
    }
    let mut records: Vec<Record> = Vec::new();
    let extent = Extent { last: None, follow: false };
    reader::read(client, &settings.stream, extent, |record| {
        if is_decision(&record) {
            records.push(record);
        }
        ControlFlow::Continue(())
    })
    .await?;
    let head = ["client", "outcome", "grant or reason", "identity", "decision"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(records.iter().map(row));
    (steps.say)(&table(&rows));
    for persona in Persona::ALL {
        let (name, verdict) = (persona.name(), persona.verdict());
        let (outcome, what) = (verdict.outcome(), verdict.what());
        let told = records.iter().any(|record| {
            record.text("/data/client/name") == name
                && record.outcome() == outcome
                && record.what() == what
        });
        if !told {
            steps.step(false, &format!("no event says: {name} {outcome} {what}"));
        }
    }
    let exact = records.len() == Persona::ALL.len();
    steps.step(exact, "one event for each login, refusals with their reason");
    Ok(())
}

/// The stream tells of more than logins that were decided.
fn is_decision(record: &Record) -> bool {
    record.text("/type") == "hallpass.decision"
}

/// An event in at most 80 columns. The end of a decision's id is enough to find it by.
fn row(record: &Record) -> Vec<String> {
    let mut what = record.what();
    if record.outcome() == "granted" {
        what = format!("{what} {}", record.roles());
    }
    let id = record.text("/data/decision");
    let end: Vec<char> = id.chars().rev().take(12).collect();
    let decision: String = end.into_iter().rev().collect();
    vec![
        record.text("/data/client/name"),
        record.outcome(),
        what,
        record.who(),
        format!("…{decision}"),
    ]
}
