//! `hallpass audit why`

mod search;

use anyhow::Context as _;
use clap::Args;
use search::{Search, Wanted};
use serde_json::Value;

use super::{Exit, filter::TimeSpan, open, progress::Progress, unless_stopped};
use crate::{
    audit::{reader::Record, story::story},
    cli::{ConfigArgs, output},
};

/// Tell the story of one decision
///
/// Who it was, from where and with which token; what was decided, when and why; by which roles and
/// rules; what was allowed until when, and what became of it. The id stands in the server's log, in
/// the audit stream, and in the user JWT (`jti`). Behind an edge that attests connections, the id in its
/// log does too (`--request`). Exit code 2 where no event has it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass audit why 01a1fb94-ec80-765c-9cb5-10b98ff2e5c9\n  hallpass audit why 10b98ff2e5c9 --since 24h\n  hallpass audit why 01a1fb94-ec80-765c-9cb5-10b98ff2e5c9 --json | jq .data.grant"
)]
pub(in crate::cli) struct Why {
    #[command(flatten)]
    config: ConfigArgs,
    /// The id of a decision or of an event, or the end of one as `tail` and `query` show it
    #[arg(value_name = "ID", value_parser = wanted, required_unless_present = "request")]
    id: Option<Wanted>,
    /// What an edge calls the login, instead: the id in the proxy's log
    #[arg(long, value_name = "ID", conflicts_with = "id", value_parser = request)]
    request: Option<Wanted>,
    /// The events instead of the story, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    span: TimeSpan,
}

fn wanted(text: &str) -> Result<Wanted, &'static str> {
    Wanted::read(text)
        .ok_or("the id of a decision or of an event, or at least its last 8 characters")
}

fn request(text: &str) -> Result<Wanted, &'static str> {
    (!text.is_empty()).then(|| Wanted::Request(text.to_owned())).ok_or("it is empty")
}

impl Why {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        let wanted = self.id.as_ref().or(self.request.as_ref()).context("no id is given")?;
        let Some(opened) = open(&self.config, "hallpass-audit-why").await? else {
            return Ok(Exit::Invalid);
        };
        let progress = Progress::new("searching");
        let search = Search { opened, span: &self.span, progress: &progress };
        let ended = unless_stopped(search.run(wanted)).await;
        drop(progress);
        let Some(outcome) = ended else { return Ok(Exit::CouldNotRun) };
        let found = outcome?;
        if let [_, _, ..] = found.others.as_slice() {
            let ids = found.others.join("\n  ");
            output::error(&format!("several decisions fit `{wanted}`:\n  {ids}"));
            return Ok(Exit::CouldNotRun);
        }
        if found.decisions.is_empty() && found.sessions.is_empty() {
            output::error(&format!(
                "no event has the id `{wanted}`: it may be older than what is kept, or another \
                 installation's",
            ));
            return Ok(Exit::No);
        }
        let text = match self.json {
            true => {
                let events = found.decisions.iter().chain(&found.sessions);
                events.map(|it| it.json_line() + "\n").collect()
            }
            false => text(&found.decisions, &found.sessions),
        };
        output::text(&text).context("standard output")?;
        Ok(Exit::Yes)
    }
}

fn text(decisions: &[Record], sessions: &[Record]) -> String {
    let values = |records: &[Record]| records.iter().map(|it| it.json().clone()).collect();
    let (decided, told): (Vec<Value>, Vec<Value>) = (values(decisions), values(sessions));
    let is_decision = decisions.iter().all(|it| it.kind() == "decision");
    if decisions.is_empty() || !is_decision {
        let lines = decisions.iter().chain(sessions).map(|it| it.wide_line() + "\n");
        return lines.collect();
    }
    let sentences = story(&decided.iter().collect::<Vec<_>>(), &told.iter().collect::<Vec<_>>());
    sentences.join("\n") + "\n"
}
